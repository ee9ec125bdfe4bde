"""The client's half of a call, the same on every transport. Pure.

``prepare`` makes the one request that will be sent; ``judge`` turns what came back into a typed
reply or a typed error; ``reader_of`` gives what checks the frames of a stream. Nothing that is
unsigned, or signed for another request, by another hotkey or over other bytes, gets past them: not
even a refusal. This module opens no socket and reads no clock.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, cast

import msgspec

from assay.text import printable
from assay.types import Signer, Ss58
from assay.wire import keys, signing, stream
from assay.wire.errors import (
    DETAIL_CHARS_MAX,
    STATUS,
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
)
from assay.wire.evidence import Evidence, EvidenceInvalid, hash_of_call, presentable
from assay.wire.interface import Peer, Rep, Reply
from assay.wire.limits import Limits
from assay.wire.synapse import (
    CONTENT_TYPE,
    METHOD,
    NAME,
    PATH_PREFIX,
    MessageInvalid,
    Refusal,
    Synapse,
    decode,
    encode,
)

_STEP_BACK_NS: Final = 500_000_000  # well below an axon's skew of 2 s; slewing steps less
_BUDGET_MS_MAX: Final = 999_999_999  # what fits the axon's pattern, eleven days
_SIGNATURE: Final = re.compile(r"0x([0-9a-fA-F]{128})", re.ASCII)
_REFUSAL = msgspec.msgpack.Decoder(Refusal)
_CODE_CHARS_MAX: Final = 64  # twice the longest of ours
_RETRY_S_MAX: Final = 3_600.0  # a caller may sleep as long as a refusal says: an hour at most
_RAW_SCOPE_STREAM: Final = signing.SCOPE_STREAM.encode()
_NAMES_CACHED: Final = 256  # replies have seven headers; strangers may invent more
_OUR_HEADERS: Final = {
    signing.H_REPLY_HOTKEY.lower(): "hotkey",
    signing.H_REPLY_SCOPE.lower(): "scope",
    signing.H_REPLY_SIGNATURE.lower(): "signature",
}


class Nonces:
    """Nonces of one caller: the clock's nanoseconds, but never the same or an earlier one twice.

    A clock that was set back by more than ``_STEP_BACK_NS`` is believed: nonces that went on from
    the wrong future would be refused by every axon until time had caught up. Axons remember nonces,
    not their order, so an earlier one that was never used is as good as any.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0

    def next(self, now_ns: int) -> int:
        stepped_back = self._last - now_ns > _STEP_BACK_NS
        self._last = now_ns if now_ns > self._last or stepped_back else self._last + 1
        return self._last


class Sent(msgspec.Struct, frozen=True, gc=False):
    """A signed request, and what the reply to it must name."""

    peer: Peer
    caller: Ss58
    target: str
    headers: dict[str, str]
    body: bytes
    nonce_ns: int
    body_digest: bytes
    signature: bytes
    hash_full: bytes
    """Names the request in a reply to all of it."""

    @property
    def hash_head(self) -> bytes:
        """Names the request in a refusal before its body was read."""
        return hash_of_call(
            self.target,
            self.caller,
            self.peer.address,
            self.nonce_ns,
            self.signature,
            signing.UNREAD_BODY,
        )


def peer_key(peer: Peer) -> bytes:
    """The peer's key; CallError if its address is none."""
    try:
        return signing.public_key_of(peer.address)
    except ValueError:
        raise CallError(
            peer.address[:64], "is not an address.", "Take it from the metagraph."
        ) from None


def prepare(
    signer: Signer,
    peer: Peer,
    name: str,
    message: Synapse,
    *,
    nonce_ns: int,
    budget_s: float,
    idle_s: float | None = None,
) -> Sent:
    """Encode, sign and name one request; ``idle_s`` is for streams."""
    if NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is not a synapse's name: {NAME.pattern}")
    peer_key(peer)
    body = encode(message)
    # The budget travels in the target because that is signed.
    target = f"{PATH_PREFIX}{name}?budget_ms={_milliseconds(budget_s)}"
    if idle_s is not None:
        target += f"&idle_ms={_milliseconds(idle_s)}"
    body_digest = sha256(body).digest()
    body_hash = body_digest.hex()
    payload = signing.request_payload(
        METHOD, target, body_hash, nonce_ns, signer.address, peer.address
    )
    signature = signer.sign(payload)
    return Sent(
        peer,
        signer.address,
        target,
        {
            "Content-Type": CONTENT_TYPE,
            signing.H_VERSION: signing.VERSION,
            signing.H_HOTKEY: signer.address,
            signing.H_RECEIVER: peer.address,
            signing.H_NONCE: str(nonce_ns),
            signing.H_SIGNATURE: "0x" + signature.hex(),
        },
        body,
        nonce_ns,
        body_digest,
        signature,
        hash_of_call(target, signer.address, peer.address, nonce_ns, signature, body_hash),
    )


