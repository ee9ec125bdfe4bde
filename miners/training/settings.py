"""A training miner's options, as ``assay miner run --task training`` takes them.

Each field is an option of the same name with dashes. What a window is, how much is sent and what
the optimiser does stands in the run's manifest: all peers compute alike.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from assay.training.run_task import RunSettings


class TrainingMinerSettings(RunSettings, frozen=True):
    """Which run is trained, and with how much of the machine."""

    nproc: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=64,
                description="Processes that divide each step, of a GPU each where there are some;"
                " by default as the run says. Another number gives other bits.",
            ),
        ]
        | None
    ) = None
    way_bytes_max: Annotated[
        int,
        Meta(
            ge=0,
            description="The most bytes of states on windows' ways that are kept for validators who"
            " dispute a window. They are kept only in runs whose bits vary, as on GPUs.",
        ),
    ] = 2**34
    """16 GiB: four states of each of three windows, for a model of a hundred million numbers."""
