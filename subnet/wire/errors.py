"""What can go wrong on the wire, on each side.

The tree below ``assay.errors``::

    AssayError
    ├── RequestRefused              inside an axon; becomes a signed refusal. Handlers may raise it
    └── UserError
        └── CallError               raised by ``Dendrite.call``; ``peer`` says whom
            ├── PeerUnreachable     (Unavailable) no connection, or it broke before a whole reply
            ├── DeadlineExceeded    (Unavailable) the call's budget ran out, here or at the peer
            ├── PeerBusy            (Unavailable) signed 429 or 503; ``retry_after_s``
            ├── PeerFailed          (Unavailable) signed 5xx: its handler broke
            ├── PeerRefused         (Refused) signed 4xx: the same request would be refused again
            └── ReplyInvalid        (Unavailable) not to be trusted, or not a reply at all
                ├── ReplyUnsigned   no signature
                ├── ReplyForged     a signature that does not hold for this request and reply
                └── ReplyMalformed  too large, encoded, redirected, or not the expected type

Only *signed* refusals become PeerBusy, PeerFailed or PeerRefused: a stranger between the two
cannot make a miner look busy or unwilling.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from assay.errors import AssayError, Refused, Unavailable, UserError


class Code(StrEnum):
    """Why an axon said no. The value travels in the reply; ``STATUS`` has its HTTP status."""

    MALFORMED_REQUEST = "malformed_request"
    MALFORMED_AUTH = "malformed_auth"
    UNSUPPORTED_CRYPTO = "unsupported_crypto"
    WRONG_RECEIVER = "wrong_receiver"
    STALE = "stale"
    BEFORE_RESTART = "before_restart"
    REPLAYED = "replayed"
    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_CALLER = "unknown_caller"
    NO_PERMIT = "no_permit"
    UNKNOWN_SYNAPSE = "unknown_synapse"
    WRONG_METHOD = "wrong_method"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    WRONG_ENCODING = "wrong_encoding"
    BAD_MESSAGE = "bad_message"
    REFUSED_BY_TASK = "refused_by_task"
    SOURCE_LIMITED = "source_limited"
    CALLER_LIMITED = "caller_limited"
    OVERLOADED = "overloaded"
    DRAINING = "draining"
    OUT_OF_TIME = "out_of_time"
    HANDLER_FAILED = "handler_failed"


STATUS: Final[dict[Code, int]] = {
    Code.MALFORMED_REQUEST: 400,
    Code.MALFORMED_AUTH: 401,
    Code.UNSUPPORTED_CRYPTO: 401,
    Code.WRONG_RECEIVER: 401,
    Code.STALE: 401,
    Code.BEFORE_RESTART: 503,
    Code.REPLAYED: 401,
    Code.BAD_SIGNATURE: 401,
    Code.UNKNOWN_CALLER: 403,
    Code.NO_PERMIT: 403,
    Code.UNKNOWN_SYNAPSE: 404,
    Code.WRONG_METHOD: 405,
    Code.TOO_SLOW: 408,
    Code.TOO_LARGE: 413,
    Code.WRONG_CONTENT_TYPE: 415,
    Code.WRONG_ENCODING: 415,
    Code.BAD_MESSAGE: 400,
    Code.REFUSED_BY_TASK: 422,
    Code.SOURCE_LIMITED: 429,
    Code.CALLER_LIMITED: 429,
    Code.OVERLOADED: 503,
    Code.DRAINING: 503,
    Code.OUT_OF_TIME: 504,
    Code.HANDLER_FAILED: 500,
}


class RequestRefused(AssayError):
    """An axon's no. A handler may raise it with ``Code.REFUSED_BY_TASK`` and one safe sentence."""

    def __init__(self, code: Code, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{code.value}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s

    @property
    def status(self) -> int:
        return STATUS[self.code]


class CallError(UserError):
    """A call to a peer did not give a reply."""

    def __init__(self, peer: str, cause: str, cure: str) -> None:
        super().__init__(f"{peer} {cause}", cure)
        self.peer = peer
        self.what = cause
        """The cause without the peer's address: for where it is clear whom it is about."""
        self._parts = (peer, cause, cure)

    def __reduce__(self) -> tuple[type[CallError], tuple[str, ...]]:  # type: ignore[override]
        return type(self), self._parts


class PeerUnreachable(CallError, Unavailable):
    """No connection, or it broke before a whole reply."""


class DeadlineExceeded(CallError, Unavailable):
    """The call's budget ran out."""


class SignedRefusal(CallError):
    """A refusal whose signature holds: ``code``, ``status`` and, if given, ``retry_after_s``."""

    def __init__(
        self,
        peer: str,
        cause: str,
        cure: str,
        code: str = "",
        status: int = 0,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(peer, cause, cure)
        self.code = code
        self.status = status
        self.retry_after_s = retry_after_s
        self._parts = (peer, cause, cure, code, status, retry_after_s)  # type: ignore[assignment]


class PeerBusy(SignedRefusal, Unavailable):
    """429 or 503: try again after ``retry_after_s``."""


class PeerFailed(SignedRefusal, Unavailable):
    """Another 5xx: the peer's handler broke."""


class PeerRefused(SignedRefusal, Refused):
    """4xx: the same request would be refused again."""


class ReplyInvalid(CallError, Unavailable):
    """What came back is not a reply that can be trusted."""


class ReplyUnsigned(ReplyInvalid):
    """It carries no signature."""


class ReplyForged(ReplyInvalid):
    """Its signature does not hold for this request, this body and this peer."""


class ReplyMalformed(ReplyInvalid):
    """Too large, encoded, redirected, or signed but not the expected type."""
