"""Records on chain: to the byte, and nothing that is not whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.neuron.record import DATA_BYTES_MAX, RECORD_BYTES_MAX
from assay.protocol.training.records import PeerRecord, ValidatorRecord

STATE, SEAL, KEY = bytes(range(16)), b"s" * 32, b"k" * 32

peers = st.builds(
    PeerRecord,
    window=st.integers(0, 2**32 - 1),
    state=st.binary(min_size=16, max_size=16),
    seal=st.binary(min_size=32, max_size=32),
    key=st.none() | st.binary(min_size=32, max_size=32),
)
validators = st.builds(
    ValidatorRecord,
    window=st.integers(0, 2**32 - 1),
    state=st.binary(min_size=16, max_size=16),
    held=st.frozensets(st.integers(0, 255)),
)


def test_a_peers_record_to_the_byte() -> None:
    record = PeerRecord(258, STATE, SEAL)
    assert record.pack() == b"T\x01\x00\x02\x01\x00\x00" + STATE + SEAL
    assert record.revealed(KEY).pack() == b"T\x01\x01\x02\x01\x00\x00" + STATE + SEAL + KEY


def test_a_validators_record_to_the_byte() -> None:
    record = ValidatorRecord(3, STATE, frozenset({0, 9, 255}))
    bits = b"\x01\x02" + bytes(29) + b"\x80"
    assert record.pack() == b"T\x02\x03\x00\x00\x00" + STATE + bits


@given(peers)
def test_a_peers_record_is_read_as_it_was_written(record: PeerRecord) -> None:
    assert PeerRecord.parse(record.pack()) == record
    assert ValidatorRecord.parse(record.pack()) is None
    assert len(record.pack()) <= RECORD_BYTES_MAX


@given(validators)
def test_a_validators_record_is_read_as_it_was_written(record: ValidatorRecord) -> None:
    assert ValidatorRecord.parse(record.pack()) == record
    assert PeerRecord.parse(record.pack()) is None
    assert len(record.pack()) <= DATA_BYTES_MAX, "what a neuron's record leaves"


@given(st.none() | st.binary(max_size=140))
def test_what_a_stranger_published_is_no_record(data: bytes | None) -> None:
    for kind in (PeerRecord, ValidatorRecord):
        found = kind.parse(data)
        assert found is None or found.pack() == data


@given(peers | validators, st.data())
def test_a_record_that_is_cut_or_longer_is_none(
    record: PeerRecord | ValidatorRecord, draw: st.DataObject
) -> None:
    packed = record.pack()
    cut = draw.draw(st.integers(0, len(packed) - 1))
    for other in (packed[:cut], packed + b"\x00"):
        assert type(record).parse(other) is None


@pytest.mark.parametrize(
    "record",
    [
        PeerRecord(-1, STATE, SEAL),
        PeerRecord(2**32, STATE, SEAL),
        PeerRecord(0, STATE[:15], SEAL),
        PeerRecord(0, STATE, SEAL[:31]),
        PeerRecord(0, STATE, SEAL, b"short"),
        ValidatorRecord(0, STATE, frozenset({256})),
        ValidatorRecord(0, STATE, frozenset({-1})),
        ValidatorRecord(0, STATE + b"\x00", frozenset()),
    ],
)
def test_a_field_of_another_size_is_refused(record: PeerRecord | ValidatorRecord) -> None:
    with pytest.raises(ValueError, match=r"field|key|uid|window"):
        record.pack()
