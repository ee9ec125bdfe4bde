"""An inference miner's options, as ``assay miner run --task inference`` takes them.

Each field is an option of the same name with dashes. What belongs to every miner (wallet, port,
chain) is not here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from assay.models.source import DEMO, check_reference
from assay.neuron import TaskSettings
from assay.scoring.inference.agreement import TOLERANCE_FP32


class MinerSettings(TaskSettings):
    """What is served, and with what."""

    model: Annotated[str, AfterValidator(check_reference)] = Field(
        DEMO,
        description="A model folder, a Hugging Face id, or demo (the model that ships with Assay).",
    )
    backend: Literal["transformers", "openai"] = Field(
        "transformers",
        description="transformers computes here, with every token checkable; openai asks a server.",
    )
    base_url: str | None = Field(
        None,
        repr=False,  # it may hold a user, a password or a key
        description="With --backend openai: the server, such as http://127.0.0.1:8000/v1.",
    )
    served_name: str | None = Field(
        None, description="With --backend openai: the model's name there, if it is not --model."
    )
    api_key_file: Path | None = Field(
        None, description="With --backend openai: a file that holds the key the server asks for."
    )
    tolerance: float = Field(
        TOLERANCE_FP32,
        gt=0.0,
        le=1.0,
        description="Rounding, in logits, that the subnet's validators allow; "
        "a model that shows more in its trial at the start is refused.",
    )
    threads: int = Field(
        1, ge=1, le=256, description="Threads for one answer; more only pay for large models."
    )
