"""How well a model foretells texts, and how fast it writes: what a change of its weights costs.

In come a ``LanguageModel`` and texts; out come bits per byte and tokens per second. This module
knows no files and draws nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from assay.scoring.inference.agreement import logprobs

WARM_TOKENS: Final = 4
"""Tokens that are written before the time counts: the first ones find cold caches."""


def bits_per_byte(
    model: Any, texts: Sequence[str], *, progress: Callable[[int, int], None]
) -> float:
    """Return how many bits ``model`` needs for a byte of ``texts``, each from its second token on,
    up to the model's context; ValueError if no text has two tokens."""
    bits = size_bytes = 0.0
    for number, text in enumerate(texts):
        ids = model.tokens.encode(text)[: model.context_tokens]
        if len(ids) > 1:
            chances = logprobs(model.replay(ids[:1], ids[1:]))
            bits -= float(chances[np.arange(len(ids) - 1), ids[1:]].sum()) / math.log(2)
            size_bytes += len(model.tokens.decode(ids[1:]).encode())
        progress(number + 1, len(texts))
    if not size_bytes:
        raise ValueError("no text has two tokens")
    return bits / size_bytes


def tokens_per_s(model: Any, prompt: str, tokens: int, now: Callable[[], float]) -> float:
    """Return how many tokens a second ``model`` writes after ``prompt``, one at a time, over
    ``tokens`` tokens, by the clock ``now``, in seconds. Their text is of no interest: the likeliest
    token goes on, also past an end."""
    steps = model.steps(model.tokens.encode(prompt)[: model.context_tokens // 2])
    drawing = next(steps)
    began_s = 0.0
    for number in range(WARM_TOKENS + tokens):
        if number == WARM_TOKENS:
            began_s = now()
        drawing = steps.send(int(np.argmax(drawing.logits)))
    return tokens / (now() - began_s)
