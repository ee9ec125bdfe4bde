"""How a process ended, as data: what a child leaves for its supervisor.

A child turns the error that ends it into an ``Outcome`` and writes that beside its log, as one JSON
document. The supervisor reads it and decides; what it shows to a person are the outcome's own two
sentences. Nobody reads a log to find out what happened. A builder's mistake that ends nothing is a
``Slip``, one JSON document a line in a file of its own.

This module knows the errors of ``assay.errors``, and how a builder's code is told from the
product's. It knows nothing of commands, neurons or terminals.
"""

from __future__ import annotations

import contextlib
import sysconfig
import traceback
from enum import StrEnum
from pathlib import Path
from types import CoroutineType, FrameType
from typing import Final, Protocol, runtime_checkable

import msgspec

from assay.errors import AssayError, Refused, Unavailable, UserError
from assay.files import read_limited, write_atomic

OUTCOME_BYTES_MAX: Final = 1 << 16
"""Two sentences and a path take a thousand; a file that is longer is not an outcome."""
SLIPS_BYTES_MAX: Final = 1 << 18
"""A slip takes some hundred bytes and names a path of at most 4,096; a process tells few."""
WORDS_CHARS_MAX: Final = 500
"""Of an error that nobody foresaw. All of it stands in the traceback in the child's log."""
TASK_FAILED: Final = 5
"""The exit code after a fault in the builder's own code."""
INTERRUPTED: Final = 130
"""The exit code after Ctrl-C: 128 + SIGINT, as shells expect."""
_LIBRARIES: Final = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
_INSTALLED: Final = frozenset(("site-packages", "dist-packages"))
_PRODUCT: Final = __name__.partition(".")[0]


class Kind(StrEnum):
    """What kind of end it was; a supervisor decides by it whether another start can help."""

    DONE = "done"
    INTERRUPTED = "interrupted"
    USER = "user"
    """The user's mistake: the same again until a person mends it."""
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    """Something outside was down, busy or too slow."""
    TASK = "task"
    """The builder's own code raised."""
    INTERNAL = "internal"
    """The product's fault."""
    KILLED = "killed"
    """A signal ended the process before it could say anything."""


