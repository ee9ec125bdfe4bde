"""`assay train run`: a whole run on this machine, from an empty folder.

It is `assay up` with the preset given: every option of that command is one here. It makes the run,
and starts a chain, the validators and the miners. On a chain that is there already, a run is made
by `assay train new`, and its peers are started by `assay train join` and `assay validator run`.
"""

from __future__ import annotations

from typing import Any, Final

import click

from assay.cli.task_options import ChosenTask, TaskCommand, miner_half, validator_half
from assay.cli.up.command import launch
from assay.cli.up.presets import TrainedModel
from assay.cli.up.request import RunRequest, run_options

DEFAULTS: Final = {"preset": TrainedModel().name}


@click.command(
    "run",
    cls=TaskCommand,
    loads=[miner_half, validator_half],
    context_settings={"default_map": DEFAULTS},
)
@run_options
def run(chosen: ChosenTask, **given: Any) -> int:
    """Make a run here and train it: a chain, validators, and miners of which one cheats.

    It is `assay up --preset training`. Ctrl-C stops everything; the next start goes on.
    """
    return launch(RunRequest(**given), chosen)
