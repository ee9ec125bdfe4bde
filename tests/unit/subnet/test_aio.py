"""Races end with the first outcome, leave no task behind and lose no error, whatever the order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.aio import IdleTimer, bounded, first, until
from assay.clock import Clock, ManualClock, SystemClock
from tests.support.timeless import run_timeless


class Failed(Exception):
    """A racer's own error."""


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class LoopClock:
    """The event loop's time behind the clock's interface: no ``SystemClock``, but as fast."""

    def now_ns(self) -> int:
        return int(self.monotonic() * 1e9)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def processor_s(self) -> float:
        return self.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True)
class Racer:
    """Ends after ``ends_s`` by itself; how it answers a cancellation is drawn as well."""

    ends_s: float
    fails: bool
    unwinds_s: float
    cancelled: Literal["ends", "answers", "fails"]

    async def run(self, name: object, living: set[object]) -> object:
        living.add(name)
        try:
            await asyncio.sleep(self.ends_s)
            if self.fails:
                raise Failed(name)
            return name
        except asyncio.CancelledError:
            await asyncio.sleep(self.unwinds_s)
            if self.cancelled == "answers":
                return "late"
            if self.cancelled == "fails":
                raise Failed("late") from None
            raise
        finally:
            living.remove(name)


def racers(ends: st.SearchStrategy[int]) -> st.SearchStrategy[Racer]:
    return st.builds(
        Racer,
        ends_s=ends.map(lambda tens: tens * 10.0),
        fails=st.booleans(),
        unwinds_s=st.sampled_from((0.0, 1.0)),
        cancelled=st.sampled_from(("ends", "answers", "fails")),
    )


