"""An inference validator's options, as ``assay validator run --task inference`` takes them.

Each field is an option of the same name with dashes. What belongs to every validator (wallet,
rounds, chain) is not here.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Final

from loguru import logger
from msgspec import Meta

from assay.errors import UserError
from assay.models.source import DEMO, check_reference
from assay.neuron import TaskSettings
from assay.protocol.bursts import ANSWERS_MAX
from assay.scoring.inference.posp import Terms, found, penalty_min
from assay.scoring.inference.precision import TOLERANCES, Precision, Tolerance
from assay.scoring.inference.probation import AFTER_CONVICTION
from assay.scoring.inference.speed import PAY_RATE
from assay.validators.inference.gateway_client import parse_gateway

BURST: Final = 64
"""Answers at once from which processors gain nothing more, and accelerators little. A miner whose
engine takes fewer draws them one after the other. Answers of eight tokens, which small machines
are asked for, cost a tenth more than long ones."""


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
    burst: Annotated[
        int,
        Meta(
            ge=1,
            le=ANSWERS_MAX,
            description="The most answers that a miner is asked for at once, to see what its"
            " machine can do. As many as the fastest machine gains from.",
        ),
    ] = BURST
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

    canary_gateway: Annotated[
        tuple[str, ...],
        Meta(
            description="Also ask as a client does, through this gateway (http://HOST:PORT), so"
            " that miners cannot answer clients worse than validators. Repeat it for more, each"
            " with its --canary-key-file."
        ),
    ] = ()
    canary_key_file: Annotated[
        tuple[Path, ...],
        Meta(
            description="A file with ordinary keys of that gateway, one a line. The first one reads"
            " what clients share, if it may; the others ask."
        ),
    ] = ()
    canaries_per_hour: Annotated[
        float,
        Meta(
            gt=0.0,
            le=3_600.0,
            description="Sessions an hour that are asked through gateways, for each miner.",
        ),
    ] = 6.0

    def __post_init__(self) -> None:
        check_reference(self.model)
        self._check_canaries()
        if len(set(self.pay_precision)) < len(self.pay_precision):
            raise ValueError("--pay-precision names one precision twice")
        if self.tolerance is not None and len(self.pay_precision) > 1:
            raise ValueError("one --tolerance cannot be that of several precisions: leave it out")
        for precision in self.pay_precision:
            known = TOLERANCES[precision]
            self.checked_terms(
                precision, known if self.tolerance is None else known.scaled_to(self.tolerance)
            )

    def _check_canaries(self) -> None:
        if len(self.canary_gateway) != len(self.canary_key_file):
            raise ValueError("each --canary-gateway needs one --canary-key-file, and each file one")
        if self.canary_gateway and not self.client_answers:
            raise ValueError("--canary-gateway judges clients' answers: leave out"
                             " --no-client-answers")  # fmt: skip
        for text in self.canary_gateway:
            try:
                parse_gateway(text)
            except ValueError as error:
                raise ValueError(
                    f"a --canary-gateway is no address of a gateway: {error}"
                ) from None

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


def tell_terms(settings: ValidatorSettings, precision: Precision, tolerance: Tolerance) -> None:
    """Say what decides whether a lie pays for answers in ``precision``; UserError if it pays."""
    try:
        terms = settings.checked_terms(precision, tolerance)
    except ValueError as error:
        raise UserError(f"This validator would pay lies: {error}.", "Change that option.") from None
    logger.info(
        "Paid in {}, within {:g} logits. An answer of a coarser precision gains at most {:g} "
        "answers' pay and loses {:.2g}: {:g} of the answers are replayed, {:.1%} of such answers "
        "convict, and a conviction costs {:g} answers or more",
        precision,
        tolerance.logits,
        terms.gain,
        terms.loss,
        terms.replayed,
        terms.found,
        terms.penalty,
    )


def _cure(terms: Terms) -> str:
    needed = penalty_min(terms.replayed, terms.found)
    if not math.isfinite(needed):
        return "no probation is long enough"
    return f"let the probation be at least {math.floor(needed) + 1}"
