"""What every long-running command needs of its process: a log, an event loop, an end.

Adds to the standard library the project's choices: the log goes to stderr without variables in its
tracebacks, the loop is uvloop's where there is one, and the first SIGINT or SIGTERM asks for an
orderly end while a second one ends at once. Imports nothing heavy: the chain's start is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TextIO, TypeVar, cast

from loguru import logger

from assay.errors import UserError

Result = TypeVar("Result")


class _Stderr:
    """The standard error of the moment. Where a live table stands there, it takes the log's lines
    and draws itself below them; written past it, they would leave it on the screen twice."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def configure_log(level: str) -> None:
    """The log goes to stderr; never stdout, which is for results."""
    logger.remove()
    try:
        # No variables in tracebacks: they could hold keys, prompts or passwords.
        stream = cast(TextIO, _Stderr())  # write, flush and isatty are all that is asked of it
        logger.add(stream, level=level.upper(), backtrace=False, diagnose=False)
    except ValueError:
        raise UserError(
            f"{level!r} is not a log level.", "Give DEBUG, INFO, WARNING or ERROR."
        ) from None


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
