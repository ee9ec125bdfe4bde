"""What a reply of an OpenAI-compatible server means: an answer, or whose fault it is.

In come a status, headers and a body; out comes an ``OpenAIAnswer`` or an ``EngineFailed`` or
``NotTaken`` that says what each side has to know. The servers in use agree on the form of a good
answer and on little else. What they do (read from their sources):

    ================  =======================================  =================================
    server            refusals                                 why an answer ended
    ================  =======================================  =================================
    vLLM              400 too long, 401 key, 404 model's name  stop length abort error repetition
    SGLang            400 too long, 401 key, 404 model's name  stop length abort
    llama.cpp         400 exceed_context_size_error, 401 key,  stop length
                      503 while the model is loaded
    TGI               422 too long, 429 full, 424 and 500      stop length eos_token stop_sequence
    hosted services   429 with Retry-After, 402, 403           also end_turn max_tokens
                                                               content_filter
    ================  =======================================  =================================

Pure: no socket and no clock. A server's own words are never passed on, because they may quote the
prompt or the key: of an error only its short type is, if it is one word.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Annotated, Final, Literal

import msgspec

from assay.models.engine import EngineFailed, NotTaken, Trouble

ANSWER_BYTES_MAX: Final = 4 * 2**20
"""Text of a few thousand tokens as JSON takes tens of KB; log-probabilities we do not ask for."""
RETRY_AFTER_S: Final = 5.0
"""Where a server that is away or busy names no time: it restarts within seconds or minutes."""
OPERATOR_RETRY_AFTER_S: Final = 60.0
"""Where only the miner's operator can help: sooner, the same refusal would come back."""
RETRY_AFTER_S_MAX: Final = 600.0
"""What a server may ask of our callers. Longer times are told as this one."""
ENDED: Final = frozenset(
    {"stop", "eos", "eos_token", "eos_found", "end_turn", "stop_sequence", "stop_token", "complete"}
)
CUT_AT_LENGTH: Final = frozenset(
    {"length", "max_tokens", "max_length", "max_new_tokens", "max_output_tokens", "model_length"}
)
BROKEN_OFF: Final = frozenset(
    {"content_filter", "safety", "recitation", "refusal", "abort", "error", "repetition"}
    | {"tool_calls", "tool_use", "function_call", "cancelled", "incomplete"}
)
"""Words for an answer that is neither whole nor as long as was asked for."""
_TOO_LONG: Final = re.compile(r"context|too long|too large|longer than|max_\w*tokens|token limit")
_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z_]{1,63}")

Finish = Literal["length", "stop"]


class _Choice(msgspec.Struct):
    text: Annotated[str, msgspec.Meta(max_length=ANSWER_BYTES_MAX)]
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    completion_tokens: int | None = None


class OpenAIAnswer(msgspec.Struct):
    """A good answer: the first choice counts, and how many tokens the server made, if it says."""

    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1, max_length=16)]
    usage: _Usage | None = None

    @property
    def text(self) -> str:
        """The continuation."""
        return self.choices[0].text

    def finish(self, max_tokens: int, server: str) -> Finish:
        """Why the answer ended, of which ``max_tokens`` were asked for; EngineFailed if it was
        broken off."""
        word = (self.choices[0].finish_reason or "").lower()
        if word in ENDED:
            return "stop"
        if word in CUT_AT_LENGTH:
            return "length"
        if word in BROKEN_OFF:
            raise broken(server, f"an answer that was broken off ({word})")
        # A word that nobody here knows: an answer of fewer tokens than asked for ended by itself.
        made = self.usage.completion_tokens if self.usage is not None else None
        return "length" if made is None or made >= max_tokens else "stop"


