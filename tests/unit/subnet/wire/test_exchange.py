"""The caller's half: replies that Bob himself signed, and still must not pass."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest

from assay.types import Ss58
from assay.wire import signing
from assay.wire.errors import (
    CallError,
    Code,
    DeadlineExceeded,
    PeerBusy,
    PeerFailed,
    PeerRefused,
    PeerUnreachable,
    ReplyForged,
    ReplyMalformed,
    ReplyUnsigned,
    RequestRefused,
    SignedRefusal,
)
from assay.wire.evidence import pack, unpack, verify
from assay.wire.exchange import (
    Sent,
    is_stream,
    judge,
    no_stream,
    prepare,
    reader_of,
    silent,
    stream_evidence,
    too_large,
    too_late,
    unreachable,
)
from assay.wire.exchange import refusal as refused
from assay.wire.interface import Peer, Reply
from assay.wire.limits import DEFAULT, SIGNED_HEADERS_BYTES_MAX, SIGNED_HEADERS_MAX
from assay.wire.memory import RawHeaders, raw_headers
from assay.wire.stream import CONTENT_TYPE as STREAM_TYPE
from assay.wire.synapse import CONTENT_TYPE, Refusal, encode
from tests.unit.subnet.wire.world import ALICE, BOB, Answered, Question

NOW = 1_800_000_000_000_000_000
TYPE = ("Content-Type", CONTENT_TYPE)


def sent() -> Sent:
    peer = Peer(BOB.address, "127.0.0.1", 1)
    return prepare(ALICE, peer, "echo", Question(text="hi"), nonce_ns=NOW, budget_s=5.0)


def reply_headers(
    request: Sent,
    status: int,
    body: bytes,
    *,
    scope: str = "full",
    extra: tuple[tuple[str, str], ...] = (TYPE,),
) -> RawHeaders:
    """Headers that Bob signed over exactly this."""
    headers = (*extra, (signing.H_REPLY_HOTKEY, BOB.address), (signing.H_REPLY_SCOPE, scope))
    payload = signing.reply_payload(
        scope=scope,
        request_hash=request.hash_full if scope == "full" else request.hash_head,
        status=status,
        headers=headers,
        body=body,
        sender=BOB.address,
        receiver=ALICE.address,
    )
    signature = "0x" + BOB.sign(payload).hex()
    return raw_headers((*headers, (signing.H_REPLY_SIGNATURE, signature)))


def judged(status: int, body: bytes, **options: object) -> Reply[Answered]:
    request = sent()
    headers = reply_headers(request, status, body, **options)  # type: ignore[arg-type]
    return judge(request, status, headers, body, Answered, 0.25)


def test_an_honest_reply() -> None:
    body = encode(Answered(text="yes"))
    reply = judged(200, body)
    assert (reply.message, reply.latency_s, reply.body) == (Answered(text="yes"), 0.25, body)


def test_an_answer_must_name_the_whole_request() -> None:
    """Scope ``head`` leaves the request's body out: good enough for a refusal only."""
    with pytest.raises(ReplyForged):
        judged(200, encode(Answered(text="yes")), scope="head")
    with pytest.raises(PeerRefused):
        judged(404, refusal(Code.UNKNOWN_SYNAPSE), scope="head")


def test_an_unknown_scope() -> None:
    with pytest.raises(ReplyForged):
        judged(200, encode(Answered(text="yes")), scope="half")


@pytest.mark.parametrize(
    "extra",
    [(), (("Content-Type", "text/html"),), (TYPE, ("Content-Encoding", "gzip"))],
    ids=["no type", "other type", "encoded"],
)
def test_a_signed_reply_in_another_form(extra: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ReplyMalformed):
        judged(200, encode(Answered(text="yes")), extra=extra)


