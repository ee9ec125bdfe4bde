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
            ├── StreamCut           (Unavailable) a stream broke off before its signed end
            └── ReplyInvalid        (Unavailable) not to be trusted, or not a reply at all
                ├── ReplyUnsigned   no signature
                ├── ReplyForged     a signature that does not hold for this request and reply
                └── ReplyMalformed  too large, encoded, redirected, or not the expected type

Only *signed* refusals become PeerBusy, PeerFailed or PeerRefused: a stranger between the two
cannot make a miner look busy or unwilling.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final, overload

from assay.errors import AssayError, Refused, Unavailable, UserError

if TYPE_CHECKING:
    from assay.wire.evidence import Evidence


DETAIL_CHARS_MAX: Final = 300
"""Of a refusal's sentence: it is shown to a person, in one line. Longer ones are cut, by the axon
that says them and by the dendrite that reads them."""


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
    UNMET_EXPECTATION = "unmet_expectation"
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
    Code.UNMET_EXPECTATION: 417,
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


_CODES: Final = frozenset(Code)
_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")


class RequestRefused(AssayError):
    """An axon's no. A handler raises it with one sentence, which the caller is told.

    ``RequestRefused("too hard")`` has the code ``Code.REFUSED_BY_TASK``; another code stands
    before the sentence. ``retry_after_s`` says when the same request may be answered.
    """

    @overload
    def __init__(self, detail: str, /, *, retry_after_s: float | None = None) -> None: ...
    @overload
    def __init__(
        self, code: Code, detail: str, /, *, retry_after_s: float | None = None
    ) -> None: ...

    def __init__(
        self, code: str, detail: str | None = None, /, *, retry_after_s: float | None = None
    ) -> None:
        if detail is None:
            code, detail = Code.REFUSED_BY_TASK, code
        self.code = Code(code)
        self.detail = str(detail)[:DETAIL_CHARS_MAX]
        self.retry_after_s = retry_after_s
        super().__init__(f"{self.code.value}: {self.detail}")

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
        self.latency_s: float | None = None
        """From the moment the request was signed until the failure was known, as in ``Reply``.
        None: nothing was signed, so nothing was sent."""
        self._parts = (peer, cause, cure)

    @property
    def kind(self) -> str:
        """What went wrong, as one of few words: the class's name, or the code of a refusal if it is
        a ``Code``. Fit for a metric's label: a peer can choose any other code, and another each
        time."""
        code = getattr(self, "code", "")
        return code if code in _CODES else _WORD.sub("_", type(self).__name__).lower()

    def __reduce__(self) -> tuple[type[CallError], tuple[str, ...]]:  # type: ignore[override]
        return type(self), self._parts


class PeerUnreachable(CallError, Unavailable):
    """No connection, or it broke before a whole reply."""


class DeadlineExceeded(CallError, Unavailable):
    """The call's budget ran out."""


class SignedRefusal(CallError):
    """A refusal whose signature holds: ``code``, ``status`` and, if given, ``retry_after_s``.

    ``evidence`` shows a third party that the peer refused.
    """

    def __init__(
        self,
        peer: str,
        cause: str,
        cure: str,
        code: str = "",
        status: int = 0,
        retry_after_s: float | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        super().__init__(peer, cause, cure)
        self.code = code
        self.status = status
        self.retry_after_s = retry_after_s
        self.evidence = evidence
        self._parts = (  # type: ignore[assignment]
            peer, cause, cure, code, status, retry_after_s, evidence,
        )  # fmt: skip


class PeerBusy(SignedRefusal, Unavailable):
    """429 or 503: try again after ``retry_after_s``."""


class PeerFailed(SignedRefusal, Unavailable):
    """Another 5xx: the peer's handler broke."""


class PeerRefused(SignedRefusal, Refused):
    """4xx: the same request would be refused again."""


class StreamCut(CallError, Unavailable):
    """A stream broke off: no signed end came. What was handed out before was signed for."""


class ReplyInvalid(CallError, Unavailable):
    """What came back is not a reply that can be trusted."""


class ReplyUnsigned(ReplyInvalid):
    """It carries no signature."""


class ReplyForged(ReplyInvalid):
    """Its signature does not hold for this request, this body and this peer."""


class ReplyMalformed(ReplyInvalid):
    """Too large, encoded, redirected, or signed but not the expected type."""
