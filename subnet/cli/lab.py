"""`assay lab miner`: a miner that cheats or is slow, to see a validator catch it.

Adds to `assay miner run` a wrapper from ``assay.lab``, put around the task from outside: the
miner, its loop and the validator know nothing of it.
"""

from __future__ import annotations

from typing import Annotated, Final

import typer

from assay.cli import options
from assay.cli.given import MinerOptions, takes
from assay.cli.miner import launch
from assay.cli.tasks import CONTEXT_SETTINGS, running
from assay.neuron.loader import load_miner

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Cheats and faults, to see a validator catch them.",
)


SLOW_MAX: Final = 1_000.0
"""Slower than that is the same as silent."""


@app.callback()
def _group() -> None:
    """Cheats and faults, to see a validator catch them."""


@app.command(cls=running(load_miner), context_settings=CONTEXT_SETTINGS)
@takes(MinerOptions)
def miner(
    context: typer.Context,
    given: MinerOptions,
    cheat: Annotated[
        str | None,
        typer.Option(
            "--cheat",
            metavar="NAME",
            show_default="none",
            help="What it does instead of work: cached, garbage or perturbed.",
        ),
    ] = None,
    slow: Annotated[
        float,
        typer.Option(
            "--slow",
            min=1.0,
            max=SLOW_MAX,
            metavar="FACTOR",
            callback=options.finite,
            help="How many times longer it takes.",
        ),
    ] = 1.0,
) -> None:
    """Run a miner that cheats, or that is slow. Options it does not know go to the task."""
    from assay.lab.cheats import wrap_cheat
    from assay.lab.faults import wrap_slow
    from assay.neuron import MinerTask

    def wrap(honest: MinerTask) -> MinerTask:
        wrapped = wrap_cheat(cheat, honest) if cheat else honest
        return wrap_slow(slow, wrapped) if slow > 1.0 else wrapped

    launch(given, context.args, wrap=wrap)
