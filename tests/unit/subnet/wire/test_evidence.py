"""Evidence of a call: true of whoever made it, checked from its own bytes, and of nothing else."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest
from blake3 import blake3

from assay.wire import signing
from assay.wire.errors import Code, PeerBusy, PeerRefused, RequestRefused
from assay.wire.evidence import EVIDENCE_BYTES_MAX, Evidence, EvidenceInvalid, pack, unpack, verify
from assay.wire.exchange import judge, prepare, reader_of, stream_evidence
from assay.wire.interface import Peer
from assay.wire.limits import DEFAULT, SIGNED_HEADERS_BYTES_MAX, SIGNED_HEADERS_MAX
from assay.wire.memory import raw_headers
from assay.wire.replies import ReplySigner
from assay.wire.synapse import encode
from tests.unit.subnet.wire.world import ALICE, BOB, MALLORY, Answered, Question

NOW = 1_800_000_000_000_000_000
QUESTION = Question(text="hi")
ANSWER = encode(Answered(text="yes"))
SENT = prepare(
    ALICE, Peer(BOB.address, "h", 1), "echo", QUESTION, nonce_ns=NOW, budget_s=5.0, idle_s=1.0
)
HEAD = signing.parse_head("POST", SENT.target, raw_headers(tuple(SENT.headers.items())))
REPLIES = ReplySigner(BOB)


def of_a_reply() -> Evidence:
    reply = REPLIES.answer(ANSWER, SENT.hash_full, ALICE.address)
    return judge(SENT, 200, raw_headers(reply.headers), reply.body, Answered, 0.1).evidence


def of_a_large_reply() -> Evidence:
    reply = REPLIES.answer(ANSWER, SENT.hash_full, ALICE.address, large=True)
    return judge(SENT, 200, raw_headers(reply.headers), reply.body, Answered, 0.1).evidence


def of_a_refusal(scope: str = "full") -> Evidence:
    unread = scope == "head"
    refused = REPLIES.refusal(
        HEAD,
        RequestRefused(Code.OVERLOADED, "later", retry_after_s=2.5),
        SENT.hash_head if unread else SENT.hash_full,
        scope,
    )
    with pytest.raises(PeerBusy) as caught:
        judge(SENT, refused.status, raw_headers(refused.headers), refused.body, Answered, 0.1)
    evidence = caught.value.evidence
    assert evidence is not None
    return evidence


def of_a_stream(failed: bool = False) -> Evidence:
    writer = REPLIES.stream(SENT.hash_full, ALICE.address, frame_bytes_max=99, frames_max=9)
    reader = reader_of(SENT, 200, raw_headers(REPLIES.stream_headers), DEFAULT)
    reader.feed(writer.data(b"one") + writer.data(b"two"))
    reader.feed(writer.fail(b"no") if failed else writer.end())
    assert reader.take() == [b"one", b"two"]
    evidence = stream_evidence(SENT, reader)
    assert evidence is not None
    return evidence


ALL = {
    "reply": of_a_reply(),
    "large": of_a_large_reply(),
    "refusal": of_a_refusal(),
    "unread": of_a_refusal("head"),
    "stream": of_a_stream(),
    "failed": of_a_stream(failed=True),
}


@pytest.mark.parametrize("kind", ALL)
def test_true_evidence_is_accepted_from_its_bytes_alone(kind: str) -> None:
    evidence = unpack(pack(ALL[kind]))
    assert evidence == ALL[kind]
    verify(evidence)
    assert (evidence.caller, evidence.peer) == (ALICE.address, BOB.address)
    assert evidence.request_hash == (SENT.hash_head if kind == "unread" else SENT.hash_full)
    assert len(pack(evidence)) < 1_000


def test_the_messages_can_be_checked_by_who_has_them() -> None:
    verify(ALL["reply"], request=encode(QUESTION), reply=ANSWER)
    verify(ALL["large"], request=encode(QUESTION), reply=ANSWER)
    assert ALL["large"].reply_digest == blake3(ANSWER).digest()
    assert ALL["reply"].reply_digest == sha256(ANSWER).digest()
    with pytest.raises(EvidenceInvalid, match="the request is not"):
        verify(ALL["reply"], request=encode(Question(text="ho")))
    with pytest.raises(EvidenceInvalid, match="the reply is not"):
        verify(ALL["reply"], reply=encode(Answered(text="no")))
    verify(ALL["stream"], frames=[b"one", b"two"])
    verify(ALL["failed"], frames=[b"one", b"two", b"no"])
    for frames in ([b"one"], [b"two", b"one"], [b"one", b"two", b"no"], [b"onet", b"wo"]):
        with pytest.raises(EvidenceInvalid, match="the frames are not"):
            verify(ALL["stream"], frames=frames)
    with pytest.raises(EvidenceInvalid, match="the reply is not"):
        verify(ALL["stream"], reply=b"onetwo")


CHANGES: dict[str, object] = {
    "caller": MALLORY.address,
    "peer": MALLORY.address,
    "target": "/v1/other",
    "nonce_ns": NOW + 1,
    "request_digest": bytes(32),
    "request_signature": bytes(64),
    "scope": "stream",
    "status": 201,
    "headers": (),
    "reply_digest": bytes(32),
    "frames": 1,
    "word": "whole",
    "reply_signature": bytes(64),
}


@pytest.mark.parametrize("field", CHANGES)
@pytest.mark.parametrize("kind", ["reply", "stream"])
def test_every_field_is_under_a_signature(kind: str, field: str) -> None:
    value = CHANGES[field]
    if kind == "stream" and field in ("scope", "word"):
        value = {"scope": "full", "word": "part"}[field]
    assert set(CHANGES) == set(Evidence.__struct_fields__)
    with pytest.raises(EvidenceInvalid):
        verify(msgspec.structs.replace(ALL[kind], **{field: value}))


@pytest.mark.parametrize(
    "headers",
    [
        lambda h: h[::-1],
        lambda h: (*h, ("date", "now")),
        lambda h: tuple((n.title(), v) for n, v in h),
        lambda h: tuple((n, v + " ") for n, v in h),
        lambda h: (("x-assay-a:b", "c"), *h),
        lambda h: ((h[0][0], h[0][1] + "\n" + ":".join(h[1])), *h[2:]),
    ],
    ids=["order", "unsigned", "case", "space", "colon", "line"],
)
def test_headers_have_one_spelling(headers: object) -> None:
    changed = headers(ALL["reply"].headers)  # type: ignore[operator]
    with pytest.raises(EvidenceInvalid, match="headers"):
        verify(msgspec.structs.replace(ALL["reply"], headers=changed))


def test_a_caller_cannot_make_evidence_of_what_was_not_said() -> None:
    """Mallory has Bob's true reply to Alice, and would like one to herself."""
    hers = msgspec.structs.replace(
        ALL["reply"],
        caller=MALLORY.address,
        request_signature=MALLORY.sign(
            signing.request_payload(
                "POST",
                SENT.target,
                sha256(SENT.body).hexdigest(),
                NOW,
                MALLORY.address,
                BOB.address,
            )
        ),
    )
    with pytest.raises(EvidenceInvalid, match="the peer did not sign"):
        verify(hers)


