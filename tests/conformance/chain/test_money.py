"""Accounts and stake: what moves, what is refused, and that a refusal moves nothing."""

from __future__ import annotations

import asyncio

import pytest

from assay.chain.errors import (
    ChainRefused,
    NotStarted,
    TooDear,
    TooLittleBalance,
    UnknownSubnet,
)
from assay.chain.interface import STAKE_MIN
from assay.types import Rao
from tests.conformance.chain.worlds import TAO, World, funded, new_subnet


async def test_a_transfer_moves_money_and_costs_a_fee(world: World) -> None:
    sender, receiver = await funded(world, 10), world.key()
    assert await world.chain.balance(receiver.address) == 0
    receipt = await world.chain.transfer(sender, receiver.address, Rao(3 * TAO))
    assert receipt.block.number <= (await world.chain.finalized()).number
    assert await world.chain.balance(receiver.address) == 3 * TAO
    assert 6.9 * TAO < await world.chain.balance(sender.address) < 7 * TAO


async def test_too_little_money(world: World) -> None:
    sender, receiver = await funded(world, 1), world.key()
    for amount in (2 * TAO, 10**6 * TAO):
        with pytest.raises(TooLittleBalance) as caught:
            await world.chain.transfer(sender, receiver.address, Rao(amount))
        assert caught.value.exit_code == 3
    assert await world.chain.balance(receiver.address) == 0


async def test_an_account_without_money_pays_nothing(world: World) -> None:
    poor, receiver = world.key(), world.key()
    with pytest.raises(TooLittleBalance):
        await world.chain.transfer(poor, receiver.address, Rao(TAO))


@pytest.mark.parametrize("amount", [-1, 2**64])
async def test_an_amount_that_no_account_can_hold(world: World, amount: int) -> None:
    with pytest.raises(ValueError, match="amount"):
        await world.chain.transfer(world.rich, world.key().address, Rao(amount))


async def test_many_transfers_at_once_from_one_key(world: World) -> None:
    sender, receiver = await funded(world, 10), world.key()
    receipts = await asyncio.gather(
        *(world.chain.transfer(sender, receiver.address, Rao(TAO // 2)) for _ in range(6))
    )
    assert len({receipt.extrinsic for receipt in receipts}) == 6
    assert await world.chain.balance(receiver.address) == 3 * TAO


async def test_stake_turns_tao_into_alpha(world: World) -> None:
    created, coldkey, hotkey = await new_subnet(world)
    netuid = created.netuid
    before = await world.chain.stake(hotkey.address, coldkey.address, netuid)
    added = await world.chain.add_stake(netuid, coldkey, hotkey.address, Rao(5 * TAO))
    assert added.alpha > 0
    held = await world.chain.stake(hotkey.address, coldkey.address, netuid)
    assert held >= before + added.alpha * 999 // 1000  # an epoch may pay more; a share rounds down
    positions = [p for p in await world.chain.stakes(coldkey.address) if p.netuid == netuid]
    assert [p.hotkey for p in positions] == [hotkey.address]
    assert positions[0].alpha >= held
    neuron = (await world.chain.metagraph(netuid)).neurons[0]
    assert neuron.alpha_stake >= held
    assert neuron.total_stake >= held


async def test_nobody_holds_what_nobody_staked(world: World) -> None:
    created, _, hotkey = await new_subnet(world)
    stranger = world.key()
    assert await world.chain.stake(hotkey.address, stranger.address, created.netuid) == 0
    assert list(await world.chain.stakes(stranger.address)) == []


async def test_staking_more_than_there_is(world: World) -> None:
    created, _, hotkey = await new_subnet(world)
    staker = await funded(world, 2)
    with pytest.raises(TooLittleBalance):
        await world.chain.add_stake(created.netuid, staker, hotkey.address, Rao(50 * TAO))
    assert await world.chain.stake(hotkey.address, staker.address, created.netuid) == 0


async def test_a_stake_within_its_limit_is_bought_and_one_beyond_costs_no_more_than_a_fee(
    world: World,
) -> None:
    created, coldkey, hotkey = await new_subnet(world)
    netuid = created.netuid
    price = (await world.chain.subnet(netuid)).alpha_price
    before = await world.chain.balance(coldkey.address)
    with pytest.raises(TooDear, match="A stake of 5 TAO would raise the price") as caught:
        await world.chain.add_stake(
            netuid, coldkey, hotkey.address, Rao(5 * TAO), limit=Rao(price * 9 // 10)
        )
    assert caught.value.reason == "SlippageTooHigh"
    assert before - await world.chain.balance(coldkey.address) < TAO // 100
    added = await world.chain.add_stake(
        netuid, coldkey, hotkey.address, Rao(TAO), limit=Rao(price * 2)
    )
    assert added.alpha > 0


async def test_the_price_that_a_stake_leaves_is_known_before(world: World) -> None:
    created, coldkey, hotkey = await new_subnet(world)
    netuid, amount = created.netuid, Rao(20 * TAO)
    price = (await world.chain.subnet(netuid)).alpha_price
    assert await world.chain.price_after(netuid, Rao(0)) == pytest.approx(price, rel=1e-3)
    foreseen = await world.chain.price_after(netuid, amount)
    await world.chain.add_stake(
        netuid, coldkey, hotkey.address, amount, limit=Rao(foreseen * 1001 // 1000)
    )
    left = (await world.chain.subnet(netuid)).alpha_price
    assert foreseen == pytest.approx(left, rel=1e-3)
    with pytest.raises(UnknownSubnet):
        await world.chain.price_after(netuid + 1_000, amount)


async def test_a_stake_below_the_least_that_may_be(world: World) -> None:
    created, coldkey, hotkey = await new_subnet(world)
    with pytest.raises(ChainRefused) as caught:
        await world.chain.add_stake(created.netuid, coldkey, hotkey.address, Rao(STAKE_MIN - 1))
    assert caught.value.reason in ("AmountTooLow", "StakeAmountTooLow")
    assert caught.value.cure == "Stake a larger amount."
    await world.chain.add_stake(created.netuid, coldkey, hotkey.address, STAKE_MIN)


async def test_a_subnet_that_was_not_started_sells_no_alpha(world: World) -> None:
    created, coldkey, hotkey = await new_subnet(world, started=False)
    with pytest.raises(NotStarted):
        await world.chain.add_stake(created.netuid, coldkey, hotkey.address, Rao(TAO))
