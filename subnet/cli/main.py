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
from collections.abc import Iterable, Sequence
from typing import Final

from assay.child import Supervised
from assay.errors import AssayError
from assay.outcome import INTERRUPTED, Kind, Outcome, SourceLine, outcome_of

HELP: Final = frozenset(("-h", "--help"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; console script and child processes enter here.

    A child process also tells its supervisor how it ended (``assay.child``).
    """
    supervised = Supervised.attend()
    outcome = _ended(sys.argv[1:] if argv is None else list(argv))
    supervised.report(outcome)
    return outcome.code


def _ended(arguments: list[str]) -> Outcome:
    """Run a command; say on stderr why it failed, if it did."""
    from assay.cli import output
    from assay.cli.process import configure_log

    try:
        # Before anything else: what logs by itself shows local variables, which may be secrets. A
        # command that runs for long has --log-level and sets its own; the others say what went
        # wrong in two sentences, and the log only what a person should know besides.
        configure_log(os.environ.get("ASSAY_LOG_LEVEL", "WARNING"))
        result = _run(arguments)
    except output.NobodyReads as error:
        return Outcome(code=error.exit_code, kind=Kind.DONE)
    except BaseException as error:
        return _told(error)
    if result == INTERRUPTED:
        return _told(KeyboardInterrupt())
    return Outcome(code=result if isinstance(result, int) else 0, kind=Kind.DONE)


def _run(arguments: list[str]) -> object:
    if arguments[:2] == ["chain", "start"] and not HELP.intersection(arguments):
        from assay.cli.chain_start import start

        return start(arguments[2:])
    from assay.cli.app import app

    return app(args=arguments, prog_name="assay", standalone_mode=False)


def _told(error: BaseException) -> Outcome:
    """What ``error`` comes to, once a person has been told. Raises what is no error of a command's,
    as GeneratorExit."""
    from assay.cli import output

    if isinstance(error, SystemExit):
        return Outcome(code=error.code if isinstance(error.code, int) else 1, kind=Kind.DONE)
    typer = sys.modules.get("typer")
    if typer is not None and isinstance(error, typer.Abort):  # what it makes of Ctrl-C
        error = KeyboardInterrupt()
    if not isinstance(error, (Exception, KeyboardInterrupt)):
        raise error
    outcome = _of_typer(error) or outcome_of(error)
    if outcome.kind is Kind.INTERRUPTED:
        output.note("Interrupted.")
        return outcome
    if not isinstance(error, AssayError) and outcome.kind in (Kind.TASK, Kind.INTERNAL):
        sys.stderr.writelines(_traceback(error, outcome.at))
    if outcome.cause:
        output.error(outcome.cause, outcome.cure)
    return outcome


def _traceback(error: BaseException, at: SourceLine | None) -> Iterable[str]:
    """The traceback of ``error``; from the builder's code inwards, if it passed through that."""
    told = traceback.TracebackException.from_exception(error)
    if at is not None:
        own = [frame.filename == at.file for frame in told.stack].index(True)
        told.stack = traceback.StackSummary.from_list(told.stack[own:])
    return told.format()


def _of_typer(error: BaseException) -> Outcome | None:
    """The outcome of a usage error, if ``error`` is one of typer's."""
    code = getattr(error, "exit_code", None)
    if isinstance(error, AssayError) or code is None:
        return None
    message = getattr(error, "format_message", lambda: "")()
    # click puts a full stop behind its own question
    whole = (message if message.endswith(("?", "!")) else message.rstrip(".") + ".").replace(
        "?.", "?"
    )
    return Outcome(
        code=int(code),
        kind=Kind.USER if code else Kind.DONE,
        cause=whole if message else "",
        cure="See --help for what may be given." if message else "",
    )


if __name__ == "__main__":
    sys.exit(main())
