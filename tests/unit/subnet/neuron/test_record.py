"""The record on chain: what is packed is parsed, and a stranger's bytes stop nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.neuron.record import DATA_BYTES_MAX, RECORD_BYTES_MAX, NeuronRecord, Role, parse

hashes = st.none() | st.binary(min_size=32, max_size=32)
records = st.builds(
    NeuronRecord,
    st.sampled_from(Role),
    st.none() | st.binary(min_size=1, max_size=DATA_BYTES_MAX),
    hashes,
    hashes,
)


@given(records)
def test_what_is_packed_is_parsed(record: NeuronRecord) -> None:
    packed = record.pack()
    assert packed is None or len(packed) <= RECORD_BYTES_MAX
    assert parse(packed) == record


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record(published: bytes) -> None:
    record = parse(published)
    if record.data == published:
        assert record.role is Role.MINER


def test_a_miner_may_use_all_bytes_and_they_stand_there_as_they_are() -> None:
    data = bytes(range(128))
    assert NeuronRecord(data=data).pack() == data
    with pytest.raises(ValueError, match="at most 128 bytes, not 129"):
        NeuronRecord(data=data + b"!").pack()


def test_a_miners_bytes_that_look_like_a_record_are_wrapped() -> None:
    data = b"\xa5\x01 and more"
    packed = NeuronRecord(data=data).pack()
    assert packed != data
    assert parse(packed) == NeuronRecord(data=data)


def test_the_bytes_are_as_documented() -> None:
    tip, root = b"T" * 32, b"R" * 32
    assert (
        NeuronRecord(Role.VALIDATOR, b"d", tip, root).pack()
        == b"\xa5\x01\x01\x03" + tip + root + b"d"
    )
    assert NeuronRecord(Role.CLIENT).pack() == b"\xa5\x01\x02\x00"
    assert NeuronRecord().pack() is None


@pytest.mark.parametrize("cut", [3, 4, 35, 36, 67])
def test_a_record_that_is_cut_counts_as_plain_bytes(cut: int) -> None:
    packed = NeuronRecord(Role.VALIDATOR, None, b"T" * 32, b"R" * 32).pack()
    assert packed is not None
    assert parse(packed[:cut]) == NeuronRecord(data=packed[:cut])


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_hash_of_another_length_is_not_packed(length: int) -> None:
    for wrong in (
        NeuronRecord(Role.VALIDATOR, seed_tip=bytes(length)),
        NeuronRecord(Role.VALIDATOR, receipts_root=bytes(length)),
    ):
        with pytest.raises(ValueError, match="32 bytes"):
            wrong.pack()


@pytest.mark.parametrize(
    "published",
    [
        b"\xa5\x01\x03\x00",
        b"\xa5\x01\xff\x00",
        b"\xa5\x01\x01\x04" + b"T" * 64,
        b"\xa5\x01\x01\x80" + b"T" * 64,
    ],
    ids=["a role too many", "role 255", "an unknown flag", "another"],
)
def test_a_record_of_a_later_version_counts_as_plain_bytes(published: bytes) -> None:
    assert parse(published) == NeuronRecord(data=published)


def test_nothing_published_is_a_miner_that_declares_nothing() -> None:
    assert parse(None) == NeuronRecord(Role.MINER, None, None, None)
    assert parse(b"\xa5\x01\x00\x00") == NeuronRecord(Role.MINER)
