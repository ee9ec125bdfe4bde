"""What a validator remembers of peers and windows, over restarts and damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.scoring.training.payment import OwedWindows, after_conviction, after_right
from assay.scoring.training.ranks import HALF, PeerRating
from assay.types import Ss58
from assay.validators.training import memory
from assay.validators.training.memory import JudgeMemory, WindowDraw

A, B, C = (Ss58(f"5{letter}") for letter in "ABC")


def test_a_conviction_survives_a_restart(tmp_path: Path) -> None:
    first = JudgeMemory(tmp_path / "m", entrance=1)
    assert first.owed(A) == OwedWindows(audits=1)
    owed = after_conviction(first.owed(A), 7)
    first.set_owed(A, owed)
    first.set_owed(B, after_right(first.owed(B)))
    first.set_draw(WindowDraw(7, 100, (B, A), 99))
    first.set_ratings(
        "held", {A: PeerRating(20.0, 3.0), HALF: PeerRating(), "5Nobody": PeerRating()}
    )
    first.judged = 7
    first.save()
    again = JudgeMemory(tmp_path / "m", entrance=1)
    assert again.owed(A) == owed
    assert again.owed(B).settled(0)
    assert again.owed(C) == OwedWindows(audits=1)
    assert again.draw(7) == WindowDraw(7, 100, (B, A), 99)
    assert again.draw(8) is None
    assert again.ratings("held") == {A: PeerRating(20.0, 3.0), HALF: PeerRating()}
    assert (again.judged, again.closed) == (7, -1)


def test_a_damaged_file_makes_everybody_a_newcomer(tmp_path: Path) -> None:
    first = JudgeMemory(tmp_path / "m", entrance=2)
    first.set_owed(A, OwedWindows())
    first.save()
    whole = (tmp_path / "m").read_bytes()
    for harmed in (whole[:-1], b"", b"\xff" * 40, whole + b"x"):
        (tmp_path / "m").write_bytes(harmed)
        assert JudgeMemory(tmp_path / "m", entrance=2).owed(A) == OwedWindows(audits=2)


def test_without_audits_nobody_owes_any_and_a_sentence_still_counts(tmp_path: Path) -> None:
    kept = JudgeMemory(tmp_path / "m", entrance=0)
    assert kept.owed(A).settled(0)
    kept.set_owed(A, after_conviction(kept.owed(A), 3, sentence=5))
    assert not kept.owed(A).settled(8)
    assert kept.owed(A).settled(9)


def test_what_is_carried_is_known_only_where_no_window_was_missed(tmp_path: Path) -> None:
    kept = JudgeMemory(tmp_path / "m", entrance=1)
    kept.set_owed(A, OwedWindows())
    kept.closed_with(0, {A: b"a" * 32, B: b"b" * 32})
    kept.closed_with(1, {A: b"c" * 32})
    assert (kept.carried(A), kept.carried(B), kept.carried(C)) == (b"c" * 32, b"b" * 32, None)
    assert kept.owed(A).settled(0)
    kept.closed_with(2, {A: None})
    assert (kept.carried(A), kept.carried(B)) == (None, b"b" * 32)
    kept.closed_with(4, {A: b"d" * 32})
    assert (kept.carried(A), kept.carried(B)) == (b"d" * 32, None)


def test_the_longest_unseen_hotkey_is_forgotten_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "HOTKEYS_MAX", 2)
    kept = JudgeMemory(tmp_path / "m", entrance=1)
    for hotkey in (A, B, A, C):
        kept.set_owed(hotkey, OwedWindows())
    assert [kept.owed(each).audits for each in (A, B, C)] == [0, 1, 0]
    for window in range(20):
        kept.set_draw(WindowDraw(window, 1, (), 0))
    assert kept.draw(11) is None
    assert kept.draw(12) is not None
