"""The three standard streams as a command may rely on them, and whether a person sits at one.

Adds to Python what shells and service managers do to a process. A stream that was closed before the
start (``<&-``, ``>&-``, ``2>&-``) is replaced, so that no file which is opened later takes its
number: a closed stdin reads as empty, a closed stdout fails like a pipe whose reader has left, and
what goes to a closed stderr is lost. Characters that a stream's encoding does not have are written
as question marks (stdout) or as escapes (stderr), so that nothing done is lost because it could not
be told.

Whether a person sits at a stream is a matter of the terminal alone. A wish for colour
(``FORCE_COLOR``, ``TTY_COMPATIBLE``) says nothing about it: logs of build servers have it too.
Every secret, question, progress bar and live table asks ``is_person``.
"""

from __future__ import annotations

import os
import sys
from typing import IO, TextIO, cast


def repair() -> None:
    """Make sys.stdin, sys.stdout and sys.stderr usable, whatever the process was started with."""
    if sys.stdin is None:
        sys.stdin = _opened(0, os.open(os.devnull, os.O_RDONLY), "r")
    if sys.stdout is None:
        sys.stdout = _opened(1, _unread_pipe(), "w")
    if sys.stderr is None:
        sys.stderr = _opened(2, os.open(os.devnull, os.O_WRONLY), "w")
    _tolerate(sys.stdout, "replace")
    _tolerate(sys.stderr, "backslashreplace")


def is_person(stream: IO[str] | None) -> bool:
    """Whether ``stream`` is a terminal, where a person reads or types."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it was closed
        return False


def _opened(number: int, source: int, mode: str) -> TextIO:
    """A stream over ``source``, which becomes the descriptor ``number`` if that is still free."""
    try:
        os.fstat(number)
    except OSError:
        os.dup2(source, number)
        os.close(source)
        source = number
    os.set_inheritable(source, True)  # as the standard streams are
    return cast(TextIO, open(source, mode, encoding="utf-8", closefd=False))


def _unread_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def _tolerate(stream: TextIO, errors: str) -> None:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and getattr(stream, "errors", None) != errors:
        reconfigure(errors=errors)
