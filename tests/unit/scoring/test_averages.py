"""Moving averages and weights: bounds, order and the first score, for any input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.averages import moving_average, proportional_weights

unit = st.floats(0.0, 1.0)


@given(st.lists(st.tuples(unit | st.just(float("nan")), unit), max_size=20), st.floats(0.01, 1.0))
def test_an_average_stays_between_the_old_and_the_new(
    pairs: list[tuple[float, float]], alpha: float
) -> None:
    old = np.array([pair[0] for pair in pairs], dtype=np.float64)
    new = np.array([pair[1] for pair in pairs], dtype=np.float64)
    blended = moving_average(old, new, alpha)
    for was, now, is_ in zip(old, new, blended, strict=True):
        if np.isnan(was):
            assert is_ == now
        else:
            assert min(was, now) - 1e-12 <= is_ <= max(was, now) + 1e-12


@given(st.lists(unit | st.just(float("nan")), max_size=20))
def test_weights_sum_to_one_and_keep_proportions(values: list[float]) -> None:
    averages = np.array(values, dtype=np.float64)
    weights = proportional_weights(averages)
    assert bool(np.all(weights >= 0.0))
    if np.nansum(averages) > 0:
        assert weights.sum() == pytest.approx(1.0)
        assert weights * np.nansum(averages) == pytest.approx(np.nan_to_num(averages))
    else:
        assert not weights.any()


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.1, float("nan")])
def test_an_alpha_outside_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        moving_average(np.zeros(1), np.zeros(1), alpha)


def test_scores_outside_and_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="scores lie"):
        moving_average(np.zeros(1), np.array([1.5]), 0.5)
    with pytest.raises(ValueError, match="shapes differ"):
        moving_average(np.zeros(1), np.zeros(2), 0.5)
