"""What a run may be told: the options of `assay up`, declared as one group (``cli/given.py``).

Adds to the common options the run's own. What can be asked for is here; what it comes to is drawn
in ``plan``, and the order in which it is done stands in ``command``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from assay.cli import options


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """The options of one run."""

    task: options.Task = "inference"
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Draws who cheats, and the challenges.")
    ] = 0
    base_port: Annotated[
        int,
        typer.Option("--base-port", metavar="N", help="The chain's port; the miners' follow it."),
    ] = 9944
    state_dir: options.StateDir = options.STATE_DIR
    validators: Annotated[
        int, typer.Option("--validators", metavar="N", help="How many validate.")
    ] = 2
    miners: Annotated[int, typer.Option("--miners", metavar="N", help="How many mine.")] = 4
    cheat: Annotated[
        str | None,
        typer.Option(
            "--cheat",
            metavar="NAME|none",
            help="What one miner does instead of work: cached, garbage, perturbed or none.",
        ),
    ] = "cached"
    slow: Annotated[
        int,
        typer.Option(
            "--slow", min=0, metavar="N", help="How many honest miners take twice as long."
        ),
    ] = 0
    until_first_reward: Annotated[
        bool, typer.Option("--until-first-reward", help="End once every honest miner was paid.")
    ] = False
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over in this state folder (wallets stay).")
    ] = False
    json: options.Json = False
    log_level: options.LogLevel = "WARNING"
    neuron_log_level: Annotated[
        options.Level,
        typer.Option(
            "--neuron-log-level",
            case_sensitive=False,
            help="What the neurons write to their logs.",
        ),
    ] = "INFO"

    @property
    def cheating(self) -> str | None:
        """The cheat's name; None if everybody is honest."""
        return None if self.cheat in (None, "none") else self.cheat
