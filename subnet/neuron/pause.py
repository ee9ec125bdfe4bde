"""A pause that a stop ends early, shared by both loops.

Adds to a clock's sleep one thing: whoever waits for the next turn must not make a shutdown wait for
it too. It knows nothing of what the turns do.
"""

from __future__ import annotations

import asyncio
import contextlib

from subnet.clock import Clock


async def pause(clock: Clock, seconds: float, stop: asyncio.Event) -> None:
    """Return after ``seconds``, or as soon as ``stop`` is set."""
    waits = {asyncio.ensure_future(clock.sleep(seconds)), asyncio.ensure_future(stop.wait())}
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await wait
