"""Which values of a change are sent, and by which magnitudes they are replaced.

The largest are sent. A tensor's values are replaced by their sign times one of few magnitudes, the
mean of those that it stands for. Everything is the same on every machine: ties go to the lower
place, and sums are of whole numbers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.scoring.training.shapes import Floats, Places

MAGNITUDE_MIN: Final = np.float32(2.0**-80)
"""Smaller values are not sent: no training moves by them, and with them a magnitude's exponent
would need more than a byte."""
MAGNITUDE_MAX: Final = np.float32(2.0**40)
"""Larger values are refused: what diverged is of no use to others, and sums must not overflow."""
SUM_BITS: Final = 62
"""A sum of whole numbers stays below 2**62."""
SPLITS_MAX: Final = 16
"""Rounds of moving the bound between two magnitudes; it stood still after at most 9."""


def largest(weighted: Floats, count: int) -> Places:
    """Return the rising places of the ``count`` largest of ``weighted``, which are not negative;
    fewer if fewer are at least ``MAGNITUDE_MIN``. Of equal values the first are taken."""
    bits = np.ascontiguousarray(weighted).view(np.int32)  # ordered as the values are
    least = int(MAGNITUDE_MIN.view(np.int32))
    if count < bits.size:
        least = max(least, int(np.partition(bits, bits.size - count)[bits.size - count]))
    chosen = np.flatnonzero(bits >= least)
    if chosen.size > count:
        equal = np.flatnonzero(bits[chosen] == least)
        chosen = np.delete(chosen, equal[equal.size - (chosen.size - count) :])
    return chosen


def whole(values: Floats) -> tuple[NDArray[np.int64], int]:
    """Return the magnitudes of ``values`` as whole numbers of ``2**exponent``, and that exponent,
    so that their sum fits."""
    magnitudes = np.abs(values).astype(np.float64)
    top = int(np.frexp(magnitudes.max(initial=0.0))[1])
    exponent = top - (SUM_BITS - max(values.size, 1).bit_length())
    exponent = max(exponent, top - 40)
    return np.rint(np.ldexp(magnitudes, -exponent)).astype(np.int64), exponent


def mean_magnitudes(values: Floats, levels: int) -> tuple[list[float], NDArray[np.bool_]]:
    """Return the ``levels`` magnitudes, rising, that stand for ``values``, and which of the values
    have the last one.

    Two magnitudes are those of Lloyd and Max: each is the mean of the values that are nearer to it
    than to the other. Where all values would be one magnitude, both are.
    """
    numbers, exponent = whole(values)
    if levels == 1 or numbers.size < 2:
        mean = float(np.ldexp(int(numbers.sum()) / max(numbers.size, 1), exponent))
        return [mean] * levels, np.ones(values.size, dtype=np.bool_)
    rising = np.sort(numbers)
    sums = np.concatenate([[0], np.cumsum(rising)])
    split = rising.size // 2
    for _ in range(SPLITS_MAX):
        low = int(sums[split]) / split
        high = int(sums[-1] - sums[split]) / (rising.size - split)
        moved = int(np.searchsorted(rising, (low + high) / 2, side="left"))
        moved = min(max(moved, 1), rising.size - 1)
        if moved == split:
            break
        split = moved
    low = int(sums[split]) / split
    high = int(sums[-1] - sums[split]) / (rising.size - split)
    upper = numbers >= rising[split]
    return [float(np.ldexp(low, exponent)), float(np.ldexp(high, exponent))], upper
