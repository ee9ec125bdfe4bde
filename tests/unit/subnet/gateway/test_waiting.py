"""Places go to those who wait, in turn, and none is lost: whoever comes, goes or is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.clock import ManualClock, SystemClock
from assay.gateway.waiting import TRIES_MAX, WaitingLine

ANY = "any"


@dataclass
class Places:
    """Places of two kinds, and the line before them."""

    free: Counter[str]
    order: list[str] = field(default_factory=list)
    line: WaitingLine[str] = field(init=False)

    def __post_init__(self) -> None:
        self.line = WaitingLine(self.give_back)

    def give_back(self, kind: str) -> None:
        self.free[kind] += 1

    def take(self, wanted: str) -> str | None:
        for kind in sorted(+self.free):
            if wanted in (ANY, kind):
                self.free[kind] -= 1
                return kind
        return None

    def release(self, kind: str) -> None:
        self.give_back(kind)
        self.line.hand_out()

    async def get(self, whose: str, wanted: str = ANY) -> str:
        with self.line.joined(whose, wanted, lambda: self.take(wanted)) as waiter:
            while (found := waiter.collect()) is None:
                await waiter.until(SystemClock(), 60.0)
        self.order.append(whose)
        return found


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_clients_take_turns() -> None:
    places = Places(Counter())
    tasks = [asyncio.create_task(places.get(whose)) for whose in "aaaabbc"]
    await settled()
    for _ in tasks:
        places.release("x")
        await settled()
    await asyncio.gather(*tasks)
    assert "".join(places.order) == "abcabaa"


async def test_a_newcomer_stands_behind_those_who_wait() -> None:
    """It comes between the moment in which a place falls free and the turn of who waited for it."""
    places = Places(Counter())
    waiting = asyncio.create_task(places.get("early"))
    await settled()
    places.release("x")
    late = asyncio.create_task(places.get("late"))
    await settled()
    assert waiting.done() and not late.done()
    late.cancel()


async def test_one_that_is_cancelled_with_its_place_passes_it_on() -> None:
    places = Places(Counter())
    first, second = (asyncio.create_task(places.get(whose)) for whose in "ab")
    await settled()
    places.release("x")
    first.cancel()
    await settled()
    assert first.cancelled() and second.done()
    assert await second == "x"


async def test_who_can_use_no_free_place_holds_up_nobody() -> None:
    places = Places(Counter())
    picky, other = (asyncio.create_task(places.get("a", wanted)) for wanted in ("y", ANY))
    await settled()
    places.release("x")
    await settled()
    assert other.done() and not picky.done()
    places.release("y")
    assert await picky == "y"


async def test_one_that_looks_again_by_itself_keeps_its_turn() -> None:
    """A miner that rests is free again without a word of anybody."""
    clock, places, order = ManualClock(), Places(Counter()), []

    async def get(whose: str) -> None:
        with places.line.joined(whose, ANY, lambda: places.take(ANY)) as waiter:
            while waiter.collect() is None:
                await waiter.until(clock, 1.0)
        order.append(whose)

    first = asyncio.create_task(get("a"))
    await settled()
    clock.advance(0.5)
    second = asyncio.create_task(get("b"))
    await settled()
    places.free["x"] += 1  # unsaid
    clock.advance(0.5)
    await settled()
    assert (order, second.done()) == (["a"], False)
    places.release("x")
    await asyncio.gather(first, second)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.sampled_from("abc"), st.sampled_from(["x", "y", ANY])),
        st.tuples(st.just("release"), st.sampled_from("xy"), st.just("")),
        st.tuples(st.just("cancel"), st.integers(0, 20), st.just("")),
        st.tuples(st.just("pause"), st.just(0), st.just("")),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2), STEPS)
def test_no_place_is_lost_and_none_is_free_while_one_waits_for_it(
    free: int, steps: list[tuple[str, str | int, str]]
) -> None:
    async def run() -> None:
        places = Places(Counter(x=free))
        tasks: list[tuple[str, str, asyncio.Task[str]]] = []
        added = Counter(x=free)
        for what, which, wanted in steps:
            if what == "come":
                task = asyncio.create_task(places.get(str(which), wanted))
                tasks.append((str(which), wanted, task))
            elif what == "release":
                places.release(str(which))
                added[str(which)] += 1
            elif what == "cancel" and tasks:
                tasks[int(which) % len(tasks)][2].cancel()
            else:
                await settled()
                check(places, tasks, added)
        await settled()
        check(places, tasks, added)
        for _, _, task in tasks:
            task.cancel()
        await settled()

    asyncio.run(run())


def check(
    places: Places, tasks: list[tuple[str, str, asyncio.Task[str]]], added: Counter[str]
) -> None:
    """Every place is free or somebody's; nobody waits for one that is free; within a client, who
    came first has got what both could use."""
    got = Counter(t.result() for _, _, t in tasks if t.done() and not t.cancelled())
    assert got + places.free == +added
    waiting = [(whose, wanted) for whose, wanted, task in tasks if not task.done()]
    for _, wanted in waiting:
        assert not (+places.free if wanted == ANY else places.free[wanted])
    for place, (whose, wanted, task) in enumerate(tasks):
        if not task.done():
            later = [t for w, wish, t in tasks[place:] if (w, wish) == (whose, wanted)]
            assert not any(t.done() and not t.cancelled() for t in later)


async def test_one_client_with_many_needs_is_looked_at_a_few_times_alone() -> None:
    """A hundred requests, each of which avoids other miners, are looked at whenever a call ends."""
    tried: list[str] = []
    free: list[str] = []

    def take(name: str) -> str | None:
        tried.append(name)
        return free.pop() if free and name == "other" else None

    line: WaitingLine[str] = WaitingLine(free.append)
    with contextlib.ExitStack() as stack:
        for number in range(100):
            name = f"needs {number}"
            stack.enter_context(line.joined("hostile", name, partial(take, name)))
        waiting = stack.enter_context(line.joined("other", "any", partial(take, "other")))
        free.append("place")
        line.hand_out()
        assert waiting.given.is_set()
        assert len(tried) == TRIES_MAX + 1
