"""Weights under commit-reveal without a beacon: sealed by a hash, opened in their epoch, paid."""

from __future__ import annotations

from assay.chain.interface import RefusalReason, WeightsRefused
from assay.chain.sealing import SALT_WORDS, RowSeal, SealedRow, WeightsOpened, WeightsSealed
from assay.types import U16_MAX, Uid
from tests.conformance.chain.test_weights import Cast, cast
from tests.conformance.chain.worlds import World, next_epoch

SALT = tuple(range(SALT_WORDS))


async def _sealed(world: World, who: Cast, weights: dict[Uid, float]) -> WeightsSealed:
    """A row of the validator, committed in the running epoch."""
    kept: list[SealedRow] = []
    outcome = await world.chain.set_weights(
        who.netuid, who.validator, weights, sealing=RowSeal(SALT, kept.append)
    )
    assert isinstance(outcome, WeightsSealed), outcome
    assert kept == [outcome.sealed]
    return outcome


async def test_a_sealed_row_is_opened_and_paid(world: World) -> None:
    chain, who = world.chain, await cast(world)
    await world.commit_reveal(who.netuid)
    before = await next_epoch(world, who.netuid)
    assert before.settings.commit_reveal
    sealed = await _sealed(world, who, {Uid(2): 3.0, Uid(3): 1.0})
    assert await chain.weights(who.netuid) == {}
    early = await chain.reveal_weights(who.netuid, who.validator, sealed.sealed)
    if (await chain.metagraph(who.netuid)).epoch.index < sealed.reveal_epoch:
        assert early == sealed

    graph = await next_epoch(world, who.netuid)
    assert graph.epoch.index == sealed.reveal_epoch
    opened = await chain.reveal_weights(who.netuid, who.validator, sealed.sealed)
    assert isinstance(opened, WeightsOpened), opened
    assert await chain.weights(who.netuid) == {1: sealed.sealed.row}
    again = await chain.reveal_weights(who.netuid, who.validator, sealed.sealed)
    assert isinstance(again, WeightsOpened), "a lost answer is settled by what stands"

    graph = await next_epoch(world, who.netuid)
    first, second = graph.neurons[2], graph.neurons[3]
    assert abs(first.incentive / second.incentive - 3) < 0.01
    assert graph.neurons[1].dividends > 0.99 * U16_MAX


async def test_a_commit_is_a_sign_of_life(world: World) -> None:
    who = await cast(world)
    await world.commit_reveal(who.netuid)
    before = await next_epoch(world, who.netuid)
    await _sealed(world, who, {Uid(2): 1.0})
    after = await world.chain.metagraph(who.netuid)
    assert after.neurons[1].last_update > before.neurons[1].last_update


async def test_a_row_that_was_not_opened_in_its_epoch_stays_shut(world: World) -> None:
    who = await cast(world)
    await world.commit_reveal(who.netuid)
    await next_epoch(world, who.netuid)
    sealed = await _sealed(world, who, {Uid(2): 1.0})
    while (await world.chain.metagraph(who.netuid)).epoch.index <= sealed.reveal_epoch:
        await world.blocks(1)
    late = await world.chain.reveal_weights(who.netuid, who.validator, sealed.sealed)
    assert isinstance(late, WeightsRefused)
    assert late.reason is RefusalReason.NOT_SEALED
    assert await world.chain.weights(who.netuid) == {}


async def test_without_the_means_to_seal_a_row_nothing_is_sent(world: World) -> None:
    who = await cast(world)
    await world.commit_reveal(who.netuid)
    await next_epoch(world, who.netuid)
    outcome = await world.chain.set_weights(who.netuid, who.validator, {Uid(2): 1.0})
    assert isinstance(outcome, WeightsRefused)
    assert outcome.reason is RefusalReason.COMMIT_REVEAL_WITHOUT_BEACON
