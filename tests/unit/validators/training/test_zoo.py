"""Every training cheat under real validators: found out, and paid next to nothing.

Audits are drawn by chance; here their share is 1, so that each window shows what an audit finds,
and a cheat's income is what the rules of payment leave of it: a conviction takes what was earned
since weights were last set, which this test is too short for. Several cheats train beside three
honest miners, who must not be punished for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from assay.lab.cheats.training import IN_THE_TRAINER, TRAINING_CHEATS
from assay.neuron import Verdict
from assay.protocol.training.schedule import Phase
from tests.unit.validators.training.judged import judged_net, told

HONEST = 3
GROUPS = (
    ("skip-1", "skip-10", "skip-50", "easy-data", "wrong-batch", "low-precision"),
    ("scaled", "sign-flipped", "random", "stale", "poisoned", "swapped-moments"),
    ("replayer", "copier", "copier-permuted", "copier-noise", "forged-moments"),
)
ELSEWHERE = {"hider", "late", "selective-revealer", "shape-bomb"}
"""Those that an audit waits for while blocks pass, and this test's blocks wait for audits. They are
played under real validators in ``test_cheats``."""
CONVICTED = {*IN_THE_TRAINER, "swapped-moments"}
INCOME_MAX = 0.05
"""Of an honest miner's."""


def test_every_cheat_is_tried() -> None:
    tried = {name for group in GROUPS for name in group}
    assert tried | ELSEWHERE == set(TRAINING_CHEATS)


def earned(verdicts: Sequence[Verdict]) -> float:
    """What a miner has earned by these verdicts, as the neuron adds them up."""
    total = 0.0
    for verdict in verdicts:
        total = (0.0 if verdict.forfeits else total) + verdict.value * verdict.weight
    return total


@pytest.mark.slow
@pytest.mark.parametrize("cheats", GROUPS, ids=lambda group: group[0])
async def test_cheats_earn_next_to_nothing_beside_honest_miners(
    tmp_path: Path, cheats: tuple[str, ...]
) -> None:
    settings = {"audit_share": 1.0}
    async with judged_net(tmp_path, HONEST, cheats=cheats, settings=settings) as judged:
        await judged.to_phase(6, Phase.UPLOAD)
        assert len(judged.net.roots) == 1
        honest, cheating = judged.net.seats[:HONEST], judged.net.seats[HONEST:]
        for judge in judged.judges:
            for seat in honest:
                assert "audit_wrong" not in told(judge.of(seat.hotkey))
            least = min(earned(judge.of(seat.hotkey)) for seat in honest)
            assert least >= 5.0
            for cheat, seat in zip(cheats, cheating, strict=True):
                verdicts = judge.of(seat.hotkey)
                if cheat in CONVICTED:
                    assert "audit_wrong" in told(verdicts), (cheat, told(verdicts))
                assert earned(verdicts) <= INCOME_MAX * least, (cheat, least, told(verdicts))
