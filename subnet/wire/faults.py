"""Faults and refusals of handlers: told to whoever runs the axon.

A fault is an exception that a handler raised and that is no refusal, or an answer that cannot be
sent. The caller reads "the handler failed", because an exception's text may quote a prompt. The
axon's own log gets the text and the traceback, once a minute for each distinct fault; the axon's
owner gets every one through ``on_fault``. A refusal that a handler raises is told to the caller as
it is, and to the log as well: it is work that earns nothing.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from types import CodeType, TracebackType
from typing import Any, Final

from loguru import logger

from assay.clock import Clock
from assay.text import printable
from assay.wire.errors import RequestRefused
from assay.wire.interface import Method
from assay.wire.methods import code_of

OnFault = Callable[[Method[Any, Any], Exception], None]
"""Is told the method and what its handler raised, each time. It must not raise, nor wait."""

_AGAIN_S: Final = 60.0  # a fault that comes with every request fills no disk, and is still seen
_FAULTS_MAX: Final = 64  # distinct places in one task; beyond, the longest unseen is told anew
_TEXT_CHARS_MAX: Final = 20_000  # a traceback of some 200 frames, or one with a body in its message


class UnsendableAnswer(TypeError):
    """A handler answered what may not be sent. ``told`` is what the caller may know of it."""

    def __init__(self, told: str, what: str) -> None:
        super().__init__(what)
        self.told = told


class HandlerCancelled(RuntimeError):
    """A handler, or a task's turn, ended with a CancelledError that nobody asked for."""

    def __init__(self, cancelled: asyncio.CancelledError) -> None:
        super().__init__(
            "it awaited something that was cancelled; catch the CancelledError of that await"
        )
        self.with_traceback(cancelled.__traceback__)


class _Seen:
    __slots__ = ("silent", "told_s")

    def __init__(self, told_s: float) -> None:
        self.told_s = told_s
        self.silent = 0


class Faults:
    """Tells the faults of one axon's handlers."""

    def __init__(self, clock: Clock, on_fault: OnFault | None) -> None:
        self._clock = clock
        self._on_fault = on_fault
        self._seen: OrderedDict[tuple[str, str, str], _Seen] = OrderedDict()

    def report(self, method: Method[Any, Any], error: Exception) -> None:
        """Log ``error`` of the handler of ``method``, unless that was just done; tell the owner."""
        place = _place(error, code_of(method.handler))
        again = self._due((method.name, type(error).__name__, place))
        if again is not None:
            logger.error(
                "The method {} failed at {}{}: {}",
                method.name,
                place,
                again,
                _text(error),
            )
        if self._on_fault is not None:
            self._on_fault(method, error)

    def note_refusal(self, method: Method[Any, Any], refusal: RequestRefused) -> None:
        """Log that the handler of ``method`` refused a request, unless that was just done."""
        place = _place(refusal, code_of(method.handler))
        again = self._due((method.name, refusal.code, place))
        if again is not None:
            # From 500 on it is this side that could not do its work.
            level = "WARNING" if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "INFO"
            logger.log(
                level,
                "The method {} refused a request at {}{}: {}",
                method.name,
                place,
                again,
                printable(str(refusal)),
            )

    def _due(self, key: tuple[str, str, str]) -> str | None:
        """Words for how often this came untold before now; None if it must stay untold now."""
        now_s = self._clock.monotonic()
        seen = self._seen.get(key)
        if seen is not None and now_s - seen.told_s < _AGAIN_S:
            seen.silent += 1
            return None
        self._seen[key] = _Seen(now_s)
        self._seen.move_to_end(key)
        if len(self._seen) > _FAULTS_MAX:
            self._seen.popitem(last=False)
        if seen is None or not seen.silent:
            return ""
        return f", {seen.silent} times more since it was last told"


def _place(error: Exception, handler: CodeType | None) -> str:
    """``file:line`` of the innermost frame in the handler's own file; else of the innermost. An
    answer that cannot be sent is the handler's: its place is where the handler is written."""
    frames = list(_frames(error.__traceback__))
    if isinstance(error, UnsendableAnswer) and handler is not None:
        frames = [(handler.co_filename, handler.co_firstlineno)]
    if handler is not None:
        own = [frame for frame in frames if frame[0] == handler.co_filename]
        frames = own or frames or [(handler.co_filename, handler.co_firstlineno)]
    return "{}:{}".format(*frames[-1]) if frames else "an unknown place"


def _frames(place: TracebackType | None) -> list[tuple[str, int]]:
    return [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(place)]


def _text(error: Exception) -> str:
    """The exception's text and traceback as a log may show them, from its last line backwards."""
    text = "".join(traceback.format_exception(error)).rstrip("\n")
    headline = printable(str(error)) or type(error).__name__
    if len(text) > _TEXT_CHARS_MAX:
        text = f"{text[: _TEXT_CHARS_MAX // 2]}\n...\n{text[-_TEXT_CHARS_MAX // 2 :]}"
    lines = printable(text, keep="\n")
    return f"{headline[: _TEXT_CHARS_MAX // 100]}\n{lines}"
