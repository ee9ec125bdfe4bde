"""Leases of subnets: what comes back to whom, and who has what of the dividends
(``subnets/leasing.rs``).

 1. A contributor's share is its part of what was raised, in 64 fractional bits, rounded down. The
    beneficiary has none written down.
 2. Of what the subnet and its proxy leave of the money, each has its share, rounded down, and the
    beneficiary the rest.
 3. Of the owner's cut of an epoch the shared part, in hundredths, rounded up, is set aside.
 4. Of what is set aside each has its share, rounded up, and the beneficiary the rest.

Ours: nobody gets more than the others before it have left.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

FRACTION_BITS = 64


def lease_share(given: int, raised: int) -> Fraction:
    """The part of a contributor that gave ``given`` of ``raised``."""
    return Fraction(given * 2**FRACTION_BITS // raised, 2**FRACTION_BITS)


def refunds(shares: Sequence[Fraction], left: int) -> tuple[list[int], int]:
    """What contributors get back of ``left``, and what the beneficiary does."""
    back = [floor(share * left) for share in shares]
    return back, left - sum(back)


def shared_of_cut(cut: int, percent: int) -> int:
    """What of an owner's cut is set aside."""
    return ceil(Fraction(percent, 100) * cut)


def lease_dividends(shares: Sequence[Fraction], total: int) -> tuple[list[int], int]:
    """What contributors have of ``total``, and what the beneficiary has."""
    rest, paid = total, []
    for share in shares:
        paid.append(min(rest, ceil(share * total)))
        rest -= paid[-1]
    return paid, rest
