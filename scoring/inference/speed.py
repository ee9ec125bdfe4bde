"""What a verified answer earns: its speed beside the others of its turn.

For the answers of one turn, with ``m`` tokens asked for, ``n`` made and latency ``l`` as the
validator saw it:

    factor = speed(n / l over the median of n / l) * speed(the median of l / m over l / m)
    speed(r) = min(r / CAP, 1) ^ EXPONENT

Medians run over the verified answers alone, so that a fast lie changes nobody's pay. Latency is
taken per token asked for, because a newcomer is asked for more tokens and would be slow by that
alone. Both factors are equal for whole answers and differ where a text ends early. Together their
exponents are 1/2: a miner at half the median's speed keeps 1/sqrt(2) = 71 % of its score, at a
quarter half. That is gentle on purpose: a loaded machine must not look like a lie, and rewards
that swing with the noise of a network drive good miners away.

This module knows no model and no names.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]

CAP: Final = 2.0
"""Speed beyond twice the median earns nothing more, or the fastest machine would take it all."""
EXPONENT: Final = 0.25
"""Of each of the two factors. Halving it again would make speed nearly worthless; doubling it would
leave a miner half as fast with half the pay, and noise would be paid out."""


def speed_factors(tokens: Vector, latencies_s: Vector, verified: Mask, asked: Vector) -> Vector:
    """Return for each answer the product of its two speed factors, in [0, 1].

    All arguments have shape (n,): ``tokens`` made, ``latencies_s``, whether the answer was
    ``verified``, and tokens ``asked`` for. An answer that was not verified gets zero. ValueError
    for shapes that differ, or for a verified answer without tokens made, tokens asked for or time.
    """
    if not tokens.shape == latencies_s.shape == verified.shape == asked.shape or tokens.ndim != 1:
        raise ValueError("tokens, latencies, verified and asked have one shape, (n,)")
    factors = np.zeros(tokens.shape, dtype=np.float64)
    if not verified.any():
        return factors
    latency, made, due = latencies_s[verified], tokens[verified], asked[verified]
    if not (np.isfinite(latency).all() and (np.stack((latency, made, due)) > 0).all()):
        raise ValueError("a verified answer has tokens and took time")
    throughput = made / latency
    per_token = latency / due
    factors[verified] = _speed(throughput / np.median(throughput)) * _speed(
        np.median(per_token) / per_token
    )
    return factors


def _speed(ratio: Vector) -> Vector:
    factor: Vector = np.minimum(ratio / CAP, 1.0) ** EXPONENT
    return factor
