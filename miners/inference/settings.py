"""An inference miner's options, as ``assay miner run --task inference`` takes them.

Each field is an option of the same name with dashes. What belongs to every miner (wallet, port,
chain) is not here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from assay.models.source import DEMO, check_reference
from assay.neuron import TaskSettings
from assay.scoring.inference.precision import Precision


class MinerSettings(TaskSettings, frozen=True):
    """What is served, and with what."""

    model: Annotated[
        str,
        Meta(description="A model folder, a Hugging Face id, or demo (which ships with Assay)."),
    ] = DEMO
    backend: Annotated[
        Literal["transformers", "openai"],
        Meta(
            description="transformers computes here, with every token checkable; openai asks a"
            " server."
        ),
    ] = "transformers"
    base_url: Annotated[
        str | None,
        Meta(description="With --backend openai: the server, such as http://127.0.0.1:8000/v1."),
    ] = None
    served_name: Annotated[
        str | None,
        Meta(description="With --backend openai: the model's name there, if it is not --model."),
    ] = None
    api_key_file: Annotated[
        Path | None,
        Meta(description="With --backend openai: a file that holds the key the server asks for."),
    ] = None
    precision: Annotated[
        Precision,
        Meta(
            description="What the numbers are computed in, committed to on chain. Validators say"
            " which they pay."
        ),
    ] = "fp32"
    tolerance: (
        Annotated[
            float,
            Meta(
                gt=0.0,
                le=1.0,
                description="Rounding, in logits, that the subnet's validators allow; by default"
                " what is known of the model. With more in its trial, a model is refused.",
            ),
        ]
        | None
    ) = None
    threads: Annotated[
        int,
        Meta(ge=1, le=256, description="Threads for one answer; more only pay for large models."),
    ] = 1

    def __post_init__(self) -> None:
        check_reference(self.model)

    def __repr__(self) -> str:
        # The server's address may hold a user, a password or a key.
        shown = (name for name in self.__struct_fields__ if name != "base_url")
        return f"MinerSettings({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"
