"""What a client's request means: one ``ClientRequest`` from either kind of completion.

Defaults are OpenAI's. What cannot be served is refused here, each with the field's name: other
outputs than text, functions that must be called, token ids in place of a prompt, ``echo``. Tools
are handed on to the model's chat template; ``tool_calls`` reads what the model makes of them. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from assay.gateway.openai.errors import ApiError, invalid_value, unsupported
from assay.gateway.openai.parsing import parse_body
from assay.gateway.openai.schemas import (
    CHOICES_MAX,
    ChatBody,
    ChatMessage,
    CommonBody,
    CompletionBody,
    EmbeddingBody,
    Stop,
    StreamOptions,
)
from assay.gateway.openai.tool_calls import with_objects

SEEDS: Final = 2**63
"""Seeds on the wire: 0 to ``SEEDS`` - 1. A client's negative seed is taken modulo this number."""
COMPLETION_TOKENS: Final = 16
"""OpenAI's default of ``max_tokens`` for plain completions."""
TOP_P_MIN: Final = 1e-6
"""What ``top_p`` 0 stands for: the most likely token alone, which every share below 1 / vocabulary
gives as well."""


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """How one answer is drawn. ``max_tokens`` None: as many as the context has room for; ``seed``
    None: any; ``logprobs`` None: none wanted, else how many alternatives."""

    max_tokens: int | None = None
    seed: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    bias: Mapping[int, float] | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None

    @property
    def is_simple(self) -> bool:
        """Whether this is the likeliest text and nothing else: what a foreign engine may make."""
        changed = (self.presence_penalty, self.frequency_penalty, self.bias, self.stop)
        return (
            self.temperature == 0.0
            and self.repetition_penalty == 1.0
            and self.logprobs is None
            and not any(changed)
        )


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """One request for answers. Exactly one of ``messages`` and ``prompts`` holds anything."""

    model: str
    options: AnswerOptions
    n: int
    """Answers to each prompt."""
    stream: bool
    include_usage: bool
    messages: Sequence[Mapping[str, Any]] = ()
    """A conversation, as chat templates take it."""
    tools: Sequence[Mapping[str, Any]] | None = None
    prompts: tuple[str, ...] = ()

    @property
    def is_chat(self) -> bool:
        """Whether the answer is a message of a conversation."""
        return bool(self.messages)


def chat_request(data: bytes) -> ClientRequest:
    """Return what the body of a chat completion asks for; ApiError if it cannot be served."""
    body = parse_body(ChatBody, data)
    _check_chat(body)
    if body.top_logprobs and not body.logprobs:
        raise invalid_value(
            "Invalid value for 'top_logprobs': 'logprobs' must be true to use it.", "top_logprobs"
        )
    wanted = (body.top_logprobs or 0) if body.logprobs else None
    return ClientRequest(
        body.model,
        _options(body, body.max_completion_tokens or body.max_tokens, wanted),
        body.n or 1,
        bool(body.stream),
        _usage_wanted(body.stream, body.stream_options),
        messages=[
            _message(message, f"messages[{place}]") for place, message in enumerate(body.messages)
        ],
        tools=body.tools if body.tool_choice != "none" else None,
    )


def completion_request(data: bytes) -> ClientRequest:
    """Return what the body of a plain completion asks for; ApiError if it cannot be served."""
    body = parse_body(CompletionBody, data)
    if body.echo:
        raise unsupported("echo", "is not served: the prompt is not repeated")
    if body.suffix:
        raise unsupported("suffix", "is not served: text is continued at its end")
    if body.best_of not in (None, body.n or 1):
        raise unsupported("best_of", "is not served: ask for 'n' answers and choose")
    prompts = _prompts(body.prompt)
    if len(prompts) * (body.n or 1) > CHOICES_MAX:
        raise invalid_value(
            f"Invalid 'n': {len(prompts)} prompts with {body.n or 1} answers each are more than "
            f"{CHOICES_MAX} answers.",
            "n",
            "integer_above_max_value",
        )
    return ClientRequest(
        body.model,
        _options(body, body.max_tokens or COMPLETION_TOKENS, body.logprobs),
        body.n or 1,
        bool(body.stream),
        _usage_wanted(body.stream, body.stream_options),
        prompts=prompts,
    )


