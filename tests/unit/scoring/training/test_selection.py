"""The largest values and the magnitudes that stand for them, to the last bit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from assay.scoring.training.selection import MAGNITUDE_MIN, largest, mean_magnitudes


def floats(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def test_of_equal_values_the_first_are_taken() -> None:
    assert largest(floats(1, 2, 1, 3, 1, 1), 4).tolist() == [0, 1, 2, 3]
    assert largest(floats(1, 1, 1, 1), 2).tolist() == [0, 1]
    assert largest(floats(1, 2, 3), 3).tolist() == [0, 1, 2]
    assert largest(floats(1, 2, 3), 9).tolist() == [0, 1, 2]


def test_what_is_next_to_nothing_is_not_sent() -> None:
    below = np.nextafter(MAGNITUDE_MIN, np.float32(0))
    assert largest(floats(0, 5, 0, 0), 3).tolist() == [1]
    assert largest(floats(float(below), float(MAGNITUDE_MIN)), 2).tolist() == [1]


def test_one_magnitude_is_the_exact_mean() -> None:
    values = floats(0.1, -0.2, 0.3, 1e-7)
    exact = sum(Fraction(abs(float(value))) for value in values) / 4
    (mean,), _ = mean_magnitudes(values, 1)
    assert abs(Fraction(mean) - exact) < Fraction(1, 10**11)


def test_the_order_of_values_changes_no_bit() -> None:
    rng = np.random.default_rng(3)
    values = (rng.standard_t(2, 5000) * 1e-3).astype(np.float32)
    for levels in (1, 2):
        forward, upper = mean_magnitudes(values, levels)
        backward, reupper = mean_magnitudes(values[::-1].copy(), levels)
        assert forward == backward
        assert np.array_equal(upper, reupper[::-1])


def test_two_magnitudes_are_means_of_what_is_nearest() -> None:
    rng = np.random.default_rng(4)
    values = rng.exponential(1, 2000).astype(np.float32)
    (low, high), upper = mean_magnitudes(values, 2)
    nearer_high = np.abs(values - high) < np.abs(values - low)
    assert np.array_equal(nearer_high, upper)
    assert abs(values[upper].mean() - high) < 1e-4
    assert abs(values[~upper].mean() - low) < 1e-4


def test_values_that_do_not_differ_have_one_magnitude() -> None:
    assert mean_magnitudes(floats(2, -2, 2), 2)[0] == [2.0, 2.0]
    assert mean_magnitudes(floats(-3), 2)[0] == [3.0, 3.0]