def test_a_refusal_before_the_body_was_read_is_evidence_of_a_refusal_only() -> None:
    with pytest.raises(EvidenceInvalid, match="scope"):
        verify(msgspec.structs.replace(ALL["unread"], status=200))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        pack(ALL["reply"])[:-1],
        pack(ALL["reply"]) + b"\x00",
        bytes(EVIDENCE_BYTES_MAX + 1),
        b"\x91" * 100_000,
        msgspec.msgpack.encode(dict(reversed(msgspec.structs.asdict(ALL["reply"]).items()))),
        msgspec.msgpack.encode(msgspec.structs.asdict(ALL["reply"]) | {"more": 1}),
        msgspec.msgpack.encode(msgspec.structs.asdict(ALL["reply"]) | {"target": "/v1/a\nb"}),
        msgspec.msgpack.encode(msgspec.structs.asdict(ALL["reply"]) | {"nonce_ns": -1}),
        msgspec.msgpack.encode(msgspec.structs.asdict(ALL["reply"]) | {"frames": 2**63}),
    ],
)
def test_what_is_no_evidence_is_one_error(data: bytes) -> None:
    with pytest.raises(EvidenceInvalid):
        unpack(data)


def test_an_address_that_is_none() -> None:
    with pytest.raises(EvidenceInvalid, match="an address that is none"):
        verify(msgspec.structs.replace(ALL["reply"], caller="nobody"))


