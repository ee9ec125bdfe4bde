"""How long one turn of the event loop takes: nobody else is served meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

BEAT_S: Final = 0.002
"""Between two looks; a measure is too long by as much. A look at every turn would take the
processor away from the threads that the loop waits for."""


@dataclass(slots=True)
class LongestTurn:
    """The longest turn so far, by two clocks."""

    computed_s: float = 0.0
    """Processor time of the loop's thread: the same on an idle machine and on a loaded one."""
    stood_s: float = 0.0
    """Real time: what a call that sleeps or waits for a disk takes as well."""


@contextlib.asynccontextmanager
async def longest_turn() -> AsyncIterator[LongestTurn]:
    """Measures the turns of the running event loop inside the ``async with`` block."""
    longest = LongestTurn()

    async def beat() -> None:
        computed_s, stood_s = time.thread_time(), time.monotonic()
        while True:
            await asyncio.sleep(BEAT_S)
            now_computed_s, now_s = time.thread_time(), time.monotonic()
            longest.computed_s = max(longest.computed_s, now_computed_s - computed_s)
            longest.stood_s = max(longest.stood_s, now_s - stood_s)
            computed_s, stood_s = now_computed_s, now_s

    # A collection of all that torch has made takes 0.15 s of processor time, in whichever thread
    # and turn it falls due: none of a handler's doing. A neuron's process leaves that part out
    # (``assay.cli.process.settle_memory``).
    gc.collect()
    gc.freeze()
    beating = asyncio.create_task(beat())
    await asyncio.sleep(0)  # it has begun, and measures from here on
    try:
        yield longest
        await asyncio.sleep(2 * BEAT_S)  # a last look
    finally:
        gc.unfreeze()
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
