"""What is signed, byte for byte: btauth/1 requests and our own replies. Pure.

Adds to sr25519 the canonical bytes of the three sentences that are said on the wire:

* *btauth/1* (the bittensor SDK 11's ``http_auth``): "hotkey S sends this method, target and body to
  hotkey R at time N". Written here from its published form, and tested against the SDK both ways.
* *assay-reply/1*: "hotkey R answers exactly that request, signature included, with this status,
  these headers and this body". A reply that was made before its request's body was read says so
  (scope ``head``) and can only be a refusal.
* *assay-stream/1*: "hotkey R answers exactly that request with these headers, and these are its
  first n frames" (or all of them, or all before it failed). The frames are in ``stream.py``.

The three start with different words, so no signature of one kind can pass for another. Header
values come from outside and are checked for form here, once. Neither clock nor nonce memory lives
here: freshness is a comparison against a time that is passed in, replay is ``replay.py``.

We are stricter than btauth/1 where it is lax and no real client relies on it: decimal nonces
without signs or padding, exactly 128 hex digits, no repeated header, sr25519 only (other schemes
are refused by name), and the receiver is mandatory unless configured otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from typing import Final

import msgspec
from blake3 import blake3

from assay.types import Ss58, ss58_decode
from assay.wire import keys
from assay.wire.errors import Code, RequestRefused

REQUEST_DOMAIN: Final = "btauth/1"
REPLY_DOMAIN: Final = "assay-reply/1"
STREAM_DOMAIN: Final = "assay-stream/1"
REQUEST_HASH_DOMAIN: Final = "assay-request/1"
VERSION: Final = "1"
SCHEME: Final = "sr25519"
NO_RECEIVER: Final = "-"
"""btauth/1's line for a request bound to nobody."""
UNREAD_BODY: Final = "-"
"""In a request's hash: the body was not read before the refusal."""

H_VERSION: Final = "X-Bittensor-Version"
H_HOTKEY: Final = "X-Bittensor-Hotkey"
H_RECEIVER: Final = "X-Bittensor-Receiver"
H_NONCE: Final = "X-Bittensor-Nonce"
H_CRYPTO: Final = "X-Bittensor-Crypto"
H_SIGNATURE: Final = "X-Bittensor-Signature"

H_REPLY_HOTKEY: Final = "X-Assay-Hotkey"
H_REPLY_SCOPE: Final = "X-Assay-Scope"
H_REPLY_SIGNATURE: Final = "X-Assay-Signature"
H_REPLY_DIGEST: Final = "X-Assay-Digest"
"""How a reply's body is hashed, where that is not SHA-256."""
DIGEST_BLAKE3: Final = "blake3"
"""For replies of megabytes: a quarter of SHA-256's time, on either side of the call."""
SCOPE_FULL: Final = "full"
SCOPE_HEAD: Final = "head"
SCOPE_STREAM: Final = "stream"

_NONCE: Final = re.compile(r"[1-9][0-9]{0,19}", re.ASCII)  # u64 has at most 20 digits
_HEX_SIGNATURE: Final = re.compile(r"(?:0x)?([0-9a-fA-F]{128})", re.ASCII)
_KNOWN_SCHEMES: Final = frozenset({"sr25519", "1"})  # the SDK's name and its number
_KEYS_CACHED: Final = 16_384  # decoding an address costs 10 µs; as many as Limits.callers_max
_DIGEST_NAME: Final = H_REPLY_DIGEST.lower()
_DIGESTS_CACHED: Final = 256  # an axon's ordinary replies have two or three sets of headers