def judge(
    sent: Sent,
    status: int,
    raw_headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
    reply_type: type[Rep],
    latency_s: float,
) -> Reply[Rep]:
    """The typed reply, or the CallError that tells what is wrong with it."""
    address = sent.peer.address
    covered, ours = _sort_headers(raw_headers)
    if ours.get("scope") == signing.SCOPE_STREAM:
        raise ReplyMalformed(address, "answers with a stream.", "Call it with stream().")
    if "signature" not in ours:
        raise ReplyUnsigned(
            address,
            f"sent a reply ({status}) without a signature.",
            "Nothing in it can be trusted.",
        )
    evidence = _check_signature(sent, status, covered, ours, body)
    if status != 200:
        raise refusal(address, status, body, evidence)
    names = [name for name, _ in covered]
    if ("content-type", CONTENT_TYPE) not in covered or "content-encoding" in names:
        raise ReplyMalformed(address, "answered another content type.", "Call another peer.")
    try:
        message = decode(reply_type, body)
    except MessageInvalid as error:
        raise ReplyMalformed(
            address,
            f"answered no {reply_type.__name__}: {printable(str(error)[:DETAIL_CHARS_MAX])}.",
            "Call another peer.",
        ) from None
    request_hash = sent.hash_full if evidence.scope == signing.SCOPE_FULL else sent.hash_head
    return Reply(message, latency_s, sent.peer, request_hash, body, evidence)


