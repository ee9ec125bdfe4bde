"""What a verified answer earns: its tokens a second against a rate that is announced beforehand.

For an answer of ``n`` tokens that took ``l`` seconds as the validator saw it, over a network whose
round trip takes ``t`` seconds:

    engine time = l - min(t, NETWORK_S_MAX, NETWORK_PART_MAX * l)
    rate        = the median of n / engine time over the miner's last LAST answers
    factor      = min(rate / announced rate, 1)

The announced rate is fixed, so what one miner earns depends on nobody else, and the pay is in
proportion to the speed: a machine that divides its tokens among k uids earns with all of them
together what it would earn with one. Beside a median, the more uids a machine had the slower the
median became; with an exponent below one, each further uid was paid for its share again (sixteen
uids on one machine earned eleven incomes).

The announced rate must lie above what the fastest machine reaches, because above it a machine earns
more with two uids than with one. A rate that is too high changes no share.

The network's time is apart, for a miner is paid for computing and not for where it lives. Nobody
can prove how far away it is, and a miner that answers the measurement late seems farther than it
is; hence the two bounds on what is taken off. The median is there for packets that are lost on the
way: one answer in five then waits for a fifth of a second or more, longer than many an answer
takes.

This module knows no model and no names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]

PAY_RATE: Final = 1_000.0
"""Tokens a second that earn the most. Three times what one core of a present machine makes with the
demo model, and more than one stream of any larger model reaches."""
LAST: Final = 15
"""Answers over which a miner's rate is taken. With 5 % of packets lost, fewer than one in a hundred
such rows has a late answer in its middle; a miner that becomes faster waits for eight answers."""
NETWORK_S_MAX: Final = 0.3
"""No two places on Earth are farther apart by the usual routes. A larger bound would let a near
miner pretend to be farther, and be paid for the difference."""
NETWORK_PART_MAX: Final = 0.75
"""Of a latency, the most that counts as the network's. Whoever lies about its distance gains at
most four times its pay, and only with answers as short as a round trip."""


def engine_time(latencies_s: Vector, network_s: Vector) -> Vector:
    """Return the seconds that computing took of ``latencies_s``, given the round trip times
    ``network_s``; both have shape (n,)."""
    network = np.minimum(network_s, NETWORK_S_MAX)
    taken: Vector = latencies_s - np.minimum(network, NETWORK_PART_MAX * latencies_s)
    return taken


def steady_rate(rates: Sequence[float]) -> float:
    """Return the rate that a miner kept in half of its last answers: of ``rates``, the oldest
    first, the lower median of the last ``LAST``. ValueError without any."""
    if not rates:
        raise ValueError("there is no answer to take a rate from")
    last = sorted(rates[-LAST:])
    return last[(len(last) - 1) // 2]


def speed_factors(rates: Vector, verified: Mask, *, most: float) -> Vector:
    """Return for each answer its part of the most that an answer earns, in [0, 1].

    The steady ``rates`` of the miners, in tokens a second, and whether their answers were
    ``verified`` have shape (n,); the rate ``most`` earns the most. An answer that was not verified
    gets zero. ValueError for shapes that differ, or for a rate that is not positive.
    """
    if rates.shape != verified.shape or rates.ndim != 1:
        raise ValueError("rates and verified have one shape, (n,)")
    if not (most > 0.0 and (rates[verified] > 0.0).all() and np.isfinite(rates[verified]).all()):
        raise ValueError("rates are positive: a verified answer has tokens and took time")
    factors = np.zeros(rates.shape, dtype=np.float64)
    factors[verified] = np.minimum(rates[verified] / most, 1.0)
    return factors
