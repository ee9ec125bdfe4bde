"""What a person may ask of a run: the options of `assay up`, and the record of their values.

This module knows what may be given and what that is called. Who takes part is drawn from it in
``plan``; the order in which things are done stands in ``run``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from assay.cli import arguments
from assay.cli.param_types import ChainName, LogLevel
from assay.cli.up.presets import preset_option
from assay.types import PORT_MAX

run_options: Final = arguments.all_of(
    preset_option,
    arguments.task(),
    click.option(
        "--seed", type=int, default=0, metavar="N", help="Draws who cheats, and the challenges."
    ),
    click.option(
        "--base-port", type=int, default=9944, metavar="N",
        help="The chain's port; the miners' follow it, then the gateway's, and the validators' if"
        " they serve anything.",
    ),
    # Not from ASSAY_CHAIN, as other commands' is: a run would spend on whatever chain that names.
    click.option(
        "--chain", type=ChainName(), metavar="URL", show_default="a chain of the run's own",
        help="Use the chain that somebody runs at this address of this machine, such as a stock"
        " Substrate node's, and start none.",
    ),
    arguments.state_dir,
    click.option("--validators", type=int, default=2, metavar="N", help="How many validate."),
    click.option("--miners", type=int, default=4, metavar="N", help="How many mine."),
    click.option(
        "--cheat", default="cached", metavar="NAME|none",
        help="What one miner does instead of work: cached, garbage, perturbed or none; of a miner"
        " that trains skip-10, random, copier and others.",
    ),
    click.option(
        "--slow", type=click.IntRange(min=0), default=0, metavar="N",
        help="How many honest miners take twice as long.",
    ),
    click.option(
        "--commit-reveal", is_flag=True,
        help="Seal weights for an epoch, so that no validator can copy them in time.",
    ),
    click.option(
        "--until-first-reward", is_flag=True, help="End once every honest miner was paid."
    ),
    click.option(
        "--training/--no-training", default=True,
        help="Once the first reward is paid, run a small subnet that trains a model beside that of"
        " the preset inference, at the lowest priority; it takes about 1 GB of memory.",
    ),
    click.option(
        "--fresh", is_flag=True, help="Start over in this state folder (wallets stay)."
    ),
    click.option(
        "--metrics-port", type=click.IntRange(1, PORT_MAX), metavar="N", show_default="no metrics",
        help="The chain offers metrics at this port, neurons and gateway at those after it.",
    ),
    arguments.json,
    arguments.log_level("WARNING"),
    arguments.log_format,
    click.option(
        "--neuron-log-level", type=LogLevel(),
        default="INFO", metavar="LEVEL", help="What the neurons write to their logs.",
    ),
)  # fmt: skip
"""The options of `assay up`: the fields of ``RunRequest``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRequest:
    """What one run is asked for on the command line."""

    preset: str | None
    task: str
    seed: int
    base_port: int
    chain: str | None
    state_dir: Path
    validators: int
    miners: int
    cheat: str
    slow: int
    commit_reveal: bool
    until_first_reward: bool
    training: bool
    fresh: bool
    metrics_port: int | None
    json: bool
    log_level: str
    log_format: str
    neuron_log_level: str

    @property
    def cheating(self) -> str | None:
        """The cheat's name; None if everybody is honest."""
        return None if self.cheat == "none" else self.cheat
