"""The processes of a run: started, watched, restarted, stopped; each by its own pid.

Adds to ``subprocess`` and to the standard library's fork server one shape for both kinds of child.
The chain is a fresh interpreter, which starts in a third of a second. Neurons are forked from a
server that has imported the heavy modules once, and enter through the same command line as any
``assay miner run``. A child that dies is started again, a bounded number of times; one that leaves
with exit code 2 has said what a person must mend, and is not.

No child outlives its supervisor: each is told when the supervisor's end of a pipe closes.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final, Protocol

import msgspec
from loguru import logger

from assay.cli import output
from assay.cli.process import LIFELINE
from assay.clock import Clock
from assay.errors import Unavailable, UserError
from assay.files import write_atomic

STOP_GRACE_S: Final = 10.0
"""An axon drains for at most a few seconds and the chain closes its database in less."""
RESTARTS_MAX: Final = 10
RESTART_WINDOW_S: Final = 60.0
"""Ten deaths in a minute are a fault that one more start does not mend."""
LOG_TAIL_LINES: Final = 5
LAST_WORDS_CHARS_MAX: Final = 300
"""A log may hold lines of any length; a warning is read at a glance."""
_LOST: Final = 255
"""What ``multiprocessing`` says of a child whose fork server is gone."""
_PUT_DOWN_S: Final = 1.0
"""A killed process is gone within milliseconds."""
_USER_ERROR: Final = UserError.exit_code
_LINE_BYTES_MAX: Final = 4_096
"""The line that a chain prints when it is ready takes three hundred."""
_POLL_S: Final = 0.02


class _Handle(Protocol):
    """What ``subprocess`` and ``multiprocessing`` agree on, under one name each."""

    pid: int

    def code(self) -> int | None: ...
    def wait(self, timeout_s: float) -> None: ...


class _Exec:
    def __init__(self, argv: Sequence[str], log: Path) -> None:
        read_end, self._write_end = os.pipe()
        self._said = b""
        with open(_open_log(log), "ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "assay.cli.main", *argv],
                stdin=read_end,
                stdout=subprocess.PIPE,
                stderr=sink,
                start_new_session=True,
                env={**os.environ, LIFELINE: "0"},
            )
        os.close(read_end)
        assert self._process.stdout is not None
        self._stdout = self._process.stdout
        os.set_blocking(self._stdout.fileno(), False)
        self.pid = self._process.pid

    def first_line(self) -> bytes | None:
        """What it printed up to its first line break; None before that. It prints little."""
        if not self._stdout.closed and b"\n" not in self._said:
            with contextlib.suppress(BlockingIOError):
                self._said += os.read(self._stdout.fileno(), _LINE_BYTES_MAX)
        line, ended, _ = self._said.partition(b"\n")
        return line if ended else None

    def code(self) -> int | None:
        code = self._process.poll()
        if code is not None and self._write_end is not None:
            os.close(self._write_end)
            self._write_end = None  # type: ignore[assignment]
            self._stdout.close()
        return code

    def wait(self, timeout_s: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)


class _Forked:
    def __init__(self, context: ForkServerContext, argv: Sequence[str], log: Path) -> None:
        self._process = context.Process(target=_enter, args=(tuple(argv), str(log)))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def code(self) -> int | None:
        code = self._process.exitcode
        if code == _LOST:
            _put_down(self.pid)
        return code

    def wait(self, timeout_s: float) -> None:
        self._process.join(timeout_s)


def _open_log(path: Path) -> int:
    """A log for its owner alone, to append to."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _put_down(pid: int) -> None:
    """End a child whose fork server was killed: it lives on, and its port and locks with it."""
    try:
        process = os.pidfd_open(pid)
    except (ProcessLookupError, AttributeError):  # gone, or no Linux: its lifeline must do
        return
    try:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        select.select([process], [], [], _PUT_DOWN_S)
    except ProcessLookupError:
        pass  # it has ended, and whoever inherited it has not looked yet
    finally:
        os.close(process)


def _terminate_at_end_of(descriptor: int) -> None:
    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(descriptor, 1):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def _enter(argv: tuple[str, ...], log: str) -> None:
    """A forked child's first function: become a process of its own and run the command."""
    os.setsid()  # Ctrl-C in the terminal is the supervisor's to pass on
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))  # see ``preload``
    descriptor = _open_log(Path(log))
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    parent = multiprocessing.parent_process()
    assert parent is not None
    _terminate_at_end_of(parent.sentinel)
    from assay.cli.main import main

    code = main(argv)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # no at-exit work of the fork server's


