"""`assay miner run`: one miner, local or public. The lab starts its wrapped ones the same way.

Adds the command line to ``neurons.run_miner``; it knows nothing of what the work is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from assay.child import tell_ready
from assay.cli.arguments import MinerArguments, miner_options
from assay.cli.command import LazyGroup
from assay.cli.task_options import ChosenTask, TaskCommand, miner_half


@click.group(cls=LazyGroup)
def miner() -> None:
    """Run a miner."""


@miner.command(cls=TaskCommand, loads=[miner_half])
@miner_options
def run(chosen: ChosenTask, **given: Any) -> None:
    """Serve a task's requests until Ctrl-C."""
    launch(MinerArguments(**given), chosen)


def launch(
    given: MinerArguments,
    chosen: ChosenTask,
    *,
    wrap: Callable[[Any], Any] = lambda task: task,
) -> None:
    """Run a miner of the ``chosen`` task, ``wrap``ped from outside (by default not at all)."""
    from assay.cli import output
    from assay.cli.addresses import announced, listening
    from assay.cli.log import configure_log
    from assay.cli.neurons import Identity, run_miner
    from assay.cli.process import run_async, settle_memory
    from assay.metrics import offered

    configure_log(given.log_level, given.log_format, given.log_file)
    kind = chosen.miner
    settings = chosen.settings(kind)
    bind = listening(given.host, given.port)
    announce = announced(given.announce, bind)

    def ready(at: int) -> None:
        settle_memory()
        tell_ready()
        if given.json:
            output.line({"event": "ready", "netuid": given.netuid, "host": given.host, "port": at})

    with offered(given.metrics_host, given.metrics_port) as metrics:
        run_async(
            lambda: run_miner(
                Identity.of(given),
                lambda: wrap(kind()),
                settings,
                bind=bind,
                announce=announce,
                serve=given.serve,
                ready=ready,
                tell=output.line if given.json else None,
                metrics=metrics,
            )
        )
