"""Cheats around a window's computation: what is sealed, shown and carried, and when.

Each is a miner's work with one thing done otherwise. The steps themselves are honest.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path
from typing import Final

from assay.files import write_atomic
from assay.miners.training.memory import SealedWindow
from assay.miners.training.work import PeerWork
from assay.objects import Root
from assay.objects.errors import ObjectMissing
from assay.protocol.training.schedule import Phase
from assay.protocol.training.seal import NOTHING
from assay.training.messages import Computed, StateRef

BOMB_TIMES: Final = 64
"""So many times a run's largest message."""


class LateWork(PeerWork):
    """Publishes its seal when nobody can hold it against the others any more."""

    _waiting: asyncio.Task[None] | None = None

    async def show_seal(self, sealed: SealedWindow) -> None:
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.create_task(self._show_late(sealed))

    async def _show_late(self, sealed: SealedWindow) -> None:
        deadline = self._parts.run.manifest.schedule.deadline(sealed.window, Phase.UPLOAD)
        with contextlib.suppress(RuntimeError):  # the neuron has ended, and its view with it
            async with contextlib.aclosing(self._context.chain.blocks()) as moments:
                async for moment in moments:
                    if moment.at.number >= deadline:
                        await self._context.publish(sealed.opened.pack())
                        return


class SelectiveWork(PeerWork):
    """Keeps its key in every second window, as one would who has seen the others' work."""

    async def show_key(self, sealed: SealedWindow) -> None:
        if sealed.window % 2 == 0:
            await super().show_key(sealed)


class HidingWork(PeerWork):
    """Names what it carries, and has it removed before anybody asks."""

    async def seal(self, state: StateRef) -> SealedWindow:
        sealed = await super().seal(state)
        seal = await self._parts.exchange.seal(sealed.seal, (), state.window)
        for root in (seal.before, seal.after):
            with contextlib.suppress(ObjectMissing):
                await self._context.objects.unpin(Root(root))
                await self._context.objects.remove(Root(root))
        return sealed


class BombWork(PeerWork):
    """Seals zeros in place of its message."""

    async def compute(
        self, state: StateRef, carried: Path | None, place: int, folder: Path
    ) -> Computed:
        done = await super().compute(state, carried, place, folder)
        zeros = bytes(BOMB_TIMES * self._parts.trainer.facts.message_bytes_max)
        await asyncio.to_thread(write_atomic, Path(done.message), zeros)
        return done


class SwappingWork(PeerWork):
    """Keeps what it carried out of each window, and carries the older of two into the next."""

    async def _before(self, window: int) -> tuple[bytes, Path | None]:
        root, path = await super()._before(window)
        if path is None:
            return root, path
        folder = self._parts.folder / "swapped"
        kept = folder / str(window)
        await asyncio.to_thread(_copy, path, kept)
        older = folder / str(window - 1)
        if not await asyncio.to_thread(older.is_file):
            return NOTHING, None
        return await self._parts.exchange.put(older, window), older


def _copy(path: Path, into: Path) -> None:
    into.parent.mkdir(exist_ok=True)
    shutil.copyfile(path, into)
