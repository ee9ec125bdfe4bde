"""What every long-running command needs of its process: an event loop, and an end.

Adds to the standard library the project's choices: the loop is uvloop's where there is one, and the
first SIGINT or SIGTERM asks for an orderly end while a second one ends at once. Imports nothing
heavy: the chain's start is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from loguru import logger

from assay.aio import given_up
from assay.child import mark_hung
from assay.clock import SystemClock
from assay.outcome import waiting_line

Result = TypeVar("Result")

LEFT_S: Final = 2.0
"""What is left has for ending when the command's own work is done, or was interrupted. What catches
its cancellation and goes on, as a builder's code may, would hold the process for ever."""


def run_async(main: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run a coroutine to its end, under uvloop where there is one."""
    factory = None
    with contextlib.suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    runner = asyncio.Runner(loop_factory=factory)
    try:
        return runner.run(main())
    finally:
        if runner.run(_wound_up()):
            runner.close()
        else:  # to close the runner is to wait for ever
            mark_hung()


def settle_memory() -> None:
    """Leave what is there now out of later collections of garbage. Call it once a neuron's work
    begins: modules, a chain's first state and torch are 400,000 objects that stay, and to look
    through them takes 0.15 s, in which a miner answers and a gateway passes on no token."""
    gc.collect()
    gc.freeze()


async def _wound_up() -> bool:
    """Cancel whatever still runs; whether it has ended soon. What has not is told to the log."""
    own = asyncio.current_task()
    left = [task for task in asyncio.all_tasks() if task is not own]
    if await given_up(SystemClock(), LEFT_S, *left):
        return True
    for task in left:
        if not task.done():
            place = waiting_line(task.get_coro())
            logger.warning(
                "What waits at {} goes on although it was cancelled; the process ends without it.",
                place or "an unknown place",
            )
    return False


def stop_on_signals(stop: asyncio.Event) -> None:
    """Let what is under way finish on the first SIGINT or SIGTERM; a second one ends at once."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, first)
