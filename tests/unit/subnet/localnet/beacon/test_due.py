"""Which rounds are due, and what a pulse looks like to the chain."""

from __future__ import annotations

from typing import Final

import pytest

from assay.localnet.beacon.local import due_in
from assay.localnet.beacon.pulse import (
    AWAITED_ROUNDS_KEY,
    BROUGHT_KEY,
    LAST_ROUND_KEY,
    SIGNATURE_BYTES,
    BeaconConfig,
    Bringer,
    Pulse,
)
from assay.localnet.beacon.schedule import (
    CATCH_UP_ROUNDS,
    IDLE_ROUNDS,
    KEPT_ROUNDS,
    PULSES_PER_BLOCK_MAX,
)
from assay.localnet.executor.host.crypto import check_sr25519
from assay.localnet.primitives.scale import Reader, ScaleError, encode_bytes
from assay.localnet.primitives.well_known_keys import TIMESTAMP_NOW, item_key

CONFIG: Final = BeaconConfig(b"\1" * 96, 3, 1_000_000)
BLOCK_MS: Final = 250
SEALED: Final = {item_key("SubtensorModule", "TimelockedWeightCommits") + b"key": b"queue"}
LOCKED: Final = {item_key("Commitments", "TimelockedIndex"): b"\4entry"}
NAMED: Final = {BROUGHT_KEY: bytes(12)}
NOTHING_LOCKED: Final = {item_key("Commitments", "TimelockedIndex"): b"\0"}


class Pairs(dict[bytes, bytes]):
    """A state of a few pairs."""

    def next_key(self, key: bytes) -> bytes | None:
        return min((each for each in self if each > key), default=None)

    def keys(  # type: ignore[override]
        self, prefix: bytes, start: bytes | None = None, count: int | None = None
    ) -> list[bytes]:
        return sorted(each for each in self if each.startswith(prefix))[:count]


def state(now: int, last: int, more: dict[bytes, bytes] | None = None) -> Pairs:
    """In round ``now``, with the pulses up to ``last``."""
    time_ms = (CONFIG.genesis_s + 3 * (now - 1)) * 1_000 + 2_999
    numbers = {TIMESTAMP_NOW: time_ms, LAST_ROUND_KEY: last}
    return Pairs({k: v.to_bytes(8, "little") for k, v in numbers.items()} | (more or {}))


def test_rounds_begin_with_one_at_genesis() -> None:
    at = [CONFIG.round_at(CONFIG.genesis_s * 1_000 + ms) for ms in (-1, 0, 2_999, 3_000, 6_000)]
    assert at == [0, 1, 1, 2, 3]


@pytest.mark.parametrize("more", [{}, NOTHING_LOCKED])
def test_where_nothing_waits_a_pulse_a_minute_tells_that_there_is_a_beacon(
    more: dict[bytes, bytes],
) -> None:
    assert list(due_in(state(500, 0, more), CONFIG, BLOCK_MS)) == [500]
    assert not due_in(state(500 + IDLE_ROUNDS - 1, 500, more), CONFIG, BLOCK_MS)
    assert list(due_in(state(500 + IDLE_ROUNDS, 500, more), CONFIG, BLOCK_MS)) == [520]


def awaited(*rounds: int) -> dict[bytes, bytes]:
    """What the chain has while these are awaited."""
    return SEALED | NAMED | {AWAITED_ROUNDS_KEY + n.to_bytes(8, "big"): b"" for n in rounds}


def test_a_round_that_something_waits_for_comes_in_its_time_and_the_others_do_not() -> None:
    more = awaited(503, 507, 2**64 - 1)
    assert not due_in(state(502, 500, more), CONFIG, BLOCK_MS)
    assert due_in(state(503, 500, more), CONFIG, BLOCK_MS) == [503]
    assert due_in(state(510, 500, more), CONFIG, BLOCK_MS) == [503, 507]
    far = awaited(2**64 - 1)
    assert not due_in(state(500 + IDLE_ROUNDS - 1, 500, far), CONFIG, BLOCK_MS), "no faster"
    assert due_in(state(500 + IDLE_ROUNDS, 500, far), CONFIG, BLOCK_MS) == [520]


def test_a_round_that_was_passed_over_comes_however_late() -> None:
    late = 500 + 10 * CATCH_UP_ROUNDS
    assert due_in(state(late, late, awaited(255, 256)), CONFIG, BLOCK_MS) == [255, 256]
    assert due_in(state(late, 0, awaited(3)), CONFIG, BLOCK_MS) == [3]


def test_what_the_chain_would_take_no_more_does_not_stand_in_the_way() -> None:
    stale = awaited(0, 1, 2, 3)
    last = KEPT_ROUNDS + 3
    assert not due_in(state(last, last, stale), CONFIG, BLOCK_MS)
    assert due_in(state(last + 5, last, stale | awaited(last + 5)), CONFIG, BLOCK_MS) == [last + 5]
    assert due_in(state(last + IDLE_ROUNDS, last, stale), CONFIG, BLOCK_MS) == [last + IDLE_ROUNDS]


def test_no_more_than_a_block_takes_are_brought_at_once() -> None:
    many = awaited(*range(1, 100))
    assert due_in(state(500, 500, many), CONFIG, BLOCK_MS) == [1, 2]
    due = due_in(state(500, 500, many), CONFIG, 600_000)
    assert due == list(range(1, PULSES_PER_BLOCK_MAX + 1))


@pytest.mark.parametrize("more", [SEALED, LOCKED])
def test_a_runtime_that_names_no_rounds_gets_every_one_in_order(more: dict[bytes, bytes]) -> None:
    assert not due_in(state(500, 500, more), CONFIG, BLOCK_MS)
    assert list(due_in(state(501, 500, more), CONFIG, BLOCK_MS)) == [501]
    assert list(due_in(state(510, 500, more), CONFIG, BLOCK_MS)) == [501, 502]
    long = CATCH_UP_ROUNDS + 1_000
    assert list(due_in(state(500 + long, 500, more), CONFIG, BLOCK_MS)) == [1_501, 1_502]


def test_blocks_that_are_longer_than_a_round_bring_all_of_them() -> None:
    due = due_in(state(510, 500, SEALED), CONFIG, 12_000)
    assert list(due) == [501, 502, 503, 504, 505, 506], "four pass in a block"


def test_before_round_one_nothing_is_due() -> None:
    assert not due_in(state(0, 0), CONFIG, BLOCK_MS)
    assert not due_in(Pairs(), CONFIG, BLOCK_MS)


def test_whoever_brings_a_pulse_signs_what_the_chain_reads() -> None:
    pulse = Pulse(7, b"\2" * SIGNATURE_BYTES)
    reader = Reader(Bringer(b"\3" * 32).extrinsic(pulse, 9))
    body = reader.bytes()
    reader.end()
    assert body[:3] == bytes((5, 26, 0))
    payload, signature = body[3:-66], body[-64:]
    assert body[-66:-64] == b"\1\1"
    assert payload[:4] == (9).to_bytes(4, "little")
    assert pulse.encoded() in payload
    assert check_sr25519(signature, payload, payload[-32:])


def test_a_configuration_is_read_or_refused() -> None:
    stored = encode_bytes(b"\1" * 96) + (3).to_bytes(4, "little") + (9).to_bytes(4, "little")
    assert BeaconConfig.read(stored + b"whatever follows") == BeaconConfig(b"\1" * 96, 3, 9)
    with pytest.raises(ScaleError):
        BeaconConfig.read(stored[:-1])
