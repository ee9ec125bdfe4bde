"""Honest miners under real validators: nobody is punished, and everybody is paid."""

from __future__ import annotations

from pathlib import Path

from assay.protocol.training.schedule import Phase
from tests.unit.validators.training.judged import judged_net, told


async def test_honest_miners_are_paid_and_nobody_is_convicted(tmp_path: Path) -> None:
    async with judged_net(tmp_path, 3) as judged:
        await judged.to_phase(4, Phase.UPLOAD)
        for window in range(3):
            closing = await judged.counted(window)
            assert len(closing.counted) == 3, window
        assert len(judged.net.roots) == 1
        for judge in judged.judges:
            for seat in judged.net.seats:
                verdicts = judge.of(seat.hotkey)
                assert [v.value for v in verdicts] == [1.0] * len(verdicts), verdicts
                assert len(verdicts) >= 3
            codes = set(told(judge.task.verdicts))
            assert "audit_right" in codes
            assert not {"audit_wrong", "copy", "owes"} & codes
