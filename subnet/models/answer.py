"""One answer while it is made: what its tokens are drawn from, and what its reader is told.

In come a request's parts and, for each step, what the network computed (``Drawing``); out come the
tokens drawn, their log-probabilities, the text that is certain, and whether the answer has ended.
The same code draws for an engine that computes many answers together and for one that takes turns.

This module knows no threads, callers or clock: times are given to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from assay.models.engine import (
    DrawnToken,
    EngineRequest,
    Finish,
    NotContinued,
    TokenLogprobs,
    TooLong,
)
from assay.models.spelling import CertainText
from assay.scoring.inference.agreement import logprobs
from assay.scoring.inference.fingerprint import project
from assay.scoring.inference.sampling import choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.models.drawing import Drawing, Floats
    from assay.models.language import LanguageModel

ALTERNATIVES_MAX: Final = 20
"""As many as OpenAI's interface has. All of a vocabulary would be a megabyte a token."""


def check_length(ask: EngineRequest, model: LanguageModel) -> None:
    """TooLong for a prompt that is seen to be too long without cutting it into tokens."""
    least = model.tokens.least(ask.prompt) + len(ask.begun)
    if least + ask.max_tokens > model.context_tokens:
        raise TooLong(least, ask.max_tokens, model.context_tokens)


class GrowingAnswer:
    """The answer of ``model`` to ``ask``; TooLong or NotContinued for the caller's mistake."""

    def __init__(
        self,
        ask: EngineRequest,
        model: LanguageModel,
        root: bytes,
        prompt: Sequence[int] | None = None,
    ) -> None:
        """``root`` is the model's, and ``prompt`` are the tokens of the prompt, where somebody has
        cut it already."""
        if prompt is None:
            prompt = model.tokens.encode(ask.prompt)
        before = len(prompt) + len(ask.begun)
        if before + ask.max_tokens > model.context_tokens:
            raise TooLong(before, ask.max_tokens, model.context_tokens)
        self.ask = ask
        self.prompt_tokens = len(prompt)
        self.ids = [*prompt, *ask.begun]
        """All tokens, in the order in which they are computed."""
        self.drawn: list[DrawnToken] = []
        self.finish: Finish | None = None
        """Why the answer has ended; None while it has not."""
        self._model = model
        self._root = root
        self._untold: list[DrawnToken] = []
        self._text: list[str] = []
        if not all(
            0 <= token < model.vocabulary and not model.is_end(token) for token in ask.begun
        ):
            raise NotContinued
        self._spelling = CertainText(model.tokens, ask.stop, ask.begun)
        if self._spelling.stopped:
            raise NotContinued

    @property
    def effort(self) -> int:
        """How long drawing a token takes, in draws without options (45 µs with 4,096 tokens). Each
        kind of option takes as long as one draw at most, measured with as many as may be asked
        for."""
        ask = self.ask
        sampling = ask.sampling
        options = (sampling.filters, sampling.counts, sampling.bias, ask.stop)
        return 1 + sum(map(bool, options)) + (ask.logprobs is not None)

    @property
    def tokens_max(self) -> int:
        """How many tokens prompt and answer have at most."""
        return self.prompt_tokens + len(self.ask.begun) + self.ask.max_tokens

    def draw(self, drawing: Drawing) -> DrawnToken:
        """Draw the next token from ``drawing``; ``finish`` says whether it is the last."""
        ask = self.ask
        position = len(ask.begun) + len(self.drawn)
        prompt: Sequence[int] = ()
        answer: Sequence[int] = ()
        if ask.sampling.counts:
            prompt, answer = self.ids[: self.prompt_tokens], self.ids[self.prompt_tokens :]
        token = choose(drawing.logits, ask.sampling, ask.key, position, prompt, answer)
        hidden = drawing.hidden
        drawn = DrawnToken(
            token,
            None if ask.logprobs is None else log_probability(drawing.logits, token, ask.logprobs),
            project(hidden[np.newaxis], self._root)[0]
            if ask.projected and hidden is not None
            else None,
        )
        self.ids.append(token)
        self.drawn.append(drawn)
        self._untold.append(drawn)
        if ask.stop:
            self._text.append(self._spelling.add([token]))
        if self._model.is_end(token) or self._spelling.stopped:
            self.finish = "stop"
        elif len(self.drawn) == ask.max_tokens:
            self.finish = "length"
        return drawn

    def tell(self) -> tuple[tuple[DrawnToken, ...], str]:
        """Return the tokens drawn since the last call, and the text that is certain since then."""
        told = tuple(self._untold)
        self._untold.clear()
        if not self.ask.stop:
            self._text.append(self._spelling.add(drawn.token for drawn in told))
        if self.finish is not None:
            self._text.append(self._spelling.finish())
        text = "".join(self._text)
        self._text.clear()
        return told, text


def log_probability(logits: Floats, token: int, alternatives: int) -> TokenLogprobs:
    """Return the logarithm of the probability of ``token`` at temperature 1, and those of the
    ``alternatives`` likeliest tokens. Computed in doubles; ties go to the smallest id."""
    values = logprobs(logits)
    count = min(alternatives, ALTERNATIVES_MAX, len(values))
    top: list[int] = []
    if count:
        near = np.flatnonzero(values >= np.partition(values, -count)[-count])
        top = [int(id_) for id_ in near[np.argsort(-values[near], kind="stable")][:count]]
    return TokenLogprobs(float(values[token]), tuple((id_, float(values[id_])) for id_ in top))
