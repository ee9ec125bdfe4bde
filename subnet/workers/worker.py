"""Workers that are kept alive, and calls to them.

In go a ``WorkerSpec`` (which function, with which settings, limits and environment) and messages;
out come replies of the type that the caller names, or a ``WorkerError``. A worker answers one call
at a time; calls wait for their turn in the order of arrival. A call that its caller gives up, by a
deadline or by cancellation, is cancelled in the worker, and a worker that does not heed that is
killed. A worker that ends is started again, with back-off.

This module does not know what goes over the line to the process; ``line`` does.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from loguru import logger

from assay.aio import bounded
from assay.clock import Clock
from assay.spawn import ChildSpec
from assay.supervise import Backoff
from assay.workers.errors import (
    WorkerBroke,
    WorkerError,
    WorkerNotStarted,
    WorkerTimedOut,
)
from assay.workers.line import MODULE, Line, LineSpec

Rep = TypeVar("Rep")

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""A worker's name is the name of its log."""
BODY_BYTES_MAX: Final = 64 << 20
"""A message's size if the specification names none: a gradient of a small model, or 64 MiB of
tokens. Beyond it a file is the better way."""
START_DEADLINE_S: Final = 120.0
"""A model of some gigabytes is read from a cold disk in less."""
CANCEL_GRACE_S: Final = 2.0
"""From a cancellation to SIGTERM. A training step on a GPU takes less."""
STOP_GRACE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What a worker runs and what it is given."""

    name: str
    """Lower-case letters, digits and dashes; no two workers of a neuron share one."""
    reference: str
    """``package.module:function``, or ``file.py:function``; in a one-file task
    ``f"{__file__}:function"``. See ``assay.workers`` for what the function does."""
    settings: Any = None
    """The function's argument: whatever MessagePack can hold, a ``msgspec.Struct`` for instance."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of the neuron's own; ``assay.spawn.compute_environment`` chooses threads and GPUs."""
    niceness: int = 0
    memory_bytes_max: int | None = None
    """What it may map for itself to write in; GPU memory is not counted. Linux only."""
    body_bytes_max: int = BODY_BYTES_MAX
    """How long a message may be, either way."""
    start_deadline_s: float = START_DEADLINE_S
    """How long its function may take to load."""
    cancel_grace_s: float = CANCEL_GRACE_S
    """How long a call may take to heed its cancellation before the process is killed."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name for a worker")


class Workers:
    """The workers of one neuron; all of them end with it."""

    def __init__(self, folder: Path, clock: Clock, rng: random.Random) -> None:
        """``folder`` takes the workers' logs; ``rng`` spreads their restarts."""
        self._folder = folder
        self._clock = clock
        self._rng = rng
        self._workers: dict[str, Worker] = {}

    async def start(self, spec: WorkerSpec) -> Worker:
        """Start a worker; it takes calls when this returns. WorkerNotStarted if it cannot."""
        if spec.name in self._workers:
            raise ValueError(f"there is a worker {spec.name} already")
        self._folder.mkdir(parents=True, exist_ok=True)
        worker = Worker(spec, self._folder / f"{spec.name}.log", self._clock, self._rng)
        self._workers[spec.name] = worker
        try:
            await worker.open()
        except BaseException:
            del self._workers[spec.name]
            raise
        return worker

    async def close(self) -> None:
        """Stop all workers. May be called twice."""
        workers = list(self._workers.values())
        self._workers.clear()
        await asyncio.gather(*(worker.stop() for worker in workers))


