"""When the next block may be, beside a runtime that counts its slots anew and one that does not."""

from __future__ import annotations

import pytest

from assay.localnet.blocks.slots import earliest_ms, first_time_ms
from assay.localnet.errors import BlockRejected
from assay.localnet.limits import CoreLimits
from assay.localnet.primitives.header import ZERO_HASH, Header, aura_pre_runtime
from assay.localnet.primitives.well_known_keys import AURA_CURRENT_SLOT, TIMESTAMP_NOW
from tests.unit.subnet.localnet.toy_chain import ToyState

NOW_MS = 1_700_000_000_100
OLD_MS = 250
LIMITS = CoreLimits()
HEAD = Header(ZERO_HASH, 5, ZERO_HASH, ZERO_HASH, (aura_pre_runtime(NOW_MS // OLD_MS),))


def state(slot: int | None) -> ToyState:
    """A state at ``NOW_MS`` in which pallet Aura's last slot is ``slot``."""
    values = {TIMESTAMP_NOW: NOW_MS.to_bytes(8, "little")}
    if slot is not None:
        values[AURA_CURRENT_SLOT] = slot.to_bytes(8, "little")
    return ToyState(values)


def first_time(after: ToyState, duration_ms: int, *, before_ms: int = OLD_MS) -> int:
    return first_time_ms(HEAD, after, duration_ms, before_ms=before_ms, limits=LIMITS)


@pytest.mark.parametrize("slot", [NOW_MS // OLD_MS, None])
def test_in_the_same_slots_the_next_one_begins_where_this_one_ends(slot: int | None) -> None:
    """Also for a runtime whose pallet Aura has another name: the header claims the same slot."""
    assert earliest_ms(HEAD, state(slot), OLD_MS) == 1_700_000_000_250


@pytest.mark.parametrize(
    ("duration_ms", "next_ms"), [(125, 1_700_000_000_163), (500, 1_700_000_000_500)]
)
def test_slots_that_are_counted_anew_begin_at_the_chains_time(
    duration_ms: int, next_ms: int
) -> None:
    """The first is half a slot after the last block, which is later than the next slot's begin."""
    anew = state(NOW_MS // duration_ms)
    assert first_time(anew, duration_ms) == next_ms


def test_a_runtime_that_does_not_count_longer_slots_anew_is_refused_them() -> None:
    old = state(NOW_MS // OLD_MS)
    with pytest.raises(BlockRejected, match="clock would leap from 1700000000100 to 3400000000500"):
        first_time(old, 2 * OLD_MS)
    assert first_time(old, OLD_MS // 2) == 1_700_000_000_163, "no leap"


@pytest.mark.parametrize("duration_ms", [0, 1, 3_600_001])
def test_no_chain_has_slots_of_such_a_length(duration_ms: int) -> None:
    with pytest.raises(BlockRejected, match=f"slots of {duration_ms} ms"):
        first_time(state(0), duration_ms)


def test_a_chain_that_began_with_long_slots_keeps_them_under_another_runtime() -> None:
    long_ms = 2 * LIMITS.slot_ms_max
    kept = state(NOW_MS // long_ms)
    assert first_time(kept, long_ms, before_ms=long_ms) == (NOW_MS // long_ms + 1) * long_ms
