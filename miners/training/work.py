"""What a training miner does in a window: compute, seal, show the seal, show the key.

Everything is done so that it can be done again: what was sealed before a restart is published, and
not computed anew with another key. When a window is decided, what the peer carries becomes what it
carried out of that window if the window counted its work, and stays as it was if not: so the next
audit finds that what comes into a window is what left the last one that counted.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from loguru import logger

from assay.chain.errors import UnknownBlock
from assay.errors import UserError
from assay.miners.training.memory import CarriedFile, MemoryFile, PeerMemory, SealedWindow
from assay.miners.training.way import WayStates
from assay.neuron import TaskContext
from assay.protocol.training.records import STATE_BYTES
from assay.protocol.training.seal import NOTHING, PeerSeal
from assay.training.messages import Computed, StateRef, StepDone
from assay.training.run_parts import RunParts
from assay.training.sealed import seal as seal_message
from assay.training.shown import WindowShown
from assay.workers import WorkerDied, WorkerNotStarted

WINDOWS: Final = "windows"
TRIES_MAX: Final = 3
"""Of a window whose trainer's process is killed: a third time it is the window that kills it."""


class NoPlace(UserError):
    """The peer has no place in the window."""


class PeerWork:
    """One peer's work, window by window."""

    def __init__(
        self,
        parts: RunParts,
        context: TaskContext,
        new_key: Callable[[], bytes],
        way: WayStates,
    ) -> None:
        """``new_key`` draws 32 unpredictable bytes; ``way`` keeps the states on the way."""
        self._parts, self._context, self._new_key = parts, context, new_key
        self._way = way
        self._hotkey = context.hotkey
        self._file = MemoryFile(parts.folder / "peer")
        if self._file.was_damaged:
            logger.warning("What this miner carried is damaged; it goes on as a newcomer does")

    @property
    def sealed(self) -> SealedWindow | None:
        """The window that was sealed last, until it is decided and another one begins."""
        return self._file.now.sealed

    async def seal(self, state: StateRef) -> SealedWindow:
        """Compute the window that begins from ``state``, put what others fetch, and write down what
        was sealed. NoPlace if the window's first block did not show this peer."""
        window = state.window
        sealed = self.sealed
        if sealed is not None and sealed.window == window:
            return sealed  # before a restart
        await self._settle()
        peers = await self._parts.records.peers(window)
        peer = peers.of(self._hotkey)
        if peer is None:
            raise NoPlace(
                f"Window {window} has no place for this miner, whose address its first block does"
                " not show.",
                "It takes part from the next window on.",
            )
        before, carried = await self._before(window)
        done = await self._computed(state, carried, peer.place, self._folder(window))
        logger.info(
            "Window {}: {} steps, loss {:.3f}, {:.0f} tokens/s", window, done.steps, done.loss,
            done.tokens / max(done.seconds, 1e-9),
        )  # fmt: skip
        return await self._sealed(done, before)

    def finish(self, window: int) -> None:
        """End the steps of ``window`` with the one under way."""
        self._parts.trainer.finish(self._folder(window))

    async def show_seal(self, sealed: SealedWindow) -> None:
        """Publish the record of ``sealed``, without the key."""
        await self._context.publish(sealed.record.pack())

    async def show_key(self, sealed: SealedWindow) -> None:
        """Publish the key of ``sealed``."""
        await self._context.publish(sealed.opened.pack())

    async def compute(
        self, state: StateRef, carried: Path | None, place: int, folder: Path
    ) -> Computed:
        """Compute the steps of the peer at ``place`` from ``state``, into ``folder``."""

        def told(done: StepDone) -> None:
            logger.debug("step {} of {}, loss {:.3f}", done.step, done.steps, done.loss)

        async with self._way.computing(state.window) as way:
            return await self._parts.trainer.compute(
                Path(state.path), carried, place, folder, told, way=way
            )

    # -- inside

    async def _computed(
        self, state: StateRef, carried: Path | None, place: int, folder: Path
    ) -> Computed:
        """As ``compute``, begun again if the trainer's process is lost under it."""
        for tried in itertools.count(1):
            await asyncio.to_thread(_make_empty, folder)
            try:
                return await self.compute(state, carried, place, folder)
            except (WorkerDied, WorkerNotStarted) as error:
                if tried == TRIES_MAX:
                    raise
                logger.warning("Window {} is begun again: {}", state.window, error.cause)
        raise AssertionError("a count has no end")

    async def _sealed(self, done: Computed, before: bytes) -> SealedWindow:
        exchange, key = self._parts.exchange, self._new_key()
        message = await asyncio.to_thread(Path(done.message).read_bytes)
        hidden = seal_message(
            message, key, run=self._parts.run.root, window=done.window, hotkey=self._hotkey
        )
        after = await exchange.put(Path(done.carried), done.window)
        seal = PeerSeal(
            run=self._parts.run.root,
            window=done.window,
            hotkey=self._hotkey,
            state=done.state,
            cursor=done.cursor,
            steps=done.steps,
            before=before,
            after=after,
            end=done.end,
            boundaries=done.boundaries,
            message=await exchange.put(hidden, done.window),
            message_bytes=len(hidden),
            opened=done.opened,
        )
        carried = CarriedFile(done.window, after, self._below(Path(done.carried)))
        root = await exchange.put_seal(seal)
        sealed = SealedWindow(done.window, done.state[:STATE_BYTES], root, key, carried)
        await self._keep(PeerMemory(self._file.now.carried, sealed))
        shown = WindowShown(
            done.window, done.loss, done.tokens / max(done.seconds, 1e-9), len(hidden), done.steps
        )
        await asyncio.to_thread(shown.write, self._parts.folder)
        logger.info("Window {}: {} bytes sealed", done.window, len(hidden))
        return sealed

    async def _before(self, window: int) -> tuple[bytes, Path | None]:
        """Return what is carried into ``window``: the object's root, and the file."""
        carried = self._file.now.carried
        if carried is None:
            return NOTHING, None
        path = self._parts.folder / carried.file
        if not await asyncio.to_thread(path.is_file):
            logger.warning("What was carried out of window {} is gone", carried.window)
            return NOTHING, None
        root = await self._parts.exchange.put(path, window)
        if root != carried.root:
            logger.warning("What was carried out of window {} is damaged", carried.window)
            return NOTHING, None
        return root, path

    async def _settle(self) -> None:
        """Carry what came out of the sealed window, if that window is decided and has counted it.
        Where the chain no longer knows, nothing is carried: anything else may be wrong."""
        memory = self._file.now
        if (sealed := memory.sealed) is None:
            return
        try:
            closing = await self._parts.records.closing(sealed.window)
        except UnknownBlock:
            logger.warning(
                "Nobody knows whether window {} counted: nothing is carried on", sealed.window
            )
            carried = None
        else:
            records = [each.record for each in closing.counted.values()]
            counts = any(each.seal == sealed.seal for each in records)
            carried = sealed.after if counts else memory.carried
            if not counts:
                logger.info("Window {} did not count this miner's work", sealed.window)
        await self._keep(PeerMemory(carried, None))
        kept = None if carried is None else self._parts.folder / carried.file
        await asyncio.to_thread(_remove_but, self._parts.folder / WINDOWS, kept)

    async def _keep(self, memory: PeerMemory) -> None:
        await asyncio.to_thread(self._file.keep, memory)

    def _folder(self, window: int) -> Path:
        return self._parts.folder / WINDOWS / str(window)

    def _below(self, path: Path) -> str:
        return path.relative_to(self._parts.folder).as_posix()


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _remove_but(folder: Path, kept: Path | None) -> None:
    """Remove all windows' folders in ``folder`` but the one that holds the file ``kept``."""
    for each in folder.iterdir() if folder.is_dir() else ():
        if kept is None or kept.parent != each:
            shutil.rmtree(each, ignore_errors=True)