@pytest.mark.parametrize("named", [["md5"], ["blake3", "blake3"], ["blake3", "sha256"], [""]])
def test_a_body_hashed_in_a_way_that_is_unknown(named: list[str]) -> None:
    request, body = sent(), encode(Answered(text="yes"))
    headers = (
        TYPE,
        (signing.H_REPLY_HOTKEY, BOB.address),
        (signing.H_REPLY_SCOPE, "full"),
        *((signing.H_REPLY_DIGEST, name) for name in named),
    )
    payload = signing.reply_payload_of_digest(
        scope="full",
        request_hash=request.hash_full,
        status=200,
        headers=headers,
        body_digest=sha256(body).digest(),
        sender=BOB.address,
        receiver=ALICE.address,
    )
    signature = (signing.H_REPLY_SIGNATURE, "0x" + BOB.sign(payload).hex())
    with pytest.raises(ReplyMalformed, match="unknown here"):
        judge(request, 200, raw_headers((*headers, signature)), body, Answered, 0.25)


BEYOND = (
    ("X-Assay-A_b", "1"),
    ("X-Assay-B", "\xe9"),
    ("X-Assay-B", "a\tb"),
    ("X-Assay-Hotkey", "a"),
    ("X-Assay-Scope", "a"),
    ("Content-Type", "text/html"),
    ("X-Assay-Long", "y" * SIGNED_HEADERS_BYTES_MAX),
)


@pytest.mark.parametrize("header", BEYOND)
def test_a_signed_answer_that_nobody_could_be_shown_is_none(header: tuple[str, str]) -> None:
    """Evidence of it would be refused: a peer must not earn with answers that it can deny."""
    with pytest.raises(ReplyMalformed, match="nobody could be shown"):
        judged(200, encode(Answered(text="yes")), extra=(header, TYPE))
    with pytest.raises(ReplyMalformed, match="nobody could be shown"):
        judged(404, refusal(Code.UNKNOWN_SYNAPSE), extra=(header, TYPE))


def stream_headers(*extra: tuple[str, str]) -> RawHeaders:
    honest = (("Content-Type", STREAM_TYPE), (signing.H_REPLY_HOTKEY, BOB.address))
    return raw_headers((*extra, *honest, (signing.H_REPLY_SCOPE, "stream")))


@pytest.mark.parametrize("header", BEYOND)
def test_a_stream_that_nobody_could_be_shown_is_none(header: tuple[str, str]) -> None:
    reader_of(sent(), 200, stream_headers(), DEFAULT)
    with pytest.raises(ReplyMalformed, match="nobody could be shown"):
        reader_of(sent(), 200, stream_headers(header), DEFAULT)


def test_a_reply_of_another_scope_is_no_stream() -> None:
    headers = (("Content-Type", STREAM_TYPE), (signing.H_REPLY_HOTKEY, BOB.address))
    with pytest.raises(ReplyMalformed, match="no stream"):
        reader_of(sent(), 200, raw_headers(headers), DEFAULT)


def test_signed_headers_may_have_so_many_bytes_and_no_more() -> None:
    """Counted are names and values; the evidence of the largest is read by everybody."""
    body = encode(Answered(text="yes"))
    ours = (TYPE, (signing.H_REPLY_HOTKEY, BOB.address), (signing.H_REPLY_SCOPE, "full"))
    left = SIGNED_HEADERS_BYTES_MAX - sum(len(name) + len(value) for name, value in ours)
    name = "X-Assay-Long"
    largest = judged(200, body, extra=(TYPE, (name, "y" * (left - len(name)))))
    verify(unpack(pack(largest.evidence)), reply=body)
    with pytest.raises(ReplyMalformed, match=f"more than {SIGNED_HEADERS_BYTES_MAX} bytes"):
        judged(200, body, extra=(TYPE, (name, "y" * (left - len(name) + 1))))


def test_signed_headers_may_be_so_many_and_no_more() -> None:
    body = encode(Answered(text="yes"))
    more = tuple((f"X-Assay-{number}", "") for number in range(SIGNED_HEADERS_MAX - 3))
    verify(unpack(pack(judged(200, body, extra=(TYPE, *more)).evidence)), reply=body)
    with pytest.raises(ReplyMalformed, match=f"more than {SIGNED_HEADERS_MAX} signed headers"):
        judged(200, body, extra=(TYPE, *more, ("X-Assay-More", "")))


