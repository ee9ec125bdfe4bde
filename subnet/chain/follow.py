"""Follow one subnet of a chain block by block, for all readers of a process.

A ``Follower`` reads the subnet once for every finalized block that it hears of, and hands the same
``Moment`` to any number of readers. While the chain is away the last moment stays; once the chain
has been silent for longer than ``patience_s`` all readers of ``blocks`` get the error.

This module does not know what readers do, or how the chain is connected.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Final

from assay.chain.errors import ChainUnavailable
from assay.chain.interface import BlockRef, Chain
from assay.chain.view import Moment
from assay.clock import Clock
from assay.types import NetUid

PATIENCE_S: Final = 600.0
"""How long a silent chain is waited for: a node's restart or upgrade fits, a wrong address ends."""
_PAUSE_S: Final = (0.25, 10.0)
"""The first and the longest pause before the chain is asked again: one to two blocks of a public
chain at most, so that no epoch's end is missed."""


class Follower:
    """One subnet of one chain. Enter it with ``async with``: the first moment is there then."""

    def __init__(
        self,
        chain: Chain,
        netuid: NetUid,
        *,
        clock: Clock,
        rng: random.Random,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._chain = chain
        self._netuid = netuid
        self._clock = clock
        self._rng = rng
        self._patience_s = patience_s
        self._moment: Moment | None = None
        self._lost: ChainUnavailable | None = None
        self._changed = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Follower:
        self._moment = await self._read(await self._chain.finalized())
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    def now(self) -> Moment:
        """The newest moment that was read."""
        if self._moment is None:
            raise RuntimeError("a follower is entered with `async with` before it is read")
        return self._moment

    async def blocks(self) -> AsyncGenerator[Moment, None]:
        """The newest moment, then each newer one; a slow reader misses those in between."""
        told: Moment | None = None
        while True:
            if self._lost is not None:
                raise self._lost
            changed = self._changed
            moment = self.now()
            if moment is not told:
                told = moment
                yield moment
            else:
                await changed.wait()

    async def _read(self, at: BlockRef) -> Moment:
        metagraph = await self._chain.metagraph(self._netuid, at)
        return Moment(at, metagraph, await self._chain.commitments(self._netuid, at))

    async def _follow(self) -> None:
        heard_s = self._clock.monotonic()
        pause_s, longest_s = _PAUSE_S
        while True:
            try:
                async with contextlib.aclosing(self._chain.heads()) as heads:
                    async for head in heads:
                        self._moment = await self._read(head)
                        heard_s, pause_s = self._clock.monotonic(), _PAUSE_S[0]
                        self._tell()
            except ChainUnavailable as error:
                if self._clock.monotonic() - heard_s >= self._patience_s:
                    self._lost = error
                    self._tell()
                    return
            await self._clock.sleep(self._rng.uniform(pause_s / 2, pause_s))
            pause_s = min(2 * pause_s, longest_s)

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
