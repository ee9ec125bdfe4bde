"""JSON-RPC errors: one exception, and which code each of our own errors becomes.

Codes and texts are those of JSON-RPC 2.0 and of Substrate's nodes (``sc-rpc-api``, ``jsonrpsee``),
because clients match on both: the SDK reads ``Custom error: N`` out of ``data`` and looks for
``State already discarded`` and ``Exported method … is not found`` in ``message``.
"""

from __future__ import annotations

from typing import Final

from assay.errors import AssayError
from assay.localnet.errors import (
    CallTimeSpent,
    HistoryTooLong,
    InvalidTransaction,
    MissingExport,
    NoSuchBlock,
    RuntimeTrap,
    StateDiscarded,
    TimeSpent,
    UnknownTransaction,
)
from assay.localnet.pool.errors import (
    AlreadyImported,
    CycleDetected,
    ImmediatelyDropped,
    NoTags,
    TemporarilyBanned,
    TooLowPriority,
)

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
TOO_MANY_SUBSCRIPTIONS: Final = -32006
REQUEST_TOO_BIG: Final = -32007
REPLY_TOO_BIG: Final = -32008
SERVER_BUSY: Final = -32009
BATCH_TOO_BIG: Final = -32010
BATCH_REPLY_TOO_BIG: Final = -32011

BAD_FORMAT: Final = 1001
VERIFICATION_FAILED: Final = 1002
INVALID_TRANSACTION: Final = 1010
UNKNOWN_VALIDITY: Final = 1011
TEMPORARILY_BANNED: Final = 1012
ALREADY_IMPORTED: Final = 1013
TOO_LOW_PRIORITY: Final = 1014
CYCLE_DETECTED: Final = 1015
IMMEDIATELY_DROPPED: Final = 1016
NO_TAGS: Final = 1019
INVALID_BLOCK_RANGE: Final = 4001
INVALID_COUNT: Final = 4002
CLIENT_ERROR: Final = 4003

_INVALID_TEXTS: Final = {
    "Call": "Transaction call is not expected",
    "Payment": "Inability to pay some fees (e.g. account balance too low)",
    "Future": "Transaction will be valid in the future",
    "Stale": "Transaction is outdated",
    "BadProof": "Transaction has a bad signature",
    "AncientBirthBlock": "Transaction has an ancient birth block",
    "ExhaustsResources": "Transaction would exhaust the block limits",
    "BadMandatory": "A call was labelled as mandatory, but resulted in an Error.",
    "MandatoryValidation": (
        "Transaction dispatch is mandatory; transactions must not be validated."
    ),
    "BadSigner": "Invalid signing address",
    "IndeterminateImplicit": "The implicit data was unable to be calculated",
    "UnknownOrigin": "The transaction extension did not authorize any origin",
}
"""Substrate's own words for ``InvalidTransaction``: the ``data`` of error 1010."""

_REASON_CHARS_MAX: Final = 500
"""Of a trap that bytes caused which are no extrinsic: the runtime may echo them."""

_TEXT_CHARS_MAX: Final = 2_000
"""Of a trap's reason. A panic's message fits; a client needs no more."""


class RpcError(AssayError):
    """What a client is answered instead of a result."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(f"{code}: {message}" + (f" ({data})" if data else ""))
        self.code = code
        self.message = message
        self.data = data


def invalid_params(reason: str) -> RpcError:
    """The parameters do not fit the method; ``reason`` names the place."""
    return RpcError(INVALID_PARAMS, "Invalid params", reason)


def reply_too_big(limit: int) -> RpcError:
    """A reply would have more than ``limit`` bytes."""
    return RpcError(REPLY_TOO_BIG, "Response is too big", f"Exceeded max limit of {limit}")


def busy(share: float) -> RpcError:
    """A call did not end within ``share`` of its budget."""
    told = f"long calls of late leave {share:.0%} of its budget to this one, and it needs more"
    return RpcError(SERVER_BUSY, "Server is busy, try again later", told)


def no_time_to_validate() -> RpcError:
    """A transaction could not be checked within the time that the node had for its submission."""
    told = "it has no time to check a transaction of this size now"
    return RpcError(SERVER_BUSY, "Server is busy, try again later", told)


def waited_too_long(limit_s: float) -> RpcError:
    """A call's turn did not come within ``limit_s``."""
    told = f"its turn did not come within {limit_s:.0f} s; whoever asks less goes first"
    return RpcError(SERVER_BUSY, "Server is busy, try again later", told)


def batch_reply_too_big(limit: int) -> RpcError:
    """The replies to a batch would have more than ``limit`` bytes together."""
    told = f"Exceeded max limit of {limit}"
    return RpcError(BATCH_REPLY_TOO_BIG, "The batch response was too large", told)


def client_error(reason: str) -> RpcError:
    """A read failed because of what the client asked for; ``reason`` says why."""
    return RpcError(CLIENT_ERROR, f"Client error: {reason[:_TEXT_CHARS_MAX]}")


def of_submission(error: Exception) -> RpcError | None:
    """The RPC error for ``error``, a refusal by the pool or by the runtime's validation.

    Where the node's time ended the check, the transaction is neither valid nor invalid: the client
    is told to try again. None if ``error`` is no refusal.
    """
    match error:
        case CallTimeSpent():
            return no_time_to_validate()
        case InvalidTransaction(kind="Custom"):
            data = f"Custom error: {error.custom_code}"
            return RpcError(INVALID_TRANSACTION, "Invalid Transaction", data)
        case InvalidTransaction():
            data = _INVALID_TEXTS.get(error.kind, error.kind)
            return RpcError(INVALID_TRANSACTION, "Invalid Transaction", data)
        case UnknownTransaction():
            return RpcError(UNKNOWN_VALIDITY, "Unknown Transaction Validity", str(error))
        case TemporarilyBanned():
            return RpcError(TEMPORARILY_BANNED, "Transaction is temporarily banned")
        case AlreadyImported():
            told = f"0x{error.transaction_hash.hex()}"
            return RpcError(ALREADY_IMPORTED, "Transaction Already Imported", told)
        case TooLowPriority():
            return RpcError(
                TOO_LOW_PRIORITY,
                f"Priority is too low: ({error.old} vs {error.new})",
                "The transaction has too low priority to replace another transaction already in "
                "the pool.",
            )
        case CycleDetected():
            return RpcError(CYCLE_DETECTED, "Cycle Detected")
        case ImmediatelyDropped():
            return RpcError(
                IMMEDIATELY_DROPPED,
                "Immediately Dropped",
                f"The transaction couldn't enter the pool because of the limit: {error.which}",
            )
        case NoTags():
            return RpcError(NO_TAGS, "No tags provided", str(error))
        case RuntimeTrap():
            # Bytes that are no extrinsic make the runtime panic while it decodes them.
            told = error.reason[:_REASON_CHARS_MAX]
            return RpcError(VERIFICATION_FAILED, f"Verification Error: {told}")
        case _:
            return None


def of_read(error: Exception) -> RpcError | None:
    """The RPC error for ``error``, a failed read or runtime call; None if it is neither."""
    match error:
        case NoSuchBlock() | StateDiscarded():
            return client_error(f"NoSuchBlock: {error}")
        case HistoryTooLong() | TimeSpent():
            return client_error(str(error))
        case MissingExport():
            return client_error(f"Execution failed: Other: {error.reason}")
        case RuntimeTrap():
            return client_error(f"Execution failed: {error}")
        case _:
            return None
