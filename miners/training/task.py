"""The training miner: follows a run, trains its part of each window, and shares what it holds.

How a run is opened, or fetched by its root, and what is told of it, is ``training.run_task``'s.
"""

from __future__ import annotations

import secrets

from assay.miners.training.peer import TrainingPeer
from assay.miners.training.settings import TrainingMinerSettings
from assay.miners.training.work import PeerWork
from assay.neuron import MinerTask, TaskContext
from assay.protocol.training.asking import NAME
from assay.training.run_folder import RunFolder
from assay.training.run_parts import RunParts
from assay.training.run_task import RunTask


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

    async def open_run(self, context: TaskContext, run: RunFolder) -> RunParts:
        settings = context.settings
        assert isinstance(settings, TrainingMinerSettings)
        return await RunParts.open(
            context,
            run,
            niceness=settings.niceness,
            processes=settings.nproc,
            bucket=settings.bucket,
        )

    async def run(self) -> None:
        parts, context = await self.opened(), self._context
        assert context is not None, "run comes after start"
        work = self.work_type(parts, context, lambda: secrets.token_bytes(32))
        schedule = parts.run.manifest.schedule
        self.peer = TrainingPeer(work, parts.follower, schedule, context.chain, context.hotkey)
        await self.peer.run()
