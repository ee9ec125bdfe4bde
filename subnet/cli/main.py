"""The command line: ``assay``. Runs a command, and turns errors into exit codes.

Every error leaves with a cause, a cure and an exit code that says of what kind it is
(``assay.errors``); with ``--json`` it is told on stdout as well, as one JSON document. The commands
are click's (``app.py``); what click raises for a wrong word is told like any other mistake. A shell
that asks for completions enters here as well.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import Final

import click

from assay.child import Supervised, leave
from assay.cli import completion
from assay.errors import AssayError, Unavailable, UserError
from assay.outcome import INTERRUPTED, Kind, Outcome, SourceLine, outcome_of, raised_in

LIKENESS_MIN: Final = 0.75
"""How alike a word must be to the one that may have been meant: 0.6, click's own, takes --help for
--model."""
QUIET: Final = frozenset(("-h", "--help"))
"""Whoever asks for help runs nothing that logs, and is spared the log's import."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; console script and child processes enter here.

    A child process also tells its supervisor how it ended (``assay.child``).
    """
    from assay.cli.streams import repair

    repair()
    supervised = Supervised.attend()
    arguments = sys.argv[1:] if argv is None else list(argv)
    # A supervisor reads its children's stdout for what they promised, and their ends elsewhere.
    json = "--json" in arguments and supervised.outcome_file is None
    outcome = _ended(arguments, json=json)
    supervised.report(outcome)
    return leave(outcome.code)


def _ended(arguments: list[str], *, json: bool) -> Outcome:
    """Run a command; say on stderr, and as ``json`` on stdout, why it failed, if it did."""
    from assay.cli import output

    instruction = os.environ.get(completion.VARIABLE)
    try:
        # Before anything else: what logs by itself shows local variables, which may be secrets. A
        # command that runs for long has --log-level and sets its own; the others say what went
        # wrong in two sentences, and the log only what a person should know besides.
        if not instruction and not QUIET.intersection(arguments):
            from assay.cli.log import configure_log

            configure_log(os.environ.get("ASSAY_LOG_LEVEL", "WARNING"))
        result = _complete(instruction) if instruction else _run(arguments)
    except output.NobodyReads as error:
        return Outcome(code=error.exit_code, kind=Kind.DONE)
    except BaseException as error:
        return _told(error, json=json)
    if result == INTERRUPTED:
        return _told(KeyboardInterrupt(), json=json)
    return Outcome(code=result if isinstance(result, int) else 0, kind=Kind.DONE)


def _run(arguments: list[str]) -> object:
    """Run the command that ``arguments`` name; what its function returns."""
    from assay.cli.app import app

    with app.make_context("assay", arguments) as context:
        return app.invoke(context)


def _complete(instruction: str) -> int:
    """Answer a shell: its own half of the completion, or what may stand where the cursor is."""
    from assay.cli.app import app

    return completion.answer(app, instruction)


def _told(error: BaseException, *, json: bool) -> Outcome:
    """What ``error`` comes to, once a person has been told. Raises what is no error of a command's,
    as GeneratorExit."""
    from assay.cli import output

    if isinstance(error, SystemExit):
        return Outcome(code=error.code if isinstance(error.code, int) else 1, kind=Kind.DONE)
    if isinstance(error, click.exceptions.Exit):
        return Outcome(code=error.exit_code, kind=Kind.DONE)
    if isinstance(error, click.Abort):  # what click makes of Ctrl-C
        error = KeyboardInterrupt()
    if not isinstance(error, (Exception, KeyboardInterrupt)):
        raise error
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return Outcome(code=UserError.exit_code, kind=Kind.USER)
    outcome = _misread(error) if isinstance(error, click.ClickException) else outcome_of(error)
    if outcome.kind is Kind.INTERRUPTED:
        output.note("Interrupted.")
        return outcome
    trace: list[str] = []
    if not isinstance(error, AssayError) and outcome.kind in (Kind.TASK, Kind.INTERNAL):
        trace = list(_traceback(error, outcome.at))
    _show_error(outcome, trace, raised_in(error))
    if json:
        with contextlib.suppress(output.NobodyReads, Unavailable):
            output.failure(outcome, reason=getattr(error, "reason", None))
    return outcome


def _show_error(outcome: Outcome, trace: list[str], raised: tuple[str, int] | None) -> None:
    """Why a command failed, on stderr and in its log, once where these are the same. ``raised`` is
    the module and the line that the error came from."""
    from assay.cli import output
    from assay.cli.log import log_end

    if log_end(outcome.cause, outcome.cure, trace, raised):
        return
    sys.stderr.writelines(trace)
    output.error(outcome.cause, outcome.cure)


def _traceback(error: BaseException, at: SourceLine | None) -> Iterable[str]:
    """The traceback of ``error``; from the builder's code inwards, if it passed through that."""
    told = traceback.TracebackException.from_exception(error)
    if at is not None:
        own = [frame.filename == at.file for frame in told.stack].index(True)
        told.stack = traceback.StackSummary.from_list(told.stack[own:])
    return told.format()


def _misread(error: click.ClickException) -> Outcome:
    """What click says of a wrong word, which word may have been meant, and where all are listed."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context is not None else "assay"
    cure = f"See {path} --help."
    said, meant = error.format_message(), _meant(error)
    if isinstance(error, click.NoSuchOption):
        said = error.message  # without click's own guesses
    if meant:
        cure = f"Was {' or '.join(meant)} meant? {cure}"
    said = " ".join(said.split()).rstrip(".") + "."
    return Outcome(code=UserError.exit_code, kind=Kind.USER, cause=said, cure=cure)


def _meant(error: click.ClickException) -> list[str]:
    """The words that are much like one that there is not."""
    from difflib import get_close_matches  # takes 3 ms, which only a mistake pays

    if isinstance(error, click.NoSuchOption):
        wrong, known = error.option_name, list(error.possibilities or ())
    elif isinstance(error, click.exceptions.NoSuchCommand) and error.ctx is not None:
        group = error.ctx.command
        wrong = error.command_name
        known = group.list_commands(error.ctx) if isinstance(group, click.Group) else []
    else:
        return []
    return get_close_matches(wrong, known, cutoff=LIKENESS_MIN)


if __name__ == "__main__":
    sys.exit(main())
