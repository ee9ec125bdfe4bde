"""Keep child processes alive within bounds, and say as data why one cannot be kept alive.

In go ``ChildSpec``s; the supervisor starts them, starts them again when they die, with back-off and
jitter, and stops them in the order of their stages. A child that ends leaves an ``Outcome``: a
user's mistake and a refusal end the supervision at once, the same fault of a builder's code at the
second time, anything else when too many starts in a row came to nothing. What was unavailable to a
child, a port that was busy for a moment, may be there at its next start; after fewer such deaths in
a row the supervision ends. ``ChildFailed`` then carries the outcome.

This module reads no log and knows no command line: it does not know what its children do.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

import msgspec
from loguru import logger

from assay.clock import Clock
from assay.errors import Unavailable
from assay.files import write_atomic
from assay.outcome import Kind, Outcome, Slip, SourceLine, read_outcome, read_slips
from assay.spawn import (
    NO_LOG,
    ChildSpec,
    ForkServer,
    Handle,
    Interpreter,
    send_signal,
    signal_name,
)

STOP_GRACE_S: Final = 10.0
"""An axon drains for at most a few seconds and the chain closes its database in less."""
LOOK_INTERVAL_S: Final = 0.2
"""Between two looks at the children: how long a death may stay unnoticed."""
QUICK_S: Final = 10.0
"""A child that lived for longer did its work; its death is a new one, not one more of the same."""
QUICK_DEATHS_MAX: Final = 10
"""So many deaths in a row, each soon after the start, are a fault that one more start does not
mend. With the back-off they take about half a minute."""
UNAVAILABLE_DEATHS_MAX: Final = 5
"""So many deaths in a row, each soon after the start, of a child that says itself what it lacks:
with the back-off and five starts about ten seconds. With more, a person who has chosen a port that
is taken would wait for as long as for a fault that nobody can name."""
BACKOFF_FIRST_S: Final = 0.25
BACKOFF_MAX_S: Final = 4.0
"""A person waits for the child; a machine that is short of memory needs a while to recover."""
EQUAL_FAULTS_MAX: Final = 2
"""A fault in a builder's code that comes twice the same way is no accident; once may be."""
_POLL_S: Final = 0.02


class ChildFailed(Unavailable):
    """A child cannot be kept alive. ``name`` is the child's, ``outcome`` how it ended last."""

    def __init__(
        self, cause: str, cure: str, name: str = "", outcome: Outcome | None = None
    ) -> None:
        super().__init__(cause, cure)
        self.name = name
        self.outcome = outcome
        self.needs_fresh = outcome is not None and outcome.needs_fresh


