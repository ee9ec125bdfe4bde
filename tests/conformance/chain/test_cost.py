"""What following a chain costs: requests counted between a client and a live node."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from assay.chain.connect import connect
from assay.chain.follow import Follower
from assay.chain.interface import Chain
from assay.clock import SystemClock
from assay.types import Uid
from tests.conformance.chain.counting import Counted, counting
from tests.conformance.chain.worlds import (
    DEADLINES,
    NodeWorld,
    RestartableNode,
    funded,
    new_subnet,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

BLOCK_REQUESTS_MAX = 3
METAGRAPH_BEFORE = 24
"""Requests for one metagraph before storage was read in batches (commit 460891c)."""


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeWorld]:
    process = RestartableNode(tmp_path / "chain")
    world = NodeWorld(process, tmp_path / "cache")
    try:
        await world.open()
        yield world
        await world.chain.close()
    finally:
        process.kill()


async def subnet_of(world: NodeWorld, neurons: int) -> int:
    """A subnet with so many neurons, each with a commitment."""
    created, _, owner = await new_subnet(world)
    coldkey = await funded(world, 10_000)
    keys = [owner, *(world.key() for _ in range(neurons - 1))]
    for at in range(1, neurons, 4):  # more at once would fight over the blocks
        await asyncio.gather(
            *(
                world.chain.register(created.netuid, coldkey, key.address)
                for key in keys[at : at + 4]
            )
        )
    await asyncio.gather(
        *(world.chain.set_commitment(created.netuid, key, key.address.encode()) for key in keys)
    )
    return created.netuid


@contextlib.asynccontextmanager
async def counted_client(world: NodeWorld, cache: Path) -> AsyncIterator[tuple[Chain, Counted]]:
    async with counting(world.url) as counted:
        chain = await connect(counted.url, cache_dir=cache, deadlines=DEADLINES, patience_s=30.0)
        try:
            yield chain, counted
        finally:
            await chain.close()


@pytest.mark.parametrize("neurons", [3, 40])
async def test_a_block_costs_three_requests_whatever_the_number_of_neurons(
    node: NodeWorld, neurons: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    netuid = await subnet_of(node, neurons)
    async with (
        counted_client(node, tmp_path / "other") as (chain, counted),
        Follower(chain, netuid, clock=SystemClock(), rng=random.Random(1)) as view,
        contextlib.aclosing(view.blocks()) as moments,
    ):
        await anext(moments)
        await anext(moments)  # the subscription stands
        counted.clear()
        for _ in range(10):
            moment = await anext(moments)
        asked = counted.methods.copy()
    assert asked.total() <= BLOCK_REQUESTS_MAX * 11, asked  # one block more may have begun
    assert set(asked) == {"state_call", "state_queryStorageAt"}
    assert (moment.metagraph.n, len(moment.commitments)) == (neurons, neurons)
    record_property("requests a block", asked.total() / 10)


async def test_an_idle_turn_asks_nothing(node: NodeWorld, tmp_path: Path) -> None:
    """Between two blocks nothing is asked at all, however often a moment is looked at."""
    netuid = await subnet_of(node, 3)
    async with (
        counted_client(node, tmp_path / "other") as (chain, counted),
        Follower(chain, netuid, clock=SystemClock(), rng=random.Random(1)) as view,
        contextlib.aclosing(view.blocks()) as moments,
    ):
        await anext(moments)
        await anext(moments)
        for _ in range(5):
            await anext(moments)
            before = counted.requests
            for _ in range(1_000):
                view.now()
            readers = [view.blocks() for _ in range(20)]
            for reader in readers:
                assert (await anext(reader)) is view.now()
                await reader.aclose()
            assert counted.requests == before  # nothing awaited the chain, so none could come


async def test_a_metagraph_costs_four_requests_and_three_at_a_block(
    node: NodeWorld, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    netuid = await subnet_of(node, 3)
    async with counted_client(node, tmp_path / "other") as (chain, counted):
        await node.blocks(2)
        counted.clear()
        graph = await chain.metagraph(netuid)
        after = counted.requests
        counted.clear()
        await chain.metagraph(netuid, graph.at)
        pinned = counted.requests
    record_property("requests a metagraph", (METAGRAPH_BEFORE, after, pinned))
    assert after <= 4
    assert pinned <= BLOCK_REQUESTS_MAX


async def test_setting_weights_looks_at_the_chain_twice(node: NodeWorld, tmp_path: Path) -> None:
    """Once for who may set them and once for what stands; no metagraph is read."""
    created, _, owner = await new_subnet(node)
    async with counted_client(node, tmp_path / "other") as (chain, counted):
        await node.blocks(1)
        counted.clear()
        await chain.set_weights(created.netuid, owner, {Uid(0): 1.0})
        assert counted.methods["state_call"] == 0, counted.methods
        assert counted.methods["state_queryStorageAt"] == 2, counted.methods
        assert counted.requests <= 18, counted.methods
