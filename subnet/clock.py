"""The clock that is passed in: an interface, the machine's clock, and one moved by hand.

Nothing below the drivers reads a clock of its own: a core takes a ``Clock``, so that the same code
runs against the wall clock and against a hand-moved one. It knows nothing of blocks or slots.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time in whole nanoseconds, monotonic time in seconds, and waiting."""

    def now_ns(self) -> int:
        """Unix time in nanoseconds. May step."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back. Only differences mean anything."""
        ...

    def processor_s(self) -> float:
        """Seconds of a processor that the calling thread has had, however long it waited for them.
        Only differences within one thread mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``; zero and below yield once."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()

    def processor_s(self) -> float:
        return time.thread_time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))


class ManualClock:
    """A clock that moves only when told. Sleepers wake in order of their deadlines."""

    def __init__(self, start_ns: int = 1_700_000_000_000_000_000) -> None:
        self._now_ns = start_ns
        self._start_ns = start_ns
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ns(self) -> int:
        return self._now_ns

    def monotonic(self) -> float:
        return (self._now_ns - self._start_ns) / 1e9

    def processor_s(self) -> float:
        return self.monotonic()

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._now_ns + int(seconds * 1e9)
        heapq.heappush(self._sleepers, (due, next(self._order), wake))
        await wake

    def advance(self, seconds: float) -> None:
        """Move time forward and wake every sleeper whose deadline has passed."""
        self._now_ns += int(seconds * 1e9)
        while self._sleepers and self._sleepers[0][0] <= self._now_ns:
            _, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)
