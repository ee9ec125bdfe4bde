"""What the messages of a training window become together, place by place in plain numbers.

This is the specification that ``assay.scoring.training.aggregate`` is compared with, written from
the rule and not from its code. A contribution is a uid, a whole weight and values by place. There
are only whole numbers and fractions; nothing here is fast, and no neuron calls it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

ONE = 2**40
"""Units of a value of one."""


@dataclass(frozen=True, slots=True)
class PlainContribution:
    """What one uid sent: its weight, and its values by place."""

    weight: int
    values: Mapping[int, float]


def half_even(number: Fraction) -> int:
    """Return the whole number nearest to ``number``; of two the even one."""
    return round(number)


def half_away(number: Fraction) -> int:
    """Return the whole number nearest to ``number``; of two the one farther from zero."""
    nearest = math.floor(abs(number) + Fraction(1, 2))
    return nearest if number >= 0 else -nearest


def norm_factors(sent: Mapping[int, PlainContribution], norm_percent: int) -> dict[int, Fraction]:
    """Return by what each uid's values are multiplied, so that none is longer than
    ``norm_percent`` of the middle one; 0 for whom a value of 16 or more leaves out."""
    norms = {
        uid: sum(half_even(Fraction(value) * ONE) ** 2 for value in own.values.values())
        for uid, own in sent.items()
        if all(abs(value) < 16 for value in own.values.values())
    }
    spoke = sorted((norm, sent[uid].weight) for uid, norm in norms.items() if norm)
    whole = sum(weight for _, weight in spoke)
    middle = 0
    for index, (norm, _) in enumerate(spoke):
        if 2 * sum(weight for _, weight in spoke[: index + 1]) >= whole:
            middle = norm
            break
    longest = Fraction(norm_percent, 100) ** 2 * middle
    factors = dict.fromkeys(sent, Fraction(0))
    for uid, norm in norms.items():
        part = Fraction(1) if norm <= longest else longest / norm
        factors[uid] = Fraction(math.isqrt(math.floor(part * 2**32)), 2**16)
    return factors


def merge(
    sent: Mapping[int, PlainContribution],
    *,
    senders_only: bool,
    norm_percent: int,
    trim_percent: int,
) -> dict[int, int]:
    """Return the units that each place changes by; places that do not change are left out."""
    factors = norm_factors(sent, norm_percent)
    counting = {
        uid: own for uid, own in sent.items() if all(abs(v) < 16 for v in own.values.values())
    }
    merged = {}
    for place in sorted({place for own in counting.values() for place in own.values}):
        values = []
        for uid in sorted(counting):
            if place in counting[uid].values:
                units = half_even(Fraction(counting[uid].values[place]) * ONE)
                values.append((math.trunc(units * factors[uid]), uid))
            elif not senders_only:
                values.append((0, uid))
        values.sort()
        out = min(len(values) * trim_percent // 100, (len(values) - 1) // 2)
        kept = values[out : len(values) - out]
        whole = sum(counting[uid].weight for _, uid in kept)
        total = sum(counting[uid].weight * units for units, uid in kept)
        if change := half_away(Fraction(total, whole)):
            merged[place] = change
    return merged
