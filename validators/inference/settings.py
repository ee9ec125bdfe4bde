"""An inference validator's options, as ``assay validator run --task inference`` takes them.

Each field is an option of the same name with dashes. What belongs to every validator (wallet,
rounds, chain) is not here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from assay.models.source import DEMO, check_reference
from assay.neuron import TaskSettings
from assay.scoring.inference.agreement import TOLERANCE_FP32


class ValidatorSettings(TaskSettings, frozen=True):
    """Against which model answers are judged, and how strictly."""

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
            description="Rounding allowed to a token's logits; ten times what honest machines"
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

    def __post_init__(self) -> None:
        check_reference(self.model)
