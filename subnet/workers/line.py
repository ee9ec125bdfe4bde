"""One worker process, from its start to its end, as its neuron sees it.

``Line.open`` starts the process and sends the settings; ``ready`` waits until it takes calls;
``ask`` is one call, ``settle`` the end of one that its caller gave up. Whatever ends the process,
``over`` holds the error that says so, and a call that is under way ends with that error.

It starts nothing again: ``worker`` opens another line.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from assay.aio import bounded, first
from assay.clock import Clock
from assay.outcome import Kind, read_outcome
from assay.spawn import ChildSpec, Interpreter, signal_name
from assay.workers.errors import (
    WorkerBroke,
    WorkerDied,
    WorkerError,
    WorkerFailed,
    WorkerNotStarted,
    WorkerOutOfMemory,
    WorkerTimedOut,
)
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
    decode_from_worker,
    encode,
)
from assay.workers.host import OUT_OF_MEMORY

MODULE: Final = "assay.workers"
LOOK_INTERVAL_S: Final = 0.1
"""How long a death may stay unnoticed if a process that the worker started holds its line open."""
END_S: Final = 1.0
"""From the end of the line to the end of the process, and from SIGTERM to SIGKILL: a worker that
means to write something down before it ends can do that when a call is cancelled."""
_POLL_S: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSpec:
    """What one worker process runs and what it is given."""

    child: ChildSpec
    """Its arguments and its file descriptors are filled in when it is started."""
    reference: str
    settings: bytes
    """In MessagePack."""
    path: tuple[str, ...]
    """Where it searches for modules."""
    memory_bytes_max: int
    body_bytes_max: int


class _OpenCall:
    """The call that is under way."""

    def __init__(self, number: int, progress: Callable[[bytes], None] | None) -> None:
        self.number = number
        self.progress = progress
        self.outcome: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.closed = asyncio.Event()
        """The worker has said its last word on the call, or is gone."""

    def fail(self, error: BaseException) -> None:
        """End the call with ``error``, unless it has ended."""
        if not self.outcome.done():
            self.outcome.set_exception(error)
            self.outcome.exception()  # its caller may have given up: nobody need look at it


class Line:
    """One worker process."""

    def __init__(
        self,
        spec: LineSpec,
        process: Interpreter,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        clock: Clock,
    ) -> None:
        """Use ``open``."""
        loop = asyncio.get_running_loop()
        self._spec = spec
        self._name = spec.child.name
        self._process = process
        self._reader, self._writer = streams
        self._clock = clock
        self._call: _OpenCall | None = None
        self._is_ready = asyncio.Event()
        self.over: asyncio.Future[WorkerError] = loop.create_future()
        """Done once the process has ended; its result says why."""
        self._doom: WorkerError | None = None
        """Why this side ends the process, if it does."""
        self._following = loop.create_task(self._follow())

    @classmethod
    async def open(cls, spec: LineSpec, clock: Clock) -> Line:
        """Start the process, which begins to load its function. WorkerNotStarted if the system
        refuses a process, for instance for want of memory or of file descriptors."""
        try:
            spec.child.forget()
            own, theirs = socket.socketpair()
            with theirs:
                try:
                    own.setblocking(False)
                    streams = await asyncio.open_connection(sock=own)
                except BaseException:
                    own.close()
                    raise
                try:
                    process = Interpreter(_child(spec, theirs.fileno()))
                except BaseException:
                    streams[1].close()
                    raise
        except OSError as error:
            raise WorkerNotStarted(
                f"The worker {spec.child.name} could not be started: {error.strerror or error}.",
                "Free memory, processes or file descriptors, or allow this user more of them.",
            ) from error
        line = cls(spec, process, streams, clock)
        line._write(Opening(msgspec.Raw(spec.settings), list(spec.path)))
        return line

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid or 0

    async def ready(self) -> None:
        """Return once the worker takes calls; raise the WorkerError that ended it before that."""
        await first(self._is_ready.wait(), asyncio.shield(self.over))
        if self.over.done():
            raise self.over.result()

    async def ask(
        self, number: int, body: bytes, progress: Callable[[bytes], None] | None
    ) -> bytes:
        """The body of the reply to one call. A WorkerError if there is none; whatever else goes
        through, ``progress``'s own errors included, and then the call has to be settled."""
        if self.over.done():
            raise self.over.result()
        call = self._call = _OpenCall(number, progress)
        self._write(Ask(number, msgspec.Raw(body)))
        with contextlib.suppress(ConnectionError):  # ``_follow`` says why
            await self._writer.drain()
        return await asyncio.shield(call.outcome)

    @property
    def idle(self) -> bool:
        """Whether no call is under way in the worker."""
        return self._call is None or self._call.closed.is_set() or self.over.done()

    async def settle(self, grace_s: float) -> None:
        """Cancel the call that is under way; kill the worker if it does not heed that within
        ``grace_s``."""
        call = self._call
        if call is None or self.idle:
            return
        call.outcome.cancel()  # nobody waits for it any more
        self._write(Cancel(call.number))
        try:
            await bounded(self._clock, grace_s, call.closed.wait())
        except TimeoutError:
            await self.end(
                WorkerTimedOut(
                    f"The worker {self._name} did not heed a cancellation and was killed.",
                    "Let its function call check() more often.",
                )
            )

    async def end(self, reason: WorkerError, grace_s: float = END_S) -> None:
        """End the process, with SIGTERM and after ``grace_s`` with SIGKILL. ``over`` tells
        ``reason``."""
        if not self.over.done():
            self._doom = self._doom or reason
            self._signal(signal.SIGTERM)
            if await self._code_within(grace_s) is None:
                self._signal(signal.SIGKILL)
            await asyncio.shield(self._following)

    async def stop(self, grace_s: float) -> None:
        """Let the worker end by itself, for want of calls; then as ``end``."""
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.write_eof()
        await self._code_within(grace_s)
        await self.end(WorkerDied(f"The worker {self._name} was stopped.", "Start it again."))

    def _write(self, frame: ToWorker) -> None:
        self._writer.write(encode(frame, self._spec.body_bytes_max))

    async def _follow(self) -> None:
        """Read what the worker says until it ends, and make sure that it has."""
        try:
            error = await first(self._read(), self._watch())
        finally:
            self._signal(signal.SIGKILL)
            self._writer.close()
        await self._code_within(END_S)
        error = self._doom or error
        self.over.set_result(error)
        self._process.code()  # gives its lifeline back
        if self._call is not None:
            self._call.fail(error)
            self._call.closed.set()

    async def _read(self) -> WorkerError:
        """Handle frames; why there are no more of them."""
        try:
            while True:
                (length,) = PREFIX.unpack(await self._reader.readexactly(PREFIX.size))
                check_length(length, self._spec.body_bytes_max)
                self._heard(decode_from_worker(await self._reader.readexactly(length)))
        except (asyncio.IncompleteReadError, ConnectionError):
            return await self._post_mortem()
        except BadFrame as error:
            return WorkerBroke(
                f"The worker {self._name} sent what is no frame ({error}).",
                "Let nothing but its function's replies go over its line.",
            )

    async def _watch(self) -> WorkerError:
        """Wait for the process's end, which the end of the line need not follow."""
        while self._process.code() is None:
            await self._clock.sleep(LOOK_INTERVAL_S)
        await self._clock.sleep(END_S)  # what it said last is read first
        return await self._post_mortem()

    def _heard(self, frame: FromWorker) -> None:
        if isinstance(frame, Ready):
            self._is_ready.set()
            return
        call = self._call
        if call is None or frame.number != call.number or call.closed.is_set():
            raise BadFrame(f"a word on call {frame.number}, which is not under way")
        if isinstance(frame, Progress):
            self._progress(call, bytes(frame.body))
            return
        if isinstance(frame, WorkerReply):
            if not call.outcome.done():
                call.outcome.set_result(bytes(frame.body))
        elif isinstance(frame, Failure):
            call.fail(
                WorkerFailed(
                    f"The worker {self._name} failed: {frame.cause}",
                    f"Its log, {self._spec.child.log.absolute()}, has the traceback.",
                    frame.at,
                )
            )
        elif isinstance(frame, Cancelled) and not call.outcome.done():
            raise BadFrame(f"a cancellation of call {frame.number}, which nobody cancelled")
        call.closed.set()

    def _progress(self, call: _OpenCall, body: bytes) -> None:
        if call.progress is None or call.outcome.done():
            return
        try:
            call.progress(body)
        except Exception as error:  # the caller's own: the caller gets it
            call.fail(error)

    async def _post_mortem(self) -> WorkerError:
        """Why the process has ended."""
        code = await self._code_within(END_S)
        log = f"Its log is {self._spec.child.log.absolute()}."
        if code == OUT_OF_MEMORY:
            limit = self._spec.memory_bytes_max
            allowed = f"the {limit:,} bytes of memory that it may have" if limit else "memory"
            return WorkerOutOfMemory(
                f"The worker {self._name} ran out of {allowed}.", f"Allow it more. {log}"
            )
        told = read_outcome(self._spec.child.outcome_file)
        if code is None:
            cause = f"The worker {self._name} closed its line."
        elif code < 0:
            cause = f"The worker {self._name} was killed ({signal_name(-code)})."
            if code == -signal.SIGKILL:
                log = f"The system ends a process so when its memory runs out. {log}"
        elif told is not None and told.cause:
            cause = f"The worker {self._name} ended: {told.cause}"
            if told.kind is Kind.USER:
                log = f"{told.cure} {log}"
        else:
            cause = f"The worker {self._name} left with exit code {code}."
        kind = WorkerDied if self._is_ready.is_set() else WorkerNotStarted
        return kind(cause, log, told.at if told is not None and code and code > 0 else None)

    async def _code_within(self, seconds: float) -> int | None:
        """The process's exit code; None if it has not ended within ``seconds``."""
        until_s = self._clock.monotonic() + seconds
        while (code := self._process.code()) is None and self._clock.monotonic() < until_s:
            await self._clock.sleep(_POLL_S)
        return code

    def _signal(self, number: signal.Signals) -> None:
        """Signal the process and whatever it started in its session, while it has not ended."""
        if self._process.code() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def _child(spec: LineSpec, number: int) -> ChildSpec:
    """The process that serves the line whose other end is the file descriptor ``number``."""
    words = (number, spec.reference, spec.memory_bytes_max, spec.body_bytes_max)
    return replace(spec.child, module=MODULE, arguments=tuple(map(str, words)), inherited=(number,))
