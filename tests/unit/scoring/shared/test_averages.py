"""Moving averages and weights: bounds, order and the first score, for any input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.scoring.shared.averages import moving_average, newest_weight, proportional_weights

unit = st.floats(0.0, 1.0)
ONE = np.ones(1, dtype=np.int64)


@given(st.lists(st.tuples(unit, unit, st.integers(0, 2**40)), max_size=20), st.floats(0.01, 1.0))
def test_an_average_stays_between_the_old_and_the_new(
    triples: list[tuple[float, float, int]], alpha: float
) -> None:
    old = np.array([triple[0] for triple in triples], dtype=np.float64)
    new = np.array([triple[1] for triple in triples], dtype=np.float64)
    seen = np.array([triple[2] for triple in triples], dtype=np.int64)
    blended = moving_average(old, new, alpha, seen)
    for was, now, count, is_ in zip(old, new, seen, blended, strict=True):
        if count == 0:
            assert is_ == now
        else:
            assert min(was, now) - 1e-12 <= is_ <= max(was, now) + 1e-12


@given(st.lists(unit, min_size=1, max_size=40))
def test_few_scores_are_averaged_plainly(scores: list[float]) -> None:
    average = np.zeros(1)
    for count, score in enumerate(scores):
        average = moving_average(average, np.array([score]), 1e-6, np.array([count]))
    assert average[0] == pytest.approx(np.mean(scores), abs=1e-9)


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6), st.integers(1, 50))
def test_an_average_forgets_by_the_clock_not_by_the_round(
    elapsed_s: float, half_life_s: float, parts: int
) -> None:
    whole = 1 - newest_weight(elapsed_s, half_life_s, 1.0)
    part = 1 - newest_weight(elapsed_s / parts, half_life_s, 1.0)
    assert part**parts == pytest.approx(whole, rel=1e-6, abs=1e-12)
    assert newest_weight(half_life_s, half_life_s, 1.0) == pytest.approx(0.5)
    assert newest_weight(elapsed_s, half_life_s, 0.3) <= 0.3
    for times in ((0.0, 1.0), (1.0, 0.0)):
        with pytest.raises(ValueError, match="times are positive"):
            newest_weight(*times, 0.3)


def test_working_for_the_last_minute_of_an_epoch_does_not_pay_for_all_of_it() -> None:
    # A public chain: an epoch of 360 blocks of 12 s, a round every 10 s, all work at its end.
    epoch_s, round_s, busy_s = 4320.0, 10.0, 60.0
    alpha = newest_weight(round_s, epoch_s / 2, 0.3)
    averages = np.zeros(2)
    for count in range(3 * int(epoch_s / round_s)):
        left_s = epoch_s - (count * round_s) % epoch_s
        scores = np.array([0.7, 0.7 if left_s <= busy_s else 0.0])
        averages = moving_average(averages, scores, alpha, np.full(2, count))
    assert averages[1] < 0.05 * averages[0]


@given(st.lists(unit, max_size=20))
def test_weights_sum_to_one_and_keep_proportions(values: list[float]) -> None:
    averages = np.array(values, dtype=np.float64)
    weights = proportional_weights(averages)
    assert bool(np.all(weights >= 0.0))
    if np.sum(averages) > 0:
        assert weights.sum() == pytest.approx(1.0)
        assert weights * np.sum(averages) == pytest.approx(averages)
    else:
        assert not weights.any()


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.1, float("nan")])
def test_an_alpha_outside_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        moving_average(np.zeros(1), np.zeros(1), alpha, ONE)


def test_scores_outside_and_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="scores lie"):
        moving_average(np.zeros(1), np.array([1.5]), 0.5, ONE)
    with pytest.raises(ValueError, match="shapes differ"):
        moving_average(np.zeros(1), np.zeros(2), 0.5, ONE)
