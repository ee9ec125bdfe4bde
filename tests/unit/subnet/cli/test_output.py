"""What is printed is printed as it is: no word is taken for markup, no line is broken for a log."""

from __future__ import annotations

import dataclasses
import io
import re
import sys

import pytest

from assay.cli import output
from assay.cli.up.table import render
from tests.unit.subnet.cli.test_table import VIEW

HOSTILE = "[/bold] [red]x [link=http://a]y :smile: [2001:db8::1]:80"
"""What a refusing miner may call its reason, and what a person may give as an option."""


@pytest.fixture(autouse=True)
def _fresh_consoles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The consoles hold the stderr of the moment they were made."""
    for name in ("out", "err"):
        monkeypatch.delitem(vars(output), name, raising=False)


@pytest.mark.parametrize("say", [output.note, output.warn, output.error])
def test_what_goes_to_stderr_is_taken_as_it_is(
    say: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(say)
    words = f"{HOSTILE} {'and more words ' * 20}end"
    say(words)
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err


def test_a_question_is_taken_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert output.agreed(f"{HOSTILE} \x1b[2J\u202e")
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{HOSTILE} ?[2J?" in err


def test_what_goes_to_stdout_is_taken_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    output.text(HOSTILE)
    output.table(HOSTILE, ("a", "b"), [("1", HOSTILE)])
    out, err = capsys.readouterr()
    assert out.count(HOSTILE) == 3
    assert err == ""


@pytest.mark.parametrize("say", [output.text, output.note, output.error])
def test_no_code_that_moves_the_cursor_is_passed_on(
    say: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(say)
    say("a\x1b[2Jb\rc\x9bd\u202ee\nf")
    shown = "".join(capsys.readouterr())
    assert "a?[2Jb?c?d?e\nf" in shown


ROWS = [("0", "5FHneW46…", "some reason of some length"), ("1", "5GrwvaEF…", "none")]


@pytest.mark.parametrize("width", [20, 30])
def test_a_table_that_does_not_fit_becomes_a_list(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    output.table("Title", ("uid", "hotkey", "why"), ROWS)
    shown = capsys.readouterr().out
    assert "…" in shown
    assert ("why     none" in shown) is (width == 20)
    for row in ROWS:
        for cell in (*row[:2], *row[2].split()):
            assert cell in shown


def test_a_hostile_reason_does_not_spoil_the_live_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows = tuple(dataclasses.replace(row, why=HOSTILE) for row in VIEW.rows)
    output.out.print(render(dataclasses.replace(VIEW, rows=rows), 1.0))
    assert HOSTILE[:10] in capsys.readouterr().out


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_lines_that_are_broken_between_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A terminal breaks where its last column is, within a word and within a path."""
    path = "/tmp/state-of-a-run/logs/miner-1.log"
    words = f"Three of the neurons ended because of wrong factors, and their log is {path} here."
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys, "stderr", screen := _Screen())
    output.error(words, words)
    output.note(words, indent=9)
    output.warn(words)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()).splitlines()
    assert max(map(len, lines)) <= 46, "the path and its indent alone may be longer"
    assert sum(path in line for line in lines) == 4
    assert all(len(line) <= 40 or path in line for line in lines)
    assert " ".join(" ".join(lines).split()) == " ".join(
        ("error", words, "cure", words, words, words)
    )
    assert lines[1].startswith(" " * 7 + "because")
