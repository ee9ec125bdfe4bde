"""How many requests run at once, who waits, and for how long.

A bounded number of places for handlers and a bounded queue in order of arrival. In come a caller's
key, its rank, whether it asks for a stream, and what is left of its budget; out comes a place, or a
``RequestRefused``. One hotkey can hold only part of the places; streams together only half; all
that hold no permit together only half, and they wait behind those that do. The last quarter of each
of these bounds is for hotkeys that run few requests. This module knows nothing of messages or
methods.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Final

import msgspec

from assay.aio import bounded
from assay.clock import Clock
from assay.wire.errors import Code, RequestRefused
from assay.wire.limits import Limits

STREAMS_PART: Final = 2
"""One in so many places may run a stream: half of them. A stream may last an hour
(``stream_s_max``), a unary handler two minutes, so with more places for streams a few slow readers
would keep out every short call; with fewer, a miner that streams its answers would lie idle."""
KEPT_PART: Final = 4
"""One in so many places is kept for hotkeys that run fewer than ``FEW`` requests: the last quarter.
Two hotkeys may fill the rest (``per_caller_max`` is half of the places), and each further one still
runs at once. A larger part would slow down honest callers that are alone."""
FEW: Final = 4
"""A hotkey that runs fewer requests than this may take a kept place. Of 64 places 16 are kept: four
hotkeys have their share of them, sixteen have one each. With a larger number a third greedy hotkey
would fill them alone; with 1 a validator could never ask a busy miner two questions at once."""


class HandlerPlace(msgspec.Struct, frozen=True, gc=False):
    """A place to run in; ``ConcurrencyLimit.leave`` takes it back."""

    public_key: bytes
    first: bool
    stream: bool = False


class _Share:
    """So many of the places, the last of them kept for hotkeys that run few requests."""

    __slots__ = ("_kept", "_places_max", "taken")

    def __init__(self, places_max: int) -> None:
        self._places_max = places_max
        self._kept = places_max // KEPT_PART
        self.taken = 0

    def has_room(self, runs_few: bool) -> bool:
        return self.taken < self._places_max - (0 if runs_few else self._kept)


_Line = deque[tuple[HandlerPlace, "asyncio.Future[None]"]]


class ConcurrencyLimit:
    """Places to run in. ``enter`` waits in line, ``leave`` lets the next one in."""

    def __init__(self, limits: Limits, clock: Clock, *, ranked: bool = False) -> None:
        """``ranked``: callers differ in rank, and half of everything is for the first. Else the
        axon knows no permits, and all share everything."""
        self._limits = limits
        self._clock = clock
        self._ranked = ranked
        half = 2 if ranked else 1
        self._all = _Share(limits.running_max)
        self._streams = _Share(max(1, limits.running_max // STREAMS_PART))
        self._others = _Share(max(1, limits.running_max // half))
        self._shares = {
            (first, stream): self._shares_of(first, stream)
            for first in (False, True)
            for stream in (False, True)
        }
        """By what a place is: made once, because every request asks three times."""
        self._others_waiting_max = limits.waiting_max // half
        self._per_other_max = limits.per_other_max if ranked else limits.per_caller_max
        self._first_waiting: _Line = deque()
        self._others_waiting: _Line = deque()
        self._held: Counter[bytes] = Counter()
        """By hotkey: how many of its requests run or wait."""
        self._runs: Counter[bytes] = Counter()
        """By hotkey: how many of its requests run."""

    @property
    def running(self) -> int:
        """How many places are taken."""
        return self._all.taken

    @property
    def waiting(self) -> int:
        """How many requests wait for a place."""
        return len(self._first_waiting) + len(self._others_waiting)

    async def enter(
        self, public_key: bytes, budget_s: float, *, first: bool = False, stream: bool = False
    ) -> HandlerPlace:
        """A place for this hotkey within the budget; RequestRefused if there is none.

        ``first``: the hotkey holds a permit. ``stream``: it asks for a stream.
        """
        limits = self._limits
        if self._held[public_key] >= (limits.per_caller_max if first else self._per_other_max):
            raise RequestRefused(
                Code.CALLER_LIMITED, "this hotkey has too many requests open", retry_after_s=1.0
            )
        place = HandlerPlace(public_key, first, stream)
        line = self._first_waiting if first else self._others_waiting
        # Nobody who waits would fit: each place that came free was offered to all of them.
        if self._fits(place):
            self._take(place)
        elif self.waiting >= limits.waiting_max or (
            not first and len(line) >= self._others_waiting_max
        ):
            raise RequestRefused(Code.OVERLOADED, "the queue is full", retry_after_s=1.0)
        else:
            self._held[public_key] += 1
            try:
                await self._wait(line, min(budget_s, limits.wait_s_max), place)
            finally:
                _take_one(self._held, public_key)
        self._held[public_key] += 1
        return place

    def leave(self, place: HandlerPlace) -> None:
        """Give a place back, to whoever waits first and may have it."""
        _take_one(self._held, place.public_key)
        self._give_back(place)

    def _shares_of(self, first: bool, stream: bool) -> tuple[_Share, ...]:
        shares = [self._all]
        if stream:
            shares.append(self._streams)
        if not first:
            shares.append(self._others)
        return tuple(shares)

    def _fits(self, place: HandlerPlace) -> bool:
        runs_few = self._runs[place.public_key] < FEW
        if self._ranked and not place.first and not self._all.has_room(runs_few=False):
            return False  # of all places the kept ones are for permit holders
        return all(share.has_room(runs_few) for share in self._shares[place.first, place.stream])

    def _take(self, place: HandlerPlace) -> None:
        self._runs[place.public_key] += 1
        for share in self._shares[place.first, place.stream]:
            share.taken += 1

    def _give_back(self, place: HandlerPlace) -> None:
        _take_one(self._runs, place.public_key)
        for share in self._shares[place.first, place.stream]:
            share.taken -= 1
        if self._first_waiting:
            self._hand_out(self._first_waiting)
        if self._others_waiting:
            self._hand_out(self._others_waiting)

    def _hand_out(self, line: _Line) -> None:
        """Give free places to those in ``line`` that may have them, in order of arrival."""
        for waiter in list(line):
            if not self._all.has_room(runs_few=True):
                return
            place, turn = waiter
            if not turn.done() and self._fits(place):
                line.remove(waiter)
                self._take(place)
                turn.set_result(None)

    async def _wait(self, line: _Line, wait_s: float, place: HandlerPlace) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append((place, turn))
        try:
            await bounded(self._clock, wait_s, asyncio.shield(turn))
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._give_back(place)  # the place was given to us as we gave up
            else:
                turn.cancel()
                line.remove((place, turn))
            if isinstance(error, TimeoutError):
                raise RequestRefused(
                    Code.OVERLOADED, "no place came free in time", retry_after_s=1.0
                ) from None
            raise


def _take_one(counts: Counter[bytes], public_key: bytes) -> None:
    """One less of ``public_key``; a count of nothing is not kept."""
    counts[public_key] -= 1
    if not counts[public_key]:
        del counts[public_key]
