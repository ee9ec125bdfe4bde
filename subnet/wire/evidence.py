"""What shows a third party who said what: the two signatures of one call and what they cover. Pure.

``Evidence`` is made by the caller's side of a call, kept as long as anybody may ask, and checked
by ``verify`` from its own bytes alone: nobody's word is needed, the validator's neither. The
messages themselves are not inside, only their digests; who has them can check them as well.

This module knows nothing of where evidence is kept, or who asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Final

import msgspec

from assay.types import Ss58
from assay.wire import keys, signing
from assay.wire.limits import SIGNED_HEADERS_BYTES_MAX, SIGNED_HEADERS_MAX
from assay.wire.stream import FAILED, PART, WHOLE, StreamBinding, running_hash
from assay.wire.synapse import METHOD

_DIGEST: Final = msgspec.Meta(min_length=32, max_length=32)
_SIGNATURE: Final = msgspec.Meta(min_length=keys.SIGNATURE_BYTES, max_length=keys.SIGNATURE_BYTES)
_TEXT: Final = msgspec.Meta(max_length=8_190, pattern=r"\A[!-~]+\Z")
"""As long as a head's line may be, and without line ends, which part the signed lines."""
_NAME: Final = re.compile(r"[a-z0-9-]+", re.ASCII)
_VALUE: Final = re.compile(r"[ -~]*", re.ASCII)
_HEADERS: Final = msgspec.Meta(max_length=SIGNED_HEADERS_MAX)
_COUNT: Final = msgspec.Meta(ge=0, le=2**63 - 1)

EVIDENCE_BYTES_MAX: Final = 2**14
"""The longest target (8,190 bytes), ``SIGNED_HEADERS_BYTES_MAX`` with the lengths of 64 headers
(4,600), and the rest (700) fit. With less, some true evidence could not be shown; more would only
let a stranger send more to whoever checks evidence. Ordinary evidence has 900 bytes."""


class EvidenceInvalid(ValueError):
    """The evidence does not show what it says. ``args[0]`` is one sentence that says why."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One call: ``caller`` signed a request to ``peer``, and ``peer`` signed a reply to it."""

    caller: Annotated[Ss58, _TEXT]
    peer: Annotated[Ss58, _TEXT]
    target: Annotated[str, _TEXT]
    """Path and query, as sent."""
    nonce_ns: Annotated[int, _COUNT]
    """The caller's clock when it signed, in Unix nanoseconds."""
    request_digest: Annotated[bytes, _DIGEST]
    """SHA-256 of the request's body."""
    request_signature: Annotated[bytes, _SIGNATURE]
    scope: str
    """``full``: a reply or refusal to the whole request. ``head``: a refusal before the body was
    read. ``stream``: a streamed reply."""
    status: Annotated[int, _COUNT]
    headers: Annotated[tuple[tuple[str, str], ...], _HEADERS]
    """The reply's signed headers: names in lower case, sorted."""
    reply_digest: Annotated[bytes, _DIGEST]
    """Of the reply's body: SHA-256, or what the header ``x-assay-digest`` names. Of a stream: the
    running hash over its frames."""
    frames: Annotated[int, _COUNT] = 0
    """Of a stream: how many frames the signature covers."""
    word: str = ""
    """Of a stream: ``whole``, ``failed`` (signed, before it was whole), or ``part`` (cut off)."""
    reply_signature: Annotated[bytes, _SIGNATURE]

    @property
    def request_hash(self) -> bytes:
        """Names the request, its signature included; the peer's handler saw the same."""
        unread = self.scope == signing.SCOPE_HEAD
        return hash_of_call(
            self.target,
            self.caller,
            self.peer,
            self.nonce_ns,
            self.request_signature,
            signing.UNREAD_BODY if unread else self.request_digest.hex(),
        )


def hash_of_call(
    target: str, caller: str, peer: str, nonce_ns: int, signature: bytes, body_hash: str
) -> bytes:
    """Return what names the request that ``caller`` signed for ``peer``, its ``signature``
    included. ``body_hash`` is hex, or ``signing.UNREAD_BODY`` in a refusal before it was read."""
    head = signing.RequestHead(
        method=METHOD,
        target=target,
        hotkey=caller,
        receiver=peer,
        nonce=str(nonce_ns),
        signature="0x" + signature.hex(),
    )
    return signing.request_hash(head, body_hash)


