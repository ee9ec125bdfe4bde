"""Averages over an epoch and weights: bounds, and equal pay for equal work, for any input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.scoring.shared.averages import epoch_average, proportional_weights

unit = st.floats(0.0, 1.0)


def average(mean: float, seen: int, before: float, turns: int, epoch_turns: int) -> float:
    found = epoch_average(
        np.array([mean]),
        np.array([seen]),
        np.array([before]),
        turns=turns,
        epoch_turns=epoch_turns,
    )
    return float(found[0])


@given(unit, unit, st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_an_average_stays_between_nothing_and_the_best(
    mean: float, before: float, seen: int, more: int, epoch_turns: int
) -> None:
    found = average(mean, seen, before, seen + more, epoch_turns)
    assert 0.0 <= found <= max(mean, before) + 1e-12
    if seen + more >= epoch_turns and seen + more > 0:
        assert found == pytest.approx(mean * seen / (seen + more)), "the past is over"


@given(unit, st.integers(1, 300), st.integers(0, 300))
def test_who_was_always_there_has_its_mean(mean: float, turns: int, before_turns: int) -> None:
    assert average(mean, turns, mean, turns, before_turns) == pytest.approx(mean)


def test_one_answer_pays_for_one_turn() -> None:
    """Whoever joins shortly before weights are set was paid for all of an epoch."""
    assert average(1.0, 1, 0.0, 72, 72) == pytest.approx(1 / 72)


@pytest.mark.parametrize("begins", [0, 18, 36, 54, 68])
def test_equal_work_has_equal_pay_wherever_in_the_epoch(begins: int) -> None:
    """Four of 72 turns, a validator's scores one by one."""
    scores = [1.0 if begins <= turn < begins + 4 else 0.0 for turn in range(72)]
    assert average(float(np.mean(scores)), 72, 0.0, 72, 72) == pytest.approx(4 / 72)


def test_before_the_first_turn_there_is_nothing() -> None:
    assert average(0.0, 0, 0.0, 0, 0) == 0.0


def test_scores_outside_other_shapes_and_turns_nobody_saw_are_refused() -> None:
    for mean, before in ((1.5, 0.0), (0.5, -0.1)):
        with pytest.raises(ValueError, match="scores lie"):
            average(mean, 1, before, 1, 1)
    with pytest.raises(ValueError, match="nobody sees more"):
        average(0.5, 2, 0.0, 1, 1)
    with pytest.raises(ValueError, match="nobody sees more"):
        average(0.5, 1, 0.0, 1, -1)
    with pytest.raises(ValueError, match="shapes differ"):
        epoch_average(np.zeros(1), np.zeros(2, dtype=np.int64), np.zeros(1), turns=1, epoch_turns=1)


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
