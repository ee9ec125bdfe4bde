"""The model that a gateway offers: its name, its root, its tokenizer, and how chats become prompts.

Only configuration and tokenizer are loaded: a gateway computes nothing. Long texts are cut into
tokens in one thread of their own, and clients take turns there, prompt by prompt: one client's long
prompts, and many of them, hold up another client by one prompt. A prompt that is too long for the
context by its characters alone is not cut at all. A short one is cut at once: for a thread the
event loop would wait longer than the cutting takes.

A model without a chat template is no chat model. Its conversation is the texts of all messages, a
blank line between them, and the model goes on with it; a conversation of one message is then the
same as a plain completion.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from assay.gateway.openai.errors import invalid_value, too_long, unsupported
from assay.gateway.openai.meaning import ClientRequest
from assay.gateway.openai.schemas import TEXT_CHARS_MAX
from assay.gateway.text import Spelling
from assay.gateway.turns import Turns
from assay.models.layout import read_layout
from assay.models.root import model_root
from assay.models.source import resolve
from assay.models.tokens import Tokens

CONTEXT_UNKNOWN: Final = 2_048
"""The context of a model whose configuration does not tell it."""


SHORT_CHARS: Final = 1_000
"""Of a text that is cut in the event loop's thread: a third of a millisecond, on average tokenizers
and processors. A longer one would hold up other clients' tokens; for a shorter one, the way to
another thread and back, which waits for Python's lock both ways, takes up to ten milliseconds when
many clients come at once."""


class ChatSpelling(Spelling, Protocol):
    """What a gateway needs of a tokenizer to take requests as well."""

    @property
    def has_chat(self) -> bool:
        """Whether conversations have a template."""
        ...

    @property
    def writes_tool_calls(self) -> bool:
        """Whether a model with this template calls tools in the usual form
        (``openai.tool_calls``)."""
        ...

    def encode(self, prompt: str) -> list[int]:
        """The tokens of a prompt."""
        ...

    def least(self, prompt: str) -> int:
        """How many tokens a prompt has at least, without cutting it."""
        ...

    def token_bytes(self, token: int) -> bytes:
        """The bytes that a token stands for."""
        ...

    def render_chat(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None
    ) -> str:
        """The prompt that a conversation is; ValueError if the template does not take it."""
        ...


Made = TypeVar("Made")


class Prompt(NamedTuple):
    """A prompt as the wire carries it."""

    text: str
    tokens: int
    """How many tokens it has."""


class OfferedModel:
    """One model, by the name that clients call it."""

    def __init__(self, name: str, root: bytes, spelling: ChatSpelling, context_tokens: int) -> None:
        self.name = name
        self.root = root
        self.spelling = spelling
        self.context_tokens = context_tokens
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokenizer")
        self._turns = Turns()

    @classmethod
    def load(cls, reference: str, name: str | None = None) -> OfferedModel:
        """The model that ``reference`` names (as ``--model`` takes it), called ``name`` or else by
        the last part of the reference. UserError if there is none."""
        folder = resolve(reference)
        config = read_layout(folder).config
        inner = config.get("text_config")
        tokens = Tokens.load(folder)
        tokens.encode(
            ""
        )  # what the first use changes in it must not change while two threads use it
        context = (inner if isinstance(inner, dict) else config).get("max_position_embeddings")
        return cls(
            name or Path(reference).name,
            model_root(folder),
            tokens,
            context if isinstance(context, int) and context > 0 else CONTEXT_UNKNOWN,
        )

    async def prompts(self, wanted: ClientRequest, whose: str) -> AsyncGenerator[Prompt, None]:
        """The prompts of ``wanted``, each once it has been cut: clients take turns by the name
        ``whose``, prompt by prompt. ApiError for a conversation that the model cannot be asked to
        go on with."""
        param = "messages" if wanted.is_chat else "prompt"
        if wanted.is_chat:
            async with self._turns.turn(whose):
                texts = [await self._in_thread(partial(self._chat, wanted))]
        else:
            texts = list(wanted.prompts)
        for text in texts:
            self._check_length(text, param)
        for text in texts:
            if len(text) <= SHORT_CHARS:
                yield Prompt(text, len(self.spelling.encode(text)))
                await asyncio.sleep(0)  # others' tokens leave between two of them
                continue
            async with self._turns.turn(whose):
                count = len(await self._in_thread(partial(self.spelling.encode, text)))
            yield Prompt(text, count)

    def least_tokens(self, wanted: ClientRequest) -> int:
        """How many tokens the prompts of ``wanted`` have at least, without cutting them. Of a
        conversation nobody knows before its template has been filled in."""
        return sum(max(1, self.spelling.least(text)) for text in wanted.prompts)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], Made]) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _check_length(self, text: str, param: str) -> None:
        """ApiError for a prompt that is too long by its characters alone."""
        if len(text) > TEXT_CHARS_MAX:
            raise invalid_value(
                f"Invalid '{param}': string too long. Expected a string with maximum length "
                f"{TEXT_CHARS_MAX}, with all that the chat template adds.",
                param,
                "string_above_max_length",
            )
        least = self.spelling.least(text)
        if least >= self.context_tokens:
            raise too_long(least, 1, self.context_tokens, param)

    def _chat(self, wanted: ClientRequest) -> str:
        if not self.spelling.has_chat:
            if wanted.tools:
                raise unsupported("tools", "need a model with a chat template, which this is not")
            return "\n\n".join(str(message["content"]) for message in wanted.messages)
        try:
            return self.spelling.render_chat(wanted.messages, wanted.tools)
        except ValueError as error:
            raise invalid_value(
                f"Invalid value for 'messages': {error}: roles may have to take turns.", "messages"
            ) from None
