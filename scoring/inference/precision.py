"""The precisions in which a model's numbers may be declared, and how much of each is rounding.

A miner declares one of them, and a judge replays in the same one. fp32 is so fine that every other
precision lies far beyond its rounding. bf16 and fp16 round each state between two products, to 8
and 11 bits; two honest computations then differ in many such roundings, as much as either differs
from fp32. So on those paths the tolerance is wider by the size of the rounding, and what is
computed more finely than declared passes: it costs more and deceives nobody.

The figures are those of the demo model, for a model that was not calibrated; ``assay model
calibrate`` measures a model's own. This module knows no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

Precision = Literal["fp32", "bf16", "fp16"]
"""fp32: IEEE 754 binary32. bf16: 8 bits of exponent and 8 of precision. fp16: IEEE 754 binary16.
Parameters and states are of this type; products add in fp32 or finer."""
PRECISIONS: Final[tuple[Precision, ...]] = get_args(Precision)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far an honest answer may lie from the judge's replay."""

    logits: float
    """The largest margin of a token, in logits."""
    distance: float
    """The largest relative distance of a fingerprint."""

    def scaled_to(self, logits: float) -> Tolerance:
        """Return the tolerance of a model that rounds so that its margins reach ``logits``: its
        states then lie apart by as many times more, and never less than here."""
        return Tolerance(logits, self.distance * max(logits / self.logits, 1.0))


TOLERANCES: Final[Mapping[Precision, Tolerance]] = {
    "fp32": Tolerance(5e-4, 2.5e-5),
    "bf16": Tolerance(0.6, 0.06),
    "fp16": Tolerance(0.08, 0.008),
}
"""Of a model that was not calibrated: about one and a half times what honest computations of the
demo model show for bf16 and fp16, and ten times for fp32. Wider, and rounded weights pass as well;
narrower, and another machine's kernels may convict."""
