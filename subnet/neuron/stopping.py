"""Waiting and working that a stop ends early, shared by all neurons.

``pause`` is a sleep that a stop ends. ``until_stopped`` runs a neuron's work beside its background
work until a stop, or until one of them fails. Clock and stop are passed in.

This module does not know what the work is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from assay.aio import first, given_up
from assay.clock import Clock

CANCELLED_S: Final = 3.0
"""What work has for tidying up once it was cancelled: a turn that is cut off waits for its task
first (``asking.CANCELLED_S``). A task's own code that goes on is left behind after it, so that the
neuron ends."""
Work = Coroutine[Any, Any, None]


async def pause(clock: Clock, seconds: float, stop: asyncio.Event) -> None:
    """Return after ``seconds``, or as soon as ``stop`` is set."""
    await first(stop.wait(), clock.sleep(seconds))


async def until_stopped(
    work: Work | None, *background: Work, clock: Clock, stop: asyncio.Event, grace_s: float
) -> None:
    """Run ``work`` and all of ``background`` at once until ``stop`` is set.

    At the stop the background is cancelled, and ``work`` has ``grace_s`` left to end by itself,
    after which it is cancelled too. ``work`` ending, or any of them failing, ends all; the first
    error goes through. A part of the background that ends without an error ends only itself.
    """
    main = asyncio.ensure_future(work if work is not None else _until(stop))
    others = {asyncio.ensure_future(each) for each in background}
    stopped = asyncio.ensure_future(stop.wait())
    running: set[asyncio.Future[Any]] = {main, *others}
    try:
        while not main.done() and not stopped.done():
            done, _ = await asyncio.wait({*running, stopped}, return_when=asyncio.FIRST_COMPLETED)
            running -= done
            for each in done:
                each.result()
        await given_up(clock, CANCELLED_S, *others)
        if not main.done():
            grace = asyncio.ensure_future(clock.sleep(grace_s))
            try:
                await asyncio.wait({main, grace}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await given_up(clock, CANCELLED_S, grace)
            if main.done():
                main.result()
    finally:
        await given_up(clock, CANCELLED_S, main, *others, stopped)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()