def verify(
    evidence: Evidence,
    *,
    request: bytes | None = None,
    reply: bytes | None = None,
    frames: Sequence[bytes] | None = None,
) -> None:
    """EvidenceInvalid unless both signatures of ``evidence`` hold.

    ``request`` and ``reply`` are bodies and ``frames`` the payloads of a stream's frames, in order
    (a failure's last). Each that is given must be the one that was signed.
    """
    headers = evidence.headers
    check_headers(headers)
    said = dict(headers)
    if said.get("x-assay-hotkey") != evidence.peer or said.get("x-assay-scope") != evidence.scope:
        raise EvidenceInvalid("its headers tell of another reply")
    _verify_request(evidence)
    _verify_reply(evidence)
    if request is not None and sha256(request).digest() != evidence.request_digest:
        raise EvidenceInvalid("the request is not the one that was signed")
    if frames is not None:
        if (len(frames), running_hash(evidence.request_hash, frames, failed=_failed(evidence))) != (
            evidence.frames,
            evidence.reply_digest,
        ):
            raise EvidenceInvalid("the frames are not those that were signed")
    elif reply is not None and _digest(reply, headers) != evidence.reply_digest:
        raise EvidenceInvalid("the reply is not the one that was signed")


def pack(evidence: Evidence) -> bytes:
    """``evidence`` as bytes, always the same ones."""
    return msgspec.msgpack.encode(evidence)


def unpack(data: bytes) -> Evidence:
    """The evidence in ``data``; EvidenceInvalid unless ``data`` is what ``pack`` makes."""
    if len(data) > EVIDENCE_BYTES_MAX:
        raise EvidenceInvalid(f"it has more than {EVIDENCE_BYTES_MAX} bytes")
    try:
        evidence = msgspec.msgpack.decode(data, type=Evidence, strict=True)
        same = pack(evidence) == data
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise EvidenceInvalid("it is not evidence of a call") from None
    if not same:
        raise EvidenceInvalid("it is not written in the one way it may be")
    return evidence


@lru_cache(maxsize=256)  # a peer signs the same ones again and again; an entry is 8 KiB at most
def presentable(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The signed ones of ``headers`` as evidence has them; EvidenceInvalid if it cannot."""
    signed = canonical(headers)
    check_headers(signed)
    return signed


def check_headers(headers: tuple[tuple[str, str], ...]) -> None:
    """EvidenceInvalid unless evidence can have these ``headers``.

    The caller's side of a call takes no reply with other signed headers. Else a peer could sign
    answers that nobody can ever show to a third party.
    """
    names = {name for name, _ in headers}
    plain = all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers)
    if not plain or len(names) < len(headers) or headers != canonical(headers):
        raise EvidenceInvalid("its headers are not written in the one way they may be")
    if len(headers) > SIGNED_HEADERS_MAX:
        raise EvidenceInvalid(f"it has more than {SIGNED_HEADERS_MAX} signed headers")
    if sum(len(name) + len(value) for name, value in headers) > SIGNED_HEADERS_BYTES_MAX:
        raise EvidenceInvalid(f"its signed headers have more than {SIGNED_HEADERS_BYTES_MAX} bytes")


def canonical(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The signed ones of ``headers`` as evidence has them."""
    return tuple(
        sorted(
            (lowered, value.strip())
            for name, value in headers
            if signing.is_covered(lowered := name.lower())
        )
    )


def _digest(reply: bytes, headers: tuple[tuple[str, str], ...]) -> bytes:
    try:
        return signing.body_digest(reply, headers)
    except ValueError as error:
        raise EvidenceInvalid(str(error)) from None


def _failed(evidence: Evidence) -> bool:
    return evidence.word == FAILED


def _verify_request(evidence: Evidence) -> None:
    payload = signing.request_payload(
        METHOD,
        evidence.target,
        evidence.request_digest.hex(),
        evidence.nonce_ns,
        evidence.caller,
        evidence.peer,
    )
    if not keys.verify(evidence.request_signature, payload, _key(evidence.caller)):
        raise EvidenceInvalid("the caller did not sign this request")


def _verify_reply(evidence: Evidence) -> None:
    streamed = evidence.scope == signing.SCOPE_STREAM
    if not streamed and (evidence.frames or evidence.word):
        raise EvidenceInvalid("it has frames, and is of no stream")
    if streamed:
        if evidence.word not in (PART, WHOLE, FAILED):
            raise EvidenceInvalid("its word is none that a stream is signed with")
        binding = StreamBinding(
            request_hash=evidence.request_hash,
            status=evidence.status,
            headers=evidence.headers,
            sender=evidence.peer,
            receiver=evidence.caller,
        )
        payload = binding.payload(evidence.word, evidence.frames, evidence.reply_digest)
    elif evidence.scope == signing.SCOPE_FULL or (
        evidence.scope == signing.SCOPE_HEAD and evidence.status >= 400
    ):
        payload = signing.reply_payload_of_digest(
            scope=evidence.scope,
            request_hash=evidence.request_hash,
            status=evidence.status,
            headers=evidence.headers,
            body_digest=evidence.reply_digest,
            sender=evidence.peer,
            receiver=evidence.caller,
        )
    else:
        raise EvidenceInvalid("its scope is none that a reply is signed with")
    if not keys.verify(evidence.reply_signature, payload, _key(evidence.peer)):
        raise EvidenceInvalid("the peer did not sign this reply")


def _key(address: str) -> bytes:
    try:
        return signing.public_key_of(address)
    except ValueError:
        raise EvidenceInvalid("it names an address that is none") from None
