"""A training validator's options, as ``assay validator run --task training`` takes them.

Each field is an option of the same name with dashes. What a window is and how often it is audited
stands in the run's manifest.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from assay.neuron import TaskSettings


class TrainingValidatorSettings(TaskSettings, frozen=True):
    """Which run is validated."""

    run: Annotated[str, Meta(description="The run's folder.")]
