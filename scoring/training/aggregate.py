"""What the messages of a window become together: one change, the same to the bit for everybody.

All is computed in whole numbers. A value v counts as q = v x 2**40 units, rounded to even; weights
are whole as well, and their sum is at most 2**17, so that no sum exceeds 2**61. The order in which
contributions come changes nothing: they are taken by rising uid, and sums of whole numbers do not
depend on their order.

    norms:     n = sum of q**2 over a contribution's values, exact
    middle:    the weighted lower median of all n that are not zero
    bounded:   where n > c**2 middle, q <- q f / 2**16, cut towards zero,
               with f = floor(sqrt(2**32 c**2 middle / n))
    a place:   sum of weight x q / sum of weights, half a unit away from zero,
               over those who sent the place, or over all

With ``trim_percent`` t, the floor(k t / 100) lowest and as many highest of the k values of a place
are left out before (of equal values those of the lower uids count as lower), but never all: 50
leaves the middle one or two. Values of 16 and more, which no training makes, leave their
contribution out.

Messages, signatures and who may contribute are not known here.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.scoring.training.shapes import Floats, Places, SparseUpdate

UNIT_BITS: Final = 40
"""Units of a value of one. The smallest changes of trained models, about 1e-6, keep 20 bits."""
VALUE_BITS: Final = 4
"""A value is less than 2**4; with the units and weights below it fits 61 bits."""
WEIGHTS_MAX: Final = 1 << 17
"""The sum of all weights: incentives on chain sum to 65,535, and as much again is left for those
who have none yet. Twice a sum and a rounding must fit 63 bits."""
FACTOR_BITS: Final = 16
"""A contribution of 2**16 times the middle norm, or more, is left out by rounding."""
BLOCK_PLACES: Final = 1 << 16
"""Places that are sorted at once: 256 contributions need 128 MiB."""

Units = NDArray[np.int64]


class Average(enum.StrEnum):
    """Over whom a place's values are averaged."""

    SENDERS = "senders"
    """Those who sent the place. With sparse messages it lost 0.1 nats less than ``ALL``."""
    ALL = "all"
    """All; who did not send a place counts as zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregationRule:
    """How contributions become one; ValueError for numbers out of bounds."""

    average: Average = Average.SENDERS
    norm_percent: int = 200
    """c in per cent: how much longer than the middle one a contribution may be. Trainers
    with equal work lay within 14 % of it, over 72 windows of three runs."""
    trim_percent: int = 0
    """How much is left out at each end. Where few trainers send the same places, a place that one
    has sent alone is bounded by its norm only."""

    def __post_init__(self) -> None:
        if self.norm_percent < 100 or not 0 <= self.trim_percent <= 50:
            raise ValueError("norms are bounded above the middle, and a trim leaves the middle")


@dataclass(frozen=True, slots=True, eq=False)
class Contribution:
    """What ``uid`` sent, and its whole ``weight``."""

    uid: int
    weight: int
    update: SparseUpdate


@dataclass(frozen=True, slots=True, eq=False)
class Aggregated:
    """The change that all take, and for each uid what its values were multiplied by, in 2**-16."""

    update: SparseUpdate
    factors: dict[int, int]


def aggregate(contributions: Sequence[Contribution], rule: AggregationRule) -> Aggregated:
    """Return what ``contributions`` become under ``rule``.

    ValueError for two of one uid, for weights that are not positive, or for more weight than
    ``WEIGHTS_MAX``.
    """
    ordered = sorted(contributions, key=lambda contribution: contribution.uid)
    if len({contribution.uid for contribution in ordered}) < len(ordered):
        raise ValueError("a uid contributes once")
    if any(each.weight < 1 for each in ordered) or sum(e.weight for e in ordered) > WEIGHTS_MAX:
        raise ValueError(f"weights are positive and sum to at most {WEIGHTS_MAX}")
    factors = {contribution.uid: 0 for contribution in ordered}
    sane = [each for each in ordered if _is_sane(each.update.values)]
    units = [_units(each.update.values) for each in sane]
    bounded = []
    for each, own, factor in zip(sane, units, _factors(sane, units, rule), strict=True):
        factors[each.uid] = factor
        bounded.append(np.sign(own) * (np.abs(own) * factor >> FACTOR_BITS))
    places, sums = _merged(sane, bounded, rule)
    values = np.ldexp(sums.astype(np.float64), -UNIT_BITS).astype(np.float32)
    moved = np.flatnonzero(values)
    return Aggregated(SparseUpdate(places[moved], values[moved]), factors)


def _is_sane(values: Floats) -> bool:
    return bool(np.all(np.abs(values) < 1 << VALUE_BITS))


def _units(values: Floats) -> Units:
    return np.rint(np.ldexp(values.astype(np.float64), UNIT_BITS)).astype(np.int64)


def square_norm(units: Units) -> int:
    """Return the exact sum of the squares of ``units``."""
    distinct, counts = np.unique(np.abs(units), return_counts=True)
    return sum(n * n * k for n, k in zip(distinct.tolist(), counts.tolist(), strict=True))


def _factors(
    contributions: Sequence[Contribution], units: Sequence[Units], rule: AggregationRule
) -> list[int]:
    whole = 1 << FACTOR_BITS
    norms = [square_norm(own) for own in units]
    weighted = sorted((n, each.weight) for n, each in zip(norms, contributions, strict=True) if n)
    middle, left = 0, sum(weight for _, weight in weighted)
    for norm, weight in weighted:
        middle, left = norm, left - 2 * weight
        if left <= 0:
            break
    limit = middle * rule.norm_percent**2
    return [
        whole if n * 100**2 <= limit else math.isqrt((limit << 2 * FACTOR_BITS) // (n * 100**2))
        for n in norms
    ]


def _merged(
    contributions: Sequence[Contribution], units: Sequence[Units], rule: AggregationRule
) -> tuple[Places, Units]:
    nowhere = np.empty(0, dtype=np.int64)
    every = [each.update.places for each in contributions]
    places, at = np.unique(np.concatenate([nowhere, *every]), return_inverse=True)
    weights = [np.full(each.update.places.size, each.weight) for each in contributions]
    each_weight = np.concatenate([nowhere, *weights])
    each_unit = np.concatenate([nowhere, *units])
    if rule.trim_percent:
        return places, _trimmed(contributions, units, places, rule)
    sums = np.zeros(places.size, dtype=np.int64)
    np.add.at(sums, at, each_weight * each_unit)
    if rule.average is Average.ALL:
        whole = sum(each.weight for each in contributions)
        return places, _divided(sums, np.full(places.size, whole))
    over = np.zeros(places.size, dtype=np.int64)
    np.add.at(over, at, each_weight)
    return places, _divided(sums, over)


def _divided(sums: Units, over: Units) -> Units:
    """Return ``sums`` divided by ``over``, rounded, halves away from zero."""
    nearest: Units = np.sign(sums) * ((2 * np.abs(sums) + over) // (2 * over))
    return nearest


def _trimmed(
    contributions: Sequence[Contribution],
    units: Sequence[Units],
    places: Places,
    rule: AggregationRule,
) -> Units:
    parts = [np.empty(0, dtype=np.int64)]
    weights = np.array([each.weight for each in contributions], dtype=np.int64)[:, None]
    for block, sent in _blocks(contributions, units, places):
        counted = sent if rule.average is Average.SENDERS else np.ones_like(sent)
        # Who is not counted stands behind everybody; stable sorting keeps the order of uids.
        keys = np.where(counted, block, np.iinfo(np.int64).max)
        order = np.argsort(keys, axis=0, kind="stable")
        count = counted.sum(axis=0)
        out = np.minimum(count * rule.trim_percent // 100, (count - 1) // 2)
        rank = np.arange(len(contributions))[:, None]
        kept = (rank >= out) & (rank < count - out)
        own = np.where(kept, np.broadcast_to(weights, block.shape)[order, 0], 0)
        values = np.take_along_axis(block, order, axis=0)
        parts.append(_divided((own * values).sum(axis=0), own.sum(axis=0)))
    return np.concatenate(parts)


def _blocks(
    contributions: Sequence[Contribution], units: Sequence[Units], places: Places
) -> Iterator[tuple[Units, NDArray[np.bool_]]]:
    """Yield, for ``BLOCK_PLACES`` places after each other, each contribution's units, and which of
    them it sent."""
    for start in range(0, places.size, BLOCK_PLACES):
        here = places[start : start + BLOCK_PLACES]
        block = np.zeros((len(contributions), here.size), dtype=np.int64)
        sent = np.zeros(block.shape, dtype=np.bool_)
        for row, (each, own) in enumerate(zip(contributions, units, strict=True)):
            first, last = np.searchsorted(each.update.places, [here[0], here[-1] + 1])
            at = np.searchsorted(here, each.update.places[first:last])
            block[row, at] = own[first:last]
            sent[row, at] = True
        yield block, sent
