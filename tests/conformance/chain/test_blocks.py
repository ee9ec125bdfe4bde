"""Blocks: heads, finality, waiting, and reading the past."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from assay.chain.errors import ChainRefused, ChainUnavailable, UnknownBlock
from assay.chain.interface import BlockRef
from assay.types import BlockNumber
from tests.conformance.chain.worlds import World, new_subnet


async def test_heads_are_named_and_finality_is_not_ahead(world: World) -> None:
    await world.blocks(5)
    final, head = await world.chain.finalized(), await world.chain.head()
    assert 0 < final.number <= head.number
    for ref in (final, head):
        assert len(ref.hash) == 66
        assert ref.hash.startswith("0x")
    assert await world.chain.block_time_s() > 0
    assert not await world.chain.is_money()
    assert not await world.chain.is_public()


async def test_heads_stream_grows(world: World) -> None:
    seen = []

    async def watch() -> None:
        async with contextlib.aclosing(world.chain.heads(silence_s=10)) as heads:
            async for ref in heads:
                seen.append(ref.number)
                if len(seen) == 4:
                    return

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    while not watching.done():
        await world.blocks(1)
        await asyncio.sleep(0.01)
    await watching
    assert seen == sorted(set(seen))


async def test_heads_carry_the_chains_own_hashes(world: World) -> None:
    seen = []

    async def watch() -> None:
        async with contextlib.aclosing(world.chain.heads(silence_s=10)) as heads:
            async for ref in heads:
                seen.append(ref)
                if len(seen) == 4:
                    return

    watching = asyncio.create_task(watch())
    while not watching.done():
        await world.blocks(1)
        await asyncio.sleep(0.01)
    await watching
    for ref in seen:
        assert (await world.chain.block_hash(ref.number)).hex() == ref.hash.removeprefix("0x")


async def test_a_blocks_hash_by_number(world: World) -> None:
    await world.blocks(2)
    final = await world.chain.finalized()
    assert (await world.chain.block_hash(final.number)).hex() == final.hash.removeprefix("0x")
    assert await world.chain.genesis_hash() == "0x" + (await world.chain.block_hash(0)).hex()
    for number in (-1, 10**9, 2**40):
        with pytest.raises(UnknownBlock) as caught:
            await world.chain.block_hash(number)
        assert str(number) in caught.value.cause


async def test_waiting_for_a_block(world: World) -> None:
    now = await world.chain.finalized()
    waiting = asyncio.create_task(world.chain.wait_for_block(now.number + 3, timeout_s=20))
    await asyncio.sleep(0)
    await world.blocks(4)
    assert (await waiting).number >= now.number + 3
    assert (await world.chain.wait_for_block(now.number, timeout_s=5)).number >= now.number


async def test_waiting_ends_with_its_deadline(world: World) -> None:
    began = time.monotonic()
    with pytest.raises(ChainUnavailable) as caught:
        await world.chain.wait_for_block(10**9, timeout_s=0.3)
    assert time.monotonic() - began < 3
    assert caught.value.cause
    assert caught.value.cure


async def test_an_old_block_answers_as_it_was(world: World) -> None:
    created, coldkey, _ = await new_subnet(world)
    before = await world.chain.finalized()
    await world.chain.register(created.netuid, coldkey, world.key().address)
    then = await world.chain.metagraph(created.netuid, before)
    now = await world.chain.metagraph(created.netuid)
    assert (then.n, now.n) == (1, 2)
    assert then.at == before


async def test_a_block_that_never_was(world: World) -> None:
    created, _, _ = await new_subnet(world)
    nowhere = BlockRef(BlockNumber(1), "0x" + "77" * 32)
    with pytest.raises(ChainRefused):
        await world.chain.metagraph(created.netuid, nowhere)
