"""The two arithmetics beside one another, at their edges."""

from __future__ import annotations

from fractions import Fraction

import pytest

from assay.scoring.reference.numbers import Exact, Fixed


@pytest.mark.parametrize("numbers", [Fixed(), Exact()], ids=["fixed", "exact"])
def test_pruning_scores_of_nobody_and_of_nothing(numbers: Fixed | Exact) -> None:
    assert numbers.upscaled([]) == []
    assert numbers.upscaled([numbers.zero] * 2) == [0, 0]


def test_the_largest_pruning_score_is_the_largest_number() -> None:
    exact = Exact()
    assert exact.upscaled([Fraction(1, 4), Fraction(1, 8)]) == [65_535, 32_768]


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [(7, 2, 3), (-7, 2, -3), (7, -2, -3), (-7, -2, 3), (0, 5, 0), (5, 0, 0)],
)
def test_a_fixed_quotient_is_rounded_towards_zero(
    numerator: int, denominator: int, quotient: int
) -> None:
    assert Fixed().div(numerator, denominator << Fixed.bits) == quotient