def embedding_model(data: bytes) -> str:
    """Return the model whose embeddings a body asks for; ApiError if the body is none."""
    return parse_body(EmbeddingBody, data).model


def no_embeddings(model: str) -> ApiError:
    """The error for embeddings of a model that makes none, as OpenAI refuses them."""
    return ApiError(
        400,
        f"You are not allowed to generate embeddings from this model: {model} continues text.",
        param="model",
        code="unsupported_model",
    )


def _options(body: CommonBody, max_tokens: int | None, logprobs: int | None) -> AnswerOptions:
    def given(value: float | None, default: float) -> float:
        return default if value is None else value

    return AnswerOptions(
        max_tokens=max_tokens,
        seed=None if body.seed is None else body.seed % SEEDS,
        temperature=given(body.temperature, 1.0),
        top_p=max(given(body.top_p, 1.0), TOP_P_MIN),
        top_k=max(body.top_k or 0, 0),
        min_p=given(body.min_p, 0.0),
        repetition_penalty=given(body.repetition_penalty, 1.0),
        presence_penalty=given(body.presence_penalty, 0.0),
        frequency_penalty=given(body.frequency_penalty, 0.0),
        bias=body.logit_bias,
        stop=_stops(body.stop),
        logprobs=logprobs,
    )


def _stops(stop: Stop | None) -> tuple[str, ...]:
    if stop is None:
        return ()
    return (stop,) if isinstance(stop, str) else tuple(stop)


def _usage_wanted(stream: bool | None, options: StreamOptions | None) -> bool:
    if options is not None and not stream:
        raise invalid_value(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
        )
    return options is not None and bool(options.include_usage)


def _check_chat(body: ChatBody) -> None:
    """ApiError if ``body`` asks for anything but text."""
    if body.response_format is not None and body.response_format.get("type") != "text":
        raise unsupported(
            "response_format",
            "can only be {'type': 'text'}: an answer that is forced into a form could not be "
            "checked as the model's own",
        )
    if body.audio is not None or body.modalities not in (None, ["text"]):
        name = "audio" if body.audio is not None else "modalities"
        raise unsupported(name, "is not served: this model writes text")
    if body.web_search_options is not None:
        raise unsupported("web_search_options", "is not served")
    if body.functions is not None or body.function_call is not None:
        raise unsupported("functions", "is not served: give 'tools'")
    if body.tool_choice not in (None, "none", "auto"):
        raise unsupported(
            "tool_choice", "can only be 'auto' or 'none': a call cannot be forced on the model"
        )


def _message(message: ChatMessage, param: str) -> dict[str, Any]:
    """``message`` as chat templates take it: the fields that it has, and its content as text."""
    content = message.content
    if isinstance(content, list):
        texts = []
        for place, part in enumerate(content):
            if part.type != "text" or part.text is None:
                raise invalid_value(
                    f"Invalid content type. '{param}.content[{place}]' must be text with this "
                    "model.",
                    f"{param}.content[{place}].type",
                )
            texts.append(part.text)
        content = "".join(texts)
    if content is None and message.role != "assistant":
        raise invalid_value(
            f"Invalid value for '{param}.content': expected a string, got null.",
            f"{param}.content",
        )
    found: dict[str, Any] = {"role": message.role, "content": content or ""}
    optional = {
        "name": message.name,
        "tool_calls": None if message.tool_calls is None else with_objects(message.tool_calls),
        "tool_call_id": message.tool_call_id,
    }
    return found | {name: value for name, value in optional.items() if value is not None}


def _prompts(prompt: str | list[Any] | None) -> tuple[str, ...]:
    if prompt is None:
        return ("",)  # the beginning of a document, as with OpenAI
    if isinstance(prompt, str):
        return (prompt,)
    if not all(isinstance(part, str) for part in prompt):
        raise invalid_value(
            "Invalid 'prompt': expected a string or a list of strings. Token ids are not taken: "
            "the answer's receipt is about the text that was asked.",
            "prompt",
            "invalid_type",
        )
    if len(prompt) > CHOICES_MAX:
        raise invalid_value(
            f"Invalid 'prompt': array too long. Expected array with maximum length {CHOICES_MAX}.",
            "prompt",
            "array_above_max_length",
        )
    return tuple(prompt)