@dataclass
class Child:
    """One process of the run, through its restarts."""

    name: str
    argv: tuple[str, ...]
    log: Path
    handle: _Handle
    restarts: list[float] = field(default_factory=list)

    def log_tail(self) -> list[str]:
        """The last lines it wrote, for a person who must find out why it ended."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            return lines[-LOG_TAIL_LINES:]
        return []

    def last_words(self) -> str:
        """The line of its log that says best why it ended: its error, or the last one."""
        tail = self.log_tail()
        errors = [line for line in tail if line.startswith(f"{output.ERROR} ")]
        words = (errors or [line for line in tail if line.strip()] or ["it said nothing"])[-1]
        return output.printable(words.removeprefix(output.ERROR).strip()[:LAST_WORDS_CHARS_MAX])

    def ended(self, code: int) -> Unavailable:
        """Why it cannot go on: in its own words, if it left as one does that has said so."""
        tail = self.log_tail()
        told = {
            word: line.removeprefix(word).strip()
            for line in tail
            for word in (output.ERROR, output.CURE)
            if line.startswith(f"{word} ")
        }
        if code == _USER_ERROR and len(told) == 2:
            return Unavailable(f"{self.name}: {told[output.ERROR]}", told[output.CURE])
        return Unavailable(
            f"{self.name} ended with exit code {code}:\n" + "\n".join(tail) + "\n",
            f"Its log is {self.log.absolute()}.",
        )


class Children:
    """All processes of a run."""

    def __init__(self, clock: Clock, pid_file: Path) -> None:
        self._clock = clock
        self._pid_file = pid_file
        self._context = multiprocessing.get_context("forkserver")
        self._forked: set[str] = set()
        self._children: dict[str, Child] = {}
        self._stopping = False
        self._write_pids()  # a run that was killed has left its own

    def preload(self, modules: Sequence[str]) -> None:
        """Import these once, in the server that neurons are forked from; returns at once."""
        from multiprocessing import forkserver, resource_tracker

        # One thread each: a pool started before a fork would not survive it.
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[variable] = "1"
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        self._context.set_forkserver_preload(["assay.cli.main", *modules])
        # The server inherits two things. Its stdout must not be ours, which is for the result
        # alone: a module may print while it is imported. And Ctrl-C, which a terminal sends to it
        # as well, must not end its imports: they stand before it ignores the signal.
        resource_tracker.ensure_running()  # its own start would unblock the signal again
        own = os.dup(1)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        try:
            os.dup2(2, 1)
            forkserver.ensure_running()
        finally:
            os.dup2(own, 1)
            os.close(own)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def execute(self, name: str, argv: Sequence[str], log: Path) -> Child:
        """Start a fresh interpreter."""
        return self._add(name, argv, log, forked=False)

    async def first_line(self, name: str, timeout_s: float) -> bytes:
        """What an executed child says first, also if it is started again meanwhile.

        Unavailable if it says nothing in time; if it cannot be kept alive, ``check`` says so.
        """
        until = self._clock.monotonic() + timeout_s
        while self._clock.monotonic() < until:
            handle = self._children[name].handle
            assert isinstance(handle, _Exec)
            if (line := handle.first_line()) is not None:
                return line
            await self._clock.sleep(_POLL_S)
        raise Unavailable(
            f"{name} was not ready within {timeout_s:g} s.",
            f"Its log, {self._children[name].log}, may say why.",
        )

    def fork(self, name: str, argv: Sequence[str], log: Path) -> Child:
        """Start a child of the fork server."""
        return self._add(name, argv, log, forked=True)

    def _add(self, name: str, argv: Sequence[str], log: Path, *, forked: bool) -> Child:
        log.parent.mkdir(parents=True, exist_ok=True)
        if forked:
            self._forked.add(name)
        child = Child(name, tuple(argv), log, self._start(name, argv, log))
        self._children[name] = child
        self._write_pids()
        return child

    def _write_pids(self) -> None:
        """Tell who is who: forked children all look like their server in a process list."""
        if not self._pid_file.parent.is_dir():
            return  # nothing was ever started
        pids = {child.name: child.handle.pid for child in self._children.values()}
        write_atomic(self._pid_file, msgspec.json.encode(pids))

    def _start(self, name: str, argv: Sequence[str], log: Path) -> _Handle:
        if name in self._forked:
            return _Forked(self._context, argv, log)
        return _Exec(argv, log)

    def __getitem__(self, name: str) -> Child:
        return self._children[name]

    def check(self) -> None:
        """Start the dead again. Unavailable if one of them cannot be kept alive."""
        if self._stopping:
            return
        for child in self._children.values():
            code = child.handle.code()
            if code is None:
                continue
            now = self._clock.monotonic()
            child.restarts = [at for at in child.restarts if now - at < RESTART_WINDOW_S]
            if code == _USER_ERROR or len(child.restarts) >= RESTARTS_MAX:
                raise child.ended(code)
            logger.warning(
                "{} ended with exit code {} and is started again: {} (its log: {})",
                child.name,
                code,
                child.last_words(),
                child.log.absolute(),
            )
            child.restarts.append(now)
            child.handle = self._start(child.name, child.argv, child.log)
            self._write_pids()

    def stop(self) -> None:
        """End all: neurons first, then what they depend on, each with SIGTERM and a grace."""
        self._stopping = True
        everyone = list(self._children.values())
        for forked in (True, False):
            self._end([child for child in everyone if (child.name in self._forked) is forked])
        self._children.clear()
        self._write_pids()

    def _end(self, children: Sequence[Child]) -> None:
        living = [child for child in children if child.handle.code() is None]
        for child in living:
            _signal(child.handle.pid, signal.SIGTERM)
        deadline = self._clock.monotonic() + STOP_GRACE_S
        for child in living:
            child.handle.wait(max(deadline - self._clock.monotonic(), 0.0))
            if child.handle.code() is None:
                logger.warning("{} did not stop in time and is killed", child.name)
                _signal(child.handle.pid, signal.SIGKILL)
                child.handle.wait(STOP_GRACE_S)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
