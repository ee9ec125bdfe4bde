"""A trial of a model before anybody relies on it: does it generate what it replays?

In comes a loaded ``LanguageModel`` and the tolerance of its validators; out comes nothing, or the
UserError for a model that cannot be served or judged. A few answers are drawn token by token,
drawn again, and replayed in one pass. Kinds of which one step does not follow from the last
(without an attention cache, looking ahead, drawing random numbers of their own) fail here, before
their root is published, and not in the eyes of every validator afterwards.

The trial has no time of its own: it takes a few dozen tokens, as long as the model takes for them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Final

import numpy as np

from assay.errors import UserError
from assay.models.language import LanguageModel
from assay.models.tokens import refusing
from assay.scoring.inference.agreement import Agreement, compare
from assay.scoring.inference.sampling import GREEDY, Sampling

TEXTS: Final = ("def main(argv):\n    ", "The quick brown fox jumps over the lazy dog. " * 3)
"""A short prompt and one that is longer than the windows of attention that small models have."""
TOKENS: Final = 12
"""Of each answer: a cache that loses what came before shows at the second."""
SAMPLINGS: Final = (GREEDY, Sampling())
KEY: Final = b"assay/trial/key1"
CURE: Final = "Serve another model: validators would convict every answer of this one."


def try_model(model: LanguageModel, *, tolerance: float) -> None:
    """Draw, draw again, replay and compare a few answers of ``model``; UserError if they differ.

    ``tolerance`` is in logits, as for ``assay.scoring.inference.agreement.seeded_verdict``.
    """
    endless = copy.copy(model)
    endless.ends = frozenset()  # else an answer of one token would try nothing
    for text in TEXTS:
        for sampling in SAMPLINGS:
            with refusing("The model fails at its first answers", CURE):
                agreement = _agreement(endless, _prompt(endless, text), sampling)
            _check(agreement, tolerance)


def _prompt(model: LanguageModel, text: str) -> list[int]:
    return model.tokens.encode(text)[: max(1, model.context_tokens // 2)]


def _agreement(model: LanguageModel, prompt: Sequence[int], sampling: Sampling) -> Agreement:
    count = min(TOKENS, model.context_tokens - len(prompt))
    drawn = model.generate(prompt, count, sampling, KEY).tokens
    if model.generate(prompt, count, sampling, KEY).tokens != drawn:
        raise UserError("The model answers one request differently each time.", CURE)
    logits = model.replay(prompt, drawn)
    if not np.isfinite(logits).all():
        raise UserError("The model computes numbers that are not finite.", CURE)
    return compare(logits, np.array(drawn), sampling, KEY)


def _check(agreement: Agreement, tolerance: float) -> None:
    if agreement.worst > tolerance:
        raise UserError(
            "The model does not generate what it replays: a token lies "
            f"{agreement.worst:.3g} logits off ({tolerance:.3g} are tolerated).",
            CURE,
        )
