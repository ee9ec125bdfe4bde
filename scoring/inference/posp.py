"""Does honesty pay under these settings? The inequality of Proof of Sampling.

Yue Zhang, Shouqiao Wang, Sijun Tan and others, "Proof of Sampling: A Nash Equilibrium-Based
Verification Protocol for Decentralized Systems" (arXiv 2405.00295): an answer is replayed with
probability p. A liar saves C by an answer, and loses the answer's reward R and a penalty S if
it is found out. Honesty is the only equilibrium in pure strategies if the expected loss exceeds
what is saved. A replay here compares tokens, and finds an answer of another precision only with a
probability d, so that

    p d (R + S) > C

with all amounts in the pay of one honest answer, R = 1. S is the pay of the answers that a miner
gives unpaid after a conviction, which is the least that it loses (``probation``: on a chain with
long epochs it loses three of them besides what it had earned). C is what the best known lie
gains: fp16 under a root of fp32, because all others are found out far more often. It halves the
cost of an answer, which is at most what an answer pays, and at twice the speed an answer pays
twice: C <= 1.5.

Speed, on which all pay depends, is measured in a part of the turns only, by answers that are longer
in all (bursts). A liar may lie in these alone. There as many times more tokens are replayed as the
turns are fewer, so p stays what it is (``assay.validators.inference.bursts``).

Where bf16 or fp16 is declared, rounding is as large as what fp16 changes of fp32, and the lie that
gains is another: weights of eight bits, at half the cost again. Its tokens hardly differ by more
than rounding; what finds it is the fingerprint.

The measured d is that of one answer of 24 to 48 tokens of the demo model. Another model has its
own, which nobody has measured. This module knows no model and no names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from assay.scoring.inference.precision import Precision, Tolerance

GAIN: Final = 1.5
"""C, of half as many bits at half the cost and twice the speed, in the pay of an honest answer,
where the cost takes all of it. Where an answer costs less than it pays, less is saved."""
FOUND: Final = ((2.5e-4, 0.041), (5e-4, 0.032), (5e-3, 0.012))
"""By tolerance in logits, the part of fp16's answers that a replay convicts: 220 answers each, 400
for the last."""

FOUND_BY_STATES: Final = {
    "bf16": ((0.012, 0.99), (0.02, 0.60), (0.03, 0.13), (0.04, 0.019), (0.06, 0.002)),
    "fp16": ((0.006, 1.0), (0.01, 0.97), (0.012, 0.88), (0.015, 0.61), (0.02, 0.22), (0.03, 0.02)),
}
"""By tolerated distance, the part of answers with weights of eight bits (one scale a row) whose
fingerprint lies farther: 124 texts of 32 tokens, at each two places of them."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What decides whether a lie pays."""

    replayed: float
    """p: the part of the answers that is replayed."""
    found: float
    """d: the part of a liar's replayed answers that convicts it."""
    penalty: float
    """S: what a conviction costs, in the pay of an honest answer."""
    gain: float = GAIN
    """C: what a liar gains by one answer, in the same."""

    @property
    def loss(self) -> float:
        """What a liar loses by one answer on average."""
        return self.replayed * self.found * (1.0 + self.penalty)

    @property
    def honest_pays(self) -> bool:
        """Whether a liar loses more by an answer than it gains."""
        return self.loss > self.gain


def found_by_tokens(tolerance: float) -> float:
    """Return the part of fp16's answers that a replay convicts under ``tolerance``, in logits.

    Between the measured tolerances it is interpolated in the tolerance's logarithm. Below the
    smallest it is taken as there; above the largest it falls in proportion, because a token is
    within the tolerance of a tie about in proportion to the tolerance.
    """
    tolerances, parts = (np.array(column) for column in zip(*FOUND, strict=True))
    if tolerance > tolerances[-1]:
        return float(parts[-1] * tolerances[-1] / tolerance)
    return float(np.interp(np.log(tolerance), np.log(tolerances), parts))


def found(precision: Precision, tolerance: Tolerance) -> float:
    """Return the part of the best known lie's answers that a replay convicts, where ``precision``
    is declared and ``tolerance`` is allowed: fp16 for fp32, by its tokens; weights of eight bits
    for bf16 and fp16, by their fingerprints."""
    if precision == "fp32":
        return found_by_tokens(tolerance.logits)
    distances, parts = zip(*FOUND_BY_STATES[precision], strict=True)
    at = np.log(tolerance.distance)
    return float(np.interp(at, np.log(distances), np.array(parts), right=0.0))


def penalty_min(replayed: float, found: float, gain: float = GAIN) -> float:
    """Return the penalty S beyond which honesty pays; infinite where nothing is ever found."""
    return gain / (replayed * found) - 1.0 if replayed * found > 0.0 else float("inf")
