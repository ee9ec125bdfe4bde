"""A view of one subnet: one moment a block for all its readers, through breaks of the chain."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from assay.chain.errors import BadQuery, ChainUnavailable, UnknownBlock, UnknownSubnet
from assay.chain.follow import Follower
from assay.chain.interface import Moment
from assay.chain.view import ChainView
from assay.clock import SystemClock
from tests.conformance.chain.worlds import World, new_subnet

PATIENCE_S = 60.0
"""Parity's node compiles the runtime whenever it starts, for half a minute on two busy cores."""


def follower(world: World, netuid: int, **options: float) -> Follower:
    limits = {"patience_s": PATIENCE_S, "start_s": PATIENCE_S} | options
    return Follower(world.chain, netuid, clock=SystemClock(), rng=random.Random(1), **limits)


async def ticking(world: World) -> None:
    """Make blocks where nobody else makes them."""
    while True:
        await world.blocks(1)
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def blocks_pass(world: World):  # type: ignore[no-untyped-def]
    ticks = asyncio.create_task(ticking(world))
    try:
        yield
    finally:
        ticks.cancel()
        await asyncio.gather(ticks, return_exceptions=True)


async def take(view: ChainView, count: int) -> list[Moment]:
    found = []
    async with contextlib.aclosing(view.blocks()) as moments:
        async for moment in moments:
            found.append(moment)
            if len(found) == count:
                break
    return found


async def test_a_moment_is_there_at_once_and_is_of_one_block(world: World) -> None:
    created, coldkey, owner = await new_subnet(world)
    hotkey = world.key()
    await world.chain.register(created.netuid, coldkey, hotkey.address)
    await world.chain.set_commitment(created.netuid, hotkey, b"root")
    async with follower(world, created.netuid) as view:
        moment = view.now()
        assert moment.at == moment.metagraph.at
        assert [n.hotkey for n in moment.metagraph.neurons] == [owner.address, hotkey.address]
        assert {who: said.data for who, said in moment.commitments.items()} == {
            hotkey.address: b"root"
        }
        assert moment.epoch == moment.metagraph.epoch
        assert moment == await world.chain.moment(created.netuid, moment.at)
        assert moment.metagraph == await world.chain.metagraph(created.netuid, moment.at)


async def test_all_readers_are_handed_the_same_moments(world: World) -> None:
    created, _, _ = await new_subnet(world)
    async with follower(world, created.netuid) as view, blocks_pass(world):
        first, second = await asyncio.gather(take(view, 5), take(view, 5))
    for seen in (first, second):
        numbers = [moment.at.number for moment in seen]
        assert numbers == sorted(set(numbers))
    shared = {id(moment) for moment in first} & {id(moment) for moment in second}
    assert shared  # not equal ones: the very same


async def test_a_reader_that_is_slow_misses_moments_and_holds_up_nobody(world: World) -> None:
    created, _, _ = await new_subnet(world)
    async with (
        follower(world, created.netuid) as view,
        blocks_pass(world),
        contextlib.aclosing(view.blocks()) as slow,
    ):
        await anext(slow)
        (*_, newest) = await take(view, 6)
        assert (await anext(slow)).at.number >= newest.at.number


async def test_what_others_do_shows_in_the_next_moments(world: World) -> None:
    created, coldkey, _ = await new_subnet(world)
    hotkey = world.key()
    async with follower(world, created.netuid) as view, blocks_pass(world):
        assert view.now().metagraph.n == 1
        await world.chain.register(created.netuid, coldkey, hotkey.address)
        await world.chain.set_commitment(created.netuid, hotkey, b"here")
        async with contextlib.aclosing(view.blocks()) as moments:
            async for moment in moments:
                if hotkey.address in moment.commitments:
                    break
        assert moment.metagraph.by_hotkey(hotkey.address) is not None


