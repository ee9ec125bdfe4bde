"""What a miner serves with: an engine's interface, and the engine that computes in this process.

In comes a request for text (``EngineRequest``), out comes its continuation in tokens
(``EngineAnswer``). A ``LocalEngine`` runs a ``LanguageModel`` in a thread of its own, so that the
event loop stays free and the arithmetic is that of a single thread; the answers that are open take
turns on it, one token at a time, in the order that ``fair_queue`` decides.
``openai_backend.OpenAIEngine`` asks a server elsewhere. What a validator can check differs between
the two, and ``Engine.seeded`` says which it is.

This module knows no chain and no messages; of a caller it knows a name and whether it goes first.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from assay.errors import Refused, Unavailable, UserError
from assay.models.fair_queue import AnswerQueue, Asker, first_sharing
from assay.scoring.inference.sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.models.language import LanguageModel


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """What an engine is asked: continue ``prompt`` by at most ``max_tokens`` tokens."""

    prompt: str
    max_tokens: int
    seed: int
    """What the caller chose; an engine with a sampler of its own is given it."""
    key: bytes
    """The key of our sampler."""
    sampling: Sampling
    """How tokens are drawn."""
    stop: tuple[str, ...] = ()
    """Texts that end the answer, with the token that completes one of them."""
    logprobs: int | None = None
    """How many alternatives each token is shown with; None: not even its own probability."""
    begun: tuple[int, ...] = ()
    """The beginning of the answer, which has been made elsewhere."""


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """How likely the model held one token, before any sampling."""

    logprob: float
    top: tuple[tuple[int, float], ...]
    """The likeliest tokens with theirs, the likeliest first."""


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """What an engine answers. Times are in seconds from the call."""

    text: str
    tokens: tuple[int, ...]
    finish: Literal["length", "stop"]
    queued_s: float
    first_token_s: float
    total_s: float
    prompt_tokens: int = 0
    logprobs: tuple[TokenLogprobs, ...] = ()
    """One for each token, if they were asked for."""
    fingerprint: bytes = b""


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


class Closed(Unavailable):
    """The engine was closed, before the answer was asked for or while it was made."""

    def __init__(self) -> None:
        super().__init__(
            "The engine was closed.", "EngineRequest another miner, or this one later."
        )

    def __reduce__(self) -> tuple[type[Closed], tuple[()]]:  # type: ignore[override]
        return type(self), ()


class Trouble(StrEnum):
    """What is wrong with an engine that computes elsewhere."""

    KEY = "key"
    """It does not accept the miner's key: its operator must act."""
    NAME = "name"
    """It does not know the model by the name that the miner asks for: its operator must act."""
    ADDRESS = "address"
    """Something else answers there, or asks otherwise: its operator must act."""
    BUSY = "busy"
    """It takes no more requests for now."""
    AWAY = "away"
    """It does not answer, or says that it cannot."""
    ANSWER = "answer"
    """It answers with what is no whole answer."""


class EngineFailed(Unavailable):
    """An engine elsewhere did not answer. ``cause`` and ``cure`` are for the miner's operator,
    ``told`` for the caller: it names neither the engine's address nor its words."""

    def __init__(
        self, trouble: Trouble, cause: str, cure: str, *, told: str, retry_after_s: float
    ) -> None:
        super().__init__(cause, cure)
        self.trouble = trouble
        self.told = told
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:  # type: ignore[override]
        parts = (self.trouble, self.cause, self.cure, self.told, self.retry_after_s)
        return _failed_again, parts


def _failed_again(
    trouble: Trouble, cause: str, cure: str, told: str, retry_after_s: float
) -> EngineFailed:
    return EngineFailed(trouble, cause, cure, told=told, retry_after_s=retry_after_s)


class NotTaken(Refused):
    """An engine elsewhere refused the request itself: the caller's mistake. ``told`` is for the
    caller, as in ``EngineFailed``."""

    def __init__(self, cause: str, cure: str, told: str) -> None:
        super().__init__(cause, cure)
        self.told = told

    def __reduce__(self) -> tuple[type[NotTaken], tuple[str, str, str]]:  # type: ignore[override]
        return type(self), (self.cause, self.cure, self.told)


