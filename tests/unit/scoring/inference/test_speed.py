"""What answers are worth: the gate, and the gentle price of being slow."""

from __future__ import annotations

import numpy as np
import pytest

from assay.scoring.inference.speed import speed_factors

ALL = np.array([True, True, True, True])


def factors(latencies: list[float], verified: np.ndarray = ALL) -> np.ndarray:
    many = np.full(len(latencies), 32.0)
    return speed_factors(many, np.array(latencies), verified, many)


def test_equal_miners_get_equal_scores() -> None:
    got = factors([0.5, 0.5, 0.5, 0.5])
    np.testing.assert_allclose(got, np.sqrt(0.5))


def test_half_the_speed_keeps_seven_tenths() -> None:
    got = factors([0.5, 0.5, 0.5, 1.0])
    assert got[3] / got[0] == pytest.approx(np.sqrt(0.5))


def test_a_quarter_of_the_speed_keeps_half() -> None:
    got = factors([0.5, 0.5, 0.5, 2.0])
    assert got[3] / got[0] == pytest.approx(0.5)


def test_twice_the_speed_earns_the_most_and_more_earns_no_more() -> None:
    got = factors([0.25, 0.5, 0.5, 0.05])
    assert got[0] < got[3] == 1.0
    assert factors([0.5, 0.5, 0.5, 0.01])[3] == factors([0.5, 0.5, 0.5, 0.2])[3] == 1.0


def test_what_is_not_verified_gets_nothing_and_moves_no_bar() -> None:
    verified = np.array([True, True, True, False])
    with_liar = factors([0.5, 0.6, 0.7, 1e-6], verified)
    alone = factors([0.5, 0.6, 0.7], ALL[:3])
    assert with_liar[3] == 0.0
    np.testing.assert_array_equal(with_liar[:3], alone)


def test_nobody_verified_gives_zeros() -> None:
    np.testing.assert_array_equal(factors([1.0, 2.0], np.array([False, False])), [0.0, 0.0])


@pytest.mark.parametrize("latency", [0.0, -1.0, np.nan, np.inf])
def test_a_verified_answer_took_time(latency: float) -> None:
    with pytest.raises(ValueError, match="took time"):
        factors([0.5, 0.5, 0.5, latency])


def test_whoever_is_asked_for_more_is_not_slow_for_it() -> None:
    asked = np.array([24.0, 24.0, 24.0, 96.0])
    got = speed_factors(asked, 0.01 * asked, ALL, asked)
    np.testing.assert_allclose(got, np.sqrt(0.5))


def test_all_arguments_have_one_shape_of_one_dimension() -> None:
    flat, square = np.ones(4), np.ones((2, 2))
    with pytest.raises(ValueError, match="one shape"):
        speed_factors(flat, flat, ALL, np.ones(3))
    with pytest.raises(ValueError, match="one shape"):
        speed_factors(square, square, np.ones((2, 2), dtype=bool), square)
