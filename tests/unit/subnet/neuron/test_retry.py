"""A chain that is away is asked again: for a time, ever more slowly, and not behind a stop."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest

from assay.clock import ManualClock
from assay.errors import Refused, Unavailable
from assay.neuron.retry import FIRST_PAUSE_S, LONGEST_PAUSE_S, Retry
from tests.unit.subnet.neuron.worlds import until


class Chain:
    """Is away until it has been asked ``away`` times; when each question came."""

    def __init__(self, clock: ManualClock, away: int) -> None:
        self._clock = clock
        self._away = away
        self.asked_s: list[float] = []

    async def read(self) -> str:
        self.asked_s.append(self._clock.monotonic())
        if len(self.asked_s) <= self._away:
            raise Unavailable(f"Away for the {len(self.asked_s)}.", "Wait.")
        return "the answer"


class Longest(random.Random):
    """Draws the longest pause that it may; the bounds of each draw."""

    def __init__(self) -> None:
        super().__init__()
        self.bounds: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float) -> float:
        self.bounds.append((a, b))
        return b


async def passed(clock: ManualClock, asking: asyncio.Task[str]) -> None:
    """Let time pass in eighths of a second until the question is over."""
    for _ in range(10_000):
        for _ in range(20):
            await asyncio.sleep(0)
        if asking.done():
            return
        clock.advance(0.125)
    raise AssertionError("never over")


async def test_the_chain_is_asked_until_it_answers_with_pauses_that_double_up_to_a_bound() -> None:
    clock, rng = ManualClock(), Longest()
    chain = Chain(clock, away=8)
    retry = Retry(clock=clock, rng=rng, limit_s=1_000.0, stop=asyncio.Event())
    asking = asyncio.ensure_future(retry("a read", chain.read))
    await passed(clock, asking)
    assert asking.result() == "the answer"
    pauses_s = [after - before for before, after in itertools.pairwise(chain.asked_s)]
    assert pauses_s == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert (pauses_s[0], pauses_s[-1]) == (FIRST_PAUSE_S, LONGEST_PAUSE_S)
    assert rng.bounds == [(pause_s / 2, pause_s) for pause_s in pauses_s], "never in step"


async def test_once_its_time_is_used_up_the_last_error_goes_through() -> None:
    clock = ManualClock()
    chain = Chain(clock, away=100)
    retry = Retry(clock=clock, rng=Longest(), limit_s=0.75, stop=asyncio.Event())
    asking = asyncio.ensure_future(retry("a read", chain.read))
    await passed(clock, asking)
    assert chain.asked_s == [0.0, 0.25, 0.75], "the time is up at its last moment"
    with pytest.raises(Unavailable, match=r"Away for the 3\."):
        asking.result()


async def test_each_call_has_the_whole_time() -> None:
    clock = ManualClock()
    clock.advance(500.0)
    chain = Chain(clock, away=1)
    retry = Retry(clock=clock, rng=Longest(), limit_s=0.75, stop=asyncio.Event())
    asking = asyncio.ensure_future(retry("a read", chain.read))
    await passed(clock, asking)
    assert asking.result() == "the answer"


async def test_a_stop_ends_the_pause_and_there_is_no_other() -> None:
    clock, stop = ManualClock(), asyncio.Event()
    chain = Chain(clock, away=100)
    asking = asyncio.ensure_future(
        Retry(clock=clock, rng=Longest(), limit_s=1_000.0, stop=stop)("a read", chain.read)
    )
    await until(lambda: chain.asked_s, "asked once")
    stop.set()
    with pytest.raises(Unavailable, match=r"Away for the 2\."):
        await asking
    assert chain.asked_s == [0.0, 0.0], "asked a last time, at once"


async def test_a_refusal_is_not_asked_for_again() -> None:
    asked = 0

    async def refuse() -> str:
        nonlocal asked
        asked += 1
        raise Refused("No.", "Ask for something else.")

    retry = Retry(clock=ManualClock(), rng=Longest(), limit_s=1_000.0, stop=asyncio.Event())
    with pytest.raises(Refused):
        await retry("a read", refuse)
    assert asked == 1
