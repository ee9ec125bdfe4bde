"""What an axon says, signed: replies, refusals, and the beginnings of streams. Pure.

In come statuses, bodies and what they reply to; out come the headers and bytes that a transport
sends as they are. No other module of the server's half signs anything.
"""

from __future__ import annotations

import math

import msgspec

from assay.types import Signer
from assay.wire import signing, stream
from assay.wire.errors import RequestRefused
from assay.wire.synapse import CONTENT_TYPE, Refusal

Headers = tuple[tuple[str, str], ...]


class SignedReply(msgspec.Struct, frozen=True, gc=False):
    """What goes back: all of it is covered by the signature among the headers."""

    status: int
    headers: Headers
    body: bytes
    body_unread: bool = False
    """The request's body may still be on its way: the connection cannot serve another request."""


class ReplySigner:
    """Signs in the name of one axon's hotkey."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.address = signer.address
        self._full = self._headers(CONTENT_TYPE, signing.SCOPE_FULL)
        self._large = (*self._full, (signing.H_REPLY_DIGEST, signing.DIGEST_BLAKE3))
        self.stream_headers = self._headers(stream.CONTENT_TYPE, signing.SCOPE_STREAM)

    def answer(
        self, body: bytes, request_hash: bytes, receiver: str, *, large: bool = False
    ) -> SignedReply:
        """The reply to a whole request whose handler answered ``body``; a ``large`` one is hashed
        with BLAKE3."""
        headers = self._large if large else self._full
        return self._sign(200, headers, body, request_hash, signing.SCOPE_FULL, receiver)

    def refusal(
        self,
        head: signing.RequestHead,
        refusal: RequestRefused,
        request_hash: bytes,
        scope: str = signing.SCOPE_FULL,
    ) -> SignedReply:
        """The reply that says no to the request with this ``head``."""
        headers = self._headers(CONTENT_TYPE, scope)
        if refusal.retry_after_s is not None:
            headers += (("Retry-After", str(max(1, math.ceil(refusal.retry_after_s)))),)
        receiver = head.hotkey or signing.NO_RECEIVER
        body = encode_refusal(refusal)
        return self._sign(refusal.status, headers, body, request_hash, scope, receiver)

    def stream(
        self, request_hash: bytes, receiver: str, *, frame_bytes_max: int, frames_max: int
    ) -> stream.FrameWriter:
        """The frames of one streamed reply, which goes out under ``stream_headers``."""
        binding = stream.StreamBinding(
            request_hash=request_hash,
            status=200,
            headers=self.stream_headers,
            sender=self.address,
            receiver=receiver,
        )
        return stream.FrameWriter(
            binding, self._signer.sign, frame_bytes_max=frame_bytes_max, frames_max=frames_max
        )

    def _headers(self, content_type: str, scope: str) -> Headers:
        return (
            ("Content-Type", content_type),
            (signing.H_REPLY_HOTKEY, self.address),
            (signing.H_REPLY_SCOPE, scope),
        )

    def _sign(
        self,
        status: int,
        headers: Headers,
        body: bytes,
        request_hash: bytes,
        scope: str,
        receiver: str,
    ) -> SignedReply:
        payload = signing.reply_payload(
            scope=scope,
            request_hash=request_hash,
            status=status,
            headers=headers,
            body=body,
            sender=self.address,
            receiver=receiver,
        )
        signature = "0x" + self._signer.sign(payload).hex()
        unread = scope == signing.SCOPE_HEAD
        return SignedReply(status, (*headers, (signing.H_REPLY_SIGNATURE, signature)), body, unread)


def encode_refusal(refusal: RequestRefused) -> bytes:
    """The body of a refusal; also the payload of a stream's failure."""
    return msgspec.msgpack.encode(
        Refusal(code=refusal.code, detail=refusal.detail, retry_after_s=refusal.retry_after_s)
    )
