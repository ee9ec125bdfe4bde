"""`assay validator run`: one validator, local or public.

Adds the command line to ``neurons.run_validator``; it knows nothing of what the work is.
"""

from __future__ import annotations

from typing import Annotated

import typer

from subnet.cli import options
from subnet.cli.tasks import CONTEXT_SETTINGS, settings_of

app = typer.Typer(no_args_is_help=True, help="Run a validator.")

Seed = Annotated[
    str | None,
    typer.Option(
        "--seed",
        show_default=False,
        help="Draw challenges from this; miners must not know it. [default: an unguessable one]",
    ),
]
Interval = Annotated[
    float, typer.Option("--round-interval", min=0.0, help="Seconds between two rounds.")
]
Deadline = Annotated[
    float, typer.Option("--answer-deadline", min=0.1, help="Seconds a miner has for an answer.")
]
Stake = Annotated[
    float,
    typer.Option(
        "--stake",
        min=0.0,
        help="TAO to stake on the hotkey first, if it holds no stake on the subnet.",
    ),
]


@app.callback()
def _group() -> None:
    """Run a validator."""


@app.command(context_settings=CONTEXT_SETTINGS)
def run(
    context: typer.Context,
    netuid: options.Netuid,
    wallet: options.Wallet = "validator",
    hotkey: options.Hotkey = "default",
    task: options.Task = "inference",
    chain: options.Chain = "local",
    state_dir: options.StateDir = options.STATE_DIR,
    wallet_path: options.WalletPath = None,
    seed: Seed = None,
    round_interval: Interval = 1.0,
    answer_deadline: Deadline = 12.0,
    register: options.Register = False,
    password_file: options.PasswordFile = None,
    stake: Stake = 0.0,
    log_level: options.LogLevel = "INFO",
) -> None:
    """Ask miners, score them and set weights until Ctrl-C. Other options go to the task."""
    from subnet.cli.neurons import Identity, run_validator
    from subnet.cli.process import configure_log, run_async
    from subnet.neuron.loader import load_validator
    from subnet.types import NetUid, Rao

    configure_log(log_level)
    kind = load_validator(task)
    settings = settings_of(kind, context.args)
    run_async(
        lambda: run_validator(
            Identity(
                chain,
                NetUid(netuid),
                wallet,
                hotkey,
                state_dir,
                wallet_path,
                register,
                password_file=password_file,
                stake=Rao(int(stake * 10**9)) if stake else None,
            ),
            kind,
            settings,
            seed=seed,
            round_interval_s=round_interval,
            answer_deadline_s=answer_deadline,
        )
    )
