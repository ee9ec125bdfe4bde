"""What one runtime call has spent, and the first failure in it: shared by Wasm's side and Python's.

Host functions are Python and burn no fuel, so each call of one is counted, and dear ones are
charged as many. Where the runtime call also has a time limit, the count is handed out in small
parts, and the clock is read before each part: so time is bounded without a reading at each call,
and what a host function takes counts whether it was charged rightly or not. When the count or the
time is used up the next host call fails, and with it the runtime call.

It knows nothing of wasmtime; ``vm`` connects ``on_part`` to the fuel that is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from assay.localnet.time_limit import TimeLimit, unlimited

PART_CALLS: Final = 64
"""Host calls between two readings of the clock. A read of an old state takes some 30 microseconds,
so the clock is read each two milliseconds at least; more readings would cost, fewer overrun."""


class OutOfHostCalls(Exception):
    """A runtime call used up its host calls."""

    def __str__(self) -> str:
        return "the call used up its host function calls"


class CallMeter:
    """The meter of one Wasm machine, which runs one call at a time.

    ``calls_left``: host calls until ``next_part`` must be called. Host functions count it down
    themselves, because they are the hottest code there is.
    """

    __slots__ = ("_beyond", "_timed", "calls_left", "failure", "on_part", "time")

    def __init__(self, time: TimeLimit | None = None) -> None:
        self.time = time or unlimited()
        self.failure: BaseException | None = None
        self.calls_left = 0
        self.on_part: Callable[[float], None] = _ignore
        """Called with the seconds that are left, each time the clock was read."""
        self._beyond = 0
        self._timed = False

    def begin(self, calls: int, *, timed: bool = False) -> None:
        """Start a runtime call that may make ``calls`` host calls; ``timed``: hold it to ``time``
        as well."""
        self.failure = None
        self._timed = timed
        self.calls_left = min(calls, PART_CALLS) if timed else calls
        self._beyond = calls - self.calls_left

    def fail(self, failure: BaseException) -> None:
        """Keep what went wrong; the first failure is the cause of all later ones."""
        if self.failure is None:
            self.failure = failure

    def charge(self, calls: int) -> None:
        """Count work that costs as much as ``calls`` host calls, before it is done."""
        self.calls_left -= calls
        if self.calls_left < 0:
            self.next_part()

    def next_part(self) -> None:
        """Hand out more host calls once ``calls_left`` is below zero. OutOfHostCalls, TimeSpent."""
        owed = -self.calls_left
        if owed > self._beyond:
            raise OutOfHostCalls
        if self._timed:
            self.time.check()
            self.on_part(self.time.left_s)
        part = min(owed + PART_CALLS, self._beyond)
        self._beyond -= part
        self.calls_left += part


def _ignore(_left_s: float) -> None:
    """Nothing else is bounded by the time that is left."""
