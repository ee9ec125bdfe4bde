"""How long the question that the node is answering may still take.

One thread answers all clients and makes the blocks, so each question gets a time limit. ``begin``
starts it; whatever works on the answer calls ``check`` now and then: the executor at host calls,
reads of old states, loops over many keys. In goes a function that tells the time in seconds; out
comes ``TimeSpent``. This module knows no event loop, no runtime and no client.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from assay.localnet.errors import TimeSpent


class TimeLimit:
    """The limit of one question at a time. Without ``begin`` there is none."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._limit_s = math.inf
        self._until_s = math.inf

    def begin(self, limit_s: float) -> None:
        """Give the question that begins now ``limit_s`` seconds."""
        self._limit_s = limit_s
        self._until_s = self._now_s() + limit_s

    def end(self) -> None:
        """Lift the limit: the question is answered, or what follows may take any time."""
        self._limit_s = self._until_s = math.inf

    @property
    def left_s(self) -> float:
        """Seconds left to the question; infinite without a limit, never below zero."""
        return max(self._until_s - self._now_s(), 0.0)

    def check(self) -> None:
        """Raise TimeSpent if the question has used up its time."""
        if self._now_s() >= self._until_s:
            raise TimeSpent(self._limit_s)


def unlimited() -> TimeLimit:
    """A limit that never ends, for work that no stranger asked for."""
    return TimeLimit(lambda: 0.0)
