"""Reads JSON-RPC 2.0 requests out of frames, and writes replies. Pure.

A frame is one request, or a batch of a bounded number of requests. Beside the standard there are
limits: an id is null, a short text or a 64-bit integer, and deep nesting is an error like any other
malformed text. This module knows no method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec

from assay.localnet.rpc.errors import (
    BATCH_TOO_BIG,
    INVALID_REQUEST,
    PARSE_ERROR,
    REQUEST_TOO_BIG,
    RpcError,
)

_ID_CHARS_MAX: Final = 256
"""Ids are echoed; clients use counters or UUIDs."""

Id = (
    Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    | Annotated[str, msgspec.Meta(max_length=_ID_CHARS_MAX)]
    | None
)


class Request(msgspec.Struct):
    """One call. ``id`` absent makes it a notification, which is never answered."""

    jsonrpc: str
    method: Annotated[str, msgspec.Meta(max_length=128)]
    params: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    id: Id | msgspec.UnsetType = msgspec.UNSET


class _Success(msgspec.Struct):
    id: Id
    result: Any
    jsonrpc: str = "2.0"


class _ErrorBody(msgspec.Struct, omit_defaults=True):
    code: int
    message: str
    data: str | None = None


class _Failure(msgspec.Struct):
    id: Id
    error: _ErrorBody
    jsonrpc: str = "2.0"


class _NotificationParams(msgspec.Struct):
    subscription: str
    result: msgspec.Raw


class _Notification(msgspec.Struct):
    method: str
    params: _NotificationParams
    jsonrpc: str = "2.0"


class _IdOnly(msgspec.Struct):
    id: Id = None


@dataclass(frozen=True, slots=True)
class Frame:
    """What a frame holds: its calls, undecoded, and whether they came as a batch."""

    calls: tuple[bytes, ...]
    batch: bool


_MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for text that is no JSON: wrong syntax, wrong UTF-8, too deep."""

_requests: Final = msgspec.json.Decoder(Request)
_batches: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ids: Final = msgspec.json.Decoder(_IdOnly)
_encoder: Final = msgspec.json.Encoder()


def read_frame(data: bytes, *, batch_calls_max: int, values_max: int) -> Frame:
    """Split the frame ``data`` into its calls. RpcError -32700, -32600, -32007 or -32010.

    Two bytes of JSON can become an object of sixty bytes, in a list whose length is known only
    after it was decoded. Each value but the first needs a comma, and commas are counted in no time.
    """
    if data.count(b",") >= values_max:
        raise RpcError(
            REQUEST_TOO_BIG, "Request is too big", f"Exceeded max limit of {values_max} values"
        )
    text = data.strip()
    if not text.startswith(b"["):
        return Frame((text,), batch=False)
    try:
        calls = _batches.decode(text)
    except _MALFORMED:
        raise RpcError(PARSE_ERROR, "Parse error") from None
    if not calls:
        raise RpcError(INVALID_REQUEST, "Invalid request")
    if len(calls) > batch_calls_max:
        raise RpcError(
            BATCH_TOO_BIG,
            "The batch request was too large",
            f"Exceeded max limit of {batch_calls_max}",
        )
    return Frame(tuple(bytes(call) for call in calls), batch=True)


def read_request(call: bytes) -> Request:
    """Decode ``call``, which ``read_frame`` found. RpcError -32700 or -32600."""
    try:
        request = _requests.decode(call)
    except msgspec.ValidationError:
        raise RpcError(INVALID_REQUEST, "Invalid request") from None
    except _MALFORMED:
        raise RpcError(PARSE_ERROR, "Parse error") from None
    if request.jsonrpc != "2.0":
        raise RpcError(INVALID_REQUEST, "Invalid request", "jsonrpc must be 2.0")
    return request


def id_of(call: bytes) -> Id:
    """The id in ``call``, which need not be a valid request; None if it has no usable id."""
    try:
        return _ids.decode(call).id
    except _MALFORMED:
        return None


def success(call_id: Id, result: Any) -> bytes:
    """The reply that carries ``result`` to the call with ``call_id``."""
    return _encoder.encode(_Success(call_id, result))


def failure(call_id: Id, error: RpcError) -> bytes:
    """The reply that carries ``error`` to the call with ``call_id``."""
    return _encoder.encode(_Failure(call_id, _ErrorBody(error.code, error.message, error.data)))


def notification(method: str, subscription: str, result: bytes) -> bytes:
    """A notification of ``method`` to one subscription.

    ``result`` is JSON already, so that one encoding serves all subscriptions.
    """
    params = _NotificationParams(subscription, msgspec.Raw(result))
    return _encoder.encode(_Notification(method, params))


def encode(value: Any) -> bytes:
    """``value`` as JSON, for the result of a notification."""
    return _encoder.encode(value)
