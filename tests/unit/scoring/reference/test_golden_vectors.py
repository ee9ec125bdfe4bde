"""The golden vectors of executed public runtimes hold in the oracles, bit for bit."""

from __future__ import annotations

import pytest

from assay.scoring.reference.epoch import run
from assay.scoring.reference.issuance import MAX_SUPPLY, block_emission
from assay.scoring.reference.weights import refusal, stored
from tests.vectors.readers import (
    CurvePoint,
    EpochVector,
    WeightsVector,
    alpha_curve,
    epochs,
    set_weights,
    tao_curve,
)


@pytest.mark.parametrize("old", [True, False], ids=["as executed", "spec 425"])
@pytest.mark.parametrize("vector", epochs(), ids=lambda vector: vector.name)
def test_epochs(vector: EpochVector, old: bool) -> None:
    outcome = run(vector.epoch(), vector.rules(old=old))
    expected = vector.expected(old=old)
    assert {name: getattr(outcome, name) for name in expected} == expected


def test_most_epochs_are_the_same_under_both_rules() -> None:
    vectors = epochs()
    assert len(vectors) == 88
    assert sum(not vector.differs for vector in vectors) == 82


@pytest.mark.parametrize("point", tao_curve() + alpha_curve(), ids=lambda point: point.name)
def test_the_curve(point: CurvePoint) -> None:
    assert block_emission(point.issuance) == point.emission


def test_nothing_is_emitted_once_all_is_issued() -> None:
    assert [block_emission(MAX_SUPPLY - left) for left in (0, 1, 2, 10**7)] == [0, 0, 0, 0]
    assert block_emission(MAX_SUPPLY - 2 * 10**7) == 1


@pytest.mark.parametrize("vector", set_weights(), ids=lambda vector: vector.name)
def test_set_weights(vector: WeightsVector) -> None:
    told = refusal(vector.setting, vector.uids, vector.values, vector.version_key)
    assert told == vector.error
    if vector.stored is not None:
        assert stored(vector.uids, vector.values) == vector.stored
