"""Liquid alpha: the speed at which a bond follows a weight.

    difference = clamp(weight - consensus) when the weight is at least the bond (buying),
                 clamp(bond - weight) otherwise (selling)
    sigma      = 1 / (1 + exp(-steepness / 100 * (difference - 1/2)))
    speed      = low + sigma * (high - low), between low and high

The rule is that of ``compute_liquid_alpha_values`` in ``epoch/run_epoch.rs``; no public runtime
that has it could be executed. Ours, where the source leaves it open: ``clamp`` is to [0, 1]; the
exponent is steepness times (difference - 1/2), over 100, truncated to 32 fractional bits;
exp(-|exponent|) is rounded down to 127 fractional bits (below 2^-127 it is zero, and sigma is then
exactly 0 or 1); sigma is truncated to 32 fractional bits. The exponential is computed here as a
plain series in exact rationals cut to 256 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor

from assay.scoring.reference.numbers import U16_MAX, Fixed, N, Numbers

_PRECISION = 256
"""Bits in which the exponential is computed here: far more than the rule keeps."""
_KEPT = 127
"""Bits of the exponential that the rule keeps."""


@dataclass(frozen=True, slots=True)
class Liquid:
    """The hyperparameters as the chain stores them: ``low`` and ``high`` are parts of 65535, and
    ``steepness`` is a hundred times the slope."""

    low: int = 45875
    high: int = 58982
    steepness: int = 1000

    def speed(self, numbers: Numbers[N], weight: N, bond: N, consensus: N) -> N:
        """Return the speed at which ``bond`` follows ``weight``, beside the ``consensus``."""
        low = numbers.ratio(self.low, U16_MAX)
        high = numbers.ratio(self.high, U16_MAX)
        difference = weight - consensus if weight >= bond else bond - weight
        difference = min(max(difference, numbers.zero), numbers.one)
        half = numbers.ratio(1, 2)
        exponent = numbers.div(
            numbers.mul(numbers.whole(self.steepness), difference - half), numbers.whole(100)
        )
        speed = low + numbers.mul(_sigmoid(numbers, exponent), high - low)
        return min(max(speed, low), high)


def _sigmoid(numbers: Numbers[N], exponent: N) -> N:
    value = Fraction(exponent)
    if isinstance(numbers, Fixed):
        value /= numbers.one
        decayed = _cut(exp_of_minus(abs(value)), _KEPT)
    else:
        decayed = exp_of_minus(abs(value))
    result = 1 / (1 + decayed) if value >= 0 else decayed / (1 + decayed)
    return numbers.ratio(result.numerator, result.denominator)


def exp_of_minus(x: Fraction) -> Fraction:
    """e^-x for x >= 0, within 2^-240: the series of e^-(x / 2^k), squared k times."""
    halvings = max(x.numerator // x.denominator, 1).bit_length() + 4
    small = x / 2**halvings
    term = result = Fraction(1)
    for order in range(1, 80):
        term = _cut(-term * small / order)
        result += term
    for _ in range(halvings):
        result = _cut(result * result)
    return result


def _cut(x: Fraction, bits: int = _PRECISION) -> Fraction:
    scale = 1 << bits
    return Fraction(floor(x * scale), scale)
