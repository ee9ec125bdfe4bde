"""Evidence with any of its bits changed is refused; evidence of all that a caller takes holds."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.wire import signing
from assay.wire.errors import CallError
from assay.wire.evidence import EvidenceInvalid, pack, unpack, verify
from assay.wire.exchange import judge, reader_of, stream_evidence
from assay.wire.limits import DEFAULT
from assay.wire.memory import RawHeaders
from assay.wire.stream import CONTENT_TYPE as STREAM_TYPE
from assay.wire.stream import FrameWriter, StreamBinding
from assay.wire.synapse import CONTENT_TYPE
from tests.unit.subnet.wire.test_evidence import ALL, ANSWER, SENT
from tests.unit.subnet.wire.world import ALICE, BOB, Answered

EACH = 2_000


@pytest.mark.parametrize("kind", ALL)
def test_no_mutation_passes(kind: str) -> None:
    rng = random.Random(kind)
    true = pack(ALL[kind])
    verify(unpack(true))
    seen = set()
    while len(seen) < EACH:
        mutated = bytearray(true)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            place = rng.randrange(len(mutated))
            how = rng.randrange(3)
            if how == 0:
                mutated[place] ^= 1 << rng.randrange(8)
            elif how == 1:
                mutated[place] = rng.randrange(256)
            else:
                mutated[place : place + 1] = rng.randbytes(rng.randrange(3))
        if bytes(mutated) == true or bytes(mutated) in seen:
            continue
        seen.add(bytes(mutated))
        with pytest.raises(EvidenceInvalid):
            verify(unpack(bytes(mutated)))


words = st.one_of(
    st.sampled_from([b"", b"a", b" a ", b"\xe9", b"a\xa0", b"a\tb", b"\x85", b"1" * 3_000]),
    st.sampled_from([b"full", b"stream", BOB.address.encode()]),
    st.binary(max_size=20),
)
names = st.one_of(
    st.sampled_from([b"X-Assay-A", b"x-assay-a", b"X-Assay-", b"X-Assay-A_b", b"X-Assay-\xc0"]),
    st.sampled_from([b"X-Assay-Hotkey", b"X-ASSAY-SCOPE", b"Location", b"Retry-After", b"Date"]),
    st.integers(0, 99).map(lambda number: b"X-Assay-%d" % number),
    st.binary(max_size=9).map(lambda name: b"X-Assay-" + name),
)
added = st.lists(st.tuples(names, words), max_size=5) | st.lists(
    st.tuples(names, words), min_size=60, max_size=80, unique_by=lambda header: header[0].lower()
)


def with_ours(added: list[tuple[bytes, bytes]], kind: str, scope: str, first: bool) -> RawHeaders:
    """The headers of a reply with those that a peer has ``added``, before its own or behind."""
    ours = [
        (b"Content-Type", kind.encode()),
        (b"X-Assay-Hotkey", BOB.address.encode()),
        (b"X-Assay-Scope", scope.encode()),
    ]
    return tuple(added + ours if first else ours + added)


def covered(headers: RawHeaders) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1").lower(), v.decode("latin-1")) for name, v in headers)


@settings(max_examples=300, deadline=None)
@given(added=added, first=st.booleans())
def test_whatever_reply_is_taken_can_be_shown(
    added: list[tuple[bytes, bytes]], first: bool
) -> None:
    headers = with_ours(added, CONTENT_TYPE, "full", first)
    payload = signing.reply_payload(
        scope="full",
        request_hash=SENT.hash_full,
        status=200,
        headers=covered(headers),
        body=ANSWER,
        sender=BOB.address,
        receiver=ALICE.address,
    )
    signature = b"0x" + BOB.sign(payload).hex().encode()
    try:
        reply = judge(
            SENT, 200, (*headers, (b"X-Assay-Signature", signature)), ANSWER, Answered, 0.1
        )
    except CallError:
        return
    verify(unpack(pack(reply.evidence)), request=SENT.body, reply=ANSWER)


@settings(max_examples=300, deadline=None)
@given(added=added, first=st.booleans())
def test_whatever_stream_is_taken_can_be_shown(
    added: list[tuple[bytes, bytes]], first: bool
) -> None:
    headers = with_ours(added, STREAM_TYPE, "stream", first)
    try:
        reader = reader_of(SENT, 200, headers, DEFAULT)
    except CallError:
        return
    binding = StreamBinding(
        request_hash=SENT.hash_full,
        status=200,
        headers=covered(headers),
        sender=BOB.address,
        receiver=ALICE.address,
    )
    writer = FrameWriter(binding, BOB.sign, frame_bytes_max=9, frames_max=9)
    reader.feed(writer.data(b"one") + writer.end())
    assert reader.take() == [b"one"]
    evidence = stream_evidence(SENT, reader)
    assert evidence is not None
    verify(unpack(pack(evidence)), request=SENT.body, frames=[b"one"])
