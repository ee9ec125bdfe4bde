"""Whether honesty pays: the inequality, and that it says what a cheat's income says."""

from __future__ import annotations

import random

import pytest

from assay.scoring.inference.agreement import TOLERANCE_FP32
from assay.scoring.inference.posp import (
    GAIN,
    Terms,
    found,
    found_by_tokens,
    penalty_min,
)
from assay.scoring.inference.precision import TOLERANCES, Tolerance
from assay.scoring.inference.probation import AFTER_CONVICTION


def test_honesty_pays_by_default() -> None:
    terms = Terms(1.0, found_by_tokens(TOLERANCE_FP32), float(AFTER_CONVICTION))
    assert terms.honest_pays
    assert terms.loss > 2 * GAIN, "twice what is needed"


def test_with_the_tolerance_and_the_probation_of_old_fp16_paid() -> None:
    assert not Terms(1.0, found_by_tokens(5e-3), 16.0).honest_pays


@pytest.mark.parametrize(("found", "penalty"), [(0.032, 96.0), (1.0, 20.0), (0.3, 4.1)])
def test_the_bounds_are_where_the_inequality_turns(found: float, penalty: float) -> None:
    least = GAIN / (found * (1.0 + penalty))  # p d (R + S) = C, solved for p
    assert not Terms(least * 0.999, found, penalty).honest_pays
    assert Terms(least * 1.001, found, penalty).honest_pays
    enough = penalty_min(1.0, found)
    assert not Terms(1.0, found, enough - 0.001).honest_pays
    assert Terms(1.0, found, enough + 0.001).honest_pays
    assert penalty_min(0.0, found) == float("inf")


def test_a_smaller_tolerance_finds_more() -> None:
    parts = [found_by_tokens(t) for t in (1e-5, 2.5e-4, 4e-4, 5e-4, 1e-3, 5e-3, 5e-2)]
    assert parts == sorted(parts, reverse=True)
    assert parts[0] == parts[1] == 0.041
    assert parts[3] == 0.032
    assert parts[-1] == pytest.approx(0.0012)


def test_each_precision_has_the_lie_that_gains_most_there() -> None:
    assert found("fp32", TOLERANCES["fp32"]) == found_by_tokens(TOLERANCE_FP32)
    assert found("fp16", TOLERANCES["fp16"]) > 0.9, "eight bits lie beyond the rounding of fp16"
    assert found("bf16", TOLERANCES["bf16"]) == 0.002, "and hardly beyond that of bf16"
    assert found("bf16", Tolerance(1.0, 0.025)) == pytest.approx(0.34, abs=0.05)
    assert found("bf16", Tolerance(1.0, 0.2)) == 0.0, "what was never seen is not counted on"
    parts = [found("fp16", Tolerance(1.0, t)) for t in (1e-3, 8e-3, 1e-2, 2e-2, 3e-2, 4e-2)]
    assert parts == sorted(parts, reverse=True)


@pytest.mark.parametrize(("penalty", "pays"), [(30.0, True), (70.0, False)])
def test_a_cheats_income_turns_where_the_inequality_does(penalty: float, pays: bool) -> None:
    """Answer by answer, without the formula: a cheat gains 1.5 more than honesty by each answer,
    and pays the reward and the penalty when it is found out."""
    dice, found, income, answers = random.Random(5), 0.032, 0.0, 200_000
    for _ in range(answers):
        income += 1.0 + GAIN
        if dice.random() < found:
            income -= 1.0 + penalty
    assert (income / answers > 1.0) == pays
    assert Terms(1.0, found, penalty).honest_pays == (not pays)
