"""When to build a block: four modes, decided without a clock, a loop or a chain.

A ``Sealing`` is told the time and how many transactions are ready, and answers how long to wait.
It never builds: the service builds, and tells it of each block (``sealed``) and of the slot
duration after it (``set_interval``). Chain time is here as well, because it is the other half of
*when*: every block needs a slot of its own, so a chain that seals faster than its slot duration
runs ahead of the wall clock; it never runs behind it.

Modes: ``interval`` builds at fixed times, empty or not; ``transaction`` as soon as something is
ready and only then; ``mixed`` does both; ``manual`` only when asked through ``dev_newBlock``.
"""

from __future__ import annotations

import math
from enum import StrEnum


class SealingMode(StrEnum):
    """The words of ``--sealing``."""

    INTERVAL = "interval"
    TRANSACTION = "transaction"
    MIXED = "mixed"
    MANUAL = "manual"


class Sealing:
    """One chain's decisions. Times are monotonic seconds."""

    def __init__(self, mode: SealingMode, *, interval_s: float, now_s: float) -> None:
        self.mode = mode
        self._timed = mode in (SealingMode.INTERVAL, SealingMode.MIXED)
        self._eager = mode in (SealingMode.TRANSACTION, SealingMode.MIXED)
        self._begin(interval_s, now_s)

    def _begin(self, interval_s: float, now_s: float) -> None:
        if not interval_s > 0 or not math.isfinite(interval_s):
            raise ValueError(f"an interval of {interval_s} s is not one")
        self.interval_s = interval_s
        self._due_s = now_s + interval_s

    def set_interval(self, interval_s: float, now_s: float) -> None:
        """Build blocks ``interval_s`` apart from now on. Another interval starts the beat anew."""
        if interval_s != self.interval_s:
            self._begin(interval_s, now_s)

    def wait_s(self, now_s: float, ready: int) -> float | None:
        """Seconds until the next block; 0 means now, None until something happens."""
        if self._eager and ready:
            return 0.0
        if self._timed:
            return max(self._due_s - now_s, 0.0)
        return None

    @property
    def beat_s(self) -> float | None:
        """The seconds between two blocks in a timed mode; None in another."""
        return self.interval_s if self._timed else None

    def overdue(self, now_s: float) -> bool:
        """Whether the beat of a timed mode has passed without its block."""
        return self._timed and now_s >= self._due_s

    def sealed(self, now_s: float) -> None:
        """A block was built.

        Interval blocks keep their beat: a late one does not delay the next. Beats that passed
        while the machine slept are skipped, not made up for. In mixed mode any block starts the
        interval anew: it is the longest time without one.
        """
        if self.mode is SealingMode.MIXED:
            self._due_s = now_s + self.interval_s
        elif now_s >= self._due_s:
            self._due_s += self.interval_s
            if self._due_s <= now_s:
                self._due_s = now_s + self.interval_s


def block_timestamp_ms(wall_ms: int, earliest_ms: int) -> int:
    """The next block's time: the wall clock's, or as early as the chain allows if that is later."""
    return max(wall_ms, earliest_ms)
