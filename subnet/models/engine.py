"""What a miner serves with: one interface, and the engine that computes in this process.

An engine turns a request into tokens. ``LocalEngine`` runs ``language.LanguageModel`` in a thread
of its own, one answer after the other, so that the event loop stays free and the arithmetic is
that of a single thread; ``openai_backend.OpenAIEngine`` asks a foreign server. What a validator
can check differs, and ``seeded`` says which it is.

It knows no hotkeys, no chain and no messages.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from subnet.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from subnet.models.language import LanguageModel


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to an engine. ``key`` is the sampler's, ``seed`` what it was made from."""

    prompt: str
    max_tokens: int
    temperature: float
    seed: int
    key: bytes


@dataclass(frozen=True, slots=True)
class Made:
    """One answer. Times are seconds from the call."""

    text: str
    tokens: tuple[int, ...]
    finish: Literal["length", "stop"]
    queued_s: float
    first_token_s: float
    total_s: float


class TooLong(UserError):
    """Prompt and answer together exceed the model's context: the caller's mistake."""

    def __init__(self, prompt_tokens: int, max_tokens: int, context_tokens: int) -> None:
        super().__init__(
            f"The prompt's {prompt_tokens} tokens and an answer of {max_tokens} exceed the model's "
            f"context of {context_tokens}.",
            "Shorten the prompt or ask for fewer tokens.",
        )
        self.counts = (prompt_tokens, max_tokens, context_tokens)

    def __reduce__(self) -> tuple[type[TooLong], tuple[int, int, int]]:  # type: ignore[override]
        return type(self), self.counts


class Engine(Protocol):
    """Anything that continues text."""

    root: bytes
    """Root of the model that it serves."""
    seeded: bool
    """True: fp32 logits and our seeded sampler, so that every token can be checked."""

    async def complete(self, ask: Ask) -> Made:
        """The continuation. TooLong for the caller's mistake, Unavailable for a dead engine."""
        ...

    async def close(self) -> None:
        """Stop what runs and give back what was taken. May be called once only."""
        ...


class LocalEngine:
    """A model in this process, on the numeric path that validators replay."""

    seeded = True

    def __init__(
        self, model: LanguageModel, root: bytes, *, monotonic: Callable[[], float]
    ) -> None:
        self.root = root
        self._model = model
        self._monotonic = monotonic
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")

    async def complete(self, ask: Ask) -> Made:
        asked = self._monotonic()
        abandoned = threading.Event()
        work = self._thread.submit(self._compute, ask, asked, abandoned)
        try:
            return await asyncio.wrap_future(work)
        except asyncio.CancelledError:
            # The caller has gone; stop at the next token and let others have the thread.
            abandoned.set()
            raise

    def _compute(self, ask: Ask, asked: float, abandoned: threading.Event) -> Made:
        begun = self._monotonic()
        prompt = self._model.tokens.encode(ask.prompt)
        if len(prompt) + ask.max_tokens > self._model.context_tokens:
            raise TooLong(len(prompt), ask.max_tokens, self._model.context_tokens)
        first: list[float] = []

        def on_token(_: int) -> bool:
            if not first:
                first.append(self._monotonic())
            return not abandoned.is_set()

        made = self._model.generate(
            prompt, ask.max_tokens, ask.temperature, ask.key, on_token=on_token
        )
        return Made(
            text=self._model.tokens.decode(made.tokens),
            tokens=made.tokens,
            finish=made.finish,
            queued_s=begun - asked,
            first_token_s=first[0] - asked,
            total_s=self._monotonic() - asked,
        )

    async def close(self) -> None:
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)
