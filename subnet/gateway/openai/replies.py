"""Answers as OpenAI's clients read them: whole bodies, and the events of a stream.

A ``Rendering`` knows what all parts of one reply share (id, time, model, fingerprint). It turns the
growth of a choice (``Delta``) into an event, and finished choices (``Choice``) into a whole body.
Numbers that JSON does not have are kept out: a logprob of minus infinity is ``LOGPROB_MIN``, as
OpenAI shows it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from assay.gateway.openai.errors import ApiError
from assay.gateway.openai.tool_calls import ToolCall

DONE: Final = b"data: [DONE]\n\n"
"""The last event of a stream."""
LOGPROB_MIN: Final = -9999.0

Finish = Literal["length", "stop", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Chance:
    """One token that was drawn: its bytes, its logprob, and those of its likeliest rivals."""

    text_bytes: bytes
    logprob: float
    top: Sequence[tuple[bytes, float]] = ()


@dataclass(frozen=True, slots=True)
class CallDelta:
    """A call of a tool, whole: the one number ``place`` of its choice."""

    place: int
    id: str
    call: ToolCall

    @property
    def document(self) -> dict[str, Any]:
        """The call as OpenAI's clients read it."""
        function = {"name": self.call.name, "arguments": self.call.arguments}
        return {"id": self.id, "type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Delta:
    """What one choice has grown by. ``finish`` stands in the last one."""

    index: int
    text: str
    chances: Sequence[Chance] = ()
    finish: Finish | None = None
    calls: Sequence[CallDelta] = ()


@dataclass(slots=True)
class Choice:
    """One answer as far as it has come."""

    index: int
    text: str = ""
    chances: list[Chance] = field(default_factory=list)
    finish: Finish | None = None
    calls: list[CallDelta] = field(default_factory=list)

    def add(self, delta: Delta) -> None:
        """Grow by ``delta``."""
        self.text += delta.text
        self.chances += delta.chances
        self.calls += delta.calls
        self.finish = delta.finish or self.finish


@dataclass(frozen=True, slots=True)
class Usage:
    """What a request has cost, in tokens."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def document(self) -> dict[str, int]:
        """The usage as OpenAI's clients read it."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }


@dataclass(frozen=True, slots=True)
class Rendering:
    """What all parts of one reply share."""

    id: str
    created: int
    """Unix time in seconds."""
    model: str
    fingerprint: str
    is_chat: bool
    with_logprobs: bool
    with_usage: bool
    """Of a stream: whether an event with the usage is wanted; the others then have a null."""

    def first(self, index: int) -> bytes:
        """The event that opens choice ``index`` of a stream; nothing for a plain completion."""
        if not self.is_chat:
            return b""
        return self._event([self._piece(index, {"role": "assistant", "content": ""}, None, None)])

    def grown(self, delta: Delta, offset: int) -> bytes:
        """The events for what a choice has grown by; ``offset`` characters came before."""
        if not self.is_chat:
            logprobs = self._plain_logprobs(delta.chances, offset)
            return self._event([_plain(delta.index, delta.text, logprobs, delta.finish)])
        events = b""
        if delta.text or delta.chances:
            logprobs = self._chat_logprobs(delta.chances)
            events += self._event(
                [self._piece(delta.index, {"content": delta.text}, logprobs, None)]
            )
        if delta.calls:
            calls = [{"index": each.place} | each.document for each in delta.calls]
            events += self._event([self._piece(delta.index, {"tool_calls": calls}, None, None)])
        if delta.finish is not None:
            events += self._event([self._piece(delta.index, {}, None, delta.finish)])
        return events

    def last(self, usage: Usage) -> bytes:
        """The events that end a stream."""
        if not self.with_usage:
            return DONE
        return sse(self._head(self._part) | {"choices": [], "usage": usage.document}) + DONE

    def whole(self, choices: Iterable[Choice], usage: Usage) -> bytes:
        """The body of a reply that is not streamed."""
        head = self._head("chat.completion" if self.is_chat else "text_completion")
        found = [self._message(c) if self.is_chat else self._text(c) for c in choices]
        return msgspec.json.encode(head | {"choices": found, "usage": usage.document})

    @property
    def _part(self) -> str:
        return "chat.completion.chunk" if self.is_chat else "text_completion"

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
        }

    def _event(self, choices: list[dict[str, Any]]) -> bytes:
        usage = {"usage": None} if self.with_usage else {}
        return sse(self._head(self._part) | {"choices": choices} | usage)

    def _piece(
        self,
        index: int,
        delta: dict[str, Any],
        logprobs: dict[str, Any] | None,
        finish: Finish | None,
    ) -> dict[str, Any]:
        return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}

    def _message(self, choice: Choice) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": choice.text, "refusal": None}
        if choice.calls:
            message["content"] = choice.text or None
            message["tool_calls"] = [each.document for each in choice.calls]
        return {
            "index": choice.index,
            "message": message,
            "logprobs": self._chat_logprobs(choice.chances),
            "finish_reason": choice.finish,
        }

    def _text(self, choice: Choice) -> dict[str, Any]:
        logprobs = self._plain_logprobs(choice.chances, 0)
        return _plain(choice.index, choice.text, logprobs, choice.finish)

    def _chat_logprobs(self, chances: Sequence[Chance]) -> dict[str, Any] | None:
        if not self.with_logprobs:
            return None
        return {
            "content": [
                _chance(each.text_bytes, each.logprob)
                | {"top_logprobs": [_chance(token, logprob) for token, logprob in each.top]}
                for each in chances
            ],
            "refusal": None,
        }

    def _plain_logprobs(self, chances: Sequence[Chance], offset: int) -> dict[str, Any] | None:
        if not self.with_logprobs:
            return None
        tokens = [_shown(each.text_bytes) for each in chances]
        offsets = []
        for token in tokens:
            offsets.append(offset)
            offset += len(token)
        return {
            "tokens": tokens,
            "token_logprobs": [_finite(each.logprob) for each in chances],
            "top_logprobs": [
                {_shown(token): _finite(logprob) for token, logprob in each.top} for each in chances
            ],
            "text_offset": offsets,
        }


def sse(document: dict[str, Any]) -> bytes:
    """``document`` as one server-sent event."""
    return b"data: " + msgspec.json.encode(document) + b"\n\n"


def failed(error: ApiError) -> bytes:
    """The event that ends a stream which cannot go on. No [DONE] follows: the text is not whole."""
    return sse(error.document)


def models(names: Sequence[str], created: int) -> bytes:
    """The body of ``GET /v1/models``."""
    return msgspec.json.encode(
        {"object": "list", "data": [model_document(name, created) for name in names]}
    )


def model_document(name: str, created: int) -> dict[str, Any]:
    """One model as OpenAI's clients read it."""
    return {"id": name, "object": "model", "created": created, "owned_by": "assay"}


def _plain(
    index: int, text: str, logprobs: dict[str, Any] | None, finish: Finish | None
) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}


def _chance(token: bytes, logprob: float) -> dict[str, Any]:
    return {"token": _shown(token), "logprob": _finite(logprob), "bytes": list(token)}


def _shown(token: bytes) -> str:
    """A token's bytes as text; a part of a character is shown by its bytes, as OpenAI does."""
    try:
        return token.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in token)


def _finite(logprob: float) -> float:
    """``logprob`` as JSON can hold it: never an infinity, and what is no number is the least."""
    return min(logprob, 0.0) if logprob > LOGPROB_MIN else LOGPROB_MIN
