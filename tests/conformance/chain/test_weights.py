"""Weights, from the first refusal to the first reward."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from assay.chain.interface import RefusalReason, Stage, WeightsRefused, WeightsSet
from assay.types import U16_MAX, NetUid, Rao, Signer, Uid
from tests.conformance.chain.worlds import TAO, World, funded, new_subnet, next_epoch


@dataclass(frozen=True)
class Cast:
    """A subnet with an owner, a staked validator with a permit, and two miners."""

    netuid: NetUid
    validator: Signer
    miners: tuple[Signer, Signer]


async def cast(world: World) -> Cast:
    chain = world.chain
    created, _, _ = await new_subnet(world)
    validator, miners = world.key(), (world.key(), world.key())
    coldkey = await funded(world, 1_000)
    for hotkey in (validator, *miners):
        await chain.register(created.netuid, coldkey, hotkey.address)
    await chain.add_stake(created.netuid, coldkey, validator.address, Rao(500 * TAO))
    return Cast(created.netuid, validator, miners)


async def test_weights_go_from_refusal_to_reward(world: World) -> None:
    chain = world.chain
    who = await cast(world)
    netuid, wanted = who.netuid, {Uid(2): 3.0, Uid(3): 1.0}
    early = await chain.set_weights(netuid, who.miners[0], wanted)
    assert isinstance(early, WeightsRefused)
    assert early.reason is RefusalReason.NO_PERMIT

    graph = await next_epoch(world, netuid)
    assert graph.neurons[1].validator_permit
    outcome = await chain.set_weights(netuid, who.validator, wanted)
    assert isinstance(outcome, WeightsSet), outcome
    third = math.floor(U16_MAX / 3 + 0.5)
    assert outcome.row == ((2, U16_MAX), (3, third))
    assert outcome.receipt.block.number <= outcome.read_at.number
    assert await chain.weights(netuid) == {1: outcome.row}

    before = await chain.metagraph(netuid)
    assert before.neurons[1].last_update == outcome.receipt.block.number
    graph = await next_epoch(world, netuid)
    first, second = graph.neurons[2], graph.neurons[3]
    assert first.incentive > second.incentive > 0
    assert abs(first.incentive / second.incentive - 3) < 0.01
    assert graph.neurons[1].dividends > 0.99 * U16_MAX
    assert first.emission > second.emission > 0
    assert first.alpha_stake > before.neurons[2].alpha_stake
    assert graph.epoch.last_block + graph.epoch.tempo == graph.epoch.next_block


async def test_weights_replace_the_row(world: World) -> None:
    who = await cast(world)
    await next_epoch(world, who.netuid)
    for wanted in ({Uid(2): 1.0}, {Uid(3): 0.25, Uid(2): 0.5}, {Uid(3): 1e-9, Uid(2): 1e9}):
        outcome = await world.chain.set_weights(who.netuid, who.validator, wanted)
        assert isinstance(outcome, WeightsSet), outcome
        assert await world.chain.weights(who.netuid) == {1: outcome.row}
    last = (await world.chain.weights(who.netuid))[Uid(1)]
    assert last == ((2, U16_MAX),)  # what rounds to zero is not stored


BAD = {
    "a uid that is not there": ({Uid(2): 1.0, Uid(77): 1.0}, RefusalReason.UNKNOWN_UID),
    "nothing": ({}, RefusalReason.NOTHING_TO_SET),
    "only zeros": ({Uid(2): 0.0}, RefusalReason.NOTHING_TO_SET),
    "a negative weight": ({Uid(2): -1.0}, RefusalReason.BAD_WEIGHT),
    "no number": ({Uid(2): math.nan}, RefusalReason.BAD_WEIGHT),
    "infinity": ({Uid(2): math.inf}, RefusalReason.BAD_WEIGHT),
}


async def test_bad_weights_are_refused_before_they_are_sent(world: World) -> None:
    who = await cast(world)
    await next_epoch(world, who.netuid)
    for name, (wanted, reason) in BAD.items():
        outcome = await world.chain.set_weights(who.netuid, who.validator, wanted)
        assert isinstance(outcome, WeightsRefused), name
        assert (outcome.reason, outcome.stage) == (reason, Stage.PREFLIGHT), name
        assert outcome.cause.endswith("."), name
        assert outcome.cure.endswith("."), name
    assert await world.chain.weights(who.netuid) == {}


async def test_a_stranger_sets_no_weights(world: World) -> None:
    created, _, _ = await new_subnet(world)
    outcome = await world.chain.set_weights(created.netuid, world.key(), {Uid(0): 1.0})
    assert isinstance(outcome, WeightsRefused)
    assert outcome.reason is RefusalReason.NOT_REGISTERED


@pytest.mark.parametrize("version", [0, 7, 2**63])
async def test_a_newer_version_key_is_accepted(world: World, version: int) -> None:
    created, _, hotkey = await new_subnet(world)
    # The owner needs no permit, and a single self-weight neither a minimum nor a limit.
    outcome = await world.chain.set_weights(
        created.netuid, hotkey, {Uid(0): 1.0}, version_key=version
    )
    assert isinstance(outcome, WeightsSet), outcome
    assert outcome.row == ((0, U16_MAX),)
