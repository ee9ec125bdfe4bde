"""`assay validator run`: one validator, local or public.

Adds the command line to ``neurons.run_validator``; it knows nothing of what the work is.
"""

from __future__ import annotations

from typing import Annotated, Final

import typer

from assay.cli import options
from assay.cli.given import ValidatorOptions, takes
from assay.cli.tasks import CONTEXT_SETTINGS, running, settings_of
from assay.neuron.loader import load_validator

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Run a validator.")

INTERVAL_S_MAX: Final = 86_400.0
"""A validator that asks less than once a day sets weights of nothing."""
DEADLINE_S_MAX: Final = 120.0
"""The longest that an axon works for one caller (``wire.limits``)."""
RATE_TOLERANCE_MAX: Final = 1.0
"""Whoever would pay more than twice the price wants no limit, and should think again."""

Seed = Annotated[
    str | None,
    typer.Option(
        "--seed",
        metavar="TEXT",
        show_default="an unguessable one",
        help="Draw challenges from this; miners must not know it.",
    ),
]
Interval = Annotated[
    float,
    typer.Option(
        "--round-interval",
        min=0.0,
        max=INTERVAL_S_MAX,
        metavar="S",
        callback=options.finite,
        help="Seconds between two rounds.",
    ),
]
Deadline = Annotated[
    float,
    typer.Option(
        "--answer-deadline",
        min=0.1,
        max=DEADLINE_S_MAX,
        metavar="S",
        callback=options.finite,
        help="Seconds that a miner has for an answer.",
    ),
]
Stake = Annotated[
    str,
    typer.Option(
        "--stake",
        metavar="TAO",
        help="TAO to stake on the hotkey first, if it holds no stake on the subnet.",
    ),
]
RateTolerance = Annotated[
    float | None,
    typer.Option(
        "--rate-tolerance",
        min=0.0,
        max=RATE_TOLERANCE_MAX,
        metavar="SHARE",
        callback=options.finite,
        show_default="0.05, that is 5 %; any rise on a local chain",
        help="Stake nothing if that, or others meanwhile, raises the price of an alpha by more.",
    ),
]


@app.callback()
def _group() -> None:
    """Run a validator."""


@app.command(cls=running(load_validator), context_settings=CONTEXT_SETTINGS)
@takes(ValidatorOptions)
def run(
    context: typer.Context,
    given: ValidatorOptions,
    seed: Seed = None,
    round_interval: Interval = 1.0,
    answer_deadline: Deadline = 12.0,
    stake: Stake = "0",
    rate_tolerance: RateTolerance = None,
) -> None:
    """Ask miners, score them and set weights until Ctrl-C. Other options go to the task."""
    from assay.cli.neurons import Identity, run_validator
    from assay.cli.process import configure_log, run_async
    from assay.cli.spending import parse_stake

    configure_log(given.log_level)
    kind = load_validator(given.task)
    settings = settings_of(kind, context.args)
    identity = Identity.of(given, stake=parse_stake(stake, rate_tolerance))
    run_async(
        lambda: run_validator(
            identity,
            kind,
            settings,
            seed=seed,
            round_interval_s=round_interval,
            answer_deadline_s=answer_deadline,
        )
    )