def refusal(code: str, detail: str = "because", retry_after_s: float | None = None) -> bytes:
    return msgspec.msgpack.encode(Refusal(code=code, detail=detail, retry_after_s=retry_after_s))


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, Code.BAD_MESSAGE, PeerRefused),
        (401, Code.STALE, PeerRefused),
        (403, Code.NO_PERMIT, PeerRefused),
        (422, Code.REFUSED_BY_TASK, PeerRefused),
        (429, Code.CALLER_LIMITED, PeerBusy),
        (503, Code.DRAINING, PeerBusy),
        (500, Code.HANDLER_FAILED, PeerFailed),
        (504, Code.OUT_OF_TIME, DeadlineExceeded),
        (418, "a code of the future", PeerRefused),
    ],
)
def test_each_refusal_is_its_error(status: int, code: str, error: type[CallError]) -> None:
    with pytest.raises(error) as caught:
        judged(status, refusal(code, retry_after_s=2.0))
    assert caught.value.peer == BOB.address
    assert code in caught.value.cause


@pytest.mark.parametrize("status", [204, 301, 307, 404])
@pytest.mark.parametrize("body", [b"", b"no", msgspec.msgpack.encode({"code": 5})])
def test_a_refusal_in_another_form(status: int, body: bytes) -> None:
    with pytest.raises(ReplyMalformed):
        judged(status, body)


@pytest.mark.parametrize(
    ("said", "meant"),
    [(None, None), (2.5, 2.5), (-1.0, 0.0), (1e300, 3_600.0), (float("inf"), 3_600.0),
     (float("nan"), None)],
)  # fmt: skip
def test_a_time_to_wait_is_one_that_can_be_slept(said: float | None, meant: float | None) -> None:
    with pytest.raises(PeerBusy) as caught:
        judged(429, refusal(Code.CALLER_LIMITED, retry_after_s=said))
    assert caught.value.retry_after_s == meant


def test_a_peers_words_are_cut_short() -> None:
    with pytest.raises(PeerRefused) as caught:
        judged(403, refusal("x" * 10_000, "y" * 10_000))
    assert len(str(caught.value)) < 600
    assert len(caught.value.code) == 64


def test_a_peers_words_cannot_draw_on_a_terminal() -> None:
    with pytest.raises(PeerRefused) as caught:
        judged(403, refusal("no\x1b[2J", "gone\nuid 3: paid\x1b[31m\u202e"))
    assert caught.value.cause.isprintable()
    assert "gone?uid 3: paid?[31m?" in caught.value.cause


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("too long", "refused (refused_by_task): too long."),
        ("The prompt is too long.", "refused (refused_by_task): The prompt is too long."),
        ("wait... ", "refused (refused_by_task): wait."),
        ("", "refused (refused_by_task)."),
        (" .", "refused (refused_by_task)."),
    ],
)
def test_a_refusal_reads_as_one_sentence_however_the_peer_ends_it(said: str, read: str) -> None:
    with pytest.raises(PeerRefused) as caught:
        judged(422, refusal(Code.REFUSED_BY_TASK, said))
    assert caught.value.what == read


def test_a_name_that_is_none_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="not a synapse's name"):
        prepare(ALICE, Peer(BOB.address, "h", 1), "a/b", Question(), nonce_ns=NOW, budget_s=1.0)


def test_a_request_refused_knows_its_status() -> None:
    assert RequestRefused(Code.STALE, "old").status == 401


@pytest.mark.parametrize(
    ("budget_s", "idle_s", "said"),
    [
        (5.0, None, "budget_ms=5000"),
        (0.0, None, "budget_ms=1"),
        (0.0015, 2.5, "budget_ms=1&idle_ms=2500"),
        (1e9, 1e9, "budget_ms=999999999&idle_ms=999999999"),
    ],
)
def test_how_long_the_caller_waits_is_signed_in_whole_milliseconds(
    budget_s: float, idle_s: float | None, said: str
) -> None:
    peer = Peer(BOB.address, "127.0.0.1", 1)
    request = prepare(
        ALICE, peer, "echo", Question(text="hi"), nonce_ns=NOW, budget_s=budget_s, idle_s=idle_s
    )
    assert request.target == f"/v1/echo?{said}"
    assert request.headers["Content-Type"] == CONTENT_TYPE


