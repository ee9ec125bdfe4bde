"""Several answers at once: how a miner makes those of a burst.

In come the orders of the answers, in the form that an engine takes; out come frames with what was
drawn in any of them. Answers that continue one prompt begin with the first one alone, until its
first token: the engine has then read the prompt, and takes what it has read for the others. As many
answers are open at once as the engine gains from; the others begin when one has ended, and what is
there is being read.

This module knows no requests, and not how an answer is made: it is told.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final

from assay.clock import Clock
from assay.models.engine import EngineRequest
from assay.models.fair_queue import Busy
from assay.protocol.bursts import BurstFrame, BurstPart
from assay.protocol.inference import Piece

Grow = Callable[[EngineRequest], AsyncGenerator[Piece, None]]
"""How one answer is made, piece by piece. It raises Busy before its first piece, or not at all."""
FRAME_S: Final = 0.004
"""Seconds for which a frame waits for more. A step's tokens are told within that time, and a frame
costs a signature here and a check there."""
PARTS_MAX: Final = 64
"""Of one frame: four steps of sixteen answers. What came beyond it is in the next frame."""
AHEAD_MAX: Final = 2_048
"""Parts that wait to be read, beyond which no further answer begins: half a second of the announced
rate, in which a lost packet is sent again. A caller that asks for 256 long answers and reads none
would otherwise have all of them kept here, half a gigabyte."""


class _Making:
    """The answers of one burst, while they are made."""

    def __init__(self, asks: Sequence[EngineRequest], grow: Grow, clock: Clock, width: int) -> None:
        self._waiting = deque(enumerate(asks))
        self._width = width
        self._share = len(asks) > 1 and len({ask.prompt for ask in asks}) == 1
        self._grow = grow
        self._clock = clock
        self._left = len(asks)
        self._told: asyncio.Queue[BurstPart | Exception] = asyncio.Queue()
        self._workers: set[asyncio.Task[None]] = set()

    async def frames(self) -> AsyncGenerator[BurstFrame, None]:
        """Yield what is drawn until all answers have ended; raises what making one of them
        raises."""
        width = 1 if self._share else self._width
        try:
            while self._left:
                self._start(width)
                parts = [_part(await self._told.get())]
                width = self._width
                self._start(width)
                await self._clock.sleep(FRAME_S)
                while len(parts) < PARTS_MAX and not self._told.empty():
                    parts.append(_part(self._told.get_nowait()))
                self._left -= sum(part.piece.end is not None for part in parts)
                yield BurstFrame(parts=parts)
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)

    def _start(self, width: int) -> None:
        """Let up to ``width`` answers be made at once."""
        for _ in range(min(width - len(self._workers), len(self._waiting))):
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        """Make one answer after the other, while they are read."""
        own = asyncio.current_task()
        assert own is not None
        try:
            while self._waiting and self._told.qsize() < AHEAD_MAX:
                number, ask = self._waiting.popleft()
                try:
                    async with contextlib.aclosing(self._grow(ask)) as pieces:
                        async for piece in pieces:
                            self._told.put_nowait(BurstPart(number, piece))
                except Busy:
                    self._workers.discard(own)
                    if not self._workers:
                        raise
                    # Others are asked for as much: those of this burst that are open go on.
                    self._waiting.appendleft((number, ask))
                    return
        except Exception as error:
            self._told.put_nowait(error)


def _part(told: BurstPart | Exception) -> BurstPart:
    if isinstance(told, Exception):
        raise told
    return told


def make_all(
    asks: Sequence[EngineRequest], grow: Grow, clock: Clock, *, width: int
) -> AsyncGenerator[BurstFrame, None]:
    """Yield the answers to ``asks`` as they grow, each made by ``grow``, ``width`` of them at
    once."""
    return _Making(asks, grow, clock, width).frames()
