"""Moving averages of scores, and the weights that they become.

In come scores; out come averages, and weights that sum to one. A miner's average is an exponential
moving average of the scores of its answers, and their plain mean while they are few: the k-th score
weighs at least 1/k. An average that started at zero would punish newcomers for their age; an
average whose first score stayed until it faded would pay a single good answer for as long as a
thousand. Weights are the averages divided by their sum.

How much the newest score weighs follows the time between two turns (``newest_weight``): weights go
on chain once an epoch, and an average that forgot within a few turns would pay for the last minute
of the epoch alone.

This module does not know to whom a score belongs. Its caller keeps averages by hotkey, never by
uid, so that a uid's new owner starts from nothing.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Counts = NDArray[np.int64]


def newest_weight(elapsed_s: float, half_life_s: float, ceiling: float) -> float:
    """Return what the newest scores weigh in an average whose past counts half after
    ``half_life_s``.

    ``elapsed_s`` is the time since the scores before. The result is at most ``ceiling``: after a
    long pause one turn must not decide alone. ValueError for times that are not positive.
    """
    if not (elapsed_s > 0.0 and half_life_s > 0.0):
        raise ValueError(f"times are positive, not {elapsed_s} and {half_life_s}")
    return min(ceiling, -math.expm1(-math.log(2.0) * elapsed_s / half_life_s))


def moving_average(previous: Vector, scores: Vector, alpha: float, seen: Counts) -> Vector:
    """Return the averages after one step: ``a * scores + (1 - a) * previous`` with ``a = max(alpha,
    1 / (seen + 1))``.

    All have shape (n,); ``seen`` is how many scores an average holds already: at 0 the new score is
    taken whole. ``alpha`` in (0, 1] is the weight of the newest score once there are many.
    ValueError for shapes that differ, an alpha outside, or scores outside [0, 1].
    """
    if not previous.shape == scores.shape == seen.shape or scores.ndim != 1:
        raise ValueError(f"shapes differ: {previous.shape}, {scores.shape} and {seen.shape}")
    if not 0.0 < alpha <= 1.0:
        raise ValueError(f"alpha lies in (0, 1], not {alpha}")
    if not bool(np.all((scores >= 0.0) & (scores <= 1.0))):
        raise ValueError("scores lie in [0, 1]")
    weight = np.maximum(alpha, 1.0 / (seen + 1.0))
    blended: Vector = weight * scores + (1.0 - weight) * previous
    return blended


def proportional_weights(averages: Vector) -> Vector:
    """Return weights that sum to one, proportional to ``averages`` of shape (n,).

    They are all zero if no average is positive: the caller then has nothing to say to the chain,
    which is not the same as saying that all are equal.
    """
    positive = np.maximum(averages, 0.0)
    total = float(positive.sum())
    if total <= 0.0:
        return np.zeros_like(positive)
    return positive / total
