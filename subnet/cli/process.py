"""What every long-running command needs of its process: an event loop, and an end.

Adds to the standard library the project's choices: the loop is uvloop's where there is one, and the
first SIGINT or SIGTERM asks for an orderly end while a second one ends at once. Imports nothing
heavy: the chain's start is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_async(main: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run a coroutine to its end, under uvloop where there is one."""
    factory = None
    with contextlib.suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())


def stop_on_signals(stop: asyncio.Event) -> None:
    """Let what is under way finish on the first SIGINT or SIGTERM; a second one ends at once."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, first)