class Worker:
    """One worker, through its restarts. ``Workers.start`` makes it."""

    def __init__(self, spec: WorkerSpec, log: Path, clock: Clock, rng: random.Random) -> None:
        self._spec = spec
        self._clock = clock
        self._backoff = Backoff(rng)
        settings = msgspec.msgpack.encode(spec.settings)
        self._check_size(settings, "settings")
        self._line_spec = LineSpec(
            child=ChildSpec(
                name=spec.name,
                module=MODULE,
                arguments=(),
                log=log,
                environment=dict(spec.environment),
                niceness=spec.niceness,
            ),
            reference=spec.reference,
            settings=settings,
            path=tuple(sys.path),
            memory_bytes_max=spec.memory_bytes_max or 0,
            body_bytes_max=spec.body_bytes_max,
        )
        self._turn = asyncio.Lock()
        self._number = 0
        self._line: asyncio.Future[Line] | None = None
        """The process that takes calls, or the error for which there will be none any more."""
        self._keeping: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process's id; None while there is none that takes calls."""
        line = self._line
        if line is None or not line.done() or line.exception() is not None:
            return None
        return None if line.result().over.done() else line.result().pid

    async def open(self) -> None:
        """Start the process. For ``Workers`` alone."""
        line = await self._opened()
        self._line = asyncio.get_running_loop().create_future()
        self._line.set_result(line)
        self._keeping = asyncio.create_task(self._keep(line))

    async def call(
        self,
        message: Any,
        reply: type[Rep],
        *,
        deadline_s: float,
        progress: Callable[[Any], None] | None = None,
        progress_type: Any = Any,
    ) -> Rep:
        """The worker's reply to ``message``, within ``deadline_s`` from now; a WorkerError if there
        is none. ``progress`` is called, soon and briefly, with every ``progress_type`` that the
        worker tells of meanwhile."""
        body = msgspec.msgpack.encode(message)
        self._check_size(body, "message")
        heard = None
        if progress is not None:
            decoder = msgspec.msgpack.Decoder(progress_type)

            def heard(data: bytes) -> None:
                progress(self._checked(decoder, data, "progress"))

        try:
            answer = await bounded(self._clock, deadline_s, self._ask(body, heard))
        except TimeoutError:
            raise WorkerTimedOut(
                f"The worker {self._spec.name} did not answer within {deadline_s:g} s.",
                "Give it more time, or less to do.",
            ) from None
        return self._checked(msgspec.msgpack.Decoder(reply), answer, "reply")

    async def stop(self) -> None:
        """End the process. Calls that are under way fail. May be called twice."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait((self._keeping,))
        gone = WorkerNotStarted(f"The worker {self._spec.name} was stopped.", "Start it again.")
        line = self._line
        if line is None or not line.done():
            self._refuse(gone)
        elif line.exception() is None:
            await line.result().stop(STOP_GRACE_S)
            self._refuse(gone)

    def _refuse(self, error: WorkerError) -> None:
        """End the calls that wait, and those to come, with ``error``."""
        if self._line is None or self._line.done():
            self._line = asyncio.get_running_loop().create_future()
        self._line.set_exception(error)
        self._line.exception()  # there may be nobody who waits

    async def _ask(self, body: bytes, heard: Callable[[bytes], None] | None) -> bytes:
        async with self._turn:
            if self._settling is not None:
                await asyncio.shield(self._settling)
            line = await self._living()
            self._number += 1
            try:
                return await line.ask(self._number, body, heard)
            finally:
                if not line.idle:  # the caller gave up, or its ``progress`` raised
                    self._settling = asyncio.create_task(line.settle(self._spec.cancel_grace_s))

    async def _living(self) -> Line:
        while True:
            assert self._line is not None  # ``open`` came first
            line = await asyncio.shield(self._line)
            if not line.over.done():
                return line
            await asyncio.sleep(0)  # ``_keep`` is about to put another in its place

    async def _opened(self) -> Line:
        """A line to a new process that takes calls."""
        line = await Line.open(self._line_spec, self._clock)
        late = WorkerNotStarted(
            f"The worker {self._spec.name} was not ready within {self._spec.start_deadline_s:g} s.",
            f"Its log, {self._line_spec.child.log.absolute()}, may say why.",
        )
        try:
            await bounded(self._clock, self._spec.start_deadline_s, line.ready())
        except TimeoutError:
            await line.end(late)
            raise late from None
        except BaseException:
            await line.end(late)
            raise
        return line

    async def _keep(self, line: Line) -> None:
        """Put a new process in the place of every one that ends. Whatever ends this task itself is
        told to the calls, which would wait for a process that nobody starts."""
        try:
            await self._replace(line)
        except Exception as error:
            self._refuse(
                WorkerNotStarted(
                    f"The worker {self._spec.name} is not kept alive any more"
                    f" ({type(error).__name__}: {error}).",
                    "It is our fault: please report it with the log.",
                )
            )
            raise

    async def _replace(self, line: Line) -> None:
        while True:
            began_s = self._clock.monotonic()
            error = await asyncio.shield(line.over)
            self._line = asyncio.get_running_loop().create_future()
            again = await self._again(error, self._clock.monotonic() - began_s)
            if again is None:
                return
            line = again
            self._line.set_result(line)

    async def _again(self, error: WorkerError, lived_s: float) -> Line | None:
        """Another process after one that ended by ``error``; None if that was tried too often."""
        while True:
            # One that this side killed for the sake of a call is none the worse for it.
            pause_s = 0.0 if isinstance(error, WorkerTimedOut) else self._backoff.died(lived_s)
            if self._backoff.spent:
                self._refuse(WorkerNotStarted(error.cause, error.cure, error.at))
                return None
            logger.warning("{} It is started again.", error.cause)
            await self._clock.sleep(pause_s)
            try:
                return await self._opened()
            except WorkerError as failed:
                error, lived_s = failed, 0.0

    def _check_size(self, body: bytes, what: str) -> None:
        if len(body) > self._spec.body_bytes_max:
            raise ValueError(
                f"the {what} of {len(body):,} bytes for worker {self._spec.name} are more than the"
                f" {self._spec.body_bytes_max:,} that it takes"
            )

    def _checked(self, decoder: msgspec.msgpack.Decoder[Rep], data: bytes, what: str) -> Rep:
        try:
            return decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise WorkerBroke(
                f"The worker {self._spec.name} sent a {what} that is not one: {error}.",
                "Let its function return the type that its caller expects.",
            ) from error