class SourceLine(msgspec.Struct, frozen=True):
    """A line of a builder's code."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}()"


@runtime_checkable
class NamesLine(Protocol):
    """An error that says itself which line of a builder's code is to blame, if one is."""

    @property
    def place(self) -> SourceLine | None: ...


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a process ended. ``cause`` and ``cure`` are one sentence each, shown as they are."""

    code: int
    kind: Kind
    cause: str = ""
    cure: str = ""
    needs_fresh: bool = False
    """Only a start without what is stored helps; how that is asked for, the caller knows."""
    at: SourceLine | None = None
    """The builder's line, if the fault is in the builder's code."""


class Slip(msgspec.Struct, frozen=True):
    """A mistake in a builder's code that ends no process. ``cause``, which begins with the line
    ``at``, and ``cure`` are one sentence each."""

    at: SourceLine
    cause: str
    cure: str

    @classmethod
    def of(cls, at: SourceLine, what: BaseException | str, cure: str) -> Slip:
        """``what`` went wrong ``at`` this line: an exception, or words without a full stop."""
        return cls(at, f"{at}: {what if isinstance(what, str) else _named(what)}.", cure)


def outcome_of(error: BaseException) -> Outcome:
    """The outcome of a process that ``error`` ends.

    An error that tells of a child's end (it has an ``outcome``) keeps the child's kind and code.
    """
    child = getattr(error, "outcome", None)
    if isinstance(error, UserError) and isinstance(child, Outcome) and child.code > 0:
        return msgspec.structs.replace(child, cause=error.cause, cure=error.cure)
    if isinstance(error, UserError):
        kind = (
            Kind.UNAVAILABLE
            if isinstance(error, Unavailable)
            else Kind.REFUSED
            if isinstance(error, Refused)
            else Kind.USER
        )
        return Outcome(
            code=error.exit_code,
            kind=kind,
            cause=error.cause,
            cure=error.cure,
            needs_fresh=error.needs_fresh,
            at=_told_line(error),
        )
    if isinstance(error, KeyboardInterrupt):
        return Outcome(code=INTERRUPTED, kind=Kind.INTERRUPTED, cause="It was interrupted.")
    if isinstance(error, AssayError):
        return Outcome(
            code=error.exit_code,
            kind=Kind.INTERNAL,
            cause=str(error),
            cure="This is our fault: please report it with the log.",
        )
    at = builders_line(error)
    if at is not None:
        return Outcome(
            code=TASK_FAILED,
            kind=Kind.TASK,
            cause=f"{at}: {_named(error)}.",
            cure="Mend it there; the traceback shows how it came to that.",
            at=at,
        )
    return Outcome(
        code=AssayError.exit_code,
        kind=Kind.INTERNAL,
        cause=f"This should not happen ({_named(error)}).",
        cure="It is our fault: please report it with the traceback above, or in the log.",
    )


def builders_line(error: BaseException) -> SourceLine | None:
    """The innermost line of ``error``'s traceback in code that a user of the product wrote.

    That is code which is neither the product's, nor the standard library's, nor installed; None if
    the error passed through none.
    """
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if _is_builders(frame):
            found = SourceLine(frame.f_code.co_filename, line, frame.f_code.co_name)
    return found


def waiting_line(coroutine: object) -> SourceLine | None:
    """The innermost line of a builder's code at which the suspended ``coroutine`` waits; None if it
    waits in the code of others alone."""
    found, at = None, coroutine
    while isinstance(at, CoroutineType):
        frame = at.cr_frame
        if frame is not None and _is_builders(frame):
            found = SourceLine(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        at = at.cr_await
    return found


def raised_in(error: BaseException) -> tuple[str, int] | None:
    """The module that raised ``error``, and the line in that module: of the frames in the product
    or in a builder's code, the innermost one. None if the error was never raised."""
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] == _PRODUCT or _is_own(frame.f_code.co_filename):
            found = module, line
    return found


def _told_line(error: BaseException) -> SourceLine | None:
    return error.place if isinstance(error, NamesLine) else None


def write_outcome(path: Path, outcome: Outcome) -> None:
    """Leave ``outcome`` at ``path``, whole or not at all; a disk that refuses it is ignored.

    A process that is ending has nobody left to tell about a full disk but its log.
    """
    with contextlib.suppress(UserError):
        write_atomic(path, msgspec.json.encode(outcome))


def read_outcome(path: Path) -> Outcome | None:
    """The outcome at ``path``; None if there is none or if it cannot be read."""
    try:
        data = read_limited(path, OUTCOME_BYTES_MAX)
        return None if data is None else msgspec.json.decode(data, type=Outcome)
    except (UserError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def append_slip(path: Path, slip: Slip) -> None:
    """Add ``slip`` as one line to the file at ``path``; a disk that refuses it is ignored."""
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as file:
        file.write(msgspec.json.encode(slip) + b"\n")  # one write: threads may slip at once


def read_slips(path: Path) -> list[Slip]:
    """The slips in the file at ``path``, the oldest first; none if it cannot be read. A line that
    is being written is left for the next time."""
    with contextlib.suppress(UserError, msgspec.MsgspecError, UnicodeDecodeError):
        *lines, _ = (read_limited(path, SLIPS_BYTES_MAX) or b"").split(b"\n")
        return [msgspec.json.decode(line, type=Slip) for line in lines]
    return []


def _is_builders(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] != _PRODUCT and _is_own(frame.f_code.co_filename)


def _is_own(filename: str) -> bool:
    path = Path(filename)
    return (
        path.is_absolute()
        and not _INSTALLED.intersection(path.parts)
        and not any(library and path.is_relative_to(library) for library in _LIBRARIES)
    )


def _named(error: BaseException) -> str:
    words = " ".join(str(error).split())[:WORDS_CHARS_MAX].rstrip(".")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
