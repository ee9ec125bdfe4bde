"""Subnets: creation, start, registration, and what a subnet that is not there answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from assay.chain.errors import (
    ChainRefused,
    TooDear,
    TooLittleBalance,
    UnknownSubnet,
)
from assay.chain.interface import Endpoint, RefusalReason, WeightsRefused
from assay.types import Rao, Uid
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
    # At the same block: the price of a uid falls with each one.
    settings = await chain.hyperparameters(netuid, at=graph.at)
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
    with pytest.raises(TooLittleBalance) as caught:
        await world.chain.create_subnet(poor, world.key().address)
    assert "5 TAO" in caught.value.cause
    assert "assay fund" in caught.value.cure
    assert len(await world.chain.subnets()) == before


async def test_a_subnet_costs_its_price(world: World) -> None:
    price = await world.chain.subnet_price()
    assert price >= TAO
    owner = await funded(world, price // TAO + 10)
    before = await world.chain.balance(owner.address)
    receipt = (await world.chain.create_subnet(owner, world.key().address)).receipt
    paid = before - await world.chain.balance(owner.address) - receipt.fee
    assert 0.99 * price < paid <= price  # it falls with each block


async def test_registering_buys_the_next_uid_once(world: World) -> None:
    chain = world.chain
    created, _, _ = await new_subnet(world)
    miner, hotkey = await funded(world, 20), world.key()
    price = (await chain.hyperparameters(created.netuid)).registration_price
    first = await chain.register(created.netuid, miner, hotkey.address)
    assert (first.netuid, first.uid) == (created.netuid, 1)
    assert first.receipt is not None
    paid = 20 * TAO - await chain.balance(miner.address)
    # The price falls with each block; the fee is the receipt's own, and small beside it.
    assert first.receipt.fee < TAO // 10
    assert first.receipt.fee < paid <= price + first.receipt.fee
    again = await chain.register(created.netuid, miner, hotkey.address)
    assert (again.uid, again.receipt) == (1, None)
    neuron = (await chain.metagraph(created.netuid)).by_hotkey(hotkey.address)
    assert neuron is not None
    assert (neuron.uid, neuron.coldkey) == (1, miner.address)
    assert neuron.block_at_registration == first.receipt.block.number
    assert not neuron.validator_permit


async def test_more_register_at_once_than_a_block_takes(world: World) -> None:
    created, _, _ = await new_subnet(world)
    many = [(await funded(world, 30), world.key()) for _ in range(10)]
    places = await asyncio.gather(
        *(world.chain.register(created.netuid, cold, hot.address) for cold, hot in many)
    )
    assert sorted(place.uid for place in places) == list(range(1, 11))
    graph = await world.chain.metagraph(created.netuid)
    for place, (coldkey, hotkey) in zip(places, many, strict=True):
        neuron = graph.neurons[place.uid]
        assert (neuron.hotkey, neuron.coldkey) == (hotkey.address, coldkey.address)


async def test_registering_costs_no_more_than_its_limit(world: World) -> None:
    created, _, _ = await new_subnet(world)
    miner, hotkey = await funded(world, 20), world.key()
    price = (await world.chain.hyperparameters(created.netuid)).registration_price
    with pytest.raises(TooDear) as caught:
        await world.chain.register(created.netuid, miner, hotkey.address, limit=Rao(1))
    assert "agreed to" in caught.value.cause
    assert await world.chain.balance(miner.address) == 20 * TAO
    bought = await world.chain.register(created.netuid, miner, hotkey.address, limit=price)
    assert bought.uid == 1


async def test_registering_needs_the_price(world: World) -> None:
    created, _, _ = await new_subnet(world)
    poor = await funded(world, 0.01)
    with pytest.raises(TooLittleBalance):
        await world.chain.register(created.netuid, poor, world.key().address)
    assert (await world.chain.metagraph(created.netuid)).n == 1


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
    assert outcome.reason is RefusalReason.UNKNOWN_SUBNET
