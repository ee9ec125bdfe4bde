"""The worker's side of the line: a process that loads one function and answers calls with it.

Started as ``python -m assay.workers FD REFERENCE MEMORY BODY``: the file descriptor of the
line, the function (``package.module:function``, or ``file.py:function`` for one in a task file),
and two limits in bytes, 0 for none. Calls are answered one at a time, in the main thread; a second
thread reads the line, so that a cancellation reaches a call that is under way.

stdout and stderr are the worker's log: whatever the function prints disturbs nobody.
"""

from __future__ import annotations

import importlib
import inspect
import os
import queue
import resource
import socket
import sys
import threading
import traceback
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from assay.child import Supervised
from assay.errors import UserError
from assay.outcome import Kind, Outcome, outcome_of
from assay.workers.frames import (
    PREFIX,
    Ask,
    BadFrame,
    Cancel,
    Cancelled,
    Failure,
    FromWorker,
    Opening,
    Progress,
    Ready,
    ToWorker,
    WorkerReply,
    check_length,
    decode_to_worker,
    encode,
)

OUT_OF_MEMORY: Final = 113
"""The exit code of a worker that wanted more memory than it may have. Its state is not to be
trusted after that, so it leaves."""
_CAUSE_CHARS_MAX: Final = 800
"""What of an error's words goes over the line; a frame has little room besides its body."""


class CallCancelled(BaseException):
    """The caller has given up. Like asyncio's CancelledError no ``Exception``, so that a function's
    own error handling does not take it for a fault."""


class WorkerCall:
    """What a worker's function may do while it answers one call."""

    def __init__(self, number: int, send: Callable[[FromWorker], None]) -> None:
        self._number = number
        self._send = send
        self.cancelled = threading.Event()
        """Set once the caller has given up; for functions that wait rather than compute."""

    def check(self) -> None:
        """Raise CallCancelled if the caller has given up. Call it often: a worker that does not
        heed a cancellation is killed."""
        if self.cancelled.is_set():
            raise CallCancelled

    def progress(self, value: Any) -> None:
        """Tell the caller how far the call has come; waits while the caller cannot keep up."""
        self.check()
        self._send(Progress(self._number, _packed(value)))


class _Line:
    """The frames of one worker, read in a thread of their own."""

    def __init__(self, connection: socket.socket, body_bytes_max: int) -> None:
        self._connection = connection
        self._body_bytes_max = body_bytes_max
        self._asked: queue.SimpleQueue[Ask | None] = queue.SimpleQueue()
        self._call: WorkerCall | None = None
        self._number = -1
        self._given_up = -1
        """The newest call that was cancelled; it may not have begun yet."""
        self._lock = threading.Lock()

    def receive(self) -> ToWorker | None:
        """The next frame; None at the end of the line."""
        prefix = self._exactly(PREFIX.size)
        if prefix is None:
            return None
        (length,) = PREFIX.unpack(prefix)
        check_length(length, self._body_bytes_max)
        data = self._exactly(length)
        return None if data is None else decode_to_worker(data)

    def _exactly(self, count: int) -> bytes | None:
        got = bytearray()
        while len(got) < count:
            chunk = self._connection.recv(min(count - len(got), 1 << 20))
            if not chunk:
                return None
            got += chunk
        return bytes(got)

    def send(self, frame: FromWorker) -> None:
        """Send a frame. BadFrame if its body is longer than allowed; nothing is sent then."""
        self._connection.sendall(encode(frame, self._body_bytes_max))

    def listen(self) -> None:
        """Read frames until the line ends; the calls wait in ``calls``."""
        threading.Thread(target=self._listen, name="line", daemon=True).start()

    def _listen(self) -> None:
        try:
            while (frame := self.receive()) is not None:
                if isinstance(frame, Ask):
                    self._asked.put(frame)
                elif isinstance(frame, Cancel):
                    self._cancel(frame.number)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except (OSError, BadFrame):
            traceback.print_exc()
        self._asked.put(None)
        with self._lock:
            if self._call is not None:
                self._call.cancelled.set()

    def _cancel(self, number: int) -> None:
        with self._lock:
            self._given_up = number
            if self._call is not None and self._number <= number:
                self._call.cancelled.set()

    def next(self) -> tuple[Ask, WorkerCall] | None:
        """The next call, which can be cancelled from now on; None at the end of the line."""
        ask = self._asked.get()
        if ask is None:
            return None
        call = WorkerCall(ask.number, self.send)
        with self._lock:
            self._call, self._number = call, ask.number
            if ask.number <= self._given_up:
                call.cancelled.set()
        return ask, call


