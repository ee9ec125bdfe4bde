"""An inference validator's options, as ``assay validator run --task inference`` takes them.

Each field is an option of the same name with dashes. What belongs to every validator (wallet,
rounds, chain) is not here.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from assay.models.source import DEMO, check_reference
from assay.neuron import TaskSettings
from assay.scoring.inference.posp import Terms, found, penalty_min
from assay.scoring.inference.precision import TOLERANCES, Precision, Tolerance
from assay.scoring.inference.probation import AFTER_CONVICTION
from assay.scoring.inference.speed import PAY_RATE


class ValidatorSettings(TaskSettings, frozen=True):
    """Against which model answers are judged, how strictly, and what they earn."""

    model: Annotated[
        str,
        Meta(description="The model that miners must serve: a folder, a Hugging Face id, or demo."),
    ] = DEMO
    corpus: Annotated[
        Path | None,
        Meta(
            description="A folder whose text files prompts are cut from; without it, the Python"
            " standard library of this machine."
        ),
    ] = None
    pay_precision: Annotated[
        tuple[Precision, ...],
        Meta(
            min_length=1,
            description="A precision that is paid; repeat it for more. The same work is paid the"
            " same in each. One model is held for each that miners serve.",
        ),
    ] = ("fp32",)
    tolerance: (
        Annotated[
            float,
            Meta(
                gt=0.0,
                le=1.0,
                description="Rounding allowed to a token's logits, where one precision is paid; by"
                " default what is known of the model.",
            ),
        ]
        | None
    ) = None
    accept_engines: Annotated[
        bool,
        Meta(
            description="Also pay miners behind foreign engines, whose answers can only be"
            " plausible."
        ),
    ] = False
    threads: Annotated[int, Meta(ge=1, le=256, description="Threads for one replay.")] = 1
    pay_rate: Annotated[
        float,
        Meta(
            gt=0.0,
            le=1e6,
            description="Tokens a second that earn the most; pay is in proportion below. Above"
            " what the fastest machine reaches.",
        ),
    ] = PAY_RATE
    probation: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Clean answers that a convicted miner gives unpaid, besides three epochs.",
        ),
    ] = AFTER_CONVICTION

    audit_share: Annotated[
        float,
        Meta(
            gt=0.0,
            le=1.0,
            description="The part of the answers that is replayed, drawn after the miner was"
            " asked; the others are paid as they are. Newcomers and convicts are always replayed.",
        ),
    ] = 1.0

    client_share: Annotated[
        float,
        Meta(
            ge=0.0,
            le=1.0,
            description="The part of the clients' answers that is replayed, of those that gateways"
            " with a permit offer; drawn after they are offered.",
        ),
    ] = 0.125
    client_answers: Annotated[
        bool,
        Meta(
            description="Serve complaints, and what gateways show of clients' answers. A wrong"
            " answer to a client costs a miner as much as one to this validator."
        ),
    ] = True

    def __post_init__(self) -> None:
        check_reference(self.model)
        if len(set(self.pay_precision)) < len(self.pay_precision):
            raise ValueError("--pay-precision names one precision twice")
        if self.tolerance is not None and len(self.pay_precision) > 1:
            raise ValueError("one --tolerance cannot be that of several precisions: leave it out")
        for precision in self.pay_precision:
            known = TOLERANCES[precision]
            self.checked_terms(
                precision, known if self.tolerance is None else known.scaled_to(self.tolerance)
            )

    def checked_terms(self, precision: Precision, tolerance: Tolerance) -> Terms:
        """Return what decides whether a lie pays under these settings, for answers in ``precision``
        that are allowed ``tolerance``. ValueError if a lie pays."""
        terms = Terms(self.audit_share, found(precision, tolerance), float(self.probation))
        if not terms.honest_pays:
            raise ValueError(
                f"with a tolerance of {tolerance.logits:g} in {precision}, an audit share of"
                f" {self.audit_share:g} and a probation of {self.probation} answers another"
                f" precision pays: {_cure(terms)}"
            )
        return terms


def _cure(terms: Terms) -> str:
    needed = penalty_min(terms.replayed, terms.found)
    if not math.isfinite(needed):
        return "no probation is long enough"
    return f"let the probation be at least {math.floor(needed) + 1}"
