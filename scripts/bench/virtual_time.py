"""An event loop whose time runs as fast as its work is done.

Where nothing is to be done before the next timer, the loop's time jumps there: hours of clients'
pauses take as long as the computing in them, on a busy machine too. What threads and sockets of
this process still have to bring is waited for first. ``LoopClock`` is that time as the product's
code takes it; wall time, by which requests are signed, is the machine's.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any

GRACE_S = 0.0003  # in which what was written to a socket of this machine can be read
THREAD_S = 0.05


class _Selector(selectors.DefaultSelector):
    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        events = super().select(0)
        if events or timeout == 0:
            return events
        if self.loop.in_threads or timeout is None:
            return super().select(THREAD_S)
        events = super().select(GRACE_S)
        if not events:
            self.loop.now_s += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the head of this module."""

    def __init__(self) -> None:
        selector = _Selector()
        selector.loop = self
        self.now_s = 0.0
        self.in_threads = 0
        super().__init__(selector)

    def time(self) -> float:
        return self.now_s

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        self.in_threads += 1
        future = super().run_in_executor(executor, func, *args)

        def ended(_: object) -> None:
            self.in_threads -= 1

        future.add_done_callback(ended)
        return future


class LoopClock:
    """The time of the running loop."""

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """The result of ``main`` in a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
