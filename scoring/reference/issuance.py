"""The halving curve (survey 4.2), for TAO and for each subnet's alpha alike.

    emission = 1e9 * 2^-floor(log2(1 / (1 - issuance / 21e15)))

Executed runtimes: exactly half issued is already halved; zero as soon as it falls below one rao
and once everything is issued.
"""

from __future__ import annotations

MAX_SUPPLY = 21 * 10**15
"""Rao that are ever issued."""
FIRST_EMISSION = 10**9
"""Rao of a block before the first halving."""


def block_emission(issuance: int) -> int:
    """What one block emits at this issuance."""
    if issuance >= MAX_SUPPLY:
        return 0
    halvings = 0
    # log2 of max / remaining, without a logarithm: double what remains while it still fits.
    while (MAX_SUPPLY - issuance) << halvings + 1 <= MAX_SUPPLY:
        halvings += 1
    return FIRST_EMISSION >> halvings
