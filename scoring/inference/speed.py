"""What a verified answer earns: the tokens that came within a window that all miners have at once.

In some turns all miners are asked at the same moment for several answers at once, a burst, and draw
them token by token. Of a burst of ``n`` tokens, of which ``N`` came within the first ``WINDOW_S``
seconds and the last after ``l`` seconds, and which grew by ``p`` tokens a second after its first:

    rate   = min(LATE * n / l, max(N / WINDOW_S, min(p, SLOW_PER_S)))
    steady = min(median, FORGIVEN * mean) of the miner's last LAST rates
    factor = min(steady / announced rate, 1)

From each time the network's is taken off, min(t, NETWORK_S_MAX, NETWORK_PART_MAX * time) for a
network that takes t seconds. A single answer that the model ends within the window has the rate
n / l.

The window is what keeps uids apart that share a machine. Whatever order the machine answers its
uids in, together they show what it draws in one window. Paid by the time of a fixed number of
tokens, uids that are answered one after the other earned 1 + 1/2 + 1/3 + ... incomes. That it is
measured in bursts keeps batching machines from drawing for many uids what one uid alone is never
asked for: sixteen uids earned up to eleven incomes.

What is paid outside the window is small: up to ``SLOW_PER_S`` tokens a second to each uid, so that
a machine that draws no token in a window is paid as well. Each uid of a machine can have that.
There the time until the first token does not count: a slow machine reads a prompt for longer than a
window.

An answer that took several turns is paid for one of them like any other, and for the rest by its
own tokens over its own time (``rate_over_turns``): a miner that is slow on purpose would else be
paid for turns in which it did nothing.

The mean keeps a machine from serving one uid fully in some turns and another one in others: of each
uid's rates the median alone would forget up to seven in fifteen turns without a token. The median
keeps pay even where the network loses packets, which costs a few windows much of their tokens.

The announced rate is fixed, so what one miner earns depends on nobody else. It must lie above what
the fastest machine reaches, because above it a machine earns more with two uids than with one. A
rate that is too high changes no share.

The network's time is apart, for a miner is paid for computing and not for where it lives. Nobody
can prove how far away it is, and a miner that answers the measurement late seems farther than it
is; hence the two bounds on what is taken off, beside what a validator knows of a miner's frames.

This module knows no model and no names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]

WINDOW_S: Final = 1.0
"""Seconds in which tokens count. Half as long, and what a miner gains that pretends to be far away
is twice as much, and a busy machine's first tokens are half of a window late; twice as long, and
each burst draws twice the tokens."""
PAY_RATE: Final = 4_000.0
"""Tokens a second that earn the most: half as much again as one core of a present machine draws
with the demo model, which is 1,700 in sixteen answers at once and 1.5 times that in 64. In a
window, and a third of one, sixteen answers of 334 tokens hold them, for which the demo model's
context of 512 has room."""
SLOW_PER_S: Final = 2.0
"""Tokens a second that are paid whenever they come. Twice the slowest miner's, so that it is paid
for its tokens; fifteen uids beside the first gain 30 tokens a second, a tenth of the income of a
machine that draws 300."""
LATE: Final = 2.0
"""How many times faster an answer may be in its window than as a whole. An honest machine is no
faster at the beginning, where it reads the prompt; a miner that holds back the end, to be asked at
other moments than its other uids, is paid for the time that its answer took."""
LAST: Final = 15
"""Bursts over which a miner's rate is taken. With 5 % of packets lost, fewer than one in a hundred
such rows has a late answer in its middle; a miner that becomes faster waits for eight."""
FORGIVEN: Final = 1.1
"""How far the median may lie above the mean. 5 % of lost packets cost a miner 50 ms away 9 % of its
windows' tokens on average; a machine that serves its uids by turns gains no more than is
forgiven."""
HELD_S_MAX: Final = 0.1
"""Between two frames, the longest pause after which tokens still count for the time before. A lost
packet is sent again within that time where a round trip takes less. A machine could show tokens of
the first half of such a pause behind the window's end, 5 % of a window's at most."""
TOGETHER_S: Final = 1e-3
"""Frames that one packet released are read within that time."""
NETWORK_S_MAX: Final = 0.3
"""No two places on Earth are farther apart by the usual routes. A larger bound would let a near
miner pretend to be farther, and be paid for the difference."""
NETWORK_PART_MAX: Final = 0.75
"""Of a time, the most that counts as the network's. Whoever lies about its distance has a window of
1.3 s instead of 1, and is paid 1.3 times as much."""


def engine_time(times_s: Vector, network_s: Vector) -> Vector:
    """Return the seconds that computing took of ``times_s``, given the round trip times
    ``network_s``; both have shape (n,)."""
    network = np.minimum(network_s, NETWORK_S_MAX)
    taken: Vector = times_s - np.minimum(network, NETWORK_PART_MAX * times_s)
    return taken


def drawn_in_window(times_s: Vector, tokens: Vector) -> float:
    """Return how many of an answer's tokens came within the window: of its frames, which came after
    ``times_s`` of computing, in rising order, with so many ``tokens`` each; both have shape (n,).

    Frames that come together soon after the frame before, and after the window's end, were held
    back by a lost packet, or the miner sends several tokens at once: as many of their tokens count
    as came if they were drawn evenly.
    """
    inside = times_s <= WINDOW_S
    drawn = float(tokens[inside].sum())
    if inside.all() or not inside.any():
        return drawn
    before, after = times_s[inside][-1], times_s[~inside][0]
    if after - before > HELD_S_MAX:
        return drawn
    together = ~inside & (times_s <= after + TOGETHER_S)
    return drawn + float(tokens[together].sum() * (WINDOW_S - before) / (after - before))


def window_rate(times_s: Vector, tokens: Vector, *, ended: bool) -> float:
    """Return the rate of one answer from its frames, as ``drawn_in_window`` takes them; ``ended``
    says whether the model has ended the text by itself. ValueError without frames or tokens."""
    if times_s.shape != tokens.shape or not len(tokens) or not tokens.sum() > 0.0:
        raise ValueError("an answer has frames, and tokens in them")
    whole = float(tokens.sum() / times_s[-1])
    if ended and times_s[-1] <= WINDOW_S:
        return whole
    inside = drawn_in_window(times_s, tokens) / WINDOW_S
    grown_s = times_s[-1] - times_s[0]
    pace = float(tokens[1:].sum() / grown_s) if grown_s > 0.0 else whole
    return min(LATE * whole, max(inside, min(pace, SLOW_PER_S)))


def rate_over_turns(steady: float, *, own: float, turns: int) -> float:
    """Return the rate at which an answer is paid for each of the ``turns`` that it took: one turn
    at the miner's ``steady`` rate, the rest at its ``own`` tokens over its own time, if that is
    less."""
    return (steady + (turns - 1) * min(steady, own)) / turns


def steady_rate(rates: Sequence[float]) -> float:
    """Return the rate that a miner keeps: of the last ``LAST`` of ``rates``, the oldest first, the
    lower median, or little more than the mean if that is less. ValueError without any."""
    if not rates:
        raise ValueError("there is no answer to take a rate from")
    last = sorted(rates[-LAST:])
    return min(last[(len(last) - 1) // 2], FORGIVEN * sum(last) / len(last))


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
