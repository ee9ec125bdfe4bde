"""The average of a miner's scores over an epoch, and the weights that the averages become.

In come sums of scores; out come averages, and weights that sum to one. Weights go on chain once an
epoch, at a time that everybody knows. So the average that becomes a weight is the plain mean of all
scores since weights were last set, times the part of that time in which the miner was there at all.
With ``R`` turns in an epoch, ``T`` turns since weights were last set, ``s`` of them with the miner,
``m`` the mean of its scores in these, and ``b`` its average when weights were last set:

    average = (m s + b max(R - T, 0)) / max(R, T)

When weights are set, T is about R, and every turn counts for 1/R wherever in the epoch it was: a
miner that works in a tenth of the turns is paid a tenth, and one that answers once is paid for one
turn. An exponential average with a half-life of half an epoch paid the last twentieth of an epoch
1.75 per unit of work, and the first quarter 0.62. Shortly after weights were set, the average is
mostly the one that they were set by.

This module does not know to whom a score belongs. Its caller keeps averages by hotkey, never by
uid, so that a uid's new owner starts from nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Counts = NDArray[np.int64]


def epoch_average(
    mean: Vector, seen: Counts, before: Vector, *, turns: int, epoch_turns: int
) -> Vector:
    """Return the averages by the formula at the head of this module, of shape (n,).

    ``mean`` m, ``seen`` s and ``before`` b have that shape; ``turns`` is T and ``epoch_turns`` R.
    They are zero before the first turn. ValueError for shapes that differ, scores outside [0, 1],
    or more turns seen than there were.
    """
    if not mean.shape == seen.shape == before.shape or mean.ndim != 1:
        raise ValueError(f"shapes differ: {mean.shape}, {seen.shape} and {before.shape}")
    if not bool(np.all((mean >= 0.0) & (mean <= 1.0) & (before >= 0.0) & (before <= 1.0))):
        raise ValueError("scores lie in [0, 1]")
    if epoch_turns < 0 or not bool(np.all((seen >= 0) & (seen <= turns))):
        raise ValueError(f"of {turns} turns nobody sees more, or fewer than none")
    whole = max(turns, epoch_turns)
    if whole == 0:
        return np.zeros_like(mean)
    left = (whole - turns) / whole
    average: Vector = np.minimum(mean * (seen / whole) + before * left, 1.0)
    return average


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
