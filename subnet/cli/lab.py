"""`assay lab miner`: a miner that cheats or is slow, to see a validator catch it.

Adds to `assay miner run` a wrapper from ``assay.lab``, put around the task from outside: the
miner, its loop and the validator know nothing of it.
"""

from __future__ import annotations

from typing import Any, Final

import click

from assay.cli.arguments import MinerArguments, miner_options
from assay.cli.command import LazyGroup
from assay.cli.miner import launch
from assay.cli.param_types import Number
from assay.cli.task_options import ChosenTask, TaskCommand, miner_half

SLOW_MAX: Final = 1_000.0
"""Slower than that is the same as silent."""


@click.group(cls=LazyGroup)
def lab() -> None:
    """Cheats and faults, to see a validator catch them."""


@lab.command(cls=TaskCommand, loads=[miner_half])
@miner_options
@click.option(
    "--cheat", metavar="NAME", show_default="none",
    help="What it does instead of work: cached, garbage or perturbed.",
)  # fmt: skip
@click.option(
    "--slow", type=Number(1.0, SLOW_MAX), default=1.0, metavar="FACTOR",
    help="How many times longer it takes.",
)  # fmt: skip
def miner(chosen: ChosenTask, cheat: str | None, slow: float, **given: Any) -> None:
    """Run a miner that cheats, or that is slow."""
    from assay.lab.cheats import wrap_cheat
    from assay.lab.faults import wrap_slow
    from assay.neuron import MinerTask

    def wrap(honest: MinerTask) -> MinerTask:
        wrapped = wrap_cheat(cheat, honest) if cheat else honest
        return wrap_slow(slow, wrapped) if slow > 1.0 else wrapped

    launch(MinerArguments(**given), chosen, wrap=wrap)
