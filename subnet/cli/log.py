"""Where a process's log goes, and what its lines look like.

``configure_log`` is called once the options are known. The log goes to stderr, or to a file of
bounded size whose older parts are kept beside it. A line is text for a person, or with ``json`` one
JSON object, whose fields docs/operating.md lists. Never to stdout, which is for results.

Tracebacks show no variables: they could hold keys, prompts or passwords. Imports nothing heavy: the
chain's start is measured.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from datetime import UTC
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from loguru import logger

from assay.cli.param_types import LOG_BYTES_MAX, OLD_LOGS
from assay.errors import UserError
from assay.files import raise_disk_error

if TYPE_CHECKING:
    from loguru import FormatFunction, Record

_MODE: Final = 0o600
"""Logs may name hosts and paths; they are their owner's alone."""
_TEXT: Final = (
    "<green>{time:YYYY-MM-DD HH:mm:ss.SSS}</green> <level>{level: <7}</level>"
    " <cyan>{name}</cyan>: {message}\n{exception}"
)
"""Time, level, the module that speaks, and what it says. Whoever needs the line has the JSON."""


class _Stderr:
    """The standard error of the moment. Where a live table stands there, it takes the log's lines
    and draws itself below them; written past it, they would leave it on the screen twice."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


class _LogFile(RotatingFileHandler):
    """A log file of bounded size.

    Where the process's stdout or stderr was that file as well, as it is in a child of `assay up`,
    it stays the newest file: what the interpreter itself says belongs there too.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=LOG_BYTES_MAX, backupCount=OLD_LOGS, encoding="utf-8")
        self._followers = [number for number in (1, 2) if self._is_ours(number)]

    @property
    def is_stderr(self) -> bool:
        """Whether the process's stderr is this file."""
        return 2 in self._followers

    def write(self, line: str) -> None:
        """Write a line, which ends in a line break."""
        self.handle(logging.makeLogRecord({"msg": line.removesuffix("\n")}))

    def doRollover(self) -> None:  # noqa: N802  logging's own name
        super().doRollover()
        for number in self._followers:
            os.dup2(self._descriptor, number)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Go on without a line that cannot be written: there is nobody to tell but the log."""

    def _open(self) -> Any:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _MODE)
        return open(descriptor, "a", encoding=self.encoding)

    @property
    def _descriptor(self) -> int:
        assert self.stream is not None
        return self.stream.fileno()

    def _is_ours(self, number: int) -> bool:
        try:
            return os.path.sameopenfile(number, self._descriptor)
        except OSError:  # it is closed
            return False


_file: _LogFile | None = None
_json_lines = False
"""Where this process's log goes, and how: set by ``configure_log``."""


def configure_log(level: str, style: str = "text", file: Path | None = None) -> None:
    """Let the log go to ``file``, or to stderr with None, from ``level`` on.

    ``style`` is one of ``param_types.LOG_STYLES``. UserError for a level that there is not, or for
    a file that cannot be written.
    """
    global _file, _json_lines
    logger.remove()
    if _file is not None:
        _file.close()
    _file = None if file is None else _opened(file)
    _json_lines = style == "json"
    # write, flush and isatty are all that is asked of it
    sink = cast(TextIO, _file or _Stderr())
    line: str | FormatFunction = _json if _json_lines else _text
    try:
        logger.add(sink, level=level.upper(), format=line, backtrace=False, diagnose=False)
    except ValueError:
        raise UserError(
            f"{level!r} is not a log level.", "Give DEBUG, INFO, WARNING or ERROR."
        ) from None


def log_end(
    cause: str, cure: str, trace: Sequence[str], raised: tuple[str, int] | None = None
) -> bool:
    """Put into the log why this process ends. Returns whether stderr is thereby told as well.

    ``raised`` is the module, and the line in it, that the log names as the one that speaks; None:
    this one. A log that is stderr, in text, is left alone: a person there reads two lines of their
    own.
    """
    is_stderr = _file is None or _file.is_stderr
    if is_stderr and not _json_lines:
        return False
    told = f"{cause} {cure}\n{''.join(trace)}".rstrip()
    speaker = logger.bind(cause=cause, cure=cure)
    if raised is not None:
        module, line = raised
        speaker = speaker.patch(lambda record: record.update({"name": module, "line": line}))
    speaker.error("{}", told)
    return is_stderr


def _opened(path: Path) -> _LogFile:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _LogFile(path)
    except OSError as error:
        raise_disk_error(error, path)


def _text(record: Record) -> str:
    return _TEXT


def _json(record: Record) -> str:
    """A template that holds the line as JSON; loguru adds nothing to what a function returns."""
    told: dict[str, Any] = {
        "time": record["time"].astimezone(UTC).isoformat(timespec="milliseconds"),
        "level": record["level"].name,
        "module": record["name"],
        "line": record["line"],
        "pid": record["process"].id,
        "message": record["message"],
        **{key: value for key, value in record["extra"].items() if key in ("cause", "cure")},
    }
    raised = record["exception"]
    if raised is not None and raised.type is not None:
        told["error"] = raised.type.__name__
        told["traceback"] = "".join(_traceback(raised))
    record["extra"]["line"] = json.dumps(told)
    return "{extra[line]}\n"


def _traceback(raised: Any) -> list[str]:
    import traceback  # takes 2 ms, which only a fault pays

    with contextlib.suppress(Exception):  # an exception of a task's own may break at its own text
        return traceback.format_exception(raised.type, raised.value, raised.traceback)
    return []
