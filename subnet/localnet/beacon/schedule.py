"""Which rounds' pulses a chain is to get next, by its own time and by what waits there.

The chain names the rounds that something is sealed to (``AwaitedRounds``): they come as soon as
their time has, the lowest first, however late. As long as none of them is due there is one pulse in
``IDLE_ROUNDS``, which tells clients that there is a beacon; a pulse is kept for a week, and one
every three seconds would fill the state for nobody. A chain whose runtime names no rounds gets
every one, in order, while something is sealed there. Nothing here reads a chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from assay.localnet.beacon.pulse import NONE_SEALED, BeaconConfig, awaited_round

IDLE_ROUNDS: Final = 20
"""A minute's."""

AHEAD_ROUNDS: Final = 2
"""How many rounds more than pass in a block are brought between two blocks, to catch up. To make a
pulse, and to have it verified by the pool, takes some hundredths of a second."""

PULSES_PER_BLOCK_MAX: Final = 8
"""As many as the pallet lets into one block."""

CATCH_UP_ROUNDS: Final = 200
"""Ten minutes'. After a longer silence (the chain was stopped) a chain that names no rounds goes on
with the present, and what was sealed to a round before that is never opened there."""

KEPT_ROUNDS: Final = 216_000
"""A week of rounds, as the pallet has it: it takes no pulse of a round that lies further back."""

AWAITED_READ_MAX: Final = 64
"""Awaited rounds that one look reads, the lowest: more than are brought at once, since a source may
lack some."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits on a chain."""

    rounds: Sequence[int] = ()
    """Rounds that something is sealed to and whose pulse is not there, the lowest first."""
    is_unnamed: bool = False
    """Something is sealed, and the chain's runtime does not name the rounds."""

    @classmethod
    def of(
        cls,
        awaited: Sequence[bytes],
        *,
        brought: bytes | None,
        texts: bytes | None,
        rows: Sequence[bytes],
    ) -> Waiting:
        """What a chain's state says: its keys of ``awaited`` rounds and of sealed ``rows``, and
        what stands at ``BROUGHT_KEY`` (``brought``) and at ``SEALED_TEXTS_KEY`` (``texts``)."""
        is_sealed = texts not in NONE_SEALED or bool(rows)
        return cls(
            [awaited_round(key) for key in awaited], is_unnamed=is_sealed and brought is None
        )


def due_rounds(
    config: BeaconConfig, now_ms: int, last: int, waiting: Waiting, *, block_ms: int
) -> list[int]:
    """The rounds due at ``now_ms``, the lowest first, on a chain that has the pulse of ``last`` (0
    for none) and makes a block every ``block_ms``, and on which ``waiting`` waits."""
    current = config.round_at(now_ms)
    awaited = [number for number in waiting.rounds if last - KEPT_ROUNDS < number <= current]
    if awaited:
        return awaited
    if current <= last:
        return []
    if last and waiting.is_unnamed:
        first = max(last, current - CATCH_UP_ROUNDS) + 1
        return list(range(first, min(current + 1, first + at_once(config, block_ms))))
    if last and current - last < IDLE_ROUNDS:
        return []
    return [current]


def at_once(config: BeaconConfig, block_ms: int) -> int:
    """How many pulses are brought between two blocks that are ``block_ms`` apart."""
    passing = block_ms // (max(config.period_s, 1) * 1_000)
    return min(passing + AHEAD_ROUNDS, PULSES_PER_BLOCK_MAX)