def main(arguments: Sequence[str]) -> int:
    """Serve one line until it ends; the exit code says how that was."""
    supervised = Supervised.attend()
    descriptor, reference, memory_bytes_max, body_bytes_max = arguments
    try:
        connection = socket.socket(fileno=int(descriptor))
        connection.set_inheritable(False)  # what the function starts must not hold the line open
        if limit := int(memory_bytes_max):
            # What a process maps for itself to write in. Unlike its address space, this leaves out
            # what GPU drivers merely reserve.
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        _serve(_Line(connection, int(body_bytes_max)), reference)
        outcome = Outcome(code=0, kind=Kind.DONE)
    except MemoryError:
        outcome = Outcome(code=OUT_OF_MEMORY, kind=Kind.INTERNAL, cause="It ran out of memory.")
    except Exception as error:
        traceback.print_exc()
        outcome = outcome_of(error)
    supervised.report(outcome)
    return outcome.code


def _serve(line: _Line, reference: str) -> None:
    opening = line.receive()
    if not isinstance(opening, Opening):
        return  # the neuron was gone before it could say a word
    sys.path[:] = opening.path
    open_function = load(reference)
    settings = _decoded(opening.settings, _parameter(open_function, reference))
    answer = open_function(settings)
    if not callable(answer):
        raise UserError(
            f"{reference} returned {type(answer).__name__}, which cannot be called.",
            "Let it return the function that answers calls: f(request, call) -> reply.",
        )
    kind = _parameter(answer, reference)
    line.listen()
    line.send(Ready())
    while (asked := line.next()) is not None:
        ask, call = asked
        _answer(line, answer, kind, ask, call)


def _answer(
    line: _Line, answer: Callable[[Any, WorkerCall], Any], kind: Any, ask: Ask, call: WorkerCall
) -> None:
    """Answer one call with one frame."""
    try:
        result = _packed(answer(_decoded(ask.body, kind), call))
        line.send(WorkerReply(ask.number, result))
    except CallCancelled:
        line.send(Cancelled(ask.number))
    except MemoryError:
        raise
    except OSError as error:
        if call.cancelled.is_set():  # the line is gone, and the process with it
            return
        line.send(_failure(ask.number, error))
    except Exception as error:
        line.send(_failure(ask.number, error))


def _failure(number: int, error: Exception) -> Failure:
    traceback.print_exception(error)
    told = outcome_of(error)
    words = f"{type(error).__name__}: {error}" if told.at is None else told.cause
    return Failure(number, words[:_CAUSE_CHARS_MAX], told.at)


def load(reference: str) -> Callable[..., Any]:
    """The function that ``reference`` names. UserError if there is none."""
    where, colon, name = reference.rpartition(":")
    function = getattr(_module(where), name, None) if colon else None
    if not callable(function):
        raise UserError(
            f"There is no function {reference!r}.",
            "Name it as package.module:function, or as file.py:function.",
        )
    return typing.cast("Callable[..., Any]", function)


def _module(where: str) -> ModuleType:
    if where.endswith(".py"):
        # As the neuron loads the task file itself: its neighbours can be imported.
        from assay.task_file import execute

        return execute(Path(where))
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        raise UserError(
            f"{error}.", "Check the worker's reference, and what is installed here."
        ) from error


def _parameter(function: Callable[..., Any], reference: str) -> Any:
    """The type of the function's first parameter; Any if it says none."""
    names = list(inspect.signature(function).parameters)
    annotated: Any = function if inspect.isroutine(function) else type(function).__call__
    try:
        hints = typing.get_type_hints(annotated)
    except NameError as error:
        raise UserError(
            f"The types of {reference} cannot be found: {error}.",
            "Define the messages' types at the top level of their module.",
        ) from error
    return hints.get(names[0], Any) if names else Any


def _decoded(body: msgspec.Raw, kind: Any) -> Any:
    return msgspec.msgpack.decode(body, type=kind)


def _packed(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode(value))
