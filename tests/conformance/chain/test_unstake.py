"""Stake that is sold: what comes back, what is refused, and that a refusal moves nothing."""

from __future__ import annotations

import pytest

from assay.chain.errors import ChainRefused, NotStarted, TooCheap, TooLittleStake, UnknownSubnet
from assay.types import AlphaRao, Rao
from tests.conformance.chain.worlds import TAO, World, funded, new_subnet


async def test_unstaking_turns_alpha_back_into_tao(world: World) -> None:
    created, coldkey, hotkey = await new_subnet(world)
    netuid = created.netuid
    added = await world.chain.add_stake(netuid, coldkey, hotkey.address, Rao(5 * TAO))
    half = AlphaRao(added.alpha // 2)
    held = await world.chain.stake(hotkey.address, coldkey.address, netuid)
    before = await world.chain.balance(coldkey.address)
    removed = await world.chain.remove_stake(netuid, coldkey, hotkey.address, half)
    assert 2.4 * TAO < removed.tao < 2.6 * TAO
    after = await world.chain.balance(coldkey.address)
    assert before < after <= before + removed.tao
    assert after >= before + removed.tao - TAO // 100, "more than a fee was lost"
    left = await world.chain.stake(hotkey.address, coldkey.address, netuid)
    assert left >= held - half  # an epoch may have paid more


async def test_no_more_is_unstaked_than_is_held(world: World) -> None:
    created, coldkey, hotkey = await new_subnet(world)
    netuid = created.netuid
    added = await world.chain.add_stake(netuid, coldkey, hotkey.address, Rao(TAO))
    stranger = await funded(world, 2)
    for who, amount in [(coldkey, added.alpha * 1_000_000), (stranger, 1)]:
        with pytest.raises(TooLittleStake) as caught:
            await world.chain.remove_stake(netuid, who, hotkey.address, AlphaRao(amount))
        assert caught.value.reason == "NotEnoughStakeToWithdraw"
        assert hotkey.address in caught.value.cause
    with pytest.raises(UnknownSubnet):
        await world.chain.remove_stake(netuid + 1_000, coldkey, hotkey.address, AlphaRao(1))
    with pytest.raises(ChainRefused) as too_little:
        await world.chain.remove_stake(netuid, coldkey, hotkey.address, AlphaRao(1_000))
    assert too_little.value.reason == "AmountTooLow"
    assert "Unstake a larger amount" in too_little.value.cure


async def test_a_sale_below_its_limit_costs_no_more_than_a_fee(world: World) -> None:
    created, coldkey, hotkey = await new_subnet(world)
    netuid = created.netuid
    added = await world.chain.add_stake(netuid, coldkey, hotkey.address, Rao(5 * TAO))
    price = (await world.chain.subnet(netuid)).alpha_price
    before = await world.chain.balance(coldkey.address)
    with pytest.raises(TooCheap, match="would lower the price") as caught:
        await world.chain.remove_stake(
            netuid, coldkey, hotkey.address, added.alpha, limit=Rao(price * 11 // 10)
        )
    assert caught.value.reason == "SlippageTooHigh"
    assert before - await world.chain.balance(coldkey.address) < TAO // 100
    removed = await world.chain.remove_stake(
        netuid, coldkey, hotkey.address, AlphaRao(added.alpha // 2), limit=Rao(price // 2)
    )
    assert removed.tao > 0


async def test_a_subnet_that_was_not_started_buys_no_alpha(world: World) -> None:
    created, coldkey, hotkey = await new_subnet(world, started=False)
    with pytest.raises(NotStarted):
        await world.chain.remove_stake(created.netuid, coldkey, hotkey.address, AlphaRao(TAO))
