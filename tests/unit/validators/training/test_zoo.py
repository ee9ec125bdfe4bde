"""Every training cheat under real validators: found out, and paid next to nothing.

Audits are drawn by chance; here their share is 1, so that each window shows what an audit finds.
Several cheats train beside three honest miners, who must not be punished for it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.lab.cheats.training import IN_THE_TRAINER, TRAINING_CHEATS
from assay.protocol.training.schedule import Phase
from tests.unit.validators.training.judged import judged_net, told

HONEST = 3
GROUPS = (
    ("skip-1", "skip-10", "skip-50", "easy-data", "wrong-batch", "low-precision"),
    ("scaled", "sign-flipped", "random", "stale", "poisoned", "swapped-moments"),
    ("replayer", "copier", "copier-permuted", "copier-noise", "forged-moments"),
)
ELSEWHERE = {"hider", "late", "selective-revealer", "shape-bomb"}
"""Those that an audit waits for while blocks pass, and this test's blocks wait for audits. That
they are not counted, or hand over nothing, is seen in tests/unit/subnet/lab."""
CONVICTED = {*IN_THE_TRAINER, "swapped-moments"}


def test_every_cheat_is_tried() -> None:
    tried = {name for group in GROUPS for name in group}
    assert tried | ELSEWHERE == set(TRAINING_CHEATS)


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
            earned = [sum(v.value * v.weight for v in judge.of(seat.hotkey)) for seat in honest]
            for cheat, seat in zip(cheats, cheating, strict=True):
                verdicts = judge.of(seat.hotkey)
                if cheat in CONVICTED:
                    assert "audit_wrong" in told(verdicts), (cheat, told(verdicts))
                paid = sum(v.value * v.weight for v in verdicts)
                assert paid <= 0.5 * min(earned), (cheat, paid, earned, told(verdicts))
