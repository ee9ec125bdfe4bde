"""Subnets and neurons: creation, registration, serving, commitments, and who may do what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from subnet.chain.errors import (
    ChainRefused,
    NotRegistered,
    TooLittleBalance,
    UnknownSubnet,
)
from subnet.chain.interface import COMMITMENT_BYTES_MAX, Endpoint, Refusal, WeightsRefused
from subnet.types import Rao, Uid
from tests.conformance.chain.worlds import TAO, World, funded, new_subnet

NOWHERE = 999


async def test_a_new_subnet_belongs_to_its_owner(world: World) -> None:
    chain = world.chain
    created, coldkey, hotkey = await new_subnet(world, started=False)
    netuid = created.netuid
    assert await chain.subnet_exists(netuid)
    info = await chain.subnet(netuid)
    assert (info.owner_coldkey, info.owner_hotkey) == (coldkey.address, hotkey.address)
    assert (info.neurons, info.started) == (1, False)
    assert info.registered_at == created.receipt.block.number
    assert info.alpha_price > 0
    assert netuid in [each.netuid for each in await chain.subnets()]
    graph = await chain.metagraph(netuid)
    assert (graph.netuid, graph.n, graph.owner_hotkey) == (netuid, 1, hotkey.address)
    owner = graph.neurons[0]
    assert (owner.uid, owner.hotkey, owner.coldkey) == (0, hotkey.address, coldkey.address)
    assert owner.axon is None
    assert graph.epoch.last_block < graph.epoch.next_block
    settings = await chain.hyperparameters(netuid)
    assert settings == graph.settings
    assert settings.tempo == graph.epoch.tempo == info.tempo > 0
    assert info.max_uids == settings.max_uids


async def test_starting_is_for_the_owner_and_done_once(world: World) -> None:
    created, coldkey, _ = await new_subnet(world, started=False)
    stranger = await funded(world, 5)
    with pytest.raises(ChainRefused):
        await world.chain.start_subnet(created.netuid, stranger)
    assert not (await world.chain.subnet(created.netuid)).started
    assert await world.chain.start_subnet(created.netuid, coldkey) is not None
    assert (await world.chain.subnet(created.netuid)).started
    assert await world.chain.start_subnet(created.netuid, coldkey) is None


async def test_a_subnet_costs_more_than_a_poor_account_has(world: World) -> None:
    poor = await funded(world, 5)
    before = len(await world.chain.subnets())
    with pytest.raises(ChainRefused):
        await world.chain.create_subnet(poor, world.key().address)
    assert len(await world.chain.subnets()) == before


async def test_registering_buys_the_next_uid_once(world: World) -> None:
    chain = world.chain
    created, _, _ = await new_subnet(world)
    miner, hotkey = await funded(world, 20), world.key()
    price = (await chain.hyperparameters(created.netuid)).registration_price
    first = await chain.register(created.netuid, miner, hotkey.address)
    assert (first.netuid, first.uid) == (created.netuid, 1)
    assert first.receipt is not None
    paid = 20 * TAO - await chain.balance(miner.address)
    assert 0 < paid <= price + TAO // 100  # the price falls with each block; the fee is small
    again = await chain.register(created.netuid, miner, hotkey.address)
    assert (again.uid, again.receipt) == (1, None)
    neuron = (await chain.metagraph(created.netuid)).by_hotkey(hotkey.address)
    assert neuron is not None
    assert (neuron.uid, neuron.coldkey) == (1, miner.address)
    assert neuron.block_at_registration == first.receipt.block.number
    assert not neuron.validator_permit


async def test_registering_needs_the_price(world: World) -> None:
    created, _, _ = await new_subnet(world)
    poor = await funded(world, 0.01)
    with pytest.raises(TooLittleBalance):
        await world.chain.register(created.netuid, poor, world.key().address)
    assert (await world.chain.metagraph(created.netuid)).n == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3"])
async def test_an_axon_is_published_once(world: World, host: str) -> None:
    created, _, hotkey = await new_subnet(world)
    if host != "127.0.0.1":
        host = "8.8.4.4"  # the address check lets no private network through
    endpoint = Endpoint(host, 20_123)
    assert await world.chain.serve_axon(created.netuid, hotkey, endpoint) is not None
    assert (await world.chain.metagraph(created.netuid)).neurons[0].axon == endpoint
    assert await world.chain.serve_axon(created.netuid, hotkey, endpoint) is None
    moved = Endpoint(host, 20_124)
    assert await world.chain.serve_axon(created.netuid, hotkey, moved) is not None
    assert (await world.chain.metagraph(created.netuid)).neurons[0].axon == moved


async def test_a_hotkey_without_money_serves_and_commits(world: World) -> None:
    created, coldkey, _ = await new_subnet(world)
    hotkey = world.key()
    await world.chain.register(created.netuid, coldkey, hotkey.address)
    assert await world.chain.balance(hotkey.address) == 0
    assert await world.chain.serve_axon(created.netuid, hotkey, Endpoint("127.0.0.1", 20_001))
    assert await world.chain.set_commitment(created.netuid, hotkey, b"root")
    assert await world.chain.balance(hotkey.address) == 0


@pytest.mark.parametrize("size", [0, 1, 31, 32, 64, COMMITMENT_BYTES_MAX])
async def test_a_commitment_comes_back_as_it_was(world: World, size: int) -> None:
    created, _, hotkey = await new_subnet(world)
    data = bytes(range(256))[-size:] if size else b""
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


READS_AND_WRITES: dict[str, Callable[[World], Awaitable[object]]] = {
    "subnet": lambda w: w.chain.subnet(NOWHERE),
    "metagraph": lambda w: w.chain.metagraph(NOWHERE),
    "hyperparameters": lambda w: w.chain.hyperparameters(NOWHERE),
    "weights": lambda w: w.chain.weights(NOWHERE),
    "commitments": lambda w: w.chain.commitments(NOWHERE),
    "register": lambda w: w.chain.register(NOWHERE, w.rich, w.key().address),
    "start": lambda w: w.chain.start_subnet(NOWHERE, w.rich),
    "stake": lambda w: w.chain.add_stake(NOWHERE, w.rich, w.rich.address, Rao(TAO)),
    "serve": lambda w: w.chain.serve_axon(NOWHERE, w.rich, Endpoint("127.0.0.1", 20_003)),
    "commit": lambda w: w.chain.set_commitment(NOWHERE, w.rich, b"x"),
}


@pytest.mark.parametrize("name", READS_AND_WRITES)
async def test_a_subnet_that_is_not_there(world: World, name: str) -> None:
    with pytest.raises(UnknownSubnet) as caught:
        await READS_AND_WRITES[name](world)
    assert str(NOWHERE) in caught.value.cause


async def test_weights_for_a_subnet_that_is_not_there(world: World) -> None:
    assert not await world.chain.subnet_exists(NOWHERE)
    outcome = await world.chain.set_weights(NOWHERE, world.rich, {Uid(0): 1.0})
    assert isinstance(outcome, WeightsRefused)
    assert outcome.reason is Refusal.UNKNOWN_SUBNET
