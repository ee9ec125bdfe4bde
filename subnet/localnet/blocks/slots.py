"""Aura's slots: how long they are, and when the next block may be at the earliest.

Comes in: a state and its runtime. Goes out: the slot duration, and times in milliseconds. The slot
duration is chain state that root may change. Pallet Aura wants every block in a later slot than the
last one, and a slot's number is the block's time divided by the duration; so after a change the
runtime has to count the last slot anew (``runtime/src/slots.rs``). What is here only reads the
result, and refuses a runtime that does not do so. This module reads no clock and builds no block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from assay.localnet.errors import BlockRejected, RuntimeTrap
from assay.localnet.executor.call import Executor
from assay.localnet.limits import CoreLimits
from assay.localnet.primitives.header import Header, slot_of
from assay.localnet.primitives.well_known_keys import AURA_CURRENT_SLOT, TIMESTAMP_NOW
from assay.localnet.state.overlay import Committed, Overlay
from assay.localnet.state.view import State

_TIME_MS_MAX: Final = 2**64 - 1
"""A block's time is a u64."""


@dataclass(frozen=True, slots=True)
class Slots:
    """What a runtime answered about Aura's slots."""

    executor: Executor
    duration_ms: int
    keys: frozenset[bytes]
    """The storage keys that the runtime read for its answer. The answer holds until one changes."""


class _Noting(Overlay):
    """Keeps which keys were read through it."""

    def __init__(self, base: Committed) -> None:
        super().__init__(base)
        self.read: set[bytes] = set()

    def get(self, key: bytes) -> bytes | None:
        self.read.add(key)
        return super().get(key)


def slots_of(executor: Executor, state: Committed) -> Slots:
    """Ask the runtime of ``executor`` for the slots of ``state``."""
    method = "AuraApi_slot_duration"
    overlay = _Noting(state)
    duration_ms = int.from_bytes(executor.call(method, b"", overlay)[:8], "little")
    if not duration_ms:
        raise RuntimeTrap(method, "a slot that takes no time is none")
    return Slots(executor, duration_ms, frozenset(overlay.read))


def earliest_ms(head: Header, state: State, duration_ms: int) -> int:
    """The earliest time of the block after ``head``, whose state is ``state``.

    The block needs a slot of its own, and pallet Timestamp wants half a slot after the last block.
    The last slot is the state's, which pallet Aura compares with. It is another one than ``head``
    claims if the slots have another length since. BlockRejected if root moved the chain's clock so
    far that there is no such time.
    """
    counted = state.get(AURA_CURRENT_SLOT)
    slot = slot_of(head) if counted is None else int.from_bytes(counted, "little")
    if slot is None:
        return duration_ms
    time_ms = max((slot + 1) * duration_ms, _last_ms(state) + -(-duration_ms // 2))
    if time_ms > _TIME_MS_MAX:
        raise BlockRejected("the next block's time does not fit into 64 bits")
    return time_ms


def first_time_ms(
    head: Header, state: State, duration_ms: int, *, before_ms: int, limits: CoreLimits
) -> int:
    """The earliest time of the block after ``head``, which changed the runtime or the slots.

    ``before_ms`` was the slot duration before ``head``. BlockRejected if ``duration_ms`` is another
    one that no chain should have, or if the runtime does not count the last slot anew, so that the
    next one would be far from the chain's time.
    """
    fits = limits.slot_ms_min <= duration_ms <= limits.slot_ms_max
    if not fits and duration_ms != before_ms:
        raise BlockRejected(
            f"slots of {duration_ms} ms are not between {limits.slot_ms_min} "
            f"and {limits.slot_ms_max} ms"
        )
    time_ms, last_ms = earliest_ms(head, state, duration_ms), _last_ms(state)
    if time_ms > last_ms + duration_ms:
        raise BlockRejected(
            f"in slots of {duration_ms} ms the chain's clock would leap from {last_ms} to "
            f"{time_ms} ms: this runtime does not count its slots anew"
        )
    return time_ms


def _last_ms(state: State) -> int:
    """The time of the last block, in milliseconds."""
    return int.from_bytes(state.get(TIMESTAMP_NOW) or b"", "little")
