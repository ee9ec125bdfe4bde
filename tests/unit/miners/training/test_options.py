"""What an operator chooses of a training miner reaches its trainer."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, cast

from assay.clock import SystemClock
from assay.miners.training import TrainingMiner, TrainingMinerSettings
from assay.types import Ss58
from tests.support.contexts import task_context
from tests.unit.subnet.training.runs import small_run


class Empty:
    """A store without objects, and peers of whom none is known."""

    async def stored(self) -> list[Any]:
        return []

    def find_peer(self, hotkey: Ss58) -> None:
        return None


async def test_a_miner_divides_its_steps_as_its_operator_says(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    settings = TrainingMinerSettings(run=str(run.path), nproc=2)
    context = dataclasses.replace(
        task_context(settings, Ss58("5Hot"), tmp_path / "state", SystemClock()),
        object_store=cast(Any, Empty()),
        peers=cast(Any, Empty()),
    )
    miner = TrainingMiner()
    try:
        await miner.start(context)
        assert miner.parts is not None
        assert miner.parts.trainer.facts.machine.processes == 2
    finally:
        await context.workers.close()
