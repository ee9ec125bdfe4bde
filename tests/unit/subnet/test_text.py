"""Text of strangers shows only what it says."""

from __future__ import annotations

from assay.text import printable


def test_what_a_stranger_wrote_is_shown_in_one_line_without_escape_codes() -> None:
    assert printable("déjà vu") == "déjà vu"
    assert printable("a\x1b[31m\nb\u202e") == "a?[31m?b?"


def test_lines_stay_where_they_may() -> None:
    assert printable("a\n\tb\r\x1b", keep="\n\t") == "a\n\tb??"
