"""An inference validator's options, as ``assay validator run --task inference`` takes them.

Each field is an option of the same name with dashes. What belongs to every validator (wallet,
rounds, chain) is not here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from assay.models.source import DEMO, check_reference
from assay.neuron import TaskSettings
from assay.scoring.inference.agreement import TOLERANCE_FP32


class ValidatorSettings(TaskSettings):
    """Against which model answers are judged, and how strictly."""

    model: Annotated[str, AfterValidator(check_reference)] = Field(
        DEMO,
        description="The model that miners must serve: a folder, a Hugging Face id, or demo.",
    )
    corpus: Path | None = Field(
        None,
        description="A folder whose text files prompts are cut from; "
        "default: the Python standard library of this machine.",
    )
    tolerance: float = Field(
        TOLERANCE_FP32,
        gt=0.0,
        le=1.0,
        description="Rounding allowed to a token's logits; ten times what honest machines show.",
    )
    accept_engines: bool = Field(
        False,
        description="Also pay miners behind foreign engines, whose answers can only be plausible.",
    )
    threads: int = Field(1, ge=1, le=256, description="Threads for one replay.")
