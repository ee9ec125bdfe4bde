"""A builder's mistakes: found, named by file and line, and told apart from other people's.

An exception that passed through a task's own file is most likely the builder's. ``where`` finds the
innermost frame of that file; ``TaskFaults`` counts equal faults and says when a second one shows
that the mistake will not go away; ``LoopWatch`` names the line that keeps the event loop from
running.

This module knows nothing of scores, chains or the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import threading
import traceback
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

from loguru import logger

from assay.errors import UserError
from assay.outcome import Slip, SourceLine
from assay.wire.interface import Method
from assay.wire.methods import code_of

EQUAL_FAULTS_MAX: Final = 2
"""A fault that comes twice the same way is no accident; once may be a network's or a disk's."""
SLIPS_MAX: Final = 32
"""More places than a person mends in one sitting. A supervisor's file of slips stays small."""
UNBLOCK: Final = (
    "Nobody is answered meanwhile; let blocking work run in a thread (asyncio.to_thread) or a "
    "worker."
)
"""What a builder can do about a line that keeps the event loop from running."""
BLOCKED_S: Final = 1.0
"""A loop that stands still for so long makes a miner late for every caller."""


class BrokenTask(UserError):
    """A mistake in a task that starting it again does not mend. ``place`` is where, if known."""

    place: SourceLine | None = None

    @classmethod
    def of(cls, function: Callable[..., Any], cause: str, cure: str) -> BrokenTask:
        """The mistake of one function of a task, named by the function's own place."""
        place = _place_of(function)
        error = cls(cause if place is None else f"{place}: {cause}", cure)
        error.place = place
        return error


class WrongResult(Exception):
    """What a function of a task returned cannot be used, for the reason ``what``.

    It may be another time: this fault is counted like an exception of the function itself.
    """

    def __init__(self, function: Callable[..., Any], what: str) -> None:
        super().__init__(what)
        self.place = _place_of(function)


