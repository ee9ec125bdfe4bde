"""Epochs in the committed Wasm against the oracle: Yuma 3, classic, liquid alpha, carried bonds.

Every stored vector must be the oracle's, bit for bit, in each of several epochs in a row, of which
each starts from the bonds and permits that the one before left on the chain.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from assay.scoring.reference.epoch import after, run
from tests.conformance.runtime.subnet import Stored, lay_epoch, read_epoch
from tests.conformance.runtime.world import NETUID, World
from tests.property.epoch_cases import Case, applied, cases

_SETTINGS = {"deadline": None, "suppress_health_check": list(HealthCheck)}
"""Each case runs the real runtime; how long one takes is the machine's affair."""


def check(case: Case) -> None:
    world, epoch = World(), case.first
    for number, change in enumerate([None, *case.changes]):
        if change is not None:
            epoch = applied(epoch, change)
        lay_epoch(world, epoch, case.rules)
        world.begin_block(epoch.block)
        assert world.get("LastEpochBlock", NETUID) == epoch.block
        outcome = run(epoch, case.rules)
        assert read_epoch(world, len(epoch.neurons)) == Stored.of(outcome), f"epoch {number}"
        epoch = after(epoch, outcome, epoch.block + epoch.tempo)


@settings(max_examples=40, **_SETTINGS)
@given(cases(epochs_max=2))
def test_epochs_are_the_oracles(case: Case) -> None:
    check(case)


@pytest.mark.slow
@settings(max_examples=700, **_SETTINGS)
@given(cases())
def test_many_epochs_are_the_oracles(case: Case) -> None:
    check(case)