class RequestHead(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A request's head as it was received, before any judgement. None: the header is absent."""

    method: str
    target: str
    version: str | None = None
    hotkey: str | None = None
    receiver: str | None = None
    nonce: str | None = None
    crypto: str | None = None
    signature: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    content_length: str | None = None
    upgrade: str | None = None
    repeated: bool = False
    """Whether one of the headers above came more than once."""


_FIELD: Final[dict[str, str]] = {
    H_VERSION.lower(): "version",
    H_HOTKEY.lower(): "hotkey",
    H_RECEIVER.lower(): "receiver",
    H_NONCE.lower(): "nonce",
    H_CRYPTO.lower(): "crypto",
    H_SIGNATURE.lower(): "signature",
    "content-type": "content_type",
    "content-encoding": "content_encoding",
    "content-length": "content_length",
    "upgrade": "upgrade",
}
_FIELD_RAW: Final[dict[bytes, str]] = {name.encode(): field for name, field in _FIELD.items()}


def parse_head(method: str, target: str, raw_headers: Iterable[tuple[bytes, bytes]]) -> RequestHead:
    """The head of a request from its raw header lines; keeps what matters, notes repetitions."""
    found: dict[str, str] = {}
    repeated = False
    for name, value in raw_headers:
        field = _FIELD_RAW.get(name.lower())
        if field is not None:
            repeated |= field in found
            found[field] = value.decode("latin-1")
    return RequestHead(method=method, target=target, repeated=repeated, **found)


class Claim(msgspec.Struct, frozen=True, gc=False):
    """Well-formed and not yet believed: who says to have sent a request, and when."""

    sender: Ss58
    public_key: bytes
    receiver: str
    nonce_ns: int
    signature: bytes


@lru_cache(maxsize=_KEYS_CACHED)
def public_key_of(address: str) -> bytes:
    """The key of an address; ValueError if it is none. Cached: the same few hotkeys call."""
    return ss58_decode(address)


def read_claim(head: RequestHead, self_address: str, *, accept_unbound: bool = False) -> Claim:
    """The authentication headers, checked for form and receiver. No cryptography yet."""
    if head.repeated:
        raise _malformed("a header is repeated")
    if head.version != VERSION:
        raise _malformed(f"{H_VERSION} must be {VERSION}")
    if head.crypto is not None and head.crypto.strip().lower() not in _KNOWN_SCHEMES:
        raise RequestRefused(Code.UNSUPPORTED_CRYPTO, f"only {SCHEME} signatures are accepted")
    if not head.hotkey:
        raise _malformed(f"{H_HOTKEY} is missing")
    if not head.nonce or _NONCE.fullmatch(head.nonce) is None:
        raise _malformed(f"{H_NONCE} must be Unix time in decimal nanoseconds")
    match = _HEX_SIGNATURE.fullmatch(head.signature) if head.signature else None
    if match is None:
        raise _malformed(f"{H_SIGNATURE} must be 0x and 128 hex digits")
    if head.receiver is None:
        if not accept_unbound:
            raise RequestRefused(Code.WRONG_RECEIVER, f"{H_RECEIVER} is required")
    elif head.receiver != self_address:
        raise RequestRefused(Code.WRONG_RECEIVER, "the request is for another hotkey")
    try:
        public_key = public_key_of(head.hotkey)
    except ValueError:
        raise _malformed(f"{H_HOTKEY} is not an address") from None
    return Claim(
        Ss58(head.hotkey),
        public_key,
        head.receiver or NO_RECEIVER,
        int(head.nonce),
        bytes.fromhex(match[1]),
    )


def _malformed(detail: str) -> RequestRefused:
    return RequestRefused(Code.MALFORMED_AUTH, detail)


def request_payload(
    method: str, target: str, body_hash: str, nonce_ns: int, sender: str, receiver: str
) -> bytes:
    """btauth/1's signed bytes. ``body_hash`` is lower-case hex of SHA-256 over the raw body."""
    return (
        f"{REQUEST_DOMAIN}\n{SCHEME}\n{method.upper()}\n{target}\n{body_hash}\n{nonce_ns}\n"
        f"{sender}\n{receiver}"
    ).encode("utf-8", "surrogateescape")


def verify_request(head: RequestHead, claim: Claim, body_hash: str) -> None:
    """The signature over what was received; RequestRefused if it does not hold."""
    payload = request_payload(
        head.method, head.target, body_hash, claim.nonce_ns, claim.sender, claim.receiver
    )
    if not keys.verify(claim.signature, payload, claim.public_key):
        raise RequestRefused(Code.BAD_SIGNATURE, "the signature does not hold for this request")


def request_hash(head: RequestHead, body_hash: str) -> bytes:
    """Names one request, signature included, also one that is malformed (absent reads as empty)."""
    lines = (
        REQUEST_HASH_DOMAIN,
        head.method,
        head.target,
        body_hash,
        head.nonce or "",
        head.hotkey or "",
        head.receiver or "",
        head.crypto or "",
        head.signature or "",
    )
    return sha256("\n".join(lines).encode("utf-8", "surrogateescape")).digest()


def is_covered(name: str) -> bool:
    """Whether a reply's signature covers the header ``name``: those that change what the reply
    means, and every one that begins with x-assay-."""
    return name in ("content-type", "content-encoding", "retry-after", "location") or (
        name.startswith("x-assay-") and name != "x-assay-signature"
    )


@lru_cache(maxsize=_DIGESTS_CACHED)
def headers_digest(headers: tuple[tuple[str, str], ...]) -> str:
    """SHA-256 over the covered headers, sorted by lower-case name; a repeated one counts twice."""
    lines = sorted(
        f"{lowered}:{value.strip()}\n"
        for name, value in headers
        if is_covered(lowered := name.lower())
    )
    return sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def body_digest(body: bytes, headers: tuple[tuple[str, str], ...]) -> bytes:
    """32 bytes that stand for a reply's ``body``, hashed as its ``headers`` say.

    SHA-256 unless they name BLAKE3. ValueError if they name anything else, or more than one.
    """
    named = _digests_named(headers)
    if not named:
        return sha256(body).digest()
    if named == (DIGEST_BLAKE3,):
        return blake3(body).digest()
    raise ValueError("the reply's body is hashed in a way that is unknown here")


@lru_cache(maxsize=_DIGESTS_CACHED)
def _digests_named(headers: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """How ``headers`` say that the body is hashed: as a rule not at all, or once."""
    return tuple(value.strip() for name, value in headers if name.lower() == _DIGEST_NAME)


def reply_payload(
    *,
    scope: str,
    request_hash: bytes,
    status: int,
    headers: tuple[tuple[str, str], ...],
    body: bytes,
    sender: str,
    receiver: str,
) -> bytes:
    """assay-reply/1's signed bytes; ``sender`` is the axon, ``receiver`` who asked (or ``-``)."""
    return reply_payload_of_digest(
        scope=scope,
        request_hash=request_hash,
        status=status,
        headers=headers,
        body_digest=body_digest(body, headers),
        sender=sender,
        receiver=receiver,
    )


def reply_payload_of_digest(
    *,
    scope: str,
    request_hash: bytes,
    status: int,
    headers: tuple[tuple[str, str], ...],
    body_digest: bytes,
    sender: str,
    receiver: str,
) -> bytes:
    """``reply_payload`` for a body of which only the ``body_digest`` is known."""
    return (
        f"{REPLY_DOMAIN}\n{scope}\n{request_hash.hex()}\n{status}\n{headers_digest(headers)}\n"
        f"{body_digest.hex()}\n{sender}\n{receiver}"
    ).encode("utf-8", "surrogateescape")


def stream_payload(
    *,
    word: str,
    request_hash: bytes,
    status: int,
    headers: tuple[tuple[str, str], ...],
    frames: int,
    running_hash: bytes,
    sender: str,
    receiver: str,
) -> bytes:
    """assay-stream/1's signed bytes: ``frames`` frames were said, and ``running_hash`` binds them.

    ``word`` says whether more may follow; ``sender`` is the axon, ``receiver`` who asked.
    """
    return (
        f"{STREAM_DOMAIN}\n{word}\n{request_hash.hex()}\n{status}\n{headers_digest(headers)}\n"
        f"{frames}\n{running_hash.hex()}\n{sender}\n{receiver}"
    ).encode("utf-8", "surrogateescape")
