"""An event loop whose time jumps to the next timer: what takes minutes there takes none here.

For tests of code that waits by the event loop's own timers, beside code that waits by a clock that
is handed in. It serves no sockets: whatever does not wait for a timer would wait for ever.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _NeverIdle(selectors.DefaultSelector):
    """Looks for events without waiting for them, and tells how long it should have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if not found:
            assert timeout is not None, "nothing will ever happen in this loop"
            self.skipped_s += max(timeout, 0.0)
        return found


class TimelessLoop(asyncio.SelectorEventLoop):
    """An event loop that never waits."""

    def __init__(self) -> None:
        self._never_idle = _NeverIdle()
        super().__init__(self._never_idle)

    def time(self) -> float:
        return self._never_idle.skipped_s


def run_timeless(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` in a ``TimelessLoop`` to its end."""
    with asyncio.Runner(loop_factory=TimelessLoop) as runner:
        return runner.run(main)
