"""The tree of commands under ``assay``. Says what there is; what each does is in its own file.

Each member is imported when it is asked for, so that no command pays for another's imports, and
``assay --help`` for none. ``main.py`` enters here.
"""

from __future__ import annotations

from typing import Final

import click

from assay.cli import completion
from assay.cli.command import Command, LazyGroup, write_table

COMMANDS: Final = {
    "up": ("assay.cli.up.command:up", "Run a whole subnet here: chain, validators, miners."),
    "chain": ("assay.cli.chain:chain", "The local chain: start, verify, export-blocks."),
    "fund": ("assay.cli.fund:fund", "Give an address TAO on a local chain."),
    "subnet": ("assay.cli.subnets:subnet", "Create and start subnets, list them."),
    "register": ("assay.cli.trade_commands:register", "Buy a hotkey a uid, without a neuron."),
    "stake": ("assay.cli.trade_commands:stake", "Turn TAO into alpha, staked on a hotkey."),
    "unstake": ("assay.cli.trade_commands:unstake", "Turn staked alpha back into TAO."),
    "miner": ("assay.cli.miner:miner", "Run a miner."),
    "validator": ("assay.cli.validator:validator", "Run a validator."),
    "gateway": ("assay.cli.gateway:gateway", "OpenAI's interface for clients: run, keys."),
    "train": ("assay.cli.train.command:train", "Train one model together: make and follow a run."),
    "model": ("assay.cli.model:model", "A model's folder: measure its rounding, quantise it."),
    "wallet": ("assay.cli.wallet:wallet", "Make, list and show wallets."),
    "status": ("assay.cli.status:status", "Show a subnet: uids, stake, incentive, rewards."),
    "receipt": ("assay.cli.receipt:receipt", "A validator's receipts: list, export, verify."),
    "lab": ("assay.cli.lab:lab", "Cheats and faults, to see a validator catch them."),
}
"""By name: where the command is, and the line of help beside it."""

EXIT_CODES: Final = {
    0: "done",
    1: "a fault of Assay's own",
    2: "a mistake in what was given",
    3: "the chain, a peer or a rule said no",
    4: "something is down, busy or full: try again later",
    5: "a fault in the task's own code",
    130: "interrupted by Ctrl-C",
    141: "whoever read the output has left",
}
"""What a script may tell apart; ``assay.errors`` and ``assay.outcome`` give the codes."""


class _Root(LazyGroup):
    """The group of all commands, which says what the exit codes mean."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(str(code), meaning) for code, meaning in EXIT_CODES.items()]
        write_table(formatter, [("Exit codes", rows)])


@click.group(cls=_Root, members=COMMANDS, invoke_without_command=True, no_args_is_help=True)
@click.option("-V", "--version", "version", is_flag=True, help="Say which version this is.")
@completion.shell_option(
    "--install-completion", help="Let the shell complete Assay's words at Tab, from now on."
)
@completion.shell_option(
    "--show-completion", help="Print the script with which a shell completes Assay's words."
)
@click.option("--json", is_flag=True, help="With --version: one JSON document.")
@click.pass_context
def app(
    context: click.Context,
    version: bool,
    install_completion: str | None,
    show_completion: str | None,
    json: bool,
) -> None:
    """Build and run a Bittensor-style subnet: local chain, miners, validators, rewards."""
    if version:
        _show_version(json=json)
        context.exit()
    if install_completion is not None:
        _install_completion(install_completion)
        context.exit()
    if show_completion is not None:
        _show_completion(show_completion)
        context.exit()
    if context.invoked_subcommand is None:
        raise click.UsageError("No command was given.", context)
    if json:
        raise click.UsageError("--json stands behind the command, or beside --version.", context)


@app.command("version", cls=Command, hidden=True)
@click.option("--json", is_flag=True, help="One JSON document on stdout instead of text.")
def version(json: bool) -> None:
    """Say which version this is."""
    _show_version(json=json)


def _install_completion(name: str) -> None:
    import os

    from assay.cli import output

    made = completion.install(app, completion.chosen_shell(name, os.environ), os.environ)
    output.text("\n".join(completion.told(made)))


def _show_completion(name: str) -> None:
    import os

    from assay.cli import output

    output.text(completion.script(app, completion.chosen_shell(name, os.environ)))


def _show_version(*, json: bool) -> None:
    import platform
    from importlib import metadata

    from assay.cli import output

    try:
        number = metadata.version("assay")
    except metadata.PackageNotFoundError:  # a checkout on the path that nobody installed
        number = "0+unknown"
    if json:
        told = {"assay": number, "python": platform.python_version()}
        for name in ("bittensor", "wasmtime"):
            told[name] = metadata.version(name)
        output.document(told)
    else:
        output.text(f"assay {number}")
