"""Voting power: how much say a validator has had on a subnet of late (``utils/voting_power.rs``).

An epoch of a subnet that has it tracked moves each neuron's:

 1. A neuron to which the epoch gave no permit has none.
 2. Else it becomes ``alpha`` parts of what its stake counts for in the epoch and the rest of what
    it was, in parts of 10^18, rounded down.
 3. If it was at or above the threshold of stake and is below it now, it is none. Who has never
    reached the threshold keeps what it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor

ALPHA_ONE = 10**18
"""All of a new value."""


def moved_power(before: int, stake: int, alpha: int) -> int:
    """The average that was ``before`` after an epoch with ``stake``."""
    part = Fraction(alpha, ALPHA_ONE)
    return floor(part * stake + (1 - part) * before)


def powers_after(
    before: Sequence[int],
    stakes: Sequence[int],
    permits: Sequence[bool],
    alpha: int,
    threshold: int,
) -> list[int]:
    """Each neuron's voting power after an epoch, by uid."""
    after = []
    for power, stake, permit in zip(before, stakes, permits, strict=True):
        new = moved_power(power, stake, alpha) if permit else 0
        after.append(0 if power >= threshold > new else new)
    return after