def _place_of(function: Callable[..., Any]) -> SourceLine | None:
    """Where ``function`` begins; None if it is not written in Python."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return None
    return SourceLine(code.co_filename, code.co_firstlineno, code.co_name)


def where(error: BaseException, task: object) -> SourceLine | None:
    """The innermost frame of ``error`` that lies in the file of ``task``'s class or beside it, or
    the place that a ``WrongResult`` names.

    None if no frame does: then the fault is not known to be the builder's.
    """
    if isinstance(error, WrongResult):
        return error.place
    folder = _folder_of(task)
    if folder is None:
        return None
    found = None
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename).parent == folder:
            found = SourceLine(frame.filename, frame.lineno or 0, frame.name)
    return found


class TaskFaults:
    """Counts the faults of one task by what they are and where."""

    def __init__(self, task: object) -> None:
        self._task = task
        self._seen: dict[tuple[str, str], int] = {}

    def note(self, error: Exception, doing: str) -> BrokenTask | None:
        """Log ``error`` with its traceback. The error to end the neuron with, once the same fault
        of the task's own file has come ``EQUAL_FAULTS_MAX`` times; else None.

        ``doing`` says what the task was asked for ("turn", "run"). A ``BrokenTask`` is returned as
        it is: it cannot mend itself.
        """
        if isinstance(error, BrokenTask):
            return error
        place = where(error, self._task)
        kind = type(error).__name__
        what = f"{kind}: {error}" if str(error) else kind
        if isinstance(error, WrongResult):
            what = str(error)
        logger.opt(exception=error).error("The task failed in {}: {}", doing, what)
        if place is None:
            return None
        key = (str(place), kind)
        self._seen[key] = self._seen.get(key, 0) + 1
        if self._seen[key] < EQUAL_FAULTS_MAX:
            return None
        broken = BrokenTask(
            f"{place}: {what} ({EQUAL_FAULTS_MAX} times the same).",
            "Mend the task there; the whole traceback stands in this neuron's log.",
        )
        broken.place = place
        return broken


class Slips:
    """Tells a task's mistakes that end no neuron to whoever runs the neuron: each place in the
    source once. The log tells of each as often as it may (``wire.faults``)."""

    def __init__(self, task: object, tell: Callable[[Slip], None]) -> None:
        self._task = task
        self._tell = tell
        self._told: set[SourceLine] = set()

    def failed(self, method: Method[Any, Any], error: Exception) -> None:
        """The handler of ``method`` raised ``error``, or answered what cannot be sent."""
        place = where(error, self._task) or _written(method, self._task)
        if place is not None:
            self._once(place, error, "Callers read that the handler failed; the log has more.")

    def stuck(self, place: SourceLine, seconds: float) -> None:
        """The event loop stands still at ``place``. Called in a thread of the watch."""
        self._once(place, f"the event loop has stood still for over {seconds:g} s", UNBLOCK)

    def _once(self, place: SourceLine, what: Exception | str, cure: str) -> None:
        if place not in self._told and len(self._told) < SLIPS_MAX:
            self._told.add(place)
            self._tell(Slip.of(place, what, cure))


def _written(method: Method[Any, Any], task: object) -> SourceLine | None:
    """Where the handler of ``method`` is written, if that is beside the class of ``task``."""
    code = code_of(method.handler)
    if code is None or Path(code.co_filename).parent != _folder_of(task):
        return None
    return SourceLine(code.co_filename, code.co_firstlineno, code.co_name)


@contextlib.asynccontextmanager
async def watched_loop(
    task: object,
    blocked_s: float = BLOCKED_S,
    stuck: Callable[[SourceLine, float], None] = lambda place, seconds: None,
) -> AsyncGenerator[None, None]:
    """Tell the log and ``stuck``, with file and line, when the running event loop stands still for
    longer than ``blocked_s`` in the code of ``task``: it then computes where it should await a
    thread."""
    watch = LoopWatch(task, blocked_s, stuck)
    beating = asyncio.create_task(watch.beat())
    thread = threading.Thread(target=watch.look, name="assay-loop-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watch.ended.set()
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


class LoopWatch:
    """Looks at the event loop's thread from another thread. One warning for each standstill."""

    def __init__(
        self,
        task: object,
        blocked_s: float,
        stuck: Callable[[SourceLine, float], None] = lambda place, seconds: None,
    ) -> None:
        """``task`` is whose code is to blame; a standstill elsewhere, such as in an import, is only
        told at the level DEBUG."""
        self._folder = _folder_of(task)
        self.ended = threading.Event()
        self._blocked_s = blocked_s
        self._stuck = stuck
        self._beats = 0
        self._loop_thread = threading.get_ident()

    async def beat(self) -> None:
        """Show that the loop runs. Real time, whatever clock the neuron has: it is about the
        machine."""
        while True:
            self._beats += 1
            await asyncio.sleep(self._blocked_s / 4)

    def look(self) -> None:
        """Until ``ended``: warn once when the loop misses its beats."""
        told = seen = -1
        while not self.ended.wait(self._blocked_s):
            if self._beats == seen and told != seen:
                told = seen
                frame = sys._current_frames().get(self._loop_thread)
                own = _innermost(frame, self._folder)
                logger.log(
                    "DEBUG" if own is None else "WARNING",
                    "The event loop has stood still for over {:g} s, at {}. {}",
                    self._blocked_s,
                    _line(own or frame) or "an unknown place",
                    UNBLOCK,
                )
                if (place := _line(own)) is not None:
                    self._stuck(place, self._blocked_s)
            seen = self._beats


def _folder_of(task: object) -> Path | None:
    """Where the class of ``task`` is written, or of the ``inner`` task that it is put around; None
    for one without a file."""
    while (inner := getattr(task, "inner", None)) is not None:
        task = inner
    try:
        return Path(inspect.getfile(type(task))).parent
    except (TypeError, OSError):
        return None


def _innermost(frame: FrameType | None, folder: Path | None) -> FrameType | None:
    """The innermost frame from ``frame`` outwards whose file lies in ``folder``, or None."""
    at = frame
    while at is not None and Path(at.f_code.co_filename).parent != folder:
        at = at.f_back
    return at


def _line(at: FrameType | None) -> SourceLine | None:
    return at and SourceLine(at.f_code.co_filename, at.f_lineno, at.f_code.co_name)
