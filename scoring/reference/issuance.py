"""The halving curve, for TAO and for each subnet's alpha alike.

    emission = 1e9 * 2^-floor(log2(1 / (1 - issuance / 21e15)))

The rule is that of ``get_block_emission_for_issuance`` in ``coinbase/block_emission.rs``. Executed
runtimes show its edges: when exactly half is issued, the emission is already halved; it is zero as
soon as it falls below one rao, and once everything is issued.
"""

from __future__ import annotations

MAX_SUPPLY = 21 * 10**15
"""Rao that are issued in all."""
FIRST_EMISSION = 10**9
"""Rao that one block emits before the first halving."""


def block_emission(issuance: int) -> int:
    """Return the rao that one block emits when ``issuance`` rao are issued already."""
    if issuance >= MAX_SUPPLY:
        return 0
    halvings = 0
    # log2 of max / remaining, without a logarithm: double what remains while it still fits.
    while (MAX_SUPPLY - issuance) << halvings + 1 <= MAX_SUPPLY:
        halvings += 1
    return FIRST_EMISSION >> halvings
