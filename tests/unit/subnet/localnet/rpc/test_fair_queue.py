"""Whose call is next: the least indebted payer's; a block that is due goes before any call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from assay.clock import ManualClock
from assay.localnet.rpc.call_budget import Account, Sources
from assay.localnet.rpc.errors import SERVER_BUSY, RpcError
from assay.localnet.rpc.fair_queue import FairQueue
from assay.localnet.rpc.limits import RpcLimits

LIMITS = RpcLimits()
DEAR_S = 2 * LIMITS.cheap_s


class Scene:
    """A queue, the payers of two addresses, and the order in which calls were made."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.due = False
        self.queue = FairQueue(LIMITS, self.clock, block_is_due=lambda: self.due)
        self.sources = Sources(LIMITS)
        self.order: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    def payer(self, address: str = "10.0.0.1") -> Account:
        return Account(LIMITS.connection_terms, self.sources.of(address).account)

    def ask(self, name: str, payer: Account, price_s: float, taken_s: float = 0.0) -> None:
        async def call() -> None:
            await self.queue.turn(payer, price_s)
            self.order.append(name)
            self.clock.advance(taken_s)
            payer.charge(self.clock.monotonic(), taken_s)

        self.tasks.append(asyncio.ensure_future(call()))

    async def settle(self) -> None:
        for _ in range(60):
            await asyncio.sleep(0)


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    try:
        yield made
    finally:
        made.queue.close()
        for task in made.tasks:
            task.cancel()
        await asyncio.gather(*made.tasks, return_exceptions=True)


async def loop_until(holds: Callable[[], bool]) -> None:
    """Let the event loop turn until ``holds``."""
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come about")


@contextmanager
def turns_of_the_loop() -> Iterator[list[int]]:
    """Counts the turns of the event loop."""
    seen = [0]
    loop = asyncio.get_running_loop()
    going = True

    def again() -> None:
        if going:
            seen[0] += 1
            loop.call_soon(again)

    loop.call_soon(again)
    try:
        yield seen
    finally:
        going = False


async def test_a_cheap_call_of_one_who_owes_nothing_does_not_queue() -> None:
    async with scene() as it:
        with turns_of_the_loop() as turns:
            await it.queue.turn(it.payer(), LIMITS.cheap_s)
        assert turns == [0]


async def test_dear_calls_are_made_one_in_a_turn_of_the_loop() -> None:
    async with scene() as it:
        made_in: list[int] = []
        with turns_of_the_loop() as turns:
            for number in range(5):
                it.ask(str(number), it.payer(f"10.0.0.{number}"), DEAR_S)
            while len(made_in) < 5:
                await asyncio.sleep(0)
                made_in += [turns[0]] * (len(it.order) - len(made_in))
        assert len(set(made_in)) == 5


async def test_one_who_asks_little_goes_before_a_hundred_connections_of_another() -> None:
    async with scene() as it:
        crowd = [it.payer("10.0.0.1") for _ in range(100)]
        for number, payer in enumerate(crowd):
            it.ask(f"crowd {number}", payer, DEAR_S, taken_s=0.1)
        it.ask("other", it.payer("10.0.0.2"), DEAR_S)
        await it.settle()
        assert "other" in it.order[:2]


async def test_on_one_address_the_connection_that_asks_little_goes_first() -> None:
    async with scene() as it:
        greedy, modest = it.payer(), it.payer()
        for _ in range(3):
            it.ask("greedy", greedy, DEAR_S, taken_s=0.2)
            await it.settle()
        for _ in range(3):
            it.ask("greedy", greedy, LIMITS.cheap_s)
        it.ask("modest", modest, LIMITS.cheap_s)
        await it.settle()
        assert it.order.index("modest") == 3


async def test_new_connections_do_not_rid_an_address_of_its_debts() -> None:
    async with scene() as it:
        for _ in range(5):
            it.ask("one", it.payer(), DEAR_S, taken_s=0.2)
            await it.settle()
        it.ask("newest", it.payer(), DEAR_S)
        it.ask("other", it.payer("10.0.0.2"), DEAR_S)
        await it.settle()
        assert it.order[5:] == ["other", "newest"]


async def test_the_dearer_call_goes_last() -> None:
    async with scene() as it:
        it.ask("dear", it.payer(), 0.2)
        it.ask("cheaper", it.payer(), 0.1)
        await it.settle()
        assert it.order == ["cheaper", "dear"]


async def test_a_turn_lasts_for_a_while_of_cheap_calls() -> None:
    async with scene() as it:
        payer = it.payer()
        payer.charge(it.clock.monotonic(), 1.0)
        it.ask("first", payer, LIMITS.cheap_s)
        await it.settle()
        with turns_of_the_loop() as turns:
            await it.queue.turn(payer, LIMITS.cheap_s)
            assert turns == [0]
            it.clock.advance(LIMITS.slice_s)
            await it.queue.turn(payer, LIMITS.cheap_s)
            assert turns != [0], "it queues again"


async def test_a_block_that_is_due_goes_first_but_not_for_ever() -> None:
    async with scene() as it:
        it.due = True
        with turns_of_the_loop() as turns:
            it.ask("call", it.payer(), DEAR_S)
            await loop_until(lambda: turns[0] >= 10)
            assert it.order == [], "the loop is left to the block"
            await loop_until(lambda: bool(it.order))
            assert turns[0] < 100


async def test_a_call_whose_turn_does_not_come_is_refused() -> None:
    async with scene() as it:
        it.due = True
        waiting = asyncio.ensure_future(it.queue.turn(it.payer(), DEAR_S))
        for _ in range(3):
            await asyncio.sleep(0)
        it.clock.advance(LIMITS.turn_wait_s)
        with pytest.raises(RpcError, match="did not come within 10 s") as caught:
            await waiting
        assert caught.value.code == SERVER_BUSY
        assert len(it.queue) == 0


async def test_one_who_gives_up_leaves_the_queue() -> None:
    async with scene() as it:
        it.due = True
        it.ask("gone", it.payer(), DEAR_S)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        it.tasks[0].cancel()
        it.ask("next", it.payer(), DEAR_S)
        it.due = False
        await it.settle()
        assert it.order == ["next"]
        assert len(it.queue) == 0
