"""The bodies that clients send, as structs: every field of OpenAI's interface, with its bounds.

A field that nobody but OpenAI can act on (``store``, ``service_tier``, ...) is declared with the
type ``Ignored``: it may be anything and changes nothing here. A field that is not declared is
refused, as OpenAI does: a misspelt ``temprature`` must not pass unseen. What follows from the
values, such as that audio is refused, stands in ``meaning``. Pure.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

MESSAGES_MAX: Final = 2_048
"""Of one conversation: OpenAI's own limit."""
TOOLS_MAX: Final = 128
"""OpenAI's own limit."""
STOPS_MAX: Final = 4
"""OpenAI's own limit, and the wire's."""
STOP_CHARS_MAX: Final = 256
"""Of one stop text, as on the wire: longer texts are not what one waits for."""
BIASES_MAX: Final = 300
"""The wire's limit. OpenAI's is 1,024, in practice fewer than 300 are sent."""
CHOICES_MAX: Final = 16
"""Answers to one request, over all prompts. OpenAI allows 128; each is a whole answer of a miner,
and a client that wants more sends more requests, which its quota counts."""
TEXT_CHARS_MAX: Final = 65_536
"""Of one prompt: what the wire carries, about 16,000 tokens."""
NAME_MAX: Final = 200
SEED_MAX: Final = 2**63 - 1
TOKENS_MAX: Final = 2**20
"""Larger wishes are mistakes; the context of the model bounds smaller ones."""

Ignored = Any
"""A field that is accepted and changes nothing."""
Text = Annotated[str, Meta(max_length=TEXT_CHARS_MAX)]
Wish = Annotated[int, Meta(ge=1, le=TOKENS_MAX)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Penalty = Annotated[float, Meta(ge=-2.0, le=2.0)]
StopText = Annotated[str, Meta(min_length=1, max_length=STOP_CHARS_MAX)]
Stop = StopText | Annotated[list[StopText], Meta(max_length=STOPS_MAX)]
Biases = Annotated[
    dict[Annotated[int, Meta(ge=0, le=2**24)], Annotated[float, Meta(ge=-100.0, le=100.0)]],
    Meta(max_length=BIASES_MAX),
]


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client wants of a stream besides the text."""

    include_usage: bool | None = None
    include_obfuscation: Ignored = None


class ContentPart(msgspec.Struct, frozen=True):
    """A part of a message. Only parts of the type ``text`` are served."""

    type: Annotated[str, Meta(max_length=NAME_MAX)]
    text: Text | None = None


class ChatMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | Annotated[list[ContentPart], Meta(max_length=MESSAGES_MAX)] | None = None
    name: Annotated[str, Meta(max_length=NAME_MAX)] | None = None
    tool_calls: Annotated[list[dict[str, Any]], Meta(max_length=TOOLS_MAX)] | None = None
    tool_call_id: Annotated[str, Meta(max_length=NAME_MAX)] | None = None
    refusal: Text | None = None
    function_call: dict[str, Any] | None = None
    audio: Ignored = None
    annotations: Ignored = None
    reasoning_content: Ignored = None


class CommonBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What chat and plain completions have in common."""

    model: Annotated[str, Meta(max_length=NAME_MAX)]
    frequency_penalty: Penalty | None = None
    logit_bias: Biases | None = None
    max_tokens: Wish | None = None
    n: Annotated[int, Meta(ge=1, le=CHOICES_MAX)] | None = None
    presence_penalty: Penalty | None = None
    seed: Annotated[int, Meta(ge=-SEED_MAX - 1, le=SEED_MAX)] | None = None
    stop: Stop | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Meta(ge=0.0, le=2.0)] | None = None
    top_p: Share | None = None
    user: Ignored = None
    # Not OpenAI's: what vLLM, SGLang and llama.cpp call the same, sent as ``extra_body``.
    top_k: Annotated[int, Meta(ge=-1, le=2**24)] | None = None
    min_p: Share | None = None
    repetition_penalty: Annotated[float, Meta(ge=0.1, le=10.0)] | None = None


class ChatBody(CommonBody, frozen=True, kw_only=True):
    """The body of ``POST /v1/chat/completions``."""

    messages: Annotated[list[ChatMessage], Meta(min_length=1, max_length=MESSAGES_MAX)]
    audio: dict[str, Any] | None = None
    function_call: Any = None
    functions: list[dict[str, Any]] | None = None
    logprobs: bool | None = None
    max_completion_tokens: Wish | None = None
    modalities: list[str] | None = None
    response_format: dict[str, Any] | None = None
    tool_choice: str | dict[str, Any] | None = None
    tools: Annotated[list[dict[str, Any]], Meta(max_length=TOOLS_MAX)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    web_search_options: dict[str, Any] | None = None
    metadata: Ignored = None
    moderation: Ignored = None
    parallel_tool_calls: Ignored = None
    prediction: Ignored = None
    prompt_cache_key: Ignored = None
    prompt_cache_options: Ignored = None
    prompt_cache_retention: Ignored = None
    reasoning_effort: Ignored = None
    safety_identifier: Ignored = None
    service_tier: Ignored = None
    store: Ignored = None
    verbosity: Ignored = None


class CompletionBody(CommonBody, frozen=True, kw_only=True):
    """The body of ``POST /v1/completions``."""

    prompt: Text | Annotated[list[Any], Meta(min_length=1, max_length=TEXT_CHARS_MAX)] | None = None
    best_of: Annotated[int, Meta(ge=0, le=128)] | None = None
    echo: bool | None = None
    logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    suffix: str | None = None


class EmbeddingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``POST /v1/embeddings``."""

    model: Annotated[str, Meta(max_length=NAME_MAX)]
    input: str | list[Any]
    dimensions: int | None = None
    encoding_format: str | None = None
    user: Ignored = None
