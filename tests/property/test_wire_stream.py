"""Frames in any pieces and with any damage: what comes out was signed, in order, or nothing is."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.wire.stream import FrameError, FrameReader, FrameWriter, StreamBinding, StreamState
from tests.unit.subnet.wire.world import ALICE, BOB

BINDING = StreamBinding(
    request_hash=b"\x05" * 32, status=200, headers=(), sender=BOB.address, receiver=ALICE.address
)
FRAME_MAX = 64
FRAMES_MAX = 1_000

payloads = st.lists(st.binary(max_size=FRAME_MAX), max_size=80)


def said(words: list[bytes], seals: set[int], failure: bytes | None) -> bytes:
    """A whole stream, sealed behind the frames in ``seals``."""
    sender = FrameWriter(BINDING, BOB.sign, frame_bytes_max=FRAME_MAX, frames_max=FRAMES_MAX)
    out = []
    for place, word in enumerate(words):
        out.append(sender.data(word))
        if place in seals:
            out.append(sender.seal())
    out.append(sender.end() if failure is None else sender.fail(failure))
    return b"".join(out)


def reader() -> FrameReader:
    return FrameReader(BINDING, BOB.public_key, frame_bytes_max=FRAME_MAX, frames_max=FRAMES_MAX)


@settings(max_examples=150, deadline=None)
@given(
    words=payloads,
    seals=st.sets(st.integers(0, 79), max_size=5),
    failure=st.none() | st.binary(max_size=FRAME_MAX),
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=20),
)
def test_a_stream_reads_back_whatever_pieces_it_comes_in(
    words: list[bytes], seals: set[int], failure: bytes | None, sizes: list[int]
) -> None:
    data = said(words, seals, failure)
    receiving, place, turn = reader(), 0, 0
    taken: list[bytes] = []
    while place < len(data):
        size = sizes[turn % len(sizes)]
        receiving.feed(data[place : place + size])
        while more := receiving.take():
            taken += more
        place, turn = place + size, turn + 1
    assert taken == words
    assert receiving.state is StreamState.ENDED
    assert receiving.failure == failure
    assert receiving.held_bytes == 0


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_stream_hands_out_a_true_beginning_and_no_false_end(data: st.DataObject) -> None:
    """One byte changed, taken out or put in; or a piece repeated, moved or dropped. What is damaged
    may be a signature that a later one makes superfluous: then all that was said has come."""
    words = data.draw(st.lists(st.binary(max_size=20), min_size=1, max_size=12))
    seals = data.draw(st.sets(st.integers(0, 11), max_size=4))
    failure = data.draw(st.none() | st.just(b"no"))
    whole = said(words, seals, failure)
    start = data.draw(st.integers(0, len(whole) - 1))
    stop = data.draw(st.integers(start + 1, len(whole)))
    piece = whole[start:stop]
    damaged = data.draw(
        st.sampled_from(
            [
                whole[:start] + bytes([whole[start] ^ data.draw(st.integers(1, 255))])
                + whole[start + 1 :],
                whole[:start] + whole[stop:],
                whole[:stop] + piece + whole[stop:],
                whole[:start] + data.draw(st.binary(min_size=1, max_size=30)) + whole[start:],
                whole[stop:] + whole[:stop],
            ]
        )
    )  # fmt: skip
    if damaged == whole:
        return
    receiving = reader()
    receiving.feed(damaged)
    taken: list[bytes] = []
    try:
        while more := receiving.take():
            taken += more
    except FrameError:
        assert receiving.state is StreamState.BROKEN
    else:
        if receiving.state is StreamState.ENDED:
            assert (taken, receiving.failure) == (words, failure)
        else:
            assert receiving.state in (StreamState.OPEN, StreamState.FAILING)
    assert taken == words[: len(taken)]


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(st.binary(max_size=400), max_size=10))
def test_whatever_arrives_is_no_stream(pieces: list[bytes]) -> None:
    receiving, taken = reader(), []
    for piece in pieces:
        receiving.feed(piece)
        with contextlib.suppress(FrameError):
            taken += receiving.take()
        assert receiving.state is not StreamState.ENDED
        assert receiving.held_bytes <= 64 * FRAME_MAX + 400 + FRAME_MAX
    assert taken == []
