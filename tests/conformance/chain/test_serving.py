"""What a neuron publishes: its axon's address and its commitment."""

from __future__ import annotations

import pytest

from assay.chain.errors import ChainRefused, NotRegistered
from assay.chain.interface import COMMITMENT_BYTES_MAX, Endpoint
from tests.conformance.chain.worlds import World, new_subnet


async def test_an_axon_is_published_once_and_moves(world: World) -> None:
    created, _, hotkey = await new_subnet(world)
    for endpoint in (
        Endpoint("127.0.0.1", 20_123),
        Endpoint("127.0.0.1", 20_124),
        Endpoint("8.8.4.4", 20_124),
        Endpoint("2001:4860:4860::8844", 65_535),
    ):
        assert await world.chain.serve_axon(created.netuid, hotkey, endpoint) is not None
        assert (await world.chain.metagraph(created.netuid)).neurons[0].axon == endpoint
        assert await world.chain.serve_axon(created.netuid, hotkey, endpoint) is None


async def test_a_hotkey_without_money_serves_and_commits(world: World) -> None:
    created, coldkey, _ = await new_subnet(world)
    hotkey = world.key()
    await world.chain.register(created.netuid, coldkey, hotkey.address)
    assert await world.chain.balance(hotkey.address) == 0
    assert await world.chain.serve_axon(created.netuid, hotkey, Endpoint("127.0.0.1", 20_001))
    assert await world.chain.set_commitment(created.netuid, hotkey, b"root")
    assert await world.chain.balance(hotkey.address) == 0


async def test_a_commitment_comes_back_as_it_was(world: World) -> None:
    created, _, hotkey = await new_subnet(world)
    for size in (0, 1, 31, 32, 64, COMMITMENT_BYTES_MAX):
        data = bytes(range(256))[256 - size :]
        receipt = await world.chain.set_commitment(created.netuid, hotkey, data)
        held = await world.chain.commitment(created.netuid, hotkey.address)
        assert held is not None
        assert (held.data, held.block) == (data, receipt.block.number)
        assert await world.chain.commitments(created.netuid) == {hotkey.address: held}


async def test_a_commitment_is_replaced_and_bounded(world: World) -> None:
    created, _, hotkey = await new_subnet(world)
    assert await world.chain.commitment(created.netuid, hotkey.address) is None
    await world.chain.set_commitment(created.netuid, hotkey, b"first")
    await world.chain.set_commitment(created.netuid, hotkey, b"second")
    with pytest.raises(ChainRefused):
        await world.chain.set_commitment(created.netuid, hotkey, bytes(COMMITMENT_BYTES_MAX + 1))
    held = await world.chain.commitment(created.netuid, hotkey.address)
    assert held is not None
    assert held.data == b"second"


async def test_a_stranger_neither_serves_nor_commits(world: World) -> None:
    created, _, _ = await new_subnet(world)
    stranger = world.key()
    with pytest.raises(NotRegistered):
        await world.chain.serve_axon(created.netuid, stranger, Endpoint("127.0.0.1", 20_002))
    with pytest.raises(ChainRefused):
        await world.chain.set_commitment(created.netuid, stranger, b"x")
