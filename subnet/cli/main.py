"""The command line: ``assay``. Runs a command, and turns errors into exit codes.

Every error leaves with a cause, a cure and the house's exit codes (0 done, 2 the user's mistake or
a refusal, 1 our fault). The commands are typer's (``app.py``) but for one: ``assay chain start``
is entered before typer is imported, because typer, pydantic and rich would cost it a third of the
half second in which a chain has to be up; its help has all the time.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from assay.errors import AssayError, UserError

WORDS_CHARS_MAX: Final = 200
"""Of an error that nobody foresaw; all of it stands in the traceback."""
HELP: Final = frozenset(("-h", "--help"))
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells expect."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; console script and child processes enter here."""
    from assay.cli import output
    from assay.cli.process import configure_log

    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        # Before anything else: what logs by itself shows local variables, which may be secrets. A
        # command that runs for long has --log-level and sets its own; the others say what went
        # wrong in two sentences, and the log only what a person should know besides.
        configure_log(os.environ.get("ASSAY_LOG_LEVEL", "WARNING"))
        result = _run(arguments)
    except UserError as error:
        output.error(error.cause, error.cure)
        return error.exit_code
    except output.NobodyReads as error:
        return error.exit_code
    except AssayError as error:
        output.error(str(error), "This is our fault: please report it with the log.")
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except BaseException as error:
        return _other_end(error)
    return _interrupted() if result == INTERRUPTED else result if isinstance(result, int) else 0


def _run(arguments: list[str]) -> object:
    if arguments[:2] == ["chain", "start"] and not HELP.intersection(arguments):
        from assay.cli.chain_start import start

        return start(arguments[2:])
    from assay.cli.app import app

    return app(args=arguments, prog_name="assay", standalone_mode=False)


def _interrupted() -> int:
    from assay.cli import output

    output.note("Interrupted.")
    return INTERRUPTED


def _named(error: Exception) -> str:
    words = " ".join(str(error).split())[:WORDS_CHARS_MAX]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _other_end(error: BaseException) -> int:
    """The exit code of typer's own endings (usage errors, aborts), and of what nobody foresaw."""
    from assay.cli import output

    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    typer = sys.modules.get("typer")
    if typer is not None and isinstance(error, typer.Abort):  # what it makes of Ctrl-C
        return _interrupted()
    code = getattr(error, "exit_code", None)
    if not isinstance(error, Exception):
        raise error
    if code is None:
        traceback.print_exception(error)
        output.error(
            f"This should not happen ({_named(error)}).",
            "Mend it if it is your task's; else it is ours: please report it with what stands"
            " above.",
        )
        return AssayError.exit_code
    message = getattr(error, "format_message", lambda: "")()
    if message:
        whole = message if message.endswith(("?", "!")) else message.rstrip(".") + "."
        # click puts a full stop behind its own question
        output.error(whole.replace("?.", "?"), "See --help for what may be given.")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
