"""The memory of convictions: by hotkey, durable, and safe when the file is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import UserError
from assay.scoring.inference.probation import AFTER_CONVICTION, Sentence
from assay.types import Ss58
from assay.validators.inference import probation as module
from assay.validators.inference.probation import FILE, Probation

A, B = Ss58("5a"), Ss58("5b")


def test_a_conviction_outlives_a_restart(tmp_path: Path) -> None:
    probation = Probation(tmp_path / FILE)
    assert not probation.knows(A)
    probation.record([(A, False, True), (B, True, False)], epoch=5)
    again = Probation(tmp_path / FILE)
    assert again.owed(A) == Sentence(AFTER_CONVICTION, 9)
    assert again.owed(B) == Sentence()
    assert again.knows(A)
    assert again.knows(B)
    again.record([(A, True, False)], epoch=5)
    assert Probation(tmp_path / FILE).owed(A) == Sentence(AFTER_CONVICTION - 1, 9)


def test_silence_leaves_a_newcomer_a_newcomer(tmp_path: Path) -> None:
    probation = Probation(tmp_path / FILE)
    probation.record([(A, False, False)], epoch=5)
    assert not probation.knows(A)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"version": 1, "owed": {}}', b"\xff"])
def test_a_damaged_file_is_begun_anew(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert not Probation(tmp_path / FILE).knows(A)


def test_a_file_that_is_too_long_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b" " * (module.FILE_BYTES_MAX + 1))
    with pytest.raises(UserError, match="longer than"):
        Probation(tmp_path / FILE)


def test_the_oldest_are_forgotten_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOTKEYS_MAX", 2)
    probation = Probation(tmp_path / FILE)
    probation.record([(A, False, True), (B, False, True)], epoch=5)
    probation.record([(A, True, False), (Ss58("5c"), True, False)], epoch=5)
    assert [probation.knows(h) for h in (A, B, Ss58("5c"))] == [True, False, True]


def test_a_full_memory_fits_its_file() -> None:
    longest = "5" + "x" * 47
    entry = f'"{longest}":[2147483647,2147483647],'
    assert len(entry) * module.HOTKEYS_MAX + 64 <= module.FILE_BYTES_MAX
