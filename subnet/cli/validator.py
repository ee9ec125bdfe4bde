"""`assay validator run`: one validator, local or public.

Adds the command line to ``neurons.run_validator``; it knows nothing of what the work is.
"""

from __future__ import annotations

from typing import Any, Final

import click

from assay.cli.arguments import NeuronArguments, json_events, neuron_options, rate_tolerance
from assay.cli.command import LazyGroup
from assay.cli.param_types import Number
from assay.cli.task_options import ChosenTask, TaskCommand, validator_half
from assay.types import HANDLER_S_MAX

INTERVAL_S_MAX: Final = 86_400.0
"""A validator that asks less than once a day sets weights of nothing."""


@click.group(cls=LazyGroup)
def validator() -> None:
    """Run a validator."""


@validator.command(cls=TaskCommand, loads=[validator_half])
@neuron_options("validator")
@click.option(
    "--seed", metavar="TEXT", show_default="an unguessable one",
    help="Draw challenges from this; miners must not know it.",
)  # fmt: skip
@click.option(
    "--round-interval", type=Number(0.0, INTERVAL_S_MAX), metavar="S",
    show_default="the task's own pace", help="Seconds between two rounds.",
)  # fmt: skip
@click.option(
    "--answer-deadline", type=Number(0.1, HANDLER_S_MAX), default=12.0, metavar="S",
    help="Seconds that a miner has for an answer.",
)  # fmt: skip
@click.option(
    "--stake", default="0", metavar="TAO",
    help="TAO to stake on the hotkey first, if it holds no stake on the subnet.",
)  # fmt: skip
@rate_tolerance
@json_events
def run(
    chosen: ChosenTask,
    seed: str | None,
    round_interval: float | None,
    answer_deadline: float,
    stake: str,
    rate_tolerance: float | None,
    json: bool,
    **given: Any,
) -> None:
    """Ask miners, score them and set weights until Ctrl-C."""
    from assay.cli import output
    from assay.cli.addresses import announced, listening
    from assay.cli.log import configure_log
    from assay.cli.neurons import Identity, run_validator
    from assay.cli.process import run_async, settle_memory
    from assay.cli.trades import parse_stake
    from assay.metrics import offered

    arguments = NeuronArguments(**given)
    configure_log(arguments.log_level, arguments.log_format, arguments.log_file)
    kind = chosen.validator
    settings = chosen.settings(kind)
    bind = listening(arguments.host, arguments.port)
    announce = announced(arguments.announce, bind)
    identity = Identity.of(arguments, stake=parse_stake(stake, rate_tolerance))

    def ready(at: int | None) -> None:
        settle_memory()
        if json:
            host = arguments.host if at is not None else None
            output.line({"event": "ready", "netuid": arguments.netuid, "host": host, "port": at})

    with offered(arguments.metrics_host, arguments.metrics_port) as metrics:
        run_async(
            lambda: run_validator(
                identity,
                kind,
                settings,
                seed=seed,
                round_interval_s=round_interval,
                answer_deadline_s=answer_deadline,
                bind=bind,
                announce=announce,
                ready=ready,
                tell=output.line if json else None,
                metrics=metrics,
            )
        )