class Engine(Protocol):
    """Anything that continues text by a model."""

    root: bytes
    """The root of the model that this engine serves."""
    seeded: bool
    """Whether logits are fp32 and tokens are drawn by our seeded sampler, so that a validator can
    check every token."""

    async def complete(self, ask: EngineRequest, asker: Asker) -> EngineAnswer:
        """Return the continuation that ``ask`` wants, for ``asker``. TooLong or NotTaken for the
        caller's mistake, Busy for a caller who has too many answers open, EngineFailed for an
        engine elsewhere that does not answer, Closed for one that was closed."""
        ...

    async def close(self) -> None:
        """Stop all answers that are open and free what the engine holds. Called once only."""
        ...


@dataclass(eq=False, slots=True)
class _Job:
    """One answer that is being made."""

    ask: EngineRequest
    asked_s: float
    made: Future[EngineAnswer] = field(default_factory=Future)
    stream: Iterator[int] | None = None
    drawn: list[int] = field(default_factory=list)
    begun_s: float = 0.0
    first_s: float = 0.0


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
        self._lock = threading.Lock()
        """Guards the three fields below: the event loop adds and removes answers, and the thread
        works on them."""
        self._queue: AnswerQueue[_Job] = AnswerQueue(
            first_sharing_max=first_sharing(model.cache_bytes)
        )
        self._working = False
        self._closed = False

    async def complete(self, ask: EngineRequest, asker: Asker) -> EngineAnswer:
        job = _Job(ask, self._monotonic())
        with self._lock:
            if self._closed:
                raise Closed
            self._queue.add(job, asker)
            if not self._working:
                self._working = True
                self._thread.submit(self._work)
        try:
            return await asyncio.wrap_future(job.made)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and not caller.cancelling():
                raise Closed from None  # it was the answer that was given up, not the caller
            raise
        finally:
            # Also when the caller has gone: nobody waits for the rest.
            with self._lock:
                self._queue.remove(job)

    def _work(self) -> None:
        """Work on open answers, one step after the other, until none is left. Runs in the
        thread."""
        while True:
            with self._lock:
                job = self._queue.next()
                if job is None:
                    self._working = False
                    return
            try:
                made = self._step(job)
            except Exception as error:  # a request that is too long, or a broken model
                if self._ends(job):
                    job.made.set_exception(error)
            else:
                if made is not None and self._ends(job):
                    job.made.set_result(made)

    def _ends(self, job: _Job) -> bool:
        """Forget ``job``; return whether anybody still waits for its answer."""
        with self._lock:
            self._queue.remove(job)
        return job.made.set_running_or_notify_cancel()

    def _step(self, job: _Job) -> EngineAnswer | None:
        """Draw one token of ``job``; return the answer if that was the last token, else None."""
        if job.stream is None:
            job.begun_s = self._monotonic()
            job.stream = self._begin(job.ask)
        token = next(job.stream)
        job.drawn.append(token)
        if len(job.drawn) == 1:
            job.first_s = self._monotonic()
        if len(job.drawn) < job.ask.max_tokens and not self._model.is_end(token):
            return None
        made = self._model.finished(job.drawn)
        return EngineAnswer(
            text=self._model.tokens.decode(made.tokens),
            tokens=made.tokens,
            finish=made.finish,
            queued_s=job.begun_s - job.asked_s,
            first_token_s=job.first_s - job.asked_s,
            total_s=self._monotonic() - job.asked_s,
        )

    def _begin(self, ask: EngineRequest) -> Iterator[int]:
        prompt = self._model.tokens.encode(ask.prompt)
        before = len(prompt) + len(ask.begun)
        if before + ask.max_tokens > self._model.context_tokens:
            raise TooLong(before, ask.max_tokens, self._model.context_tokens)
        return self._model.stream(prompt, ask.max_tokens, ask.sampling, ask.key, ask.begun)

    async def close(self) -> None:
        with self._lock:
            self._closed = True
            abandoned = self._queue.clear()
        for job in abandoned:
            job.made.cancel()
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)
