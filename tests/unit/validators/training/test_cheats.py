"""Cheats under real validators: whoever is found is convicted, everywhere, and earns nothing; and
nobody else is."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from assay.protocol.training.schedule import Phase
from tests.unit.validators.training.judged import JudgedNet, judged_net, told

WINDOWS = 3
ALL = {"audit_share": 1.0, "worth_sequences": 0, "copies": False}


async def judged_cheat(folder: Path, cheat: str, settings: dict[str, Any]) -> JudgedNet:
    """Play three windows of two honest miners and one cheat under two validators; nobody honest is
    convicted, and all who follow hold one state."""
    async with judged_net(folder, 2, settings=settings) as judged:
        await judged.net.add(7, cheat=cheat)
        await judged.to_phase(WINDOWS + 1, Phase.UPLOAD)
        assert len(judged.net.roots) == 1
        for judge in judged.judges:
            for seat in judged.net.seats[:2]:
                verdicts = judge.of(seat.hotkey)
                assert verdicts
                assert not any(verdict.forfeits for verdict in verdicts)
                assert verdicts[-1].value == 1.0, verdicts[-1]
    return judged


@pytest.mark.parametrize(
    "cheat",
    [
        "skip-1",
        pytest.param("forged-moments", marks=pytest.mark.slow),
        pytest.param("swapped-moments", marks=pytest.mark.slow),
    ],
)
async def test_a_cheat_is_convicted_by_everybody_and_earns_nothing(
    tmp_path: Path, cheat: str
) -> None:
    judged = await judged_cheat(tmp_path, cheat, ALL)
    for judge in judged.judges:
        verdicts = judge.of(judged.net.seats[-1].hotkey)
        assert any(verdict.forfeits for verdict in verdicts)
        assert "audit_wrong" in told(verdicts)
        if cheat != "swapped-moments":  # which has nothing to swap in its first window
            assert not any(verdict.value for verdict in verdicts)


@pytest.mark.parametrize("cheat", ["late", "shape-bomb"])
async def test_what_is_not_accepted_is_not_paid(tmp_path: Path, cheat: str) -> None:
    judged = await judged_cheat(tmp_path, cheat, {"worth_sequences": 0, "copies": False})
    for judge in judged.judges:
        verdicts = judge.of(judged.net.seats[-1].hotkey)
        assert verdicts
        assert not any(verdict.value or verdict.forfeits for verdict in verdicts)


@pytest.mark.slow
async def test_a_key_that_is_kept_back_loses_its_window_s_pay(tmp_path: Path) -> None:
    """The windows whose keys it shows are honest work, and are paid."""
    settings = {"worth_sequences": 0, "copies": False}
    judged = await judged_cheat(tmp_path, "selective-revealer", settings)
    for judge in judged.judges:
        values = [verdict.value for verdict in judge.of(judged.net.seats[-1].hotkey)]
        assert len(values) >= WINDOWS
        assert all(0.0 in pair for pair in itertools.pairwise(values)), values
        assert "not_in_time" in told(judge.of(judged.net.seats[-1].hotkey))


@pytest.mark.slow
async def test_who_stands_by_and_hands_over_nothing_is_convicted(tmp_path: Path) -> None:
    settings = {"audit_share": 1.0, "worth_sequences": 0, "copies": False}
    async with judged_net(
        tmp_path, 2, validators=1, cheats=("hider",), settings=settings
    ) as judged:
        await judged.to_phase(5, Phase.EVALUATE)
        (judge,) = judged.judges
        verdicts = judge.of(judged.net.seats[-1].hotkey)
        # Nothing is carried into its first window: that one is right.
        assert sum(verdict.value for verdict in verdicts) <= 1.0
        assert any(verdict.forfeits for verdict in verdicts)
        assert "it goes on, and has not handed over" in str(verdicts)
        for seat in judged.net.seats[:2]:
            assert not any(verdict.forfeits for verdict in judge.of(seat.hotkey))
