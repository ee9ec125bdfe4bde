"""Which rounds' pulses a chain is to get next, by its own time and by what waits there.

As long as nothing on the chain waits for a round there is one pulse in ``IDLE_ROUNDS``, which tells
clients that there is a beacon; a pulse is kept for a week, and one every three seconds would fill
the state for nobody. As soon as something is sealed, every round has its pulse, in order. Nothing
here reads a chain.
"""

from __future__ import annotations

from typing import Final

from assay.localnet.beacon.pulse import BeaconConfig

IDLE_ROUNDS: Final = 20
"""A minute's."""

AHEAD_ROUNDS: Final = 2
"""How many rounds more than pass in a block are brought between two blocks, to catch up. To make a
pulse, and to have it verified by the pool, takes some hundredths of a second."""

CATCH_UP_ROUNDS: Final = 200
"""Ten minutes'. After a longer silence (the chain was stopped) the beacon goes on with the present,
and what was sealed to a round before that is never opened."""


def due_rounds(
    config: BeaconConfig, now_ms: int, last: int, *, is_awaited: bool, block_ms: int
) -> range:
    """The rounds due at ``now_ms``, the lowest first, on a chain that has the pulse of ``last`` (0
    for none) and makes a block every ``block_ms``. ``is_awaited``: whether anything there is sealed
    to a round."""
    current = config.round_at(now_ms)
    if current <= last:
        return range(0)
    if last and is_awaited:
        first = max(last, current - CATCH_UP_ROUNDS) + 1
        count = block_ms // (max(config.period_s, 1) * 1_000) + AHEAD_ROUNDS
        return range(first, min(current + 1, first + count))
    if last and current - last < IDLE_ROUNDS:
        return range(0)
    return range(current, current + 1)