async def test_hashes_and_reads_at_blocks(world: World) -> None:
    created, coldkey, _ = await new_subnet(world)
    netuid = created.netuid
    async with follower(world, netuid) as view:
        before = view.now()
        assert await view.block_hash(before.at.number) == hashed(before.at.hash)
        assert await view.block_hash(0) == hashed(await world.chain.genesis_hash())
        for number in (-1, before.at.number + 1_000):
            with pytest.raises(UnknownBlock):
                await view.block_hash(number)
        hotkey = world.key().address
        await world.chain.register(netuid, coldkey, hotkey)
        now = await world.chain.finalized()
        assert await view.read("SubtensorModule.Uids", netuid, hotkey, at=before.at) is None
        assert await view.read("SubtensorModule.Uids", netuid, hotkey, at=now) == 1
        assert await view.read("SubtensorModule.Tempo", netuid) == before.epoch.tempo
        assert await view.read("SubtensorModule.NetworksAdded", 60_000) is False
        account = await view.read("System.Account", coldkey.address, at=now)
        assert isinstance(account, dict)
        assert account["data"]["free"] == await world.chain.balance(coldkey.address)


async def test_an_older_moment_is_as_it_was(world: World) -> None:
    created, coldkey, _ = await new_subnet(world)
    async with follower(world, created.netuid) as view, blocks_pass(world):
        before = view.now()
        await world.chain.register(created.netuid, coldkey, world.key().address)
        await take(view, 3)
        assert await view.moment_at(before.at.number) == before
        with pytest.raises(UnknownBlock):
            await view.moment_at(view.now().at.number + 1_000)


WRONG: dict[str, tuple[object, ...]] = {
    "no such item": ("SubtensorModule.Nonsense",),
    "no such pallet": ("Nonsense.Tempo", 1),
    "no pallet": ("Tempo", 1),
    "nothing": ("",),
    "too few keys": ("SubtensorModule.Tempo",),
    "too many keys": ("SubtensorModule.Tempo", 1, 2),
    "text for a number": ("SubtensorModule.Tempo", "one"),
    "a negative number": ("SubtensorModule.Tempo", -1),
    "a number for an account": ("System.Account", 5),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_read_that_the_metadata_does_not_have(world: World, name: str) -> None:
    item, *keys = WRONG[name]
    with pytest.raises(BadQuery) as caught:
        await world.chain.read(str(item), *keys)
    assert isinstance(caught.value, ValueError)
    assert caught.value.cause.endswith(".")
    assert caught.value.cure.endswith(".")


async def test_a_subnet_that_is_not_there(world: World) -> None:
    with pytest.raises(UnknownSubnet):
        async with follower(world, 60_000):
            pass


async def test_a_chain_that_is_away_at_the_start(world: World) -> None:
    await world.stop_chain()
    try:
        with pytest.raises(ChainUnavailable):
            async with follower(world, 1, start_s=0.5):
                pass
    finally:
        await world.start_chain()


async def test_a_chain_that_goes_away_and_comes_back(world: World) -> None:
    created, _, _ = await new_subnet(world)
    async with follower(world, created.netuid) as view:
        async with blocks_pass(world):
            await take(view, 2)
        await world.stop_chain()
        last = view.now()
        async with contextlib.aclosing(view.blocks()) as moments:
            assert (await anext(moments)).at.number >= last.at.number
            following = asyncio.ensure_future(anext(moments))
            await asyncio.wait({following}, timeout=0.3)
            assert view.now().at.number >= last.at.number
            await world.start_chain()
            async with blocks_pass(world):
                later = await following
        assert later.at.number > last.at.number


async def test_a_chain_that_stays_away_is_told_to_every_reader_in_its_time(world: World) -> None:
    created, _, _ = await new_subnet(world)
    async with follower(world, created.netuid, patience_s=0.6) as view:
        await world.stop_chain()
        try:
            loop = asyncio.get_running_loop()
            began = loop.time()
            for _ in range(2):  # it may be asked for again
                with pytest.raises(ChainUnavailable) as caught:
                    await take(view, 100)
                assert caught.value.cure
            assert 1.2 <= loop.time() - began < 15
            assert view.now().metagraph.n == 1
        finally:
            await world.start_chain()
        async with blocks_pass(world):
            last = view.now().at.number
            for _ in range(20):
                with contextlib.suppress(ChainUnavailable):
                    if (await take(view, 2))[-1].at.number > last:
                        return
    pytest.fail("no newer moment after the chain was back")


async def test_a_view_that_was_left(world: World) -> None:
    created, _, _ = await new_subnet(world)
    view = follower(world, created.netuid)
    with pytest.raises(RuntimeError):
        view.now()
    async with view:
        pass
    with pytest.raises(RuntimeError):
        await take(view, 2)


def hashed(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
