"""The training validator: follows a run block by block, and holds its newest state.

In comes a run's folder; out come verdicts, of which there are none yet: nobody's work is judged
before it is mirrored and audited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from assay.neuron import Pace, TaskContext, Turn, ValidatorTask, Verdict
from assay.protocol.training.asking import NAME
from assay.training.run_folder import RunFolder
from assay.training.run_parts import RunParts
from assay.validators.training.settings import TrainingValidatorSettings


class TrainingValidator(ValidatorTask):
    """Follows one run."""

    name = NAME
    settings = TrainingValidatorSettings
    pace = Pace.blocks(1)
    objects_bytes_max = 2**38

    def __init__(self) -> None:
        self._parts: RunParts | None = None

    async def start(self, context: TaskContext) -> None:
        assert isinstance(context.settings, TrainingValidatorSettings)
        run = await asyncio.to_thread(RunFolder.open, Path(context.settings.run))
        self._parts = await RunParts.open(context, run)

    async def turn(self, turn: Turn) -> Sequence[Verdict]:
        assert self._parts is not None, "a turn comes after start"
        await self._parts.follower.advance(turn.moment.at.number)
        return ()
