"""One piece of work at a time, and those who have work take turns.

Whoever has much work to do waits behind itself: with ``Turns.turn`` a name that has a hundred
pieces of work delays another name by the one piece that is under way. This module knows neither the
work nor what the names are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator


class Turns:
    """A lock that goes round among the names of those who wait for it."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """By name, the next one in front. No entry is empty."""

    @contextlib.asynccontextmanager
    async def turn(self, name: str) -> AsyncGenerator[None, None]:
        """Wait for the turn of ``name``; it lasts as long as the block."""
        if self._taken:
            mine = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(name, deque()).append(mine)
            try:
                await mine
            except asyncio.CancelledError:
                if mine.cancelled():
                    self._forget(name, mine)
                else:
                    self._pass_on()
                raise
        self._taken = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        """Give the turn to the next one that waits; the name of that one goes to the end."""
        while self._waiting:
            name, behind = self._waiting.popitem(last=False)
            following = behind.popleft()
            if behind:
                self._waiting[name] = behind
            if not following.done():
                following.set_result(None)
                return
        self._taken = False

    def _forget(self, name: str, mine: asyncio.Future[None]) -> None:
        """Take ``mine`` out, unless its turn was passed over already."""
        behind = self._waiting.get(name)
        if behind is not None and mine in behind:
            behind.remove(mine)
            if not behind:
                del self._waiting[name]
