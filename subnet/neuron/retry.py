"""Asking a chain again that is away: bounded retries with jitter.

``Retry`` repeats a call that raises ``Unavailable``, with growing, jittered pauses, until the call
answers, a time is used up, or the neuron is told to stop; then the last error goes through.
Refusals go through at once. Nothing is told to a person: the chain's client says once that its
chain is away, and once that the chain is back.

This module does not know what a call does; only calls that may be repeated without harm belong
here.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from loguru import logger

from assay.clock import Clock
from assay.errors import Unavailable
from assay.neuron.stopping import pause

Result = TypeVar("Result")

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 10.0
"""One to two blocks of a public chain: a longer pause would miss the epoch's end."""


class Retry:
    """Repeats calls to a chain that does not answer, each for at most ``limit_s``."""

    def __init__(
        self, *, clock: Clock, rng: random.Random, limit_s: float, stop: asyncio.Event
    ) -> None:
        self._stop = stop
        self._clock = clock
        self._rng = rng
        self._limit_s = limit_s

    async def __call__(self, what: str, call: Callable[[], Awaitable[Result]]) -> Result:
        """The answer of ``call()``, repeated while it raises ``Unavailable``."""
        pause_s = FIRST_PAUSE_S
        deadline = self._clock.monotonic() + self._limit_s
        while True:
            try:
                return await call()
            except Unavailable as error:
                if self._stop.is_set() or self._clock.monotonic() >= deadline:
                    raise
                logger.debug("{}: {} Trying again.", what, error.cause)
            # Full jitter: neurons that lost the same chain must not come back in step.
            await pause(self._clock, self._rng.uniform(pause_s / 2, pause_s), self._stop)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
