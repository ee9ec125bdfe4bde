"""Does an answer come from the model it claims? Margins, and the verdicts over them.

In come a validator's own logits for each answered position, from its replay, and the claimed
tokens; out come margins and a verdict. If the claimed token is the one that the seeded sampler
draws from these logits, its margin is zero. If not, the margin is how far the claimed token's
perturbed logit lies below the best one, in logits:

    margin_i = max_t p_i(t) - p_i(claimed_i),     p_i = logits_i + T * noise(key, i)

Two honest computations of one model differ by rounding. If no logit differs by more than ``d``, no
honest margin exceeds ``2 d``, whatever the temperature (the noise is the same on both sides). So a
tolerance above 2 d convicts nobody for rounding. A wrong token whose margin is below the tolerance
is a near tie, which a liar cannot aim at. One token beyond the tolerance condemns the answer.

Where a caller has filters (top-k, top-p, min-p), rounding may also move a token over a filter's
edge. So the best one is sought among the tokens that pass the filters under every rounding within
the tolerance, and a claimed token is taken if it passes under some such rounding. A penalty that
stretches logits stretches rounding by the same factor; margins are divided by it.

This module knows no models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.scoring.inference.precision import TOLERANCES
from assay.scoring.inference.sampling import Sampling, adjust, candidates, perturb

TOLERANCE_FP32: Final = TOLERANCES["fp32"].logits
"""In logits, for fp32 against fp32. Honest margins stay below twice the largest difference of any
logit, 3.6e-5 over threads, batches, tiles and kernels (docs/inference.md has the table): a seventh
of this. Ten times larger, fp16 slipped through 98 of 100 answers; half as large, 96."""

TOLERANCE_ENGINE: Final = 0.5
"""In logits, for an engine of unknown arithmetic (bf16, quantised caches) at temperature 0. A bound
of what is plausible, not a proof: see ``engine_verdict``."""

ENGINE_SHARE_MIN: Final = 0.9
"""The share of an engine's tokens that must lie within the tolerance. The engine sends text; the
validator cuts that into tokens, and the cut may differ from the engine's own at a few places."""

ENGINE_WORST: Final = 3.0
"""In logits: an engine's answer with a token beyond that margin is not paid. Models give a high
probability to repetition, so a miner could send " 0, 0, 0" without running a model; only its first
tokens disagree, by five logits or more. Tokens of an honest engine hardly ever lie that far off,
with parameters of five bits no more than of sixteen."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the tokens of an answer compare with the validator's own model, before any verdict."""

    margins: NDArray[np.float64]
    """The margin of each token, >= 0. Zero where the validator draws the same token."""

    @property
    def tokens(self) -> int:
        """The number of tokens."""
        return len(self.margins)

    @property
    def worst(self) -> float:
        """The largest margin; 0 without tokens."""
        return float(self.margins.max(initial=0.0))

    def agreeing(self, tolerance: float) -> int:
        """Return how many tokens have a margin of at most ``tolerance``."""
        return int(np.count_nonzero(self.margins <= tolerance))


def compare(
    logits: NDArray[np.float32],
    claimed: NDArray[np.int64],
    sampling: Sampling,
    key: bytes,
    *,
    tolerance: float = TOLERANCE_FP32,
    prompt: Sequence[int] = (),
    begun: Sequence[int] = (),
) -> Agreement:
    """Return the margins of ``claimed`` (n,) under the validator's ``logits`` (n, vocabulary).

    ``tolerance`` is the largest margin that rounding may cause; filters are widened by as much.
    ``prompt`` holds the prompt's token ids, and ``begun`` those of the answer that stand before
    ``claimed`` and are not judged here.

    A claimed id outside the vocabulary, or one that no rounding lets past the filters, has an
    infinite margin, and so has every token where the validator's logits are not finite. ValueError
    if the shapes do not fit.
    """
    if logits.ndim != 2 or claimed.shape != (logits.shape[0],):
        raise ValueError(f"shapes do not fit: {logits.shape} and {claimed.shape}")
    margins = np.full(len(claimed), np.inf)
    answer = [*begun, *(int(token) for token in claimed)]
    slack = tolerance / 2.0 * sampling.stretch
    for row, token in enumerate(claimed):
        if not 0 <= token < logits.shape[1]:
            continue
        position = len(begun) + row
        adjusted = adjust(logits[row], sampling, prompt, answer[:position])
        perturbed = perturb(adjusted, sampling.temperature, key, position)
        best = perturbed
        if sampling.filters:
            if not candidates(adjusted, sampling, -slack)[token]:
                continue
            best = perturbed[candidates(adjusted, sampling, slack)]
        margin = max(float(best.max(initial=perturbed[token]) - perturbed[token]), 0.0)
        if np.isfinite(margin):
            margins[row] = margin / sampling.stretch
    return Agreement(margins)


def logprobs(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the logarithms of the probabilities that ``logits`` (..., vocabulary) give each token,
    before any sampling: what clients are shown."""
    values = logits.astype(np.float64)
    values -= values.max(axis=-1, keepdims=True)
    shown: NDArray[np.float64] = values - np.log(np.exp(values).sum(axis=-1, keepdims=True))
    return shown


def seeded_verdict(agreement: Agreement, tolerance: float = TOLERANCE_FP32) -> bool:
    """Return whether every token's margin is within ``tolerance``; False without tokens."""
    return agreement.tokens > 0 and agreement.agreeing(tolerance) == agreement.tokens


def engine_verdict(agreement: Agreement) -> bool:
    """Return whether a greedy answer of an engine is plausible for the model.

    That tells garbage, cached text and another model from the model. It does not tell the same
    model in lower precision, or with changes smaller than the tolerance.
    """
    needed = ENGINE_SHARE_MIN * agreement.tokens
    return agreement.tokens > 0 and agreement.agreeing(TOLERANCE_ENGINE) >= needed
