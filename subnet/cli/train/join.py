"""`assay train join`: take part in a run as a miner.

It is `assay miner run` with the task given: every option of that command is one here. The run is
its folder, or its root alone; then its files come from its other neurons.
"""

from __future__ import annotations

from typing import Any, Final

import click

from assay.cli.arguments import MinerArguments, miner_options
from assay.cli.miner import launch
from assay.cli.task_options import ChosenTask, TaskCommand, miner_half
from assay.protocol.training.asking import NAME

DEFAULTS: Final = {"task": NAME}


@click.command(
    "join", cls=TaskCommand, loads=[miner_half], context_settings={"default_map": DEFAULTS}
)
@miner_options
def join(chosen: ChosenTask, **given: Any) -> None:
    """Train a run's windows as a miner until Ctrl-C."""
    launch(MinerArguments(**given), chosen)