def test_the_error_of_a_refusal_carries_its_evidence() -> None:
    refused = REPLIES.refusal(HEAD, RequestRefused("too hard"), SENT.hash_full)
    with pytest.raises(PeerRefused) as caught:
        judge(SENT, refused.status, raw_headers(refused.headers), refused.body, Answered, 0.1)
    assert caught.value.evidence is not None
    verify(caught.value.evidence, reply=refused.body)


def signed_by_the_peer(kind: str, **changes: object) -> Evidence:
    """Evidence with ``changes``, whose reply Bob signed as it is then: he may be in league with
    whoever shows it."""
    changed = msgspec.structs.replace(ALL[kind], **changes)
    common = {
        "request_hash": changed.request_hash,
        "status": changed.status,
        "headers": changed.headers,
        "sender": changed.peer,
        "receiver": changed.caller,
    }
    if kind == "stream":
        payload = signing.stream_payload(
            word=changed.word, frames=changed.frames, running_hash=changed.reply_digest, **common
        )
    else:
        payload = signing.reply_payload_of_digest(
            scope=changed.scope, body_digest=changed.reply_digest, **common
        )
    return msgspec.structs.replace(changed, reply_signature=BOB.sign(payload))


def test_what_the_peer_signs_anew_is_evidence_again() -> None:
    for kind in ALL:
        if kind != "failed":
            verify(signed_by_the_peer(kind))
    verify(signed_by_the_peer("unread", status=400))
    with pytest.raises(EvidenceInvalid, match="scope"):
        verify(signed_by_the_peer("unread", status=399))


def test_a_peer_cannot_make_evidence_of_what_was_not_asked() -> None:
    with pytest.raises(EvidenceInvalid, match="the caller did not sign"):
        verify(signed_by_the_peer("reply", request_signature=bytes(64)))


@pytest.mark.parametrize(
    ("name", "value"), [("x-assay-hotkey", MALLORY.address), ("x-assay-scope", "head")]
)
def test_headers_that_tell_of_another_reply_are_refused(name: str, value: str) -> None:
    changed = tuple(sorted((dict(ALL["reply"].headers) | {name: value}).items()))
    assert changed != ALL["reply"].headers
    with pytest.raises(EvidenceInvalid, match="tell of another reply"):
        verify(signed_by_the_peer("reply", headers=changed))


@pytest.mark.parametrize("header", [("x-assay-a:b", "c"), ("x-assay-a", "b\nx-assay-c:d")])
def test_a_header_that_could_be_read_as_two_is_refused(header: tuple[str, str]) -> None:
    changed = tuple(sorted((*ALL["reply"].headers, header)))
    with pytest.raises(EvidenceInvalid, match="the one way"):
        verify(signed_by_the_peer("reply", headers=changed))


def test_a_hash_of_an_unknown_kind_is_named() -> None:
    changed = tuple(sorted((*ALL["reply"].headers, ("x-assay-digest", "md5"))))
    with pytest.raises(EvidenceInvalid, match="unknown here"):
        verify(signed_by_the_peer("reply", headers=changed), reply=ANSWER)


def test_a_word_that_no_stream_is_signed_with_is_refused() -> None:
    with pytest.raises(EvidenceInvalid, match="its word"):
        verify(signed_by_the_peer("stream", word="wholly"))


def test_a_plain_reply_has_neither_frames_nor_word() -> None:
    for change in ({"frames": 1}, {"word": "whole"}):
        with pytest.raises(EvidenceInvalid, match="is of no stream"):
            verify(signed_by_the_peer("reply", **change))


def test_evidence_has_room_for_the_longest_target_and_headers() -> None:
    long = ("x-assay-long", "y" * SIGNED_HEADERS_BYTES_MAX)
    more = tuple((f"x-assay-{number}", "") for number in range(SIGNED_HEADERS_MAX - 1))
    evidence = msgspec.structs.replace(
        ALL["stream"], target="/" * 8_190, headers=(long, *more), frames=2**20, status=999
    )
    assert unpack(pack(evidence)) == evidence


def test_evidence_is_small_or_refused_by_its_size() -> None:
    with pytest.raises(EvidenceInvalid, match=f"more than {EVIDENCE_BYTES_MAX} bytes"):
        unpack(bytes(EVIDENCE_BYTES_MAX + 1))
    with pytest.raises(EvidenceInvalid, match="is not evidence"):
        unpack(bytes(EVIDENCE_BYTES_MAX))