def test_nobody_is_asked_whose_address_is_none() -> None:
    """A long one is cut short: it may come from a stranger."""
    peer = Peer(Ss58("x" * 100), "127.0.0.1", 1)
    with pytest.raises(CallError, match="is not an address") as caught:
        prepare(ALICE, peer, "echo", Question(text="hi"), nonce_ns=NOW, budget_s=5.0)
    assert caught.value.peer == "x" * 64


def test_a_reply_names_its_request() -> None:
    request, body = sent(), encode(Answered(text="yes"))
    reply = judge(request, 200, reply_headers(request, 200, body), body, Answered, 0.25)
    assert reply.request_hash == request.hash_full


def test_a_reply_without_a_signature_or_with_anothers_is_none() -> None:
    request, body = sent(), encode(Answered(text="yes"))
    headers = reply_headers(request, 200, body)
    with pytest.raises(ReplyUnsigned, match=r"reply \(200\) without a signature"):
        judge(request, 200, headers[:-1], body, Answered, 0.25)
    with pytest.raises(ReplyForged, match="does not hold"):
        judge(request, 200, headers, encode(Answered(text="no")), Answered, 0.25)


def test_a_signed_reply_of_another_type_is_none() -> None:
    with pytest.raises(ReplyMalformed, match="answered no Answered"):
        judged(200, b"{}")


def test_a_refusal_of_before_the_body_was_read_may_have_any_refusing_status() -> None:
    with pytest.raises(PeerRefused):
        judged(400, refusal(Code.MALFORMED_REQUEST), scope="head")
    with pytest.raises(ReplyForged):
        judged(399, refusal(Code.MALFORMED_REQUEST), scope="head")


def test_a_stream_is_told_from_a_reply_before_anybody_reads_it() -> None:
    request, body = sent(), encode(Answered(text="yes"))
    one, many = reply_headers(request, 200, body), stream_headers()
    assert (is_stream(one), is_stream(many)) == (False, True)
    with pytest.raises(ReplyMalformed, match=r"Call it with stream\(\)"):
        judge(request, 200, many, b"", Answered, 0.25)
    assert stream_evidence(request, reader_of(request, 200, many, DEFAULT)) is None
    with pytest.raises(ReplyMalformed, match="no stream as it must be"):
        reader_of(request, 201, many, DEFAULT)
    with pytest.raises(ReplyMalformed, match="no stream as it must be"):
        reader_of(request, 200, (*many, (b"Content-Encoding", b"gzip")), DEFAULT)
    anothers = Sent(**{**msgspec.structs.asdict(request), "peer": Peer(ALICE.address, "h", 1)})
    with pytest.raises(ReplyForged, match="is not who answered"):
        reader_of(anothers, 200, many, DEFAULT)


@pytest.mark.parametrize(
    ("code", "error", "status"),
    [
        (Code.REFUSED_BY_TASK, PeerRefused, 422),
        (Code.OVERLOADED, PeerBusy, 503),
        ("own_word", PeerFailed, 500),
    ],
)
def test_a_refusal_within_a_stream_has_the_status_of_its_code(
    code: str, error: type[SignedRefusal], status: int
) -> None:
    evidence = judged(200, encode(Answered(text="yes"))).evidence
    found = refused(BOB.address, None, refusal(code), evidence)
    assert isinstance(found, error)
    assert (found.code, found.status, found.evidence) == (code, status, evidence)


def test_what_goes_wrong_without_a_reply_names_the_peer_and_the_bound() -> None:
    peer = Peer(BOB.address, "192.0.2.1", 8091)
    for error, kind, words in (
        (unreachable(peer, "refused"), PeerUnreachable, "192.0.2.1:8091 (refused)"),
        (too_late(peer, 2.5), DeadlineExceeded, "2.5 s"),
        (silent(peer, 0.5), DeadlineExceeded, "0.5 s"),
        (too_large(peer, 1234), ReplyMalformed, "1234 bytes"),
        (no_stream(peer), ReplyMalformed, "one reply"),
    ):
        assert type(error) is kind
        assert error.peer == BOB.address
        assert words in str(error)
