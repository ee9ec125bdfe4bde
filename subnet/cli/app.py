"""The tree of commands under ``assay``. Says what there is; what each does is in its own file.

Adds one thing to typer: a command group is imported only when it is asked for, so that no command
pays for another's imports. ``main.py`` enters here, except for what must not pay for typer itself.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

import typer
from typer.core import TyperGroup

COMMANDS: Final = {
    "up": ("assay.cli.up.command", "Run a whole subnet here: chain, validators, miners, rewards."),
    "chain": ("assay.cli.chain", "The local chain: start, verify, export-blocks."),
    "fund": ("assay.cli.fund", "Give an address TAO on a local chain."),
    "subnet": ("assay.cli.subnets", "Create and start subnets, list them."),
    "miner": ("assay.cli.miner", "Run a miner."),
    "validator": ("assay.cli.validator", "Run a validator."),
    "wallet": ("assay.cli.wallet", "Make a wallet, show its addresses and balance."),
    "status": ("assay.cli.status", "Show a subnet: uids, stake, incentive, rewards."),
    "lab": ("assay.cli.lab", "Cheats and faults, to see a validator catch them."),
}
"""Name, module with an ``app``, and one line of help; the module is imported when it is used."""


class _LazyGroup(TyperGroup):
    """A group whose members are imported on demand. Their modules keep heavy imports inside."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, help_line = COMMANDS[cmd_name]
        app = importlib.import_module(module).app
        command = typer.main.get_command(app)
        command.name = cmd_name
        command.help = command.help or help_line
        return command


app = typer.Typer(
    cls=_LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Assay: build and run a Bittensor-style subnet.",
)


@app.callback()
def _root() -> None:
    """Build and run a Bittensor-style subnet: local chain, miners, validators, rewards."""
