"""How many requests run at once, who waits, and for how long.

A bounded number of places for handlers and a bounded queue in order of arrival. In come a caller's
key, its rank and what is left of its budget; out comes a place, or a ``RequestRefused``. One hotkey
can hold only part of the places; all that hold no permit together only half, and they wait behind
those that do. This module knows nothing of messages or methods.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from assay.aio import bounded
from assay.clock import Clock
from assay.wire.errors import Code, RequestRefused
from assay.wire.limits import Limits


@dataclass(frozen=True, slots=True)
class HandlerPlace:
    """A place to run in; ``ConcurrencyLimit.leave`` takes it back."""

    public_key: bytes
    first: bool


class ConcurrencyLimit:
    """Places to run in. ``enter`` waits in line, ``leave`` lets the next one in."""

    def __init__(self, limits: Limits, clock: Clock, *, ranked: bool = False) -> None:
        """``ranked``: callers differ in rank, and half of everything is for the first. Else the
        axon knows no permits, and all share everything."""
        self._limits = limits
        self._clock = clock
        half = 2 if ranked else 1
        self._others_max = max(1, limits.running_max // half)
        self._others_waiting_max = limits.waiting_max // half
        self._per_other_max = limits.per_other_max if ranked else limits.per_caller_max
        self._running = 0
        self._others_running = 0
        self._first_waiting: deque[asyncio.Future[None]] = deque()
        self._others_waiting: deque[asyncio.Future[None]] = deque()
        self._held: dict[bytes, int] = {}

    @property
    def running(self) -> int:
        """How many places are taken."""
        return self._running

    @property
    def waiting(self) -> int:
        """How many requests wait for a place."""
        return len(self._first_waiting) + len(self._others_waiting)

    async def enter(
        self, public_key: bytes, budget_s: float, *, first: bool = False
    ) -> HandlerPlace:
        """A place for this hotkey within the budget; RequestRefused if there is none.

        ``first``: the hotkey holds a permit.
        """
        limits = self._limits
        held = self._held.get(public_key, 0)
        if held >= (limits.per_caller_max if first else self._per_other_max):
            raise RequestRefused(
                Code.CALLER_LIMITED, "this hotkey has too many requests open", retry_after_s=1.0
            )
        line = self._first_waiting if first else self._others_waiting
        if not line and self._fits(first):
            self._take(first)
        elif self.waiting >= limits.waiting_max or (
            not first and len(line) >= self._others_waiting_max
        ):
            raise RequestRefused(Code.OVERLOADED, "the queue is full", retry_after_s=1.0)
        else:
            self._held[public_key] = held + 1
            try:
                await self._wait(line, min(budget_s, limits.wait_s_max), first)
            finally:
                self._release(public_key)
            held = self._held.get(public_key, 0)
        self._held[public_key] = held + 1
        return HandlerPlace(public_key, first)

    def leave(self, place: HandlerPlace) -> None:
        """Give a place back, to whoever waits first."""
        self._release(place.public_key)
        self._give_back(place.first)

    def _fits(self, first: bool) -> bool:
        if self._running >= self._limits.running_max:
            return False
        return first or self._others_running < self._others_max

    def _take(self, first: bool) -> None:
        self._running += 1
        self._others_running += not first

    def _give_back(self, first: bool) -> None:
        self._running -= 1
        self._others_running -= not first
        self._hand_out(self._first_waiting, first=True)
        self._hand_out(self._others_waiting, first=False)

    def _hand_out(self, line: deque[asyncio.Future[None]], *, first: bool) -> None:
        """Give free places to those that stand in ``line``."""
        while line and self._fits(first):
            turn = line.popleft()
            if not turn.done():
                self._take(first)
                turn.set_result(None)

    async def _wait(self, line: deque[asyncio.Future[None]], wait_s: float, first: bool) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await bounded(self._clock, wait_s, asyncio.shield(turn))
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._give_back(first)  # the place was given to us as we gave up
            else:
                turn.cancel()
                line.remove(turn)
            if isinstance(error, TimeoutError):
                raise RequestRefused(
                    Code.OVERLOADED, "no place came free in time", retry_after_s=1.0
                ) from None
            raise

    def _release(self, public_key: bytes) -> None:
        held = self._held[public_key] - 1
        if held:
            self._held[public_key] = held
        else:
            del self._held[public_key]
