"""A training validator's options, as ``assay validator run --task training`` takes them.

Each field is an option of the same name with dashes. What a window is, and how far an audited
message may lie off, stands in the run's manifest: all validators judge by the same.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from assay.scoring.training.payment import SENTENCE
from assay.training.run_task import RunSettings


class TrainingValidatorSettings(RunSettings, frozen=True):
    """Which run is judged, and by what."""

    audit_share: (
        Annotated[
            float,
            Meta(
                ge=0.0,
                le=1.0,
                description="The part of the miners' windows that is computed again; by default as"
                " the run says. 0: nobody is audited.",
            ),
        ]
        | None
    ) = None
    entrance: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000,
            description="Audits that must find a newcomer right before it is paid. Its windows are"
            " always audited until then.",
        ),
    ] = 1
    sentence: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Windows for which a miner is not paid after it was found wrong.",
        ),
    ] = SENTENCE
    worth_sequences: Annotated[
        int,
        Meta(
            ge=0,
            le=2**16,
            description="Sequences on which it is measured what each message does for the model."
            " 0: that is not measured.",
        ),
    ] = 32
    copies: Annotated[
        bool, Meta(description="Look for messages that are copies of earlier ones.")
    ] = True
    auditor: Annotated[
        bool,
        Meta(
            description="Audit and measure in a process of its own. Without it half the memory is"
            " used, and the next state waits for the audit under way."
        ),
    ] = True
    listen: Annotated[
        bool,
        Meta(
            description="Audit also whom another validator found wrong. Without it a cheat that one"
            " validator finds is paid by the others."
        ),
    ] = True
