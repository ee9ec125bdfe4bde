"""A training miner's options, as ``assay miner run --task training`` takes them.

Each field is an option of the same name with dashes. What a window is, how much is sent and what
the optimiser does stands in the run's manifest: all peers compute alike.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from assay.neuron import TaskSettings


class TrainingMinerSettings(TaskSettings, frozen=True):
    """Which run is trained, and with how much of the machine."""

    run: Annotated[
        str,
        Meta(
            description="The run: its folder, or its root in 64 hex digits; then all else comes"
            " from its other miners."
        ),
    ]
    niceness: Annotated[
        int, Meta(ge=0, le=19, description="How far the training gives way to other processes.")
    ] = 0
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
    bucket: Annotated[
        str,
        Meta(
            description="A bucket in which objects are kept too, such as s3://name/prefix; see"
            " docs/objects.md."
        ),
    ] = ""
