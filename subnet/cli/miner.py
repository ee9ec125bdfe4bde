"""`assay miner run`: one miner, local or public. The lab starts its wrapped ones the same way.

Adds the command line to ``neurons.run_miner``; it knows nothing of what the work is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import typer

from assay.cli.given import MinerOptions, takes
from assay.cli.tasks import CONTEXT_SETTINGS, running, settings_of
from assay.neuron.loader import load_miner

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Run a miner.")


@app.callback()
def _group() -> None:
    """Run a miner."""


@app.command(cls=running(load_miner), context_settings=CONTEXT_SETTINGS)
@takes(MinerOptions)
def run(context: typer.Context, given: MinerOptions) -> None:
    """Serve a task's requests until Ctrl-C. Options the command does not know go to the task."""
    launch(given, context.args)


def launch(
    given: MinerOptions, words: Sequence[str], *, wrap: Callable[[Any], Any] = lambda task: task
) -> None:
    """Run a miner whose task is ``wrap``ped from outside (by default not at all).

    ``words`` are the task's own options.
    """
    from assay.cli import output
    from assay.cli.neurons import Identity, run_miner
    from assay.cli.places import announced, listening
    from assay.cli.process import configure_log, run_async

    configure_log(given.log_level)
    kind = load_miner(given.task)
    settings = settings_of(kind, words)
    bind = listening(given.host, given.port)
    announce = announced(given.announce, bind)

    def ready(at: int) -> None:
        if given.json:
            output.line({"ready": True, "netuid": given.netuid, "host": given.host, "port": at})

    run_async(
        lambda: run_miner(
            Identity.of(given),
            lambda: wrap(kind()),
            settings,
            bind=bind,
            announce=announce,
            serve=given.serve,
            ready=ready,
        )
    )
