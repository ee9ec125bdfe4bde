"""Waiting for something to become true, in place of a sleep that is hoped to be long enough.

A test names a condition and a generous bound. The wait ends as soon as the condition holds; a test
that fails says what it waited for, and what the last look at it ran into.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

WITHIN_S: Final = 30.0
"""How long a condition may take on a loaded machine. Only a test that fails waits this long."""
LOOK_S: Final = 0.02
"""Between two looks; a look may read a file or ask a process."""
NOT_YET: Final = (OSError, ValueError, KeyError, AssertionError)
"""What a look may raise at something that is still coming up; any other error is the test's."""


def eventually(look: Callable[[], T], what: str, within_s: float = WITHIN_S) -> T:
    """Return the first true result of ``look()``; AssertionError naming ``what`` if none comes."""
    patience = _Patience(what, within_s)
    while True:
        with patience.looking():
            if value := look():
                return value
        time.sleep(LOOK_S)


async def soon(look: Callable[[], Awaitable[T]], what: str, within_s: float = WITHIN_S) -> T:
    """Return the first true result of ``await look()``; the event loop goes on meanwhile."""
    patience = _Patience(what, within_s)
    while True:
        with patience.looking():
            if value := await look():
                return value
        await asyncio.sleep(LOOK_S)


class _Patience:
    """Until when a condition is waited for, and what the last look at it ran into."""

    def __init__(self, what: str, within_s: float) -> None:
        self._what = what
        self._within_s = within_s
        self._until = time.monotonic() + within_s

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Around one look: forgive what ``NOT_YET`` names, until the time is over."""
        trouble: Exception | None = None
        try:
            yield
        except NOT_YET as error:
            trouble = error
        if time.monotonic() > self._until:
            raise AssertionError(
                f"not within {self._within_s:g} s: {self._what} ({trouble!r})"
            ) from trouble
