"""Moving averages of scores and the weights they become. Pure; numpy only.

A miner's standing is an exponential moving average of the scores of its answers. The first score is
taken whole (an average that started at zero would punish newcomers for their age, and one that is
bias-corrected is the same thing at the first step). Weights are the averages divided by their sum.

It does not know who a score belongs to: the caller keeps averages by hotkey, never by uid, so that
a uid's new owner starts from nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def moving_average(previous: Vector, scores: Vector, alpha: float) -> Vector:
    """One step: ``alpha * scores + (1 - alpha) * previous``, and ``scores`` where there was none.

    ``previous`` and ``scores`` have shape (n,); NaN in ``previous`` means "never scored". ``alpha``
    in (0, 1] is the weight of the newest score: its half-life is ``log(0.5) / log(1 - alpha)``
    rounds. ValueError for shapes that differ, an alpha outside, or scores outside [0, 1].
    """
    if previous.shape != scores.shape or scores.ndim != 1:
        raise ValueError(f"shapes differ: {previous.shape} and {scores.shape}")
    if not 0.0 < alpha <= 1.0:
        raise ValueError(f"alpha lies in (0, 1], not {alpha}")
    if not bool(np.all((scores >= 0.0) & (scores <= 1.0))):
        raise ValueError("scores lie in [0, 1]")
    blended = alpha * scores + (1.0 - alpha) * previous
    return np.where(np.isnan(previous), scores, blended)


def proportional_weights(averages: Vector) -> Vector:
    """Weights that sum to one, proportional to ``averages`` of shape (n,).

    NaN ("never scored") counts as zero. All zeros where nothing is positive: the caller then has
    nothing to say to the chain, which is not the same as saying that all are equal.
    """
    positive = np.nan_to_num(np.maximum(averages, 0.0), nan=0.0)
    total = float(positive.sum())
    if total <= 0.0:
        return np.zeros_like(positive)
    return positive / total