def parse_answer(body: bytes, server: str) -> OpenAIAnswer:
    """The answer in the body of a reply with status 200; EngineFailed if it holds none."""
    try:
        return msgspec.json.decode(body, type=OpenAIAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise broken(server, "something that is not a completion") from None


def failure(
    status: int, headers: Mapping[str, str], body: bytes, server: str, name: str
) -> EngineFailed | NotTaken:
    """What a reply with a ``status`` other than 200 means. ``server`` is its address as it may be
    shown, ``name`` the model's name there."""
    kind, text = _error(body)
    said = f" ({status}, {kind})" if kind else f" ({status})"
    asked = _retry_after_s(headers)
    match status:
        case 400 | 413 | 422:
            return _not_taken(server, said, text)
        case 401 | 403 | 402 | 407:
            return EngineFailed(
                Trouble.KEY,
                f"The engine at {server} does not accept this miner's key{said}.",
                "Give the right one with --api-key-file, and see that its account is in order.",
                told="the engine does not accept this miner's key",
                retry_after_s=OPERATOR_RETRY_AFTER_S,
            )
        case 404:
            return EngineFailed(
                Trouble.NAME,
                f"The engine at {server} knows no model {name[:120]!r}, or not this path{said}.",
                "Give the model's name there as --served-name, and --base-url up to /v1.",
                told="the engine does not know this miner's model by its name",
                retry_after_s=OPERATOR_RETRY_AFTER_S,
            )
        case 429:
            return EngineFailed(
                Trouble.BUSY,
                f"The engine at {server} takes no more requests for now{said}.",
                "Raise its limits, or let fewer callers in, if that lasts.",
                told="the engine takes no more requests for now",
                retry_after_s=RETRY_AFTER_S if asked is None else asked,
            )
        case _ if 300 <= status < 500 and status not in {408, 424, 425}:
            return EngineFailed(
                Trouble.ADDRESS,
                f"The engine at {server} does not take what is asked there{said}.",
                "Check that --base-url is that of an OpenAI-compatible server with /completions.",
                told="the engine does not offer what this miner asks of it",
                retry_after_s=OPERATOR_RETRY_AFTER_S,
            )
        case _:
            return away(server, f"answers with status {status}", asked)


def _not_taken(server: str, said: str, text: str) -> NotTaken:
    if _TOO_LONG.search(text.lower()):
        return NotTaken(
            f"The engine at {server} refuses a request as too long{said}.",
            "If validators ask that, start the engine with the whole context of the model.",
            told="prompt and answer together are too long for the engine",
        )
    return NotTaken(
        f"The engine at {server} refuses a request as wrong{said}.",
        "If it refuses all of them, it does not take what this miner asks; look at its log.",
        told="the engine refuses this request",
    )


def away(server: str, what: str, retry_after_s: float | None = None) -> EngineFailed:
    """The failure of an engine that does not answer now and may answer later: ``what`` it does."""
    return EngineFailed(
        Trouble.AWAY,
        f"The engine at {server} {what}.",
        "Check that it runs and has memory left.",
        told="the engine does not answer",
        retry_after_s=RETRY_AFTER_S if retry_after_s is None else retry_after_s,
    )


def broken(server: str, what: str) -> EngineFailed:
    """The failure of an engine that answered with ``what``, which cannot be handed on."""
    return EngineFailed(
        Trouble.ANSWER,
        f"The engine at {server} answered with {what}.",
        "Check that it is an OpenAI-compatible server that offers /v1/completions.",
        told="the engine gave no whole answer",
        retry_after_s=RETRY_AFTER_S,
    )


def _error(body: bytes) -> tuple[str, str]:
    """The type of an error, if it is one word, and all of its text, which is looked at only."""
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", ""
    inner = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if not isinstance(inner, dict):
        inner = {"message": inner, **(parsed if isinstance(parsed, dict) else {})}
    kind = next(
        (
            value
            for value in map(inner.get, ("code", "type", "error_type"))
            if isinstance(value, str) and _TYPE.fullmatch(value)
        ),
        "",
    )
    return kind, f"{kind} {inner.get('message')}"


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The seconds of a Retry-After header, which holds a number or a date; None without one."""
    said = headers.get("Retry-After", "").strip()
    seconds = None
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", said):
        seconds = float(said)
    elif said:
        # By the server's own clock, which it tells with each reply.
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            until = parsedate_to_datetime(said)
            seconds = (until - parsedate_to_datetime(headers.get("Date", ""))).total_seconds()
    return None if seconds is None else min(max(seconds, 0.0), RETRY_AFTER_S_MAX)
