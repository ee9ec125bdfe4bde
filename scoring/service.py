"""What an answer is worth: a gate for truth, then speed beside the others. Pure.

For the answers of one round, with ``m_i`` tokens asked for, ``n_i`` made and latencies ``l_i`` as
the validator saw them:

    score_i = gate_i * speed(n_i / l_i over its median) * speed(median of l / m over l_i / m_i)
    speed(r) = min(r / CAP, 1) ^ 1/4

``gate_i`` is 1 only if the answer was verified and its miner is not on probation; medians run over
the verified answers alone, so that a fast lie moves no bar. Latency is taken per token asked for:
a newcomer, who is asked for more, would be slow by that alone. The two factors are the same thing
for whole answers and part where a text ends early; together their exponents are 1/2: a miner twice
as slow as the median keeps 1/sqrt(2) = 71 % of its score, one four times as slow half. That is
gentle on purpose: a loaded machine must not look like a lie, and rewards that swing with the noise
of a network drive good miners away. CAP rewards up to twice the median's speed.

Probation: whoever was convicted must give ``AFTER_CONVICTION`` clean answers in a row, unpaid,
before it is paid again. A liar whose lies pass with probability q is then paid for about
q^AFTER_CONVICTION of its time. It knows no model and no names.
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
AFTER_CONVICTION: Final = 16
"""Clean answers before a convicted miner is paid again. At q = 0.8 its pay falls to 3 %."""


def speed_factors(tokens: Vector, latencies_s: Vector, verified: Mask, asked: Vector) -> Vector:
    """The product of the two speed factors, in [0, 1]; zero where ``verified`` is false.

    ValueError for shapes that differ or a verified answer without tokens or time.
    """
    if not tokens.shape == latencies_s.shape == verified.shape == asked.shape or tokens.ndim != 1:
        raise ValueError("tokens, latencies, verified and asked have one shape, (n,)")
    factors = np.zeros(tokens.shape, dtype=np.float64)
    if not verified.any():
        return factors
    latency = latencies_s[verified]
    if not (np.isfinite(latency).all() and (latency > 0).all() and (tokens[verified] > 0).all()):
        raise ValueError("a verified answer has tokens and took time")
    throughput = tokens[verified] / latency
    per_token = latency / asked[verified]
    factors[verified] = _speed(throughput / np.median(throughput)) * _speed(
        np.median(per_token) / per_token
    )
    return factors


def _speed(ratio: Vector) -> Vector:
    factor: Vector = np.minimum(ratio / CAP, 1.0) ** EXPONENT
    return factor


def owed_after(owed: int, *, verified: bool, convicted: bool) -> int:
    """Clean answers still owed after one more answer.

    A conviction starts the whole sentence anew, a clean answer pays one off, and no answer at all
    changes nothing (it earns nothing either).
    """
    if verified and convicted:
        raise ValueError("an answer is not both verified and convicted")
    if convicted:
        return AFTER_CONVICTION
    return max(owed - 1, 0) if verified else owed
