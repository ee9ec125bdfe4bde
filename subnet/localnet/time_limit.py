"""How long the question that the node is answering may still take.

One thread answers all clients and makes the blocks, so each question gets a time limit. ``begin``
starts it; whatever works on the answer calls ``check`` now and then: the executor at host calls,
reads of old states, loops over many keys. What counts is the processor's time that the thread has
had: by the wall clock, ordinary questions of 10 ms were refused where other programs kept the
processor. Reads that wait for a disk take none of that time, so the wall clock bounds a question as
well, further out. In go functions that tell both in seconds; out comes ``TimeSpent``. This module
knows no event loop, no runtime and no client.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from assay.localnet.errors import TimeSpent

WALL_TIMES: Final = 16
"""So many times its limit a question may take by the wall clock. On two cores with 22 programs
that wanted one, a thread had a tenth of a core; more would let reads of a cold disk hold up blocks
for longer than four seconds."""


class TimeLimit:
    """The limit of one question at a time. Without ``begin`` there is none."""

    def __init__(
        self, processor_s: Callable[[], float], wall_s: Callable[[], float] | None = None
    ) -> None:
        """``processor_s`` tells the processor's time that this thread has had, and ``wall_s`` the
        wall clock's; without ``wall_s`` waiting is not bounded."""
        self._processor_s, self._wall_s = processor_s, wall_s
        self._limit_s = math.inf
        self._until_s = self._wall_until_s = math.inf

    def begin(self, limit_s: float) -> None:
        """Give the question that begins now ``limit_s`` seconds."""
        self._limit_s = limit_s
        self._until_s = self._processor_s() + limit_s
        if self._wall_s is not None:
            self._wall_until_s = self._wall_s() + WALL_TIMES * limit_s

    def end(self) -> None:
        """Lift the limit: the question is answered, or what follows may take any time."""
        self._limit_s = self._until_s = self._wall_until_s = math.inf

    @property
    def left_s(self) -> float:
        """Seconds left to the question; infinite without a limit, never below zero."""
        left_s = self._until_s - self._processor_s()
        if self._wall_s is not None:
            left_s = min(left_s, self._wall_until_s - self._wall_s())
        return max(left_s, 0.0)

    def check(self) -> None:
        """Raise TimeSpent if the question has used up its time."""
        if self.left_s <= 0.0:
            raise TimeSpent(self._limit_s)


def unlimited() -> TimeLimit:
    """A limit that never ends, for work that no stranger asked for."""
    return TimeLimit(lambda: 0.0)
