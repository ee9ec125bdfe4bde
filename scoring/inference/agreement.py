"""Does an answer come from the model it claims? The margin statistic and its verdicts. Pure.

The judge replays the answer and has, for each answered position, its own logits. If the claimed
token is the one that the seeded sampler draws from them, its margin is zero. If not, the margin is
how far the claimed token's perturbed logit lies below the best one, in logits:

    margin_i = max_t p_i(t) - p_i(claimed_i),     p_i = logits_i + T * noise(key, i)

Two honest computations of one model differ by rounding. If no logit differs by more than ``d``, no
honest margin exceeds ``2 d``, whatever the temperature (the noise is the same on both sides). So a
tolerance above 2 d convicts nobody for rounding, and below it a wrong token is a near tie that the
liar could not have aimed at. One token beyond the tolerance condemns the answer: that is the gate.

It knows no models: logits come in as an array, a verdict goes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.scoring.inference.sampling import perturb

TOLERANCE_FP32: Final = 5e-3
"""In logits, for fp32 against fp32. Ten times the honest maximum seen over threads, batches, tiles
and kernels (docs/inference.md has the table); changing it moves both error rates."""

TOLERANCE_ENGINE: Final = 0.5
"""For an engine of unknown arithmetic (bf16, quantised caches) at temperature 0. A bound of what
is plausible, not a proof: see ``engine_verdict``."""

ENGINE_SHARE_MIN: Final = 0.9
"""Share of an engine's tokens that must lie within the tolerance. Its tokens come back as text and
are cut into tokens again, and the cut may differ from the engine's own at a few places."""

ENGINE_WORST: Final = 3.0
"""In logits: an engine's answer with a token beyond it is not paid. Any model expects more of what
repeats itself, so that " 0, 0, 0" without end is plausible, without any model, but for how it
begins; and there it lies five logits off and more. Tokens of an engine hardly ever lie that far
off, with weights of five bits no more than of sixteen."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How an answer compares with the judge's own model, before any verdict."""

    margins: NDArray[np.float64]
    """One a token, >= 0. Zero where the judge draws the same token."""

    @property
    def tokens(self) -> int:
        return len(self.margins)

    @property
    def worst(self) -> float:
        return float(self.margins.max(initial=0.0))

    def agreeing(self, tolerance: float) -> int:
        """Tokens whose margin the tolerance covers."""
        return int(np.count_nonzero(self.margins <= tolerance))


def compare(
    logits: NDArray[np.float32], claimed: NDArray[np.int64], temperature: float, key: bytes
) -> Agreement:
    """Margins of ``claimed`` (n,) under the judge's ``logits`` (n, vocabulary).

    A claimed id outside the vocabulary has an infinite margin, and so has every token where the
    judge's logits are not finite. ValueError if the shapes do not fit.
    """
    if logits.ndim != 2 or claimed.shape != (logits.shape[0],):
        raise ValueError(f"shapes do not fit: {logits.shape} and {claimed.shape}")
    margins = np.full(len(claimed), np.inf)
    for position, token in enumerate(claimed):
        if not 0 <= token < logits.shape[1]:
            continue
        perturbed = perturb(logits[position], temperature, key, position)
        margin = float(perturbed.max() - perturbed[token])
        if np.isfinite(margin):
            margins[position] = margin
    return Agreement(margins)


def seeded_verdict(agreement: Agreement, tolerance: float = TOLERANCE_FP32) -> bool:
    """True if every token is within the tolerance. An answer without tokens proves nothing."""
    return agreement.tokens > 0 and agreement.agreeing(tolerance) == agreement.tokens


def engine_verdict(agreement: Agreement) -> bool:
    """True if a greedy answer of an engine is plausible for the model.

    What it can tell: garbage, cached text and another model. What it cannot: the same model in
    lower precision, or with changes smaller than the tolerance.
    """
    needed = ENGINE_SHARE_MIN * agreement.tokens
    return agreement.tokens > 0 and agreement.agreeing(TOLERANCE_ENGINE) >= needed
