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
from assay.scoring.inference.agreement import TOLERANCE_FP32
from assay.scoring.inference.posp import Terms, found_by_tokens, penalty_min
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
    tolerance: Annotated[
        float,
        Meta(
            gt=0.0,
            le=1.0,
            description="Rounding allowed to a token's logits; seven times what honest machines"
            " show.",
        ),
    ] = TOLERANCE_FP32
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
        if not self.terms.honest_pays:
            needed = math.floor(penalty_min(self.terms.replayed, self.terms.found)) + 1
            raise ValueError(
                f"with a tolerance of {self.tolerance:g}, an audit share of {self.audit_share:g}"
                f" and a probation of {self.probation} answers another precision pays: let the"
                f" probation be at least {needed}"
            )

    @property
    def terms(self) -> Terms:
        """What decides whether a lie pays under these settings."""
        return Terms(self.audit_share, found_by_tokens(self.tolerance), float(self.probation))
