"""The checks of a row of weights at their edges; the vectors have the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.scoring.reference.numbers import U16_MAX
from assay.scoring.reference.weights import Setting, refusal, stored

FINE = Setting(block=100, uid=0, neurons=3, permit=True, stake=10, last_update=90)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({}, None),
        ({"uid": None}, "HotKeyNotRegisteredInSubNet"),
        ({"stake_min": 10}, None),
        ({"stake_min": 11}, "NotEnoughStakeToSetWeights"),
        ({"rate_limit": 10}, None),
        ({"rate_limit": 11}, "SettingWeightsTooFast"),
        ({"weight_limit": U16_MAX // 2}, "MaxWeightExceeded"),
        ({"weight_limit": U16_MAX // 2 + 1}, None),
    ],
)
def test_who_may_set_what(change: dict[str, int | None], error: str | None) -> None:
    assert refusal(replace(FINE, **change), [1, 2], [5, 5], 0) == error  # type: ignore[arg-type]


@pytest.mark.parametrize(("uid", "error"), [(2, None), (3, "UidVecContainInvalidOne")])
def test_the_last_neuron_is_the_last_uid(uid: int, error: str | None) -> None:
    assert refusal(FINE, [uid], [1], 0) == error


def test_a_row_of_nothing_is_neither_too_large_nor_stored() -> None:
    assert refusal(replace(FINE, weights_min=0, weight_limit=1), [], [], 0) is None
    assert stored([], []) == []
    assert stored([1], [0]) == [(1, 0)]
