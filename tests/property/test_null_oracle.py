"""Epochs without consensus in the committed Wasm against the oracle, bit for bit."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings

from assay.scoring.reference.null import divided, run_null
from tests.conformance.runtime.subnet import Stored, lay_epoch, read_epoch
from tests.conformance.runtime.world import NETUID, World
from tests.property.epoch_cases import Case, cases


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(epochs_max=1))
def test_epochs_without_consensus_are_the_oracles(case: Case) -> None:
    world = World()
    # Who led and leads no more loses its row: nobody has led yet.
    neurons = [replace(each, permit=False) for each in case.first.neurons]
    epoch = replace(case.first, neurons=neurons)
    lay_epoch(world, epoch, case.rules)
    world.set("SubnetEpochConsensus", NETUID, to="Null")
    world.begin_block(epoch.block)
    assert world.get("LastEpochBlock", NETUID) == epoch.block
    outcome = run_null(epoch, case.rules)
    assert read_epoch(world, len(neurons)) == Stored.of(outcome)
    assert sum(outcome.emission) == epoch.emission


def test_the_last_rao_is_divided_too() -> None:
    """The figures of the public runtime's tests: 65534 and 1 of three, and nothing at all."""
    assert divided(3, [65_534, 1]) == [2, 1]
    assert divided(2**64 - 1, [1] * 2_500) and sum(divided(2**64 - 1, [1] * 2_500)) == 2**64 - 1
    assert divided(5, [0, 0]) == [0, 0]
