"""Requests that wait until a miner has a place, each for as long as it may.

Whoever waits joins with ``joined`` and then waits as often as it takes (``Waiter.until``): until a
place may be free, or until a time at which it wants to look again by itself. ``wake`` says that a
place may be free; it wakes the request whose turn it is, which wakes the next if it finds one. The
turn goes from client to client, and within a client to the request that has waited longest: a
client with a hundred requests delays another one by one place. Requests that name their miner are
woken each time, because another's place is of no use to them. This module knows no miners.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterator

from assay.aio import bounded
from assay.clock import Clock


class Waiter:
    """One request that waits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def until(self, seconds: float) -> None:
        """Return when a place may be free, or after ``seconds``."""
        with contextlib.suppress(TimeoutError):
            await bounded(self._clock, seconds, self._woken.wait())
        self._woken.clear()


class WaitingLine:
    """All that wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._any: OrderedDict[str, dict[Waiter, None]] = OrderedDict()
        """By client, the one whose turn it is in front. No entry is empty."""
        self._named: dict[Waiter, None] = {}

    @contextlib.contextmanager
    def joined(self, whose: str, *, named: bool) -> Iterator[Waiter]:
        """A place in the line while the block runs, for the client ``whose``. ``named``: only one
        miner's place will do."""
        line = self._named if named else self._any.setdefault(whose, {})
        waiter = Waiter(self._clock)
        line[waiter] = None
        try:
            yield waiter
        finally:
            del line[waiter]
            if not named:
                del self._any[whose]
                if line:
                    self._any[whose] = line  # behind the other clients

    def wake(self) -> None:
        """Say that a place may be free."""
        foremost = next(iter(self._any.values()), {})
        for waiter in (*self._named, *list(foremost)[:1]):
            waiter.wake()
