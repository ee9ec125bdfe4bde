"""The command line: ``assay``. Finds a command, runs it, and turns errors into exit codes.

Adds to typer two things: command groups are imported only when asked for, so that ``assay chain
start`` pays for no SDK and no torch; and every error leaves with a cause, a cure and the house's
exit codes (0 done, 2 the user's mistake or a refusal, 1 our fault). What the commands do is in the
files beside this one.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any, Final

import typer
from typer.core import TyperGroup

from subnet.errors import AssayError, UserError

COMMANDS: Final = {
    "up": ("subnet.cli.up.command", "Run a whole subnet here: chain, validators, miners, rewards."),
    "chain": ("subnet.cli.chain", "The local chain: start, verify, export."),
    "fund": ("subnet.cli.fund", "Give an address TAO on a local chain."),
    "subnet": ("subnet.cli.subnets", "Create and start subnets, list them."),
    "miner": ("subnet.cli.miner", "Run a miner."),
    "validator": ("subnet.cli.validator", "Run a validator."),
    "wallet": ("subnet.cli.wallet", "Make a wallet, show its addresses and balance."),
    "status": ("subnet.cli.status", "Show a subnet: uids, stake, incentive, rewards."),
    "lab": ("subnet.cli.lab", "Cheats and faults, to see a validator catch them."),
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; console script and child processes enter here."""
    from subnet.cli import output

    try:
        result = app(args=list(argv) if argv is not None else None, standalone_mode=False)
    except UserError as error:
        output.error(error.cause, error.cure)
        return error.exit_code
    except AssayError as error:
        output.error(str(error), "This is our fault: please report it with the log.")
        return error.exit_code
    except KeyboardInterrupt:
        output.note("Interrupted.")
        return 130  # 128 + SIGINT, as shells expect
    except BaseException as error:
        return _click_exit(error)
    return result if isinstance(result, int) else 0


def _click_exit(error: BaseException) -> int:
    """The exit code of typer's own endings (usage errors, aborts); anything else goes through."""
    from subnet.cli import output

    code = getattr(error, "exit_code", None)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if code is None or not isinstance(error, Exception):
        raise error
    message = getattr(error, "format_message", lambda: "")()
    if message:
        output.error(message.rstrip(".") + ".", "See --help for what may be given.")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
