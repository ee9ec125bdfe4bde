"""What an inference validator asks: pieces of real text, cut where a person might stop typing.

In comes a random generator that only the validator knows; out come requests that miners cannot
foresee and cannot tell from a client's. The corpus is a folder of text, by default the standard
library of the Python that runs this process: code, which the model is meant to continue, and there
without a download. File, place, length, temperature and seed come from the generator; from some ten
million beginnings no miner can prepare answers.

All requests of one turn ask for the same number of tokens, but a newcomer's first, which is longer,
and bursts, which have as many as their miner draws (``bursts``, ``speeds``). This module
knows no model: it is told how many tokens a text takes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from assay.models.corpus import Corpus
from assay.protocol.bursts import ANSWERS_MAX, Burst
from assay.protocol.inference import SEED_MAX, Complete
from assay.validators.inference.bursts import PROMPT_CHARS, BurstShape

TOKENS_ASKED: Final = (24, 32, 40, 48)
"""Numbers of tokens that a turn asks for at least. Shorter answers let a wrong model pass; longer
ones leave fewer turns in an epoch where miners are slow."""
TOKENS_OF_ENTRANCE: Final = 96
"""Tokens of the first answer of a miner that is not known yet: three times the usual length, so
that a model changed by a few percent does not pass even once, and the first pay needs no
waiting."""
TEMPERATURES: Final = (0.0, 0.7, 0.7, 0.7, 0.7, 1.0, 1.0, 1.0, 1.0, 1.0)
"""Temperatures that clients use, one in ten of them 0. At 0 the answer carries no noise that names
the miner, so that a forwarded one is as good as an own; and there only near ties depend finely on
the logits. Without any, a miner could leave clients' greedy requests unanswered."""
CONTEXT_PART_MAX: Final = 0.75
"""Of the model's context, the most that an answer takes. The rest holds a prompt of some lines."""
TRIES_MAX: Final = 16
"""Cuts tried before a prompt is shortened. One in a hundred pages has too many tokens to fit."""


class Requests:
    """Draws requests for one model."""

    def __init__(
        self,
        corpus: Corpus,
        root: bytes,
        *,
        count_tokens: Callable[[str], int],
        context_tokens: int,
    ) -> None:
        self._corpus = corpus
        self._root = root
        self._count = count_tokens
        self._context = context_tokens

    def tokens_of_turn(self, rng: random.Random) -> int:
        """Return how many tokens all requests of one turn ask for at least, drawn from the turn's
        ``rng``."""
        return rng.choice(TOKENS_ASKED)

    def draw(
        self, rng: random.Random, *, miner: str, tokens: int, greedy: bool, entrance: bool = False
    ) -> Complete:
        """Return one request to ``miner`` for an answer of ``tokens`` tokens, drawn from ``rng``.

        A ``greedy`` request has temperature 0, for a miner that can answer nothing else. A request
        for ``entrance``, the first one to a newcomer, is long and warm.
        """
        wanted = max(TOKENS_OF_ENTRANCE, tokens) if entrance else tokens
        max_tokens = min(wanted, int(CONTEXT_PART_MAX * self._context))
        prompt = self._fitting(rng, max_tokens)
        temperature = max(TEMPERATURES) if entrance else rng.choice(TEMPERATURES)
        return Complete(
            model=self._root,
            prompt=prompt,
            max_tokens=max_tokens,
            seed=rng.randint(0, SEED_MAX),
            temperature=0.0 if greedy else temperature,
            miner=miner,
        )

    def draw_burst(
        self, rng: random.Random, *, miner: str, shape: BurstShape, greedy: bool
    ) -> Burst:
        """Return a burst of ``shape`` for ``miner``, drawn from ``rng``.

        All answers continue one prompt, which is read once, by other seeds. A ``greedy`` miner
        would give the same answer each time, so it gets a prompt for each.
        """
        max_tokens = min(shape.tokens, int(CONTEXT_PART_MAX * self._context))
        count = shape.answers if greedy else 1
        return Burst(
            model=self._root,
            prompts=[self._fitting(rng, max_tokens)[:PROMPT_CHARS] for _ in range(count)],
            answers=shape.answers,
            max_tokens=max_tokens,
            seed=rng.randint(0, SEED_MAX - ANSWERS_MAX),
            temperature=0.0 if greedy else rng.choice([t for t in TEMPERATURES if t > 0.0]),
            miner=miner,
        )

    def _fitting(self, rng: random.Random, tokens_asked: int) -> str:
        """Return a prompt that leaves ``tokens_asked`` tokens of the context for the answer."""
        room = self._context - tokens_asked
        for _ in range(TRIES_MAX):
            prompt = self._corpus.cut(rng)
            if self._count(prompt) <= room:
                return prompt
        while len(prompt) > 1 and self._count(prompt) > room:
            prompt = prompt[: len(prompt) // 2]
        return prompt
