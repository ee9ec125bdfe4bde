"""The golden vectors of executed public runtimes, through the committed Wasm in our own host."""

from __future__ import annotations

import pytest

from assay.scoring.reference.epoch import run
from tests.conformance.runtime.subnet import (
    Stored,
    coldkey,
    hotkey,
    lay_epoch,
    lay_stake,
    lay_subnet,
    read_epoch,
)
from tests.conformance.runtime.world import NETUID, World
from tests.vectors.readers import (
    CurvePoint,
    EpochVector,
    WeightsVector,
    alpha_curve,
    epochs,
    set_weights,
    tao_curve,
)

_REFUSED_BY_THE_POOL = {
    "WeightVecNotEqualSize": 18,
    "UidsLengthExceedUidsInSubNet": 255,
    "IncorrectWeightVersionKey": 255,
    "SettingWeightsTooFast": 6,
    "NotEnoughStakeToSetWeights": 1,
}
"""Errors that are told before a call runs, with the code that clients know them by."""


@pytest.mark.parametrize("vector", epochs(), ids=lambda vector: vector.name)
def test_an_epoch_stores_what_executed_runtimes_stored(vector: EpochVector) -> None:
    world, epoch, rules = World(), vector.epoch(), vector.rules(old=False)
    lay_epoch(world, epoch, rules)
    world.begin_block(vector.block)
    assert world.get("LastEpochBlock", NETUID) == vector.block
    found = read_epoch(world, len(epoch.neurons))
    expected = vector.expected(old=False)
    compared = [name for name in Stored.__slots__ if name in expected]
    assert {name: getattr(found, name) for name in compared} == {
        name: expected[name] for name in compared
    }
    # What the newer rules change, the oracle says.
    assert found == Stored.of(run(epoch, rules))


def _emitting_subnet(world: World) -> None:
    """A started subnet with a price, so that it takes part in a block's emission."""
    lay_subnet(world, 1)
    world.set("FirstEmissionBlockNumber", NETUID, to=1)
    world.set("SubtokenEnabled", NETUID, to=True)
    world.set("NetworkRegistrationAllowed", NETUID, to=True)
    world.set("SubnetEmissionEnabled", NETUID, to=True)
    world.set("SubnetMovingPrice", NETUID, to={"bits": 1 << 32})
    world.set("SubnetTAO", NETUID, to=10**12)
    world.set("SubnetAlphaIn", NETUID, to=10**12)
    world.set("Tempo", NETUID, to=50_000)
    world.set("LastEpochBlock", NETUID, to=1)


@pytest.mark.parametrize("point", tao_curve(), ids=lambda point: point.name)
def test_a_block_emits_tao_by_the_curve(point: CurvePoint) -> None:
    world = World()
    _emitting_subnet(world)
    world.set("TotalIssuance", to=point.issuance)
    world.begin_block(100)
    injected = world.get("SubnetTaoInEmission", NETUID)
    assert injected + world.get("SubnetExcessTao", NETUID) == point.emission
    assert world.get("TotalIssuance") == point.issuance + point.emission


@pytest.mark.parametrize("point", alpha_curve(), ids=lambda point: point.name)
def test_a_block_emits_alpha_by_the_same_curve(point: CurvePoint) -> None:
    world = World()
    _emitting_subnet(world)
    world.set("SubnetAlphaOut", NETUID, to=point.issuance - 10**12)
    world.begin_block(100)
    assert world.get("SubnetAlphaOutEmission", NETUID) == point.emission


@pytest.mark.parametrize("vector", set_weights(), ids=lambda vector: vector.name)
def test_weights_are_stored_or_refused_as_executed_runtimes_did(vector: WeightsVector) -> None:
    world, caller = _weights_world(vector)
    before = world.get("LastUpdate", NETUID)[vector.setting.uid]
    arguments = {
        "netuid": NETUID,
        "dests": vector.uids,
        "weights": vector.values,
        "version_key": vector.version_key,
    }
    told = world.submit(caller, "set_weights", arguments)
    if told is not None and told.startswith("refused:"):
        assert told == f"refused:{_REFUSED_BY_THE_POOL[str(vector.error)]}"
        told = world.submit_in_batch(caller, "set_weights", arguments)
    assert told == vector.error
    row = [tuple(pair) for pair in world.get("Weights", NETUID, vector.setting.uid)]
    assert row == (vector.stored or [])
    after = world.get("LastUpdate", NETUID)[vector.setting.uid]
    assert after == (vector.setting.block if vector.error is None else before)


def _weights_world(vector: WeightsVector) -> tuple[World, str]:
    """The vector's setting, in the block of its call; and the caller's name."""
    setting, world = vector.setting, World()
    uid, size = setting.uid, setting.neurons
    assert uid is not None
    lay_subnet(world, size)
    lay_stake(world, uid, setting.stake)
    world.set("TotalAlphaStaked", NETUID, to=setting.stake)
    world.set("Tempo", NETUID, to=50_000)
    world.set("LastEpochBlock", NETUID, to=setting.block)
    world.set("ValidatorPermit", NETUID, to=[setting.permit and at == uid for at in range(size)])
    last_updates = [setting.last_update if at == uid else 0 for at in range(size)]
    world.set("LastUpdate", NETUID, to=last_updates)
    world.set("WeightsSetRateLimit", NETUID, to=setting.rate_limit)
    world.set("WeightsVersionKey", NETUID, to=setting.version_key)
    world.set("MinAllowedWeights", NETUID, to=setting.weights_min)
    world.set("MaxWeightsLimit", NETUID, to=setting.weight_limit)
    world.set("CommitRevealWeightsEnabled", NETUID, to=setting.commit_reveal)
    world.set("StakeThreshold", to=setting.stake_min)
    world.fund(hotkey(uid), coldkey(uid))
    world.begin_block(setting.block)
    return world, hotkey(uid)
