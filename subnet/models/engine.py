"""What a miner serves with: an engine's interface, what it is asked, and how it fails.

In comes a request for text (``EngineRequest``), out comes its continuation in tokens, as a whole
(``EngineAnswer``) or as it grows (``EnginePiece``). ``local_engine.LocalEngine`` computes in this
process, ``openai_backend.OpenAIEngine`` asks a server elsewhere. What a validator can check differs
between the two, and ``Engine.seeded`` says which it is.

This module knows no chain and no messages; of a caller it knows a name and whether it goes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from assay.errors import Refused, Unavailable, UserError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from assay.models.drawing import Floats
    from assay.models.fair_queue import Asker
    from assay.scoring.inference.sampling import Sampling

Finish = Literal["length", "stop"]


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """What an engine is asked: continue ``prompt`` by at most ``max_tokens`` tokens."""

    prompt: str
    max_tokens: int
    """Tokens to be drawn; ``begun`` does not count."""
    seed: int
    """What the caller chose; an engine with a sampler of its own is given it."""
    key: bytes
    """The key of our sampler."""
    sampling: Sampling
    """How tokens are drawn."""
    stop: tuple[str, ...] = ()
    """Texts that end the answer, with the token that completes one of them; its text ends before
    the first."""
    logprobs: int | None = None
    """How many alternatives each token is shown with; None: not even its own probability."""
    begun: tuple[int, ...] = ()
    """The beginning of the answer, which has been made elsewhere. It is not told again."""
    projected: bool = False
    """Whether projections of each token's last hidden state are wanted."""
    cache: bytes = b""
    """Only what was kept of the same caller's requests with these same bytes may be used again."""


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """How likely the model held one token, before any sampling."""

    logprob: float
    top: tuple[tuple[int, float], ...]
    """The likeliest tokens with theirs, the likeliest first."""


@dataclass(frozen=True, slots=True)
class DrawnToken:
    """One token that was drawn."""

    token: int
    logprobs: TokenLogprobs | None = None
    """If it was asked for."""
    projected: Floats | None = None
    """The projections (``scoring.inference.fingerprint``) of the last hidden state; if they were
    asked for. The state itself has kilobytes, and a slow reader's tokens wait here by thousands."""


@dataclass(frozen=True, slots=True)
class EngineEnd:
    """How an answer ended. Times are in seconds from the call."""

    finish: Finish
    prompt_tokens: int
    queued_s: float
    first_token_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class EnginePiece:
    """What has been added to an answer: tokens, and text that no later token changes."""

    drawn: tuple[DrawnToken, ...]
    text: str
    end: EngineEnd | None = None
    """In the last piece, and only there."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """The ids of the tokens."""
        return tuple(drawn.token for drawn in self.drawn)

    @property
    def logprobs(self) -> tuple[TokenLogprobs, ...]:
        """One for each token, if they were asked for."""
        return _logprobs(self.drawn)


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """What an engine answers: tokens and text without what was ``begun``. Times are in seconds from
    the call."""

    text: str
    tokens: tuple[int, ...]
    finish: Finish
    queued_s: float
    first_token_s: float
    total_s: float
    prompt_tokens: int = 0
    drawn: tuple[DrawnToken, ...] = ()
    """The tokens with what was asked for beside them; empty for an engine that is not seeded."""

    @property
    def logprobs(self) -> tuple[TokenLogprobs, ...]:
        """One for each token, if they were asked for."""
        return _logprobs(self.drawn)


def _logprobs(tokens: Iterable[DrawnToken]) -> tuple[TokenLogprobs, ...]:
    return tuple(drawn.logprobs for drawn in tokens if drawn.logprobs is not None)


class TooLong(UserError):
    """Prompt and answer together exceed the model's context: the caller's mistake."""

    def __init__(self, prompt_tokens: int, max_tokens: int, context_tokens: int) -> None:
        super().__init__(
            f"A prompt of at least {prompt_tokens} tokens and an answer of {max_tokens} exceed the "
            f"model's context of {context_tokens}.",
            "Shorten the prompt or ask for fewer tokens.",
        )
        self.counts = (prompt_tokens, max_tokens, context_tokens)

    def __reduce__(self) -> tuple[type[TooLong], tuple[int, int, int]]:  # type: ignore[override]
        return type(self), self.counts


class NotContinued(UserError):
    """The tokens that an answer begins with have ended it already, or are none of this model's: the
    caller's mistake."""

    def __init__(self) -> None:
        super().__init__(
            "The beginning given for the answer has ended already, or is none of this model's.",
            "Give tokens of an answer to the same request that has not ended.",
        )

    def __reduce__(self) -> tuple[type[NotContinued], tuple[()]]:  # type: ignore[override]
        return type(self), ()


class Closed(Unavailable):
    """The engine was closed, before the answer was asked for or while it was made."""

    def __init__(self) -> None:
        super().__init__("The engine was closed.", "Ask another miner, or this one later.")

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
    """Whether logits are of a declared precision and tokens are drawn by our seeded sampler, so
    that a validator can check every token."""
    together: int
    """How many answers are best made at one time for one caller who goes first: more gain nothing,
    and are refused."""

    async def complete(self, ask: EngineRequest, asker: Asker) -> EngineAnswer:
        """Return the continuation that ``ask`` wants, for ``asker``. TooLong, NotContinued or
        NotTaken for the caller's mistake, Busy for a caller who has too many answers open,
        EngineFailed for an engine elsewhere that does not answer, Closed for one that was
        closed."""
        ...

    def stream(self, ask: EngineRequest, asker: Asker) -> AsyncGenerator[EnginePiece, None]:
        """Yield the same continuation as it grows; errors as in ``complete``. Whoever stops reading
        closes the iterator (``contextlib.aclosing``), and the engine works on it no longer."""
        ...

    async def close(self) -> None:
        """Stop all answers that are open and free what the engine holds. Called once only."""
        ...