def is_stream(raw_headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether these headers say that a stream follows. Nobody has signed for it yet."""
    scope = None
    for raw_name, raw_value in raw_headers:
        if _classify(raw_name)[1] == "scope":
            scope = raw_value
    return scope == _RAW_SCOPE_STREAM


def reader_of(
    sent: Sent, status: int, raw_headers: Iterable[tuple[bytes, bytes]], limits: Limits
) -> stream.FrameReader:
    """What checks the frames of a stream with these headers; ReplyForged if they are another's.

    The headers themselves are under each signature among the frames.
    """
    address = sent.peer.address
    covered, ours = _sort_headers(raw_headers)
    if ours.get("hotkey") != address:
        raise ReplyForged(
            address, "is not who answered with a stream.", "Check its address on the chain."
        )
    names = [name for name, _ in covered]
    typed = ("content-type", stream.CONTENT_TYPE) in covered
    named = ours.get("scope") == signing.SCOPE_STREAM
    if status != 200 or not named or not typed or "content-encoding" in names:
        raise ReplyMalformed(address, "sent no stream as it must be.", "Call another peer.")
    binding = stream.StreamBinding(
        request_hash=sent.hash_full,
        status=status,
        headers=_presentable(address, covered),
        sender=address,
        receiver=sent.caller,
    )
    return stream.FrameReader(
        binding,
        peer_key(sent.peer),
        frame_bytes_max=limits.frame_bytes_max,
        frames_max=limits.frames_max,
    )


def stream_evidence(sent: Sent, reader: stream.FrameReader) -> Evidence | None:
    """What shows a third party what the peer has signed of a stream so far; None: nothing yet."""
    seal = reader.sealed
    if seal is None:
        return None
    return Evidence(
        **_of_request(sent),
        scope=signing.SCOPE_STREAM,
        status=reader.binding.status,
        headers=reader.binding.headers,
        reply_digest=seal.running_hash,
        frames=seal.frames,
        word=seal.word,
        reply_signature=seal.signature,
    )


def _of_request(sent: Sent) -> dict[str, Any]:
    """The caller's half of the evidence."""
    return {
        "caller": sent.caller,
        "peer": sent.peer.address,
        "target": sent.target,
        "nonce_ns": sent.nonce_ns,
        "request_digest": sent.body_digest,
        "request_signature": sent.signature,
    }


def _sort_headers(
    raw_headers: Iterable[tuple[bytes, bytes]],
) -> tuple[tuple[tuple[str, str], ...], dict[str, str]]:
    """The headers under the signature, and our own by their short names."""
    covered = []
    ours: dict[str, str] = {}
    for raw_name, raw_value in raw_headers:
        name, short, is_covered = _classify(raw_name)
        if short is not None:
            ours[short] = raw_value.decode("latin-1")
        if is_covered:
            covered.append((name, raw_value.decode("latin-1")))
    return tuple(covered), ours


@lru_cache(maxsize=_NAMES_CACHED)
def _classify(raw_name: bytes) -> tuple[str, str | None, bool]:
    """A header's lower-case name, our short name for it, whether the signature covers it."""
    name = raw_name.decode("latin-1").lower()
    return name, _OUR_HEADERS.get(name), signing.is_covered(name)


def _check_signature(
    sent: Sent,
    status: int,
    covered: tuple[tuple[str, str], ...],
    ours: dict[str, str],
    body: bytes,
) -> Evidence:
    """The evidence of a reply whose signature holds; ReplyForged if it does not."""
    address = sent.peer.address
    scope = ours.get("scope")
    # A reply made without reading the body proves nothing about it: it can only be a refusal.
    known_scope = scope == signing.SCOPE_FULL or (scope == signing.SCOPE_HEAD and status >= 400)
    match = _SIGNATURE.fullmatch(ours["signature"])
    if not known_scope or match is None or ours.get("hotkey") != address:
        raise ReplyForged(
            address, "is not who signed the reply.", "Check its address and port on the chain."
        )
    try:
        digest = signing.body_digest(body, covered)
    except ValueError as error:
        raise ReplyMalformed(
            address, f"cannot be checked: {error}.", "Call another peer."
        ) from None
    payload = signing.reply_payload_of_digest(
        scope=str(scope),
        request_hash=sent.hash_full if scope == signing.SCOPE_FULL else sent.hash_head,
        status=status,
        headers=covered,
        body_digest=digest,
        sender=address,
        receiver=sent.caller,
    )
    signature = bytes.fromhex(match[1])
    if not keys.verify(signature, payload, peer_key(sent.peer)):
        raise ReplyForged(
            address,
            "sent a reply whose signature does not hold for this call.",
            "Somebody between changed it, or the peer is not honest.",
        )
    return Evidence(
        **_of_request(sent),
        scope=str(scope),
        status=status,
        headers=_presentable(address, covered),
        reply_digest=digest,
        reply_signature=signature,
    )


def _presentable(address: str, covered: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The signed headers as evidence has them; ReplyMalformed if evidence cannot have them."""
    try:
        return presentable(covered)
    except EvidenceInvalid as error:
        raise ReplyMalformed(
            address, f"sent a reply that nobody could be shown: {error}.", "Call another peer."
        ) from None


def unreachable(peer: Peer, why: str) -> PeerUnreachable:
    """No connection, or a broken one; ``why`` in a word or two."""
    return PeerUnreachable(
        peer.address,
        f"cannot be reached at {peer.host}:{peer.port} ({why}).",
        "Check that it runs and that the port is open.",
    )


def too_late(peer: Peer, deadline_s: float) -> DeadlineExceeded:
    return DeadlineExceeded(
        peer.address,
        f"did not answer within {deadline_s:g} s.",
        "Call another peer, or give it more time.",
    )


def no_stream(peer: Peer) -> ReplyMalformed:
    """The peer answered a call for a stream with one reply."""
    return ReplyMalformed(peer.address, "answers with one reply.", "Call it with call().")


def silent(peer: Peer, idle_s: float) -> DeadlineExceeded:
    """The peer went quiet in the middle of a stream."""
    return DeadlineExceeded(
        peer.address, f"sent nothing for {idle_s:g} s.", "Call another peer, or allow more silence."
    )


def too_large(peer: Peer, size_bytes_max: int) -> ReplyMalformed:
    return ReplyMalformed(
        peer.address, f"answered more than {size_bytes_max} bytes.", "Call another peer."
    )


def refusal(address: str, status: int | None, body: bytes, evidence: Evidence) -> CallError:
    """The error that a signed refusal stands for; ``status`` None: it came within a stream."""
    try:
        said = _REFUSAL.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ReplyMalformed(
            address, f"refused ({status}) in a form unknown here.", "Call another peer."
        )
    code = printable(said.code[:_CODE_CHARS_MAX])
    # A peer may end its sentence, or say nothing.
    detail = printable(said.detail[:DETAIL_CHARS_MAX]).strip().rstrip(".")
    cause = f"refused ({code}): {detail}." if detail else f"refused ({code})."
    if status is None:
        status = STATUS.get(cast("Code", code), STATUS[Code.HANDLER_FAILED])
    facts = (code, status, _retry_after_s(said.retry_after_s), evidence)
    if code == Code.OUT_OF_TIME:
        return DeadlineExceeded(address, cause, "Give the call a longer deadline.")
    if status in (429, 503):
        return PeerBusy(address, cause, "Try again later.", *facts)
    if status >= 500:
        return PeerFailed(address, cause, "Call another peer.", *facts)
    return PeerRefused(address, cause, _CURES.get(code, "Change the request."), *facts)


def _milliseconds(seconds: float) -> int:
    return min(max(1, int(seconds * 1000)), _BUDGET_MS_MAX)


def _retry_after_s(said: float | None) -> float | None:
    """``said`` as seconds that can be slept, an hour at most; NaN counts as absent."""
    if said is None or math.isnan(said):
        return None
    return min(max(said, 0.0), _RETRY_S_MAX)


_CURES: Final[dict[str, str]] = {
    Code.STALE: "Set this machine's clock.",
    Code.WRONG_RECEIVER: "Sync the metagraph: another hotkey listens there.",
    Code.UNKNOWN_CALLER: "Register this hotkey on the subnet.",
    Code.NO_PERMIT: "Stake enough for a validator permit.",
    Code.UNKNOWN_SYNAPSE: "Check that both sides run the same task.",
    Code.TOO_LARGE: "Send less.",
}
