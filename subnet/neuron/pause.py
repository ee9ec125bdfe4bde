"""Waiting that a stop ends early, shared by both loops.

Adds to a clock's sleep and to a turn's work one thing: whoever is told to stop must not wait for
the next turn, nor without end for the one under way. It knows nothing of what the turns do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from assay.aio import first, until
from assay.clock import Clock


async def pause(clock: Clock, seconds: float, stop: asyncio.Event) -> None:
    """Return after ``seconds``, or as soon as ``stop`` is set."""
    await until(stop, clock, seconds)


async def finish_or_stop(
    work: Coroutine[Any, Any, None], *, clock: Clock, stop: asyncio.Event, grace_s: float
) -> None:
    """Await ``work``; once ``stop`` is set it has ``grace_s`` left and is then cancelled.

    Only for work that may be cut off anywhere without harm.
    """

    async def patience() -> None:
        await stop.wait()
        await clock.sleep(grace_s)

    await first(work, patience())
