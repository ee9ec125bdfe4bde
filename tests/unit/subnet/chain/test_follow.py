"""A follower by a hand-moved clock: how long it waits, how it comes back, what it remembers."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator

import pytest

from assay.chain.errors import BadAnswer, ChainUnavailable, OtherChain, UnknownBlock, UnknownSubnet
from assay.chain.fake import HISTORY_BLOCKS, FakeChain, FakeLedger
from assay.chain.follow import MOMENTS_KEPT, PATIENCE_S, PAUSE_MAX_S, Follower
from assay.chain.interface import BlockRef, Moment
from assay.clock import ManualClock
from assay.types import RAO_PER_TAO
from tests.conformance.chain.worlds import NamedKey

RICH = NamedKey("rich")


class Counting(FakeChain):
    """A fake chain that counts its moments and refuses them as told."""

    def __init__(self, ledger: FakeLedger) -> None:
        super().__init__(ledger)
        self.moments = 0
        self.hashes = 0
        self.refusal: Exception | None = None
        self.tries: list[float] = []

    async def moment(self, netuid: int, at: BlockRef | None = None) -> Moment:
        self.moments += 1
        self.tries.append(self._ledger.clock.monotonic())
        if self.refusal is not None:
            raise self.refusal
        return await super().moment(netuid, at)

    async def block_hash(self, number: int) -> bytes:
        self.hashes += 1
        return await super().block_hash(number)


@contextlib.asynccontextmanager
async def following() -> AsyncGenerator[tuple[Follower, Counting, FakeLedger, ManualClock], None]:
    clock = ManualClock()
    ledger = FakeLedger(clock, balances={RICH.address: 10**6 * RAO_PER_TAO})
    chain = Counting(ledger)
    created = await chain.create_subnet(RICH, NamedKey("hot").address)
    view = Follower(chain, created.netuid, clock=clock, rng=random.Random(1))
    async with view:
        yield view, chain, ledger, clock


async def settle() -> None:
    """Let everything run that waits for no time."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_one_moment_a_block_whoever_reads() -> None:
    async with following() as (view, chain, ledger, _):
        assert chain.moments == 1
        readers = [view.blocks() for _ in range(10)]
        for reader in readers:
            await anext(reader)
        for count in range(2, 6):
            ledger.advance()
            found = await asyncio.gather(*(anext(reader) for reader in readers))
            assert all(moment is view.now() for moment in found)
            assert chain.moments == count
        for reader in readers:
            await reader.aclose()


async def test_a_burst_of_blocks_is_one_moment() -> None:
    async with following() as (view, chain, ledger, _):
        ledger.advance(50)
        await settle()
        assert view.now().at == ledger.finalized
        assert chain.moments <= 3


async def test_an_older_moment_is_read_once_for_all_who_want_it() -> None:
    async with following() as (view, chain, ledger, _):
        then = view.now()
        ledger.advance(3)
        await settle()
        asked = chain.moments
        found = await asyncio.gather(*(view.moment_at(then.at.number) for _ in range(5)))
        assert all(moment == then for moment in found)
        assert chain.moments == asked + 1
        assert await view.moment_at(view.now().at.number) is view.now()
        assert chain.moments == asked + 1
        with pytest.raises(UnknownBlock):
            await view.moment_at(view.now().at.number + 1)


async def test_no_more_than_a_few_older_moments_are_kept() -> None:
    async with following() as (view, chain, ledger, _):
        first = view.now().at.number
        ledger.advance(MOMENTS_KEPT + 1)
        await settle()
        for number in range(first, first + MOMENTS_KEPT + 1):
            await view.moment_at(number)
        asked = chain.moments
        await view.moment_at(first + MOMENTS_KEPT)
        assert chain.moments == asked
        await view.moment_at(first)
        assert chain.moments == asked + 1


async def test_a_moment_whose_state_the_chain_no_longer_keeps() -> None:
    async with following() as (view, _, ledger, _):
        first = view.now().at.number
        ledger.advance(HISTORY_BLOCKS + 1)
        await settle()
        with pytest.raises(UnknownBlock, match="no longer keeps the state") as caught:
            await view.moment_at(first)
        assert caught.value.reason == "StateDiscarded"


async def test_silence_is_told_after_the_wait_and_no_earlier() -> None:
    async with following() as (view, _, ledger, clock):
        reader = view.blocks()
        await anext(reader)
        waiting = asyncio.ensure_future(anext(reader))
        await settle()
        clock.advance(PATIENCE_S - 1)
        await settle()
        assert not waiting.done()
        clock.advance(2)
        await settle()
        with pytest.raises(ChainUnavailable, match="no new block for 600 s"):
            await waiting
        assert view.now().at == ledger.finalized


async def test_a_refusal_is_tried_again_with_growing_pauses_and_then_told() -> None:
    async with following() as (view, chain, ledger, clock):
        chain.refusal = BadAnswer.to("get_metagraph", "a record was expected")
        chain.tries.clear()
        reader = view.blocks()
        await anext(reader)
        ledger.advance()
        waiting = asyncio.ensure_future(anext(reader))
        while not waiting.done():
            await settle()
            clock.advance(0.05)
        with pytest.raises(BadAnswer):
            await waiting
        pauses = [
            later - sooner for sooner, later in zip(chain.tries, chain.tries[1:], strict=False)
        ]
        assert 0.04 < pauses[0] < 0.2
        assert all(pause <= PAUSE_MAX_S + 0.1 for pause in pauses)
        assert len(chain.tries) < 300
        assert len({round(pause, 3) for pause in pauses[-8:]}) > 1  # jittered


async def test_after_a_refusal_it_goes_on() -> None:
    async with following() as (view, chain, ledger, clock):
        chain.refusal = ChainUnavailable("It does not answer.", "Wait.")
        ledger.advance()
        await settle()
        chain.refusal = None
        clock.advance(1.0)
        await settle()
        assert view.now().at == ledger.finalized


@pytest.mark.parametrize(
    "lasting", [UnknownSubnet.of(1), OtherChain("Another genesis answers.", "Start again.")]
)
async def test_what_no_waiting_ends_is_told_at_once(lasting: Exception) -> None:
    async with following() as (view, chain, ledger, _):
        chain.refusal = lasting
        reader = view.blocks()
        last = await anext(reader)
        ledger.advance()
        with pytest.raises(type(lasting)):
            await anext(reader)
        assert view.now() is last


async def test_our_own_fault_is_told_to_the_reader() -> None:
    async with following() as (view, chain, ledger, _):
        chain.refusal = ZeroDivisionError("a bug")
        reader = view.blocks()
        await anext(reader)
        ledger.advance()
        with pytest.raises(ZeroDivisionError):
            await anext(reader)


async def test_hashes_of_blocks_that_were_seen_cost_nothing() -> None:
    async with following() as (view, chain, ledger, _):
        for _ in range(5):
            ledger.advance()
            await settle()
        number = view.now().at.number
        for _ in range(3):
            for back in range(4):
                await view.block_hash(number - back)
        assert chain.hashes == 0
        assert await view.block_hash(0) == await view.block_hash(0)
        assert chain.hashes == 1


async def test_no_task_outlives_the_view() -> None:
    before = asyncio.all_tasks()
    async with following() as (_, _, ledger, _):
        ledger.advance()
        await settle()
    await settle()
    assert asyncio.all_tasks() == before
