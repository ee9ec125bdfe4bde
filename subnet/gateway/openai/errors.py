"""What a client is told when there is no answer: OpenAI's shape of an error, and the usual ones.

An ``ApiError`` carries the HTTP status and the four fields that OpenAI's clients read (message,
type, param, code). The functions make the errors that several places raise, with OpenAI's own words
where OpenAI has some: clients compare codes, and people search for messages. No message holds what
a client sent, beyond the names of fields and models. Pure.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from assay.text import printable

NAME_CHARS_MAX: Final = 100
"""Of a field or model that a client named: a message is one line of a terminal or a log."""

INVALID: Final = "invalid_request_error"
SERVER: Final = "server_error"


class ApiError(Exception):
    """A refusal or failure that a client is told in OpenAI's shape."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = INVALID,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """``kind`` is the field ``type``. ``retry_after_s`` becomes the header Retry-After."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.param = param
        self.code = code
        self.retry_after_s = retry_after_s

    @property
    def document(self) -> dict[str, Any]:
        """The error as OpenAI's clients read it."""
        return {
            "error": {
                "message": self.message,
                "type": self.kind,
                "param": self.param,
                "code": self.code,
            }
        }

    @property
    def body(self) -> bytes:
        """The document as JSON."""
        return msgspec.json.encode(self.document)


def named(text: str) -> str:
    """A client's ``text`` as a message may show it: one line, not long."""
    shown = printable(text[:NAME_CHARS_MAX])
    return shown if len(text) <= NAME_CHARS_MAX else f"{shown}…"


def invalid_value(message: str, param: str | None, code: str = "invalid_value") -> ApiError:
    """The error for a field ``param`` whose value cannot be used."""
    return ApiError(400, message, param=param, code=code)


def unsupported(param: str, why: str) -> ApiError:
    """The error for what OpenAI's interface has and this gateway does not."""
    return ApiError(
        400, f"Unsupported parameter: '{param}' {why}.", param=param, code="unsupported_parameter"
    )


def unreadable_body() -> ApiError:
    """The error for a body that is not JSON."""
    return ApiError(
        400,
        "We could not parse the JSON body of your request. The API expects a JSON payload, sent "
        "with the header Content-Type: application/json.",
    )


def unknown_model(name: str) -> ApiError:
    """The error for a model that is not served here."""
    return ApiError(
        404,
        f"The model `{named(name)}` does not exist or you do not have access to it.",
        code="model_not_found",
    )


def unknown_path(method: str, path: str) -> ApiError:
    """The error for an address that this interface does not have."""
    return ApiError(404, f"Invalid URL ({named(method)} {named(path)})", code="unknown_url")


def wrong_method(method: str, path: str) -> ApiError:
    """The error for an address that is asked in another way than it can be."""
    return ApiError(
        405, f"Not allowed to {named(method)} on {named(path)}.", code="method_not_supported"
    )


def no_key() -> ApiError:
    """The error for a request without a key."""
    return ApiError(
        401,
        "You didn't provide an API key. You need to provide your API key in an Authorization "
        "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
        code="missing_api_key",
    )


def wrong_key() -> ApiError:
    """The error for a key that is unknown or was revoked."""
    return ApiError(
        401,
        "Incorrect API key provided. Whoever runs this gateway makes keys with "
        "`assay gateway key add`.",
        code="invalid_api_key",
    )


def too_many(what: str, most: int, per: str, retry_after_s: float) -> ApiError:
    """The error for a key that has used up its quota of ``what`` (``requests`` or ``tokens``)."""
    return ApiError(
        429,
        f"Rate limit reached for {what}: Limit {most} per {per}. "
        f"Please try again in {max(1, round(retry_after_s))}s.",
        kind=what,
        code="rate_limit_exceeded",
        retry_after_s=retry_after_s,
    )


def overloaded(retry_after_s: float) -> ApiError:
    """The error while no miner takes more requests, or this gateway has no place."""
    return ApiError(
        503,
        "The engine is currently overloaded, please try again later.",
        kind=SERVER,
        code="overloaded",
        retry_after_s=retry_after_s,
    )


def too_long(prompt_tokens: int, answer_tokens: int, context_tokens: int, param: str) -> ApiError:
    """The error for a prompt and an answer that exceed the model's context together."""
    return ApiError(
        400,
        f"This model's maximum context length is {context_tokens} tokens. However, you requested "
        f"{prompt_tokens + answer_tokens} tokens ({prompt_tokens} in the {param}, {answer_tokens} "
        f"in the completion). Please reduce the length of the {param} or completion.",
        param=param,
        code="context_length_exceeded",
    )


def too_large(most_bytes: int) -> ApiError:
    """The error for a body that has more bytes than this gateway reads."""
    return ApiError(
        413,
        f"The request's body is larger than the {most_bytes} bytes that are accepted.",
        code="request_too_large",
    )


def broken() -> ApiError:
    """The error for a fault of the gateway's own."""
    return ApiError(
        500,
        "The server had an error while processing your request. Sorry about that!",
        kind=SERVER,
        code="internal_error",
    )
