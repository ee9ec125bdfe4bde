"""Who gets a place at a miner next, while more requests want one than there are.

Whoever wants a place joins with ``joined`` and says what it would take now (``take``). A place goes
to the first request in the line that can use it: a newcomer stands behind those who wait, and who
can use none of the free places holds up nobody. The turn goes from client to client, and within a
client to the request that has waited longest: a client with a hundred requests delays another one
by one place. ``hand_out`` gives out all places that are free; it is called whenever one may be.

A place that fell to a request which leaves without it, because it was cancelled for instance, is
given back and goes to the next one. This module knows no miners: what a place is, the caller says.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Final, Generic, TypeVar

from assay.aio import bounded
from assay.clock import Clock

Place = TypeVar("Place")
TRIES_MAX: Final = 8
"""Requests of one client, each with other needs, for which no place is free, before the client's
others are passed over. To look at all miners for one takes up to a millisecond in a full subnet,
and is done each time that a call ends: a client with a hundred requests that avoid each other
miners would hold up everybody's tokens."""


class Waiter(Generic[Place]):
    """One request that wants a place."""

    def __init__(
        self, line: WaitingLine[Place], needs: Hashable, take: Callable[[], Place | None]
    ) -> None:
        self._line = line
        self.needs = needs
        self.take = take
        self.place: Place | None = None
        """What has fallen to this request, until it is collected."""
        self.given = asyncio.Event()

    def collect(self, *, look: bool = True) -> Place | None:
        """Return the place that this request gets, if one is free that nobody before it can use.
        Without ``look`` only a place that has fallen to it already."""
        if look:
            self._line.hand_out()
        place, self.place = self.place, None
        return place

    async def until(self, clock: Clock, seconds: float) -> None:
        """Return when a place is there to be collected, or after ``seconds``."""
        with contextlib.suppress(TimeoutError):
            await bounded(clock, seconds, self.given.wait())


class WaitingLine(Generic[Place]):
    """All who want a place and have none yet."""

    def __init__(self, give_back: Callable[[Place], None]) -> None:
        """``give_back`` is told a place that its request does not want any more."""
        self._give_back = give_back
        self._waiting: OrderedDict[str, dict[Waiter[Place], None]] = OrderedDict()
        """By client, the one whose turn it is in front. No entry is empty."""

    @contextlib.contextmanager
    def joined(
        self, whose: str, needs: Hashable, take: Callable[[], Place | None]
    ) -> Iterator[Waiter[Place]]:
        """A place in the line while the block runs, or until it has got what it wants, for the
        client ``whose``. ``take()`` takes the best place that is free for it; None: there is none.
        For equal ``needs`` the same places will do."""
        waiter = Waiter(self, needs, take)
        self._waiting.setdefault(whose, {})[waiter] = None
        try:
            yield waiter
        finally:
            self._leave(whose, waiter)
            if waiter.place is not None:
                self._give_back(waiter.place)
                self.hand_out()

    def hand_out(self) -> None:
        """Give every free place to the first in the line that can use it."""
        in_vain: set[Hashable] = set()
        """What no place is free for. To take a place frees none, so nobody looks again in vain."""
        tries: Counter[str] = Counter()
        while (found := self._first_served(in_vain, tries)) is not None:
            whose, waiter = found
            self._leave(whose, waiter)
            if whose in self._waiting:
                self._waiting.move_to_end(whose)  # behind the other clients
            waiter.given.set()

    def _first_served(
        self, in_vain: set[Hashable], tries: Counter[str]
    ) -> tuple[str, Waiter[Place]] | None:
        """The first request in the line that takes a place, and its client. ``tries`` counts by
        client what is added to ``in_vain``."""
        for whose, line in self._waiting.items():
            for waiter in line:
                if tries[whose] >= TRIES_MAX:
                    break
                if waiter.needs in in_vain:
                    continue
                waiter.place = waiter.take()
                if waiter.place is not None:
                    return whose, waiter
                in_vain.add(waiter.needs)
                tries[whose] += 1
        return None

    def _leave(self, whose: str, waiter: Waiter[Place]) -> None:
        line = self._waiting.get(whose)
        if line is None or waiter not in line:
            return
        del line[waiter]
        if not line:
            del self._waiting[whose]
