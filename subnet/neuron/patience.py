"""Waiting for a chain that is away: bounded retries with jitter, shared by both loops.

Adds to a call that may raise ``Unavailable`` a patience: it is repeated with growing, jittered
pauses until it answers, the patience is used up or the neuron is told to stop; then the last error
goes through. Refusals go through at once. It says nothing aloud: the chain's client tells once that
its chain is away, and once that it is back. It knows nothing of what the call does, so only calls
that may be repeated without harm belong here.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from loguru import logger

from assay.clock import Clock
from assay.errors import Unavailable
from assay.neuron.pause import pause

Result = TypeVar("Result")

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 10.0
"""One to two blocks of a public chain: a longer pause would miss the epoch's end."""


class Patience:
    """How long a neuron keeps asking a chain that does not answer."""

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
