"""The training miner: follows a run, trains its part of each window, and shares what it holds.

How a run is opened, or fetched by its root, and what is told of it, is ``training.run_task``'s.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from assay.miners.training.peer import TrainingPeer
from assay.miners.training.settings import TrainingMinerSettings
from assay.miners.training.way import WayStates
from assay.miners.training.work import PeerWork
from assay.neuron import Caller, Method, MinerTask, TaskContext
from assay.protocol.training.asking import NAME, STEP, StepHeld, WhichStep
from assay.training.run_folder import RunFolder
from assay.training.run_parts import RunParts
from assay.training.run_task import RunTask
from assay.wire.interface import Membership


class TrainingMiner(RunTask, MinerTask):
    """Trains one run."""

    name = NAME
    settings = TrainingMinerSettings
    work_type: type[PeerWork] = PeerWork
    """What does the work of each window."""

    def __init__(self) -> None:
        super().__init__()
        self.peer: TrainingPeer | None = None
        """What the miner is at, once its run is open."""
        self._way: WayStates | None = None

    def methods(self) -> Sequence[Method[Any, Any]]:
        """Say which methods a miner of a run serves; for its states on the way a validator asks."""
        admits = Membership.PERMIT
        return (
            *super().methods(),
            Method(STEP, WhichStep, StepHeld, self.which_step, admits=admits),
        )

    async def which_step(self, request: WhichStep, caller: Caller) -> StepHeld:
        """Say which object holds a state on the way; none until the run is here."""
        return StepHeld(root=None) if self._way is None else await self._way.which(request)

    async def open_run(self, context: TaskContext, run: RunFolder) -> RunParts:
        settings = context.settings
        assert isinstance(settings, TrainingMinerSettings)
        parts = await RunParts.open(
            context,
            run,
            niceness=settings.niceness,
            processes=settings.nproc,
            bucket=settings.bucket,
        )
        self._way = WayStates(
            parts, context.chain, context.hotkey, bytes_max=settings.way_bytes_max
        )
        return parts

    async def run(self) -> None:
        parts, context = await self.opened(), self._context
        assert context is not None, "run comes after start"
        assert self._way is not None, "an open run has its states on the way"
        work = self.work_type(parts, context, lambda: secrets.token_bytes(32), self._way)
        schedule = parts.run.manifest.schedule
        self.peer = TrainingPeer(work, parts.follower, schedule, context.chain, context.hotkey)
        await self.peer.run()
