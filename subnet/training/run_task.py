"""What both halves of the training task are: a neuron of one run, which shares what it holds of it.

With a run's folder everything is opened before anything is paid; with a run's root the files come
from the run's other neurons once this one is registered. Whoever asks is told which objects hold
the states that are here, and the run's files. What a half does with its run is not known here.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from loguru import logger
from msgspec import Meta

from assay.neuron.settings import TaskSettings
from assay.neuron.task import TaskContext
from assay.objects import parse_root
from assay.protocol.training.asking import (
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
from assay.wire.interface import Caller, Method

OBJECTS_BYTES_MAX: Final = 2**38
"""256 GiB: the states, messages and what is carried of three windows of a model of thirty thousand
million numbers, and the run's files. It is a bound, and nothing is set aside for it."""


class RunSettings(TaskSettings, frozen=True):
    """Which run it is, and where a neuron keeps what it holds of it."""

    run: Annotated[
        str,
        Meta(
            description="The run: its folder, or its root in 64 hex digits; then all else comes"
            " from its miners."
        ),
    ]
    niceness: Annotated[
        int, Meta(ge=0, le=19, description="How far the computing gives way to other processes.")
    ] = 0
    bucket: Annotated[
        str,
        Meta(
            description="A bucket in which objects are kept too, such as s3://name/prefix; see"
            " docs/objects.md."
        ),
    ] = ""


class RunTask(ABC):
    """The part that both halves share."""

    objects_bytes_max = OBJECTS_BYTES_MAX

    def __init__(self) -> None:
        self._context: TaskContext | None = None
        self.parts: RunParts | None = None
        """What the neuron is made of, once its run is open."""

    @abstractmethod
    async def open_run(self, context: TaskContext, run: RunFolder) -> RunParts:
        """Return the open parts of ``run``, and make what else the half needs."""

    async def start(self, context: TaskContext) -> None:
        """Open the run, if the settings name its folder."""
        self._context = context
        if root_of(_settings(context).run) is None:
            await self._open(context, await asyncio.to_thread(_open_folder, context))

    async def opened(self) -> RunParts:
        """Return the run's parts; the run is fetched from others if only its root is known.
        Unavailable if nobody hands it over."""
        context = self._context
        assert context is not None, "a run is opened after start"
        if self.parts is None:
            root = root_of(_settings(context).run)
            assert root is not None, "a folder is opened at the start"
            logger.info("Fetching the run {} from its miners", root.hex())
            await self._open(context, await fetched_run(context, root))
        assert self.parts is not None
        return self.parts

    def methods(self) -> Sequence[Method[Any, Any]]:
        """Say which methods a neuron of a run serves, whatever its half."""
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

    async def _open(self, context: TaskContext, run: RunFolder) -> None:
        self.parts = await self.open_run(context, run)
        logger.info("The run {} is {}", run.manifest.name, run.root.hex())


def root_of(run: str) -> bytes | None:
    """Return the root that ``run`` is written as, or None for a folder's path."""
    try:
        return parse_root(run)
    except ValueError:
        return None


async def fetched_run(context: TaskContext, root: bytes) -> RunFolder:
    """Return the run with this ``root``, in a folder of the neuron's own, from the run's neurons;
    Unavailable if nobody hands it over."""
    into = context.state_dir / "runs" / root.hex()
    return await fetch_run(root, context.objects, context.peers, into, context.rng)


def _settings(context: TaskContext) -> RunSettings:
    assert isinstance(context.settings, RunSettings)
    return context.settings


def _open_folder(context: TaskContext) -> RunFolder:
    return RunFolder.open(Path(_settings(context).run).expanduser())
