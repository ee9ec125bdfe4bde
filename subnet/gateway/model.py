"""The model that a gateway offers: its name, its root, its tokenizer, and how chats become prompts.

Only configuration and tokenizer are loaded: a gateway computes nothing. Texts are cut into tokens
in one thread of their own, so that a long prompt of one client does not hold up the others.

A model without a chat template is no chat model. Its conversation is the texts of all messages, a
blank line between them, and the model goes on with it; a conversation of one message is then the
same as a plain completion.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Protocol

from assay.gateway.openai.errors import invalid_value, unsupported
from assay.gateway.openai.meaning import ClientRequest
from assay.gateway.openai.schemas import TEXT_CHARS_MAX
from assay.gateway.text import Spelling
from assay.models.layout import read_layout
from assay.models.root import model_root
from assay.models.source import resolve
from assay.models.tokens import Tokens

CONTEXT_UNKNOWN: Final = 2_048
"""The context of a model whose configuration does not tell it."""


class ChatSpelling(Spelling, Protocol):
    """What a gateway needs of a tokenizer to take requests as well."""

    @property
    def has_chat(self) -> bool:
        """Whether conversations have a template."""
        ...

    def encode(self, prompt: str) -> list[int]:
        """The tokens of a prompt."""
        ...

    def token_bytes(self, token: int) -> bytes:
        """The bytes that a token stands for."""
        ...

    def render_chat(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None
    ) -> str:
        """The prompt that a conversation is; ValueError if the template does not take it."""
        ...


class OfferedModel:
    """One model, by the name that clients call it."""

    def __init__(self, name: str, root: bytes, spelling: ChatSpelling, context_tokens: int) -> None:
        self.name = name
        self.root = root
        self.spelling = spelling
        self.context_tokens = context_tokens
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokenizer")

    @classmethod
    def load(cls, reference: str, name: str | None = None) -> OfferedModel:
        """The model that ``reference`` names (as ``--model`` takes it), called ``name`` or else by
        the last part of the reference. UserError if there is none."""
        folder = resolve(reference)
        config = read_layout(folder).config
        inner = config.get("text_config")
        context = (inner if isinstance(inner, dict) else config).get("max_position_embeddings")
        return cls(
            name or Path(reference).name,
            model_root(folder),
            Tokens.load(folder),
            context if isinstance(context, int) and context > 0 else CONTEXT_UNKNOWN,
        )

    async def prompts(self, wanted: ClientRequest) -> list[tuple[str, int]]:
        """The prompts of ``wanted``, each with its number of tokens. ApiError for a conversation
        that the model cannot be asked to go on with."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._prompts, wanted)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _prompts(self, wanted: ClientRequest) -> list[tuple[str, int]]:
        texts = [self._chat(wanted)] if wanted.is_chat else list(wanted.prompts)
        for text in texts:
            if len(text) > TEXT_CHARS_MAX:
                param = "messages" if wanted.is_chat else "prompt"
                raise invalid_value(
                    f"Invalid '{param}': string too long. Expected a string with maximum length "
                    f"{TEXT_CHARS_MAX}, with all that the chat template adds.",
                    param,
                    "string_above_max_length",
                )
        return [(text, len(self.spelling.encode(text))) for text in texts]

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
