"""Aggregation: the cases that the rule names, each by hand."""

from __future__ import annotations

import numpy as np
import pytest

from assay.scoring.training.aggregate import (
    BLOCK_PLACES,
    WEIGHTS_MAX,
    AggregationRule,
    Average,
    Contribution,
    aggregate,
)
from assay.scoring.training.shapes import SparseUpdate

ALL = AggregationRule(average=Average.ALL)
SENDERS = AggregationRule()


def sent(uid: int, values: dict[int, float], weight: int = 1) -> Contribution:
    places = np.array(sorted(values), dtype=np.int64)
    numbers = np.array([values[place] for place in sorted(values)], dtype=np.float32)
    return Contribution(uid, weight, SparseUpdate(places, numbers))


def merged(rule: AggregationRule, *contributions: Contribution) -> dict[int, float]:
    update = aggregate(contributions, rule).update
    return dict(zip(update.places.tolist(), update.values.tolist(), strict=True))


def test_a_mean_is_over_all_or_over_those_who_sent() -> None:
    two = sent(1, {3: 1.0, 5: 2.0}), sent(2, {5: 1.0, 9: -2.0}, weight=3)
    assert merged(SENDERS, *two) == {3: 1.0, 5: 1.25, 9: -2.0}
    assert merged(ALL, *two) == {3: 0.25, 5: 1.25, 9: -1.5}


def test_what_cancels_out_is_not_a_change() -> None:
    assert merged(SENDERS, sent(1, {3: 1.0}), sent(2, {3: -1.0})) == {}


def test_nobody_and_nothing_change_nothing() -> None:
    assert merged(SENDERS) == {}
    assert merged(SENDERS, sent(1, {}), sent(2, {})) == {}
    assert merged(AggregationRule(trim_percent=20)) == {}


def test_a_long_contribution_is_cut_to_twice_the_middle_norm() -> None:
    honest = [sent(uid, {uid: 1.0, 10 + uid: 1.0}) for uid in range(3)]
    loud = sent(9, {0: 8.0, 20: 0.0625})
    result = aggregate([*honest, loud], SENDERS)
    assert result.factors[0] == 1 << 16
    part = result.factors[9] / (1 << 16)
    norm = np.sqrt(8.0**2 + 0.0625**2)
    assert 0 <= 2 * np.sqrt(2) / norm - part < 2**-16
    assert result.update.values[0] == pytest.approx((1 + 8 * part) / 2, rel=1e-6)


def test_the_middle_norm_goes_by_weight_and_not_by_heads() -> None:
    honest = sent(1, {1: 1.0}, weight=10)
    many = [sent(uid, {uid: 8.0}) for uid in range(2, 9)]
    assert set(aggregate([honest, *many], SENDERS).factors.values()) == {1 << 16, 1 << 14}
    silent = sent(20, {}, weight=100)
    assert set(aggregate([honest, *many, silent], SENDERS).factors.values()) == {1 << 16, 1 << 14}


@pytest.mark.parametrize("value", [16.0, -16.0, 1e30])
def test_what_diverged_is_left_out(value: float) -> None:
    result = aggregate([sent(1, {1: 1.0}), sent(2, {1: value}, weight=5)], ALL)
    assert result.factors == {1: 1 << 16, 2: 0}
    assert result.update.values.tolist() == [1.0]


def test_trimming_leaves_out_the_ends() -> None:
    five = [sent(uid, {7: value}) for uid, value in enumerate([1.0, 1.5, -2.0, 2.0, 1.0])]
    five.append(sent(8, {4: 1.0}))
    assert merged(AggregationRule(trim_percent=20), *five) == {4: 1.0, 7: pytest.approx(3.5 / 3)}
    assert merged(AggregationRule(trim_percent=50), *five) == {4: 1.0, 7: 1.0}
    # Of all six, five of which are zero at place 4, and one at place 7.
    assert merged(AggregationRule(average=Average.ALL, trim_percent=17), *five) == {7: 0.875}
    assert merged(AggregationRule(average=Average.ALL, trim_percent=50), *five) == {7: 1.0}


def test_sums_hold_at_the_bounds() -> None:
    top = float(np.nextafter(np.float32(16), np.float32(0)))
    half = WEIGHTS_MAX // 2
    for rule in (SENDERS, ALL, AggregationRule(norm_percent=100)):
        assert merged(rule, sent(1, {1: top}, half), sent(2, {1: top}, half)) == {1: top}
        assert merged(rule, sent(1, {1: -top}, half), sent(2, {1: -top}, half)) == {1: -top}


def test_what_cannot_be_is_refused() -> None:
    one = sent(1, {1: 1.0})
    with pytest.raises(ValueError, match="contributes once"):
        aggregate([one, one], SENDERS)
    for weight in (0, -1, WEIGHTS_MAX):
        with pytest.raises(ValueError, match="weights are positive"):
            aggregate([one, sent(2, {}, weight)], SENDERS)
    for wrong in ({"norm_percent": 99}, {"trim_percent": -1}, {"trim_percent": 51}):
        with pytest.raises(ValueError, match="norms are bounded"):
            AggregationRule(**wrong)  # type: ignore[arg-type]


def test_many_places_are_trimmed_as_few_are() -> None:
    """A part of the places, whose blocks begin elsewhere, becomes what it becomes in the whole."""
    rng = np.random.default_rng(2)
    rule = AggregationRule(trim_percent=25, norm_percent=10_000)
    whole, parts = [], []
    for uid in range(5):
        places = np.flatnonzero(rng.random(2 * BLOCK_PLACES) < 0.6)
        values = rng.normal(0, 1, places.size).astype(np.float32)
        part = places >= BLOCK_PLACES // 3
        whole.append(Contribution(uid, uid + 1, SparseUpdate(places, values)))
        parts.append(Contribution(uid, uid + 1, SparseUpdate(places[part], values[part])))
    expected, found = aggregate(whole, rule).update, aggregate(parts, rule).update
    behind = expected.places >= BLOCK_PLACES // 3
    assert found.places.size > BLOCK_PLACES
    assert np.array_equal(found.places, expected.places[behind])
    assert np.array_equal(found.values, expected.values[behind])
