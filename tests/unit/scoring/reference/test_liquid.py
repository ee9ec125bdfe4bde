"""The speed of a liquid bond against the formula, worked out with sigma(x) = 1 / (1 + exp(-x)).

The rules here have a low of 0.2, a high of 0.8 and a steepness of 10, so the speed is
0.2 + 0.6 sigma(10 (difference - 1/2)).
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from assay.scoring.reference.liquid import Liquid
from assay.scoring.reference.numbers import Exact, Fixed

RULES = Liquid(low=13107, high=52428, steepness=1000)
SIGMA_OF_2 = 0.8807970779778823
SIGMA_OF_MINUS_5 = 0.0066928509242848554

CASES = [
    pytest.param((90, 30, 20), SIGMA_OF_2, id="buying: weight less consensus, 0.7"),
    pytest.param((50, 50, 0), 0.5, id="a weight that equals its bond is bought: 0.5"),
    pytest.param((20, 90, 50), SIGMA_OF_2, id="selling: bond less weight, 0.7"),
    pytest.param((30, 10, 90), SIGMA_OF_MINUS_5, id="below zero counts as zero"),
    pytest.param((100, 0, 0), 1 - SIGMA_OF_MINUS_5, id="one"),
]


@pytest.mark.parametrize(("percent", "sigma"), CASES)
def test_the_formula(percent: tuple[int, int, int], sigma: float) -> None:
    expected = pytest.approx(0.2 + 0.6 * sigma, abs=1e-9)
    fixed, exact = Fixed(), Exact()
    weight, bond, consensus = (fixed.ratio(part, 100) for part in percent)
    assert RULES.speed(fixed, weight, bond, consensus) / fixed.one == expected
    shares = [exact.ratio(part, 100) for part in percent]
    assert float(RULES.speed(exact, shares[0], shares[1], shares[2])) == expected


@pytest.mark.parametrize(("percent", "speed"), [((100, 0, 0), 52428), ((0, 0, 100), 13107)])
def test_very_steep_is_one_of_the_two_speeds(percent: tuple[int, int, int], speed: int) -> None:
    """Below 2^-127 the exponential is zero in the chain's numbers."""
    steep, fixed = Liquid(13107, 52428, 100 * 200), Fixed()
    weight, bond, consensus = (fixed.ratio(part, 100) for part in percent)
    assert steep.speed(fixed, weight, bond, consensus) == fixed.ratio(speed, 65535)


@pytest.mark.parametrize("percent", [(100, 0, 0), (0, 0, 100)])
def test_turned_bounds_give_the_upper_one(percent: tuple[int, int, int]) -> None:
    """A low above the high: the speed is raised to the low and cut to the high."""
    turned, exact = Liquid(low=52428, high=13107, steepness=1000), Exact()
    weight, bond, consensus = (exact.ratio(part, 100) for part in percent)
    assert turned.speed(exact, weight, bond, consensus) == Fraction(13107, 65535)