class Backoff:
    """How long to wait before the next start of something that keeps dying."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.deaths = 0
        """In a row, each soon after the start."""

    def died(self, lived_s: float) -> float:
        """The pause before the next start of a child that died after ``lived_s``, in seconds: none
        at first, then doubling, with jitter, so that children of one fault do not start as one."""
        self.deaths = 1 if lived_s > QUICK_S else self.deaths + 1
        if self.deaths == 1:
            return 0.0
        ceiling = min(BACKOFF_FIRST_S * 2.0 ** (self.deaths - 2), BACKOFF_MAX_S)
        return self._rng.uniform(ceiling / 2, ceiling)

    @property
    def spent(self) -> bool:
        return self.deaths > QUICK_DEATHS_MAX


@dataclass
class _Child:
    """One child through its restarts."""

    spec: ChildSpec
    handle: Handle
    started_s: float
    backoff: Backoff
    due_s: float | None = None
    """When it is to be started again; None while it runs."""
    faults: dict[tuple[SourceLine, str], int] = field(default_factory=dict)


class Supervisor:
    """All children of one process."""

    def __init__(self, clock: Clock, rng: random.Random, pid_file: Path | None = None) -> None:
        """``pid_file`` takes the children's process ids by name, as JSON, while they run."""
        self._clock = clock
        self._rng = rng
        self._pid_file = pid_file
        self._server: ForkServer | None = None
        self._lent = False
        """Whether the server is another supervisor's, which stops it."""
        self._children: dict[str, _Child] = {}
        self._pids: dict[str, int] | None = None
        self._stopping = False
        self._write_pids()  # a supervisor that was killed has left its own

    def beside(self, pid_file: Path | None = None) -> Supervisor:
        """A supervisor of other children, whose forks come from the server of this one. It is to be
        stopped before this one, and leaves the server as it is."""
        other = Supervisor(self._clock, self._rng, pid_file)
        other._server, other._lent = self._server, True
        return other

    def preload(self, modules: Sequence[str], environment: dict[str, str]) -> None:
        """Start the server that ``forked`` children come from; it imports ``modules`` under
        ``environment``, which they share. Returns at once."""
        self._server = ForkServer(modules, environment)

    def start(self, spec: ChildSpec) -> None:
        """Start a child and keep it alive from now on. Returns at once."""
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        self._children[spec.name] = _Child(
            spec, self._spawn(spec), self._clock.monotonic(), Backoff(self._rng)
        )
        self._write_pids()

    def handle(self, name: str) -> Handle:
        """The process that is child ``name`` now, or was it last."""
        return self._children[name].handle

    def is_ready(self, name: str) -> bool:
        """Whether child ``name`` runs and has said that it does its work."""
        child = self._children[name]
        return child.due_s is None and child.spec.ready_file.exists()

    def slips(self, name: str) -> list[Slip]:
        """The builder's mistakes that child ``name`` has told of since its last start."""
        return read_slips(self._children[name].spec.slips_file)

    async def first_line(self, name: str, timeout_s: float) -> bytes:
        """What child ``name``, which has a ready line, prints first, also if it is started again
        meanwhile. Unavailable if it prints no line in time."""
        until_s = self._clock.monotonic() + timeout_s
        while self._clock.monotonic() < until_s:
            if (line := self._children[name].handle.first_line()) is not None:
                return line
            await self._clock.sleep(_POLL_S)
        raise Unavailable(
            f"{name} was not ready within {timeout_s:g} s.",
            f"Its log, {self._children[name].spec.log.absolute()}, may say why.",
        )

    async def keep_alive(self) -> NoReturn:
        """Start the dead again, for ever. ChildFailed once one cannot be kept alive."""
        while True:
            self.check()
            await self._clock.sleep(LOOK_INTERVAL_S)

    def check(self) -> None:
        """One look at every child: start the dead again whose pause is over. ChildFailed if one
        cannot be kept alive."""
        if self._stopping:
            return
        now_s = self._clock.monotonic()
        for child in self._children.values():
            if child.due_s is None and (code := child.handle.code()) is not None:
                child.due_s = now_s + self._mourn(child, code, now_s)
            if child.due_s is not None and now_s >= child.due_s:
                child.due_s = None
                child.started_s = now_s
                child.handle = self._spawn(child.spec)
        self._write_pids()

    def stop(self) -> None:
        """End all children: the highest stage first, each with SIGTERM and a grace."""
        self._stopping = True
        for stage in sorted({child.spec.stage for child in self._children.values()}, reverse=True):
            self._end([child for child in self._children.values() if child.spec.stage == stage])
        if self._server is not None and not self._lent:
            self._server.stop()
        self._children.clear()
        self._write_pids()

    def _spawn(self, spec: ChildSpec) -> Handle:
        spec.forget()
        if not spec.forked:
            return Interpreter(spec)
        if self._server is None:
            raise ValueError(f"{spec.name} is to be forked, and nothing was preloaded")
        return self._server.fork(spec)

    def _mourn(self, child: _Child, code: int, now_s: float) -> float:
        """The pause before the next start of a child that ended with ``code``; ChildFailed if there
        is to be none."""
        told = _outcome(child.spec, code)
        pause_s = child.backoff.died(now_s - child.started_s)
        if told.kind in (Kind.USER, Kind.REFUSED):
            raise _failed(child.spec, told)
        if told.at is not None:
            fault = (told.at, told.cause)
            child.faults[fault] = child.faults.get(fault, 0) + 1
            if child.faults[fault] >= EQUAL_FAULTS_MAX:
                raise _failed(child.spec, told)
        lacking = told.kind is Kind.UNAVAILABLE
        if child.backoff.spent or (lacking and child.backoff.deaths >= UNAVAILABLE_DEATHS_MAX):
            raise _failed(child.spec, told)
        logger.warning(
            "{} ended and is started again{}: {} Its log is {}.",
            child.spec.name,
            f" in {pause_s:.1f} s" if pause_s else "",
            told.cause,
            child.spec.log.absolute(),
        )
        return pause_s

    def _write_pids(self) -> None:
        """Tell who is who, if that has changed: forks all look like their server in a process
        list."""
        if self._pid_file is None or not self._pid_file.parent.is_dir():
            return
        pids = {
            name: pid
            for name, child in self._children.items()
            if (pid := child.handle.pid) is not None
        }
        if pids != self._pids:
            write_atomic(self._pid_file, msgspec.json.encode(pids))
            self._pids = pids

    def _end(self, children: Sequence[_Child]) -> None:
        living = [child for child in children if child.handle.code() is None]
        for child in living:
            send_signal(child.handle, signal.SIGTERM)
        deadline_s = self._clock.monotonic() + STOP_GRACE_S
        for child in living:
            child.handle.wait(max(deadline_s - self._clock.monotonic(), 0.0))
            if child.handle.code() is None and child.handle.pid is not None:
                logger.warning("{} did not stop in time and is killed", child.spec.name)
                send_signal(child.handle, signal.SIGKILL)
                child.handle.wait(STOP_GRACE_S)


def _outcome(spec: ChildSpec, code: int) -> Outcome:
    """How a child ended: what a signal did to it, or what the child said, or what its code says."""
    if code < 0:
        return Outcome(code=code, kind=Kind.KILLED, cause=f"It was killed ({signal_name(-code)}).")
    told = read_outcome(spec.outcome_file)
    if told is not None and told.code == code:
        return told if told.cause else msgspec.structs.replace(told, cause="It came to its end.")
    if code == NO_LOG:
        code = Unavailable.exit_code
        return Outcome(code=code, kind=Kind.UNAVAILABLE, cause="It cannot write its log.")
    return Outcome(
        code=code, kind=Kind.INTERNAL, cause=f"It left with exit code {code} and said nothing."
    )


def _failed(spec: ChildSpec, told: Outcome) -> ChildFailed:
    log = f"Its log is {spec.log.absolute()}."
    if told.at is not None:  # the builder's file and line come first
        return ChildFailed(
            f"{told.cause} That ended {spec.name}.", f"{told.cure} {log}", spec.name, told
        )
    if told.cure:
        return ChildFailed(f"{spec.name}: {told.cause}", told.cure, spec.name, told)
    cause = f"{spec.name} cannot be kept alive. {told.cause}"
    return ChildFailed(cause, log, spec.name, told)