async def outcome(work: Any, cut_s: float | None) -> tuple[str, Any, float]:
    """What ``work`` came to and when, if it is cancelled after ``cut_s`` or never."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    if cut_s is not None:
        loop.call_later(cut_s, task.cancel)
    await asyncio.wait((task,))
    if task.cancelled():
        return "cancelled", None, loop.time()
    if (error := task.exception()) is not None:
        return type(error).__name__, error.args, loop.time()
    return "returned", task.result(), loop.time()


@given(
    st.lists(racers(st.integers(1, 9)), min_size=1, max_size=5, unique_by=lambda r: r.ends_s),
    st.none() | st.integers(0, 9).map(lambda tens: tens * 10.0 + 5),
)
def test_a_race_is_decided_by_who_ends_first(field: list[Racer], cut_s: float | None) -> None:
    reported: list[BaseException] = []

    async def main() -> tuple[str, Any, float]:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: reported.append(context["exception"])
        )
        living: set[object] = set()
        race = first(*(racer.run(index, living) for index, racer in enumerate(field)))
        told = await outcome(race, cut_s)
        assert not living
        return told

    kind, value, at_s = run_timeless(main())
    won = min(range(len(field)), key=lambda index: field[index].ends_s)
    winner, cut = field[won], cut_s is not None and cut_s < field[won].ends_s
    losers = [racer for racer in field if cut or racer is not winner]
    ended_s = cut_s if cut else winner.ends_s
    assert ended_s is not None
    unwound_s = ended_s + max((racer.unwinds_s for racer in losers), default=0.0)
    if not cut and cut_s is not None and cut_s < unwound_s:
        return  # cancelled while the losers unwind: nothing is promised of them then
    assert at_s == unwound_s
    if cut:
        assert kind == "cancelled"
    else:
        assert (kind, value) == (("Failed", (won,)) if winner.fails else ("returned", won))
    assert len(reported) == sum(racer.cancelled == "fails" for racer in losers)


@given(
    racers(st.integers(1, 9)),
    st.integers(0, 9).map(lambda tens: tens * 10.0 + 3),
    st.none() | st.integers(0, 9).map(lambda tens: tens * 10.0 + 3.5),
)
def test_a_bound_is_the_same_under_every_clock(
    racer: Racer, bound_s: float, cut_s: float | None
) -> None:
    async def main(clock: Clock) -> tuple[str, Any, float]:
        living: set[object] = set()
        told = await outcome(bounded(clock, bound_s, racer.run("work", living)), cut_s)
        assert not living
        assert len(asyncio.all_tasks()) == 1
        return told

    told = run_timeless(main(LoopClock()))
    assert told == run_timeless(main(SystemClock()))
    if racer.ends_s < bound_s and (cut_s is None or racer.ends_s < cut_s):
        assert told[0] == ("Failed" if racer.fails else "returned")
        assert told[2] == racer.ends_s
    elif cut_s is None and racer.cancelled == "ends":
        assert told == ("TimeoutError", (), bound_s + racer.unwinds_s)


WAITS = st.lists(
    st.tuples(racers(st.integers(0, 9)), st.integers(0, 9).map(lambda tens: tens * 10.0 + 3)),
    min_size=1,
    max_size=5,
)


@given(WAITS, st.none() | st.integers(0, 20).map(lambda tens: tens * 10.0 + 3.5))
def test_one_timer_bounds_each_wait_as_a_timer_of_its_own(
    waits: list[tuple[Racer, float]], cut_s: float | None
) -> None:
    async def main(bound: Any) -> tuple[list[Any], tuple[str, Any, float]]:
        living: set[object] = set()
        told: list[Any] = []

        async def work() -> None:
            for number, (racer, bound_s) in enumerate(waits):
                try:
                    said = await bound(bound_s, racer.run(number, living))
                except Exception as error:
                    said = type(error).__name__
                task = asyncio.current_task()
                assert task is not None
                told.append((said, asyncio.get_running_loop().time(), task.cancelling()))

        ended = await outcome(work(), cut_s)
        assert not living
        return told, ended

    async def with_one_timer() -> Any:
        timer = IdleTimer(SystemClock())
        try:
            return await main(timer.bounded)
        finally:
            timer.close()

    def by_itself(seconds: float, awaitable: Any) -> Any:
        return bounded(SystemClock(), seconds, awaitable)

    assert run_timeless(with_one_timer()) == run_timeless(main(by_itself))


async def test_of_two_that_end_together_the_one_named_first_counts() -> None:
    loop = asyncio.get_running_loop()
    for failing in (0, 1):
        pair = [loop.create_future() for _ in range(2)]
        loop.call_soon(pair[failing].set_exception, Failed("both"))
        loop.call_soon(pair[1 - failing].set_result, "result")
        loop.set_exception_handler(lambda _, context: None)
        if failing == 0:
            with pytest.raises(Failed):
                await first(*pair)
        else:
            assert await first(*pair) == "result"


async def test_a_shielded_future_outlives_the_race() -> None:
    kept = asyncio.get_running_loop().create_future()
    assert await first(asyncio.shield(kept), asyncio.sleep(0, "done")) == "done"
    assert not kept.done()
    kept.cancel()


async def test_until_says_whether_the_event_came() -> None:
    clock, event = ManualClock(), asyncio.Event()
    waiting = asyncio.ensure_future(until(event, clock, 5))
    await settle()
    clock.advance(5)
    assert await waiting is False
    waiting = asyncio.ensure_future(until(event, clock, 5))
    event.set()
    assert await waiting is True
    assert await until(event, clock, 0) is True


async def test_bounded_in_simulated_time() -> None:
    clock = ManualClock()
    cancelled = []

    async def work() -> None:
        try:
            await clock.sleep(10)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    task = asyncio.ensure_future(bounded(clock, 5, work()))
    await settle()
    clock.advance(4.9)
    await settle()
    assert not task.done()
    clock.advance(0.2)
    with pytest.raises(TimeoutError):
        await task
    assert cancelled == [True]


async def test_bounded_gives_the_result() -> None:
    async def work() -> int:
        return 7

    assert await bounded(ManualClock(), 5, work()) == 7
    assert await bounded(SystemClock(), 5, work()) == 7
