"""The training miner: follows a run, trains its part of each window, and shares what it holds.

With a run's folder everything is opened before anything is paid; with a run's root the files come
from the other miners once this one is registered. Beside its own work the miner tells whoever asks
which objects hold the states that it has, and the run's files.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from loguru import logger

from assay.miners.training.peer import TrainingPeer
from assay.miners.training.settings import TrainingMinerSettings
from assay.miners.training.work import PeerWork
from assay.neuron import Caller, Method, MinerTask, TaskContext
from assay.objects import parse_root
from assay.protocol.training.asking import (
    NAME,
    SOURCE,
    STATE,
    RunFiles,
    StateHeld,
    WhichFiles,
    WhichState,
)
from assay.training.run_folder import RunFolder
from assay.training.run_parts import RunParts
from assay.training.source import fetch_run

OBJECTS_BYTES_MAX: Final = 2**38
"""256 GiB: the states, messages and what is carried of three windows of a model of thirty thousand
million numbers, and the run's files. It is a bound, and nothing is set aside for it."""


class TrainingMiner(MinerTask):
    """Trains one run."""

    name = NAME
    settings = TrainingMinerSettings
    objects_bytes_max = OBJECTS_BYTES_MAX
    work_type: type[PeerWork] = PeerWork
    """What does the work of each window."""

    def __init__(self) -> None:
        self._context: TaskContext | None = None
        self.parts: RunParts | None = None
        """What the miner is made of, once its run is open; likewise ``peer``, what it is at."""
        self.peer: TrainingPeer | None = None

    async def start(self, context: TaskContext) -> None:
        assert isinstance(context.settings, TrainingMinerSettings)
        self._context = context
        if wanted_root(context.settings.run) is None:
            await self._open(await asyncio.to_thread(_open_folder, context.settings.run))

    async def _open(self, run: RunFolder) -> RunParts:
        context = self._context
        assert context is not None and isinstance(context.settings, TrainingMinerSettings)
        settings = context.settings
        self.parts = await RunParts.open(
            context,
            run,
            niceness=settings.niceness,
            processes=settings.nproc,
            bucket=settings.bucket,
        )
        logger.info("The run {} is {}", run.manifest.name, run.root.hex())
        return self.parts

    async def run(self) -> None:
        context = self._context
        assert context is not None, "run comes after start"
        parts = self.parts or await self._open(await self._fetched())
        work = self.work_type(parts, context, lambda: secrets.token_bytes(32))
        schedule = parts.run.manifest.schedule
        self.peer = TrainingPeer(work, parts.follower, schedule, context.chain, context.hotkey)
        await self.peer.run()

    async def _fetched(self) -> RunFolder:
        context = self._context
        assert context is not None and isinstance(context.settings, TrainingMinerSettings)
        root = wanted_root(context.settings.run)
        assert root is not None, "a folder is opened at the start"
        into = context.state_dir / "runs" / root.hex()
        logger.info("Fetching the run {} from other miners", root.hex())
        return await fetch_run(root, context.objects, context.peers, into, context.rng)

    def methods(self) -> Sequence[Method[Any, Any]]:
        return (
            Method(STATE, WhichState, StateHeld, self.which_state),
            Method(SOURCE, WhichFiles, RunFiles, self.which_files),
        )

    async def which_state(self, request: WhichState, caller: Caller) -> StateHeld:
        """Say which object holds a state; none until the run is here."""
        parts = self.parts
        return StateHeld(root=None) if parts is None else await parts.follower.which(request)

    async def which_files(self, request: WhichFiles, caller: Caller) -> RunFiles:
        """Say which objects hold the run's files; none until the run is here."""
        parts = self.parts
        return RunFiles(files=()) if parts is None else await parts.source.which(request)


def _open_folder(path: str) -> RunFolder:
    return RunFolder.open(Path(path).expanduser())


def wanted_root(run: str) -> bytes | None:
    """Return the root that ``run`` is written as, or None for a folder's path."""
    try:
        return parse_root(run)
    except ValueError:
        return None
