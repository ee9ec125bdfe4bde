"""A miner's states on the way of its last windows, for validators that dispute one of them.

What a state on the way is, stands in ``assay.training.inner``. Where windows can be computed again
to the same bits, no state is kept: what is asked for is computed. Where bits vary, as on GPUs, the
states that a seal names are kept as files until the window can no longer be disputed. A state that
a validator asks for becomes an object, and the reply, which is signed, names its root. Nothing is
computed for others while the miner computes its own window. Who asks, and what for, is not known
here.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from loguru import logger

from assay.chain.errors import UnknownBlock
from assay.chain.view import ChainView
from assay.errors import UserError
from assay.protocol.training.asking import StepHeld, WhichStep
from assay.protocol.training.schedule import Phase
from assay.protocol.training.seal import NOTHING
from assay.training.exchange import NotAccepted
from assay.training.follower import WINDOWS_KEPT
from assay.training.run_parts import RunParts
from assay.types import Ss58
from assay.workers import WorkerError

WAY: Final = "way"
WINDOWS_COMPUTED: Final = 1.5
"""So many windows' steps are taken at most to answer what is asked about one window: all of them
once, from one state that the seal names to the next, and some again, to halve a part down to one
step. Without a bound a validator could let a miner compute for nothing all the time."""


class WayStates:
    """The states on the way of one miner's windows."""

    def __init__(self, parts: RunParts, view: ChainView, hotkey: Ss58, *, bytes_max: int) -> None:
        """At most ``bytes_max`` of states are kept; where all windows that may be disputed need
        more, none is."""
        self._parts, self._view, self._hotkey = parts, view, hotkey
        self._folder = parts.folder / WAY
        manifest = parts.run.manifest
        needed = manifest.inner.boundaries * parts.trainer.facts.carried_bytes_max
        bits_vary = manifest.audit.distance > 0.0
        self._keeps = bits_vary and 0 < needed * (WINDOWS_KEPT + 1) <= bytes_max
        if bits_vary and needed and not self._keeps:
            logger.warning(
                "States on the way of {} windows take {} bytes, and {} may be kept: a dispute must"
                " be answered by computing them again, which on a GPU gives other bits",
                WINDOWS_KEPT + 1, needed * (WINDOWS_KEPT + 1), bytes_max,
            )  # fmt: skip
        self._taken: dict[int, int] = {}
        self._answering: asyncio.Task[bytes | None] | None = None
        self._is_computing = False

    @contextlib.asynccontextmanager
    async def computing(self, window: int) -> AsyncIterator[Path | None]:
        """Compute ``window`` while the block runs: nothing else is computed meanwhile.

        Yields the folder into which its states on the way go, or None where they are not kept;
        those of windows that cannot be disputed any more are removed.
        """
        self._is_computing = True
        try:
            if self._answering is not None:
                self._answering.cancel()
            yield await self._begin(window)
        finally:
            self._is_computing = False

    async def _begin(self, window: int) -> Path | None:
        oldest = window - WINDOWS_KEPT
        self._taken = {each: taken for each, taken in self._taken.items() if each >= oldest}
        await asyncio.to_thread(_remove_but, self._folder, range(oldest, window))
        return self._folder / str(window) if self._keeps else None

    async def which(self, request: WhichStep) -> StepHeld:
        """Return which object holds the state that is asked for; none where it cannot be had, and
        while another question is being answered."""
        if self._answering is not None:
            return StepHeld(root=None)
        self._answering = asyncio.create_task(self._root(request.window, request.step))
        try:
            await asyncio.wait({self._answering})
            # Unless the miner's own next window came between.
            root = None if self._answering.cancelled() else self._answering.result()
        except (UserError, WorkerError, NotAccepted, UnknownBlock) as error:
            logger.debug("No state after step {}: {}", request.step, error)
            root = None
        finally:
            self._answering.cancel()
            self._answering = None
        return StepHeld(root=root)

    async def _root(self, window: int, step: int) -> bytes | None:
        parts = self._parts
        schedule, steps = parts.run.manifest.schedule, parts.run.manifest.inner.steps
        if window >= schedule.windows or not 1 <= step <= steps:
            return None
        # Before all keys are due, the states would show others what the message says.
        if self._view.now().at.number <= schedule.deadline(window, Phase.REVEAL):
            return None
        path = self._folder / str(window) / str(step)
        is_here = await asyncio.to_thread(path.is_file)
        if is_here or (not self._is_computing and await self._compute(window, step, path)):
            return await parts.exchange.put(path, window)
        return None

    async def _compute(self, window: int, step: int, into: Path) -> bool:
        """Compute the state after ``step`` of ``window``; return whether that was possible."""
        parts, state = self._parts, self._parts.follower.state_of(window)
        peer = (await parts.records.peers(window)).of(self._hotkey)
        if state is None or peer is None:
            return False
        record = (await parts.records.sealed(window)).get(peer.uid)
        begin = await asyncio.to_thread(_nearest, into.parent, step)
        first = 0 if begin is None else int(begin.name)
        taken = self._taken.get(window, 0) + step - first
        if record is None or taken > WINDOWS_COMPUTED * parts.run.manifest.inner.steps:
            return False
        self._taken[window] = taken
        seal = await parts.exchange.seal(record.seal, (), window)
        carried: Path | None = None
        if seal.before != NOTHING:
            carried = self._folder / "carried"
            await asyncio.to_thread(carried.parent.mkdir, parents=True, exist_ok=True)
            await parts.exchange.carried(seal.before, (), window, carried)
        await parts.trainer.take_steps(
            Path(state.path), carried, peer.place, step, into, begin=begin
        )
        return True


def _nearest(folder: Path, step: int) -> Path | None:
    """The last state in ``folder`` before ``step``."""
    steps = [int(path.name) for path in folder.glob("*") if path.name.isdigit()]
    before = [each for each in steps if each < step]
    return folder / str(max(before)) if before else None


def _remove_but(folder: Path, windows: range) -> None:
    for each in folder.iterdir() if folder.is_dir() else ():
        if each.is_dir() and not (each.name.isdigit() and int(each.name) in windows):
            shutil.rmtree(each, ignore_errors=True)
