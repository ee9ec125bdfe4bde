"""How many requests run at once, who waits, and for how long.

Adds to a handler a bounded number of places and a bounded queue in order of arrival; one hotkey
can hold only part of both. It knows nothing of messages; a refusal is a ``RequestRefused``.
"""

from __future__ import annotations

import asyncio
from collections import deque

from assay.aio import bounded
from assay.clock import Clock
from assay.wire.errors import Code, RequestRefused
from assay.wire.limits import Limits


class Gate:
    """Places to run in. ``enter`` waits in line, ``leave`` lets the next one in."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._held: dict[bytes, int] = {}

    @property
    def running(self) -> int:
        return self._running

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def enter(self, public_key: bytes, budget_s: float) -> None:
        """A place for this hotkey within the budget; RequestRefused if there is none."""
        held = self._held.get(public_key, 0)
        if held >= self._limits.per_caller_max:
            raise RequestRefused(
                Code.CALLER_LIMITED, "this hotkey has too many requests open", retry_after_s=1.0
            )
        if self._running < self._limits.running_max and not self._waiting:
            self._running += 1
        elif len(self._waiting) >= self._limits.waiting_max:
            raise RequestRefused(Code.OVERLOADED, "the queue is full", retry_after_s=1.0)
        else:
            self._held[public_key] = held + 1
            try:
                await self._wait(min(budget_s, self._limits.wait_s_max))
            finally:
                self._release(public_key)
            held = self._held.get(public_key, 0)
        self._held[public_key] = held + 1

    async def _wait(self, wait_s: float) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await bounded(self._clock, wait_s, asyncio.shield(turn))
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._next()  # the place was given to us as we gave up: pass it on
            else:
                turn.cancel()
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise RequestRefused(
                    Code.OVERLOADED, "no place came free in time", retry_after_s=1.0
                ) from None
            raise

    def leave(self, public_key: bytes) -> None:
        self._release(public_key)
        self._next()

    def _next(self) -> None:
        """Hand one running place on, or give it back."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._running -= 1

    def _release(self, public_key: bytes) -> None:
        held = self._held[public_key] - 1
        if held:
            self._held[public_key] = held
        else:
            del self._held[public_key]
