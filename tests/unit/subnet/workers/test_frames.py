"""Any bytes are a frame or a refusal; what is encoded is decoded."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.outcome import SourceLine
from assay.workers import frames
from assay.workers.frames import (
    FRAME_EXTRA_BYTES,
    PREFIX,
    Ask,
    BadFrame,
    Cancel,
    Cancelled,
    Failure,
    Opening,
    Progress,
    Ready,
    WorkerReply,
    check_length,
    decode_from_worker,
    decode_to_worker,
    encode,
)

NUMBERS = st.integers(0, 2**63 - 1)
BODIES = st.recursive(
    st.none() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
).map(lambda value: msgspec.Raw(msgspec.msgpack.encode(value)))
TO_WORKER = (
    st.builds(Opening, BODIES, st.lists(st.text()))
    | st.builds(Ask, NUMBERS, BODIES)
    | st.builds(Cancel, NUMBERS)
)
FROM_WORKER = (
    st.builds(Ready)
    | st.builds(Progress, NUMBERS, BODIES)
    | st.builds(WorkerReply, NUMBERS, BODIES)
    | st.builds(
        Failure,
        NUMBERS,
        st.text(),
        st.none() | st.builds(SourceLine, st.text(), st.integers(0, 10**6), st.text()),
    )
    | st.builds(Cancelled, NUMBERS)
)


@given(TO_WORKER)
def test_frames_to_a_worker_come_back(frame: frames.ToWorker) -> None:
    data = encode(frame, 1 << 20)
    assert PREFIX.unpack(data[: PREFIX.size]) == (len(data) - PREFIX.size,)
    assert decode_to_worker(data[PREFIX.size :]) == frame


@given(FROM_WORKER)
def test_frames_from_a_worker_come_back(frame: frames.FromWorker) -> None:
    assert decode_from_worker(encode(frame, 1 << 20)[PREFIX.size :]) == frame


@given(st.binary(max_size=200) | TO_WORKER.map(lambda frame: encode(frame, 1 << 20)[PREFIX.size :]))
def test_what_a_neuron_says_is_no_word_of_a_worker_s(data: bytes) -> None:
    with pytest.raises(BadFrame):
        decode_from_worker(data)


@given(st.binary(max_size=200))
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(BadFrame):
        decode_to_worker(data)


def test_deep_nesting_is_refused() -> None:
    bomb = b"\x83\xa4type\xa5reply\xa6number\x01\xa4body" + b"\x91" * 100_000 + b"\x01"
    with pytest.raises(BadFrame):
        decode_from_worker(bomb)


def test_a_length_is_refused_before_anything_is_read() -> None:
    check_length(1_000 + FRAME_EXTRA_BYTES, 1_000)
    with pytest.raises(BadFrame, match="1,000"):
        check_length(1_001 + FRAME_EXTRA_BYTES, 1_000)
    with pytest.raises(BadFrame):
        encode(WorkerReply(0, msgspec.Raw(msgspec.msgpack.encode("x" * 100_000))), 1_000)
