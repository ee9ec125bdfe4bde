"""Start child processes of two sorts behind one handle: a fresh interpreter, or a fork.

In goes a ``ChildSpec``: which module's ``main(arguments) -> int`` runs, with which environment and
which log. Out comes a ``Handle`` with a process id and, later, an exit code. A fork comes from a
server that has imported heavy modules once, so that ten children pay for one import.

Every child gets a lifeline (``assay.child``): it ends when the process that started it is gone,
however that went. A fresh interpreter leads a process group, and what it started in that group is
killed when it ends. This module starts nothing again and judges no exit code; ``assay.supervise``
does.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final, Protocol

from assay.child import LIFELINE, NICENESS, OUTCOME, READY, SLIPS
from assay.errors import Unavailable

LOG_MODE: Final = 0o600
"""Logs may name hosts and paths; they are their owner's alone."""
NO_LOG: Final = 73
"""The exit code of a fork that cannot write its log, which is where it would say so: EX_CANTCREAT
of sysexits.h."""
_LOST: Final = 255
"""The exit code that ``multiprocessing`` gives a child whose fork server is gone."""
_SOCKET_FOLDER_BYTES_MAX: Final = 70
"""A Unix socket's path has 103 bytes at the most on some systems, and ``multiprocessing`` adds 32
to its folder's."""
_PUT_DOWN_S: Final = 1.0
"""A killed process is gone within milliseconds."""
_LOOK_S: Final = 0.01
"""Between two looks whether a child has ended: a stop is not delayed by more."""
_CAN_LOOK: Final = hasattr(os, "waitid")
"""Whether a child's end can be seen before the child is reaped. Its group is killed in between: no
other process can get the child's id, which is the group's, until then. Where the system cannot
(macOS before Python 3.13) the group is killed right after."""
_LINE_BYTES_MAX: Final = 16_384
"""The line that a chain prints when it is ready takes eleven hundred."""
_READ_BYTES: Final = 65_536
"""What a pipe holds on Linux."""
THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What numerical libraries read, each once, when they are loaded."""
DEVICES: Final = "CUDA_VISIBLE_DEVICES"
FROZEN: Final = "assay.frozen"
"""See that module: without it a fork of a server with torch copies a hundred megabytes more."""
SAFE_PATH: Final = "PYTHONSAFEPATH"
"""Set, it is ``-P`` for an interpreter whose arguments ``multiprocessing`` writes."""


def compute_environment(
    *, threads: int | None = None, devices: Sequence[int] | None = None
) -> dict[str, str]:
    """The environment of a child that computes with ``threads`` threads on the GPUs ``devices``.

    None leaves the choice to the libraries; an empty ``devices`` hides every GPU.
    """
    chosen = {} if threads is None else dict.fromkeys(THREADS, str(threads))
    if threads == 1:
        chosen["TOKENIZERS_PARALLELISM"] = "false"
    if devices is not None:
        chosen[DEVICES] = ",".join(map(str, devices))
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """One child: what it runs and what it is given."""

    name: str
    module: str
    """Its ``main(arguments)`` returns the exit code; run as a program, it exits with that code."""
    arguments: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of the supervisor's own environment."""
    niceness: int = 0
    forked: bool = False
    """Whether it comes from the fork server rather than being a fresh interpreter."""
    ready_line: bool = False
    """Whether the first line on its stdout is for the supervisor. Only a fresh interpreter's can
    be; otherwise stdout goes to the log."""
    inherited: tuple[int, ...] = ()
    """File descriptors that a fresh interpreter takes over under the same numbers."""
    stage: int = 0
    """Children of a higher stage need those below, and are stopped before them."""

    @property
    def outcome_file(self) -> Path:
        """Where the child says how it ended."""
        return self.log.with_suffix(".outcome.json")

    @property
    def ready_file(self) -> Path:
        """What the child makes once it does its work."""
        return self.log.with_suffix(".ready")

    @property
    def slips_file(self) -> Path:
        """Where the child tells of a builder's mistakes that end nothing."""
        return self.log.with_suffix(".slips.jsonl")

    def told(self, lifeline: int) -> dict[str, str]:
        """What the environment says to the child alone."""
        own = {
            **self.environment,
            LIFELINE: str(lifeline),
            OUTCOME: str(self.outcome_file.absolute()),
            READY: str(self.ready_file.absolute()),
            SLIPS: str(self.slips_file.absolute()),
        }
        return {**own, NICENESS: str(self.niceness)} if self.niceness else own

    def forget(self) -> None:
        """Remove what an earlier start of the child left: the files speak of one start each."""
        self.outcome_file.unlink(missing_ok=True)
        self.ready_file.unlink(missing_ok=True)
        self.slips_file.unlink(missing_ok=True)


class Handle(Protocol):
    """One process, from its start to its end."""

    @property
    def pid(self) -> int | None:
        """None until it is known: a fork server may be importing still."""
        ...

    def code(self) -> int | None:
        """The exit code, negative for a signal's number; None while the process runs."""
        ...

    def wait(self, timeout_s: float) -> None:
        """Return when it has ended, or after ``timeout_s``."""
        ...

    def first_line(self) -> bytes | None:
        """What it printed up to its first line break; None before that."""
        ...


class Interpreter:
    """A child in a fresh interpreter, and whatever it starts in its process group.

    The group ends with the child, however the child ends: a helper that lived on would keep its
    memory, its GPU and its ports from the child's next start.
    """

    def __init__(self, spec: ChildSpec) -> None:
        read_end, self._write_end = os.pipe()
        self._said = b""
        try:
            with open(open_log(spec.log), "ab") as sink:
                self._process = subprocess.Popen(
                    # -P: the folder that the supervisor was started in is none of the child's
                    [sys.executable, "-P", "-m", spec.module, *spec.arguments],
                    stdin=read_end,
                    stdout=subprocess.PIPE if spec.ready_line else sink,
                    stderr=sink,
                    pass_fds=spec.inherited,
                    start_new_session=True,  # Ctrl-C in the terminal is the supervisor's to pass on
                    env={**os.environ, **spec.told(0)},
                )
        except BaseException:
            os.close(self._write_end)
            raise
        finally:
            os.close(read_end)
        self._stdout = self._process.stdout
        if self._stdout is not None:
            os.set_blocking(self._stdout.fileno(), False)

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def first_line(self) -> bytes | None:
        if self._stdout is None:
            return None
        # Whatever comes after the line is read as well, or the child would wait for its reader.
        with contextlib.suppress(BlockingIOError, ValueError):  # nothing there; closed
            while read := os.read(self._stdout.fileno(), _READ_BYTES):
                if b"\n" not in self._said:
                    self._said = (self._said + read)[:_LINE_BYTES_MAX]
        line, ended, _ = self._said.partition(b"\n")
        return line if ended else None

    def code(self) -> int | None:
        self.first_line()
        running = self._process.returncode is None
        if running and _CAN_LOOK and _has_ended(self._process.pid):
            self._kill_group()
        code = self._process.poll()
        if running and code is not None and not _CAN_LOOK:
            self._kill_group()
        if code is not None and self._write_end >= 0:
            os.close(self._write_end)
            self._write_end = -1
            if self._stdout is not None:
                self._stdout.close()
        return code

    def wait(self, timeout_s: float) -> None:
        until_s = time.monotonic() + timeout_s
        while self.code() is None and (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, _LOOK_S))

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left in it
            os.killpg(self._process.pid, signal.SIGKILL)


def socket_folder() -> Path:
    """A folder in which a fork server can have its socket: the one for temporary files, or another
    if that is missing or its path is too long. Unavailable if there is none."""
    folders = [os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp", "/var/tmp", "/dev/shm"]  # noqa: S108
    with contextlib.suppress(FileNotFoundError):
        folders.insert(0, tempfile.gettempdir())
    for folder in folders:
        fits = folder and len(os.fsencode(folder)) <= _SOCKET_FOLDER_BYTES_MAX
        if fits and os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK):
            return Path(folder)
    raise Unavailable(
        "No folder for temporary files can be written that has a path of at most"
        f" {_SOCKET_FOLDER_BYTES_MAX} bytes.",
        "Make one, and name it with TMPDIR.",
    )


class ForkServer:
    """A process that imports modules once and forks children.

    A fork shares its memory with the server until one of them writes, and starts in milliseconds.
    What the server has imported is kept out of the forks' collections of garbage, which write.
    """

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the server, which imports ``modules`` under ``environment``; returns at once."""
        self.environment = dict(environment)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([*modules, FROZEN])
        self._ensure_running()

    def _ensure_running(self) -> None:
        """Start the server if it does not run.

        A server inherits three things from this process. Its environment is its own. Its stdout
        must not be this process's, which is for the result alone: a module may print while it is
        imported. And Ctrl-C, which a terminal sends to it as well, must not end its imports: they
        stand before it ignores the signal. Its socket's path must be short. It imports nothing from
        the current folder, where a person's files may be called like anything.
        """
        from multiprocessing import forkserver, resource_tracker, util

        folder, tempfile.tempdir = tempfile.tempdir, str(socket_folder())
        try:
            util.get_temp_dir()  # which is kept for this process's life
        finally:
            tempfile.tempdir = folder
        with _environment({**self.environment, SAFE_PATH: "1"}):
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

    def stop(self) -> None:
        """End the server, also in the middle of its imports. Its children must have ended.

        The server is gone when this returns: the next one of this process would otherwise take a
        server that is still ending for its own, and its first child would be lost in it.
        """
        # ``multiprocessing`` has no public way to end a server that imports still; left alone, it
        # would hold this process's stderr open for minutes after this process.
        if (pid := self.pid) is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        until_s = time.monotonic() + _PUT_DOWN_S
        # It is left for ``multiprocessing`` to reap, which counts on that.
        while _CAN_LOOK and not _has_ended(pid) and time.monotonic() < until_s:
            time.sleep(_LOOK_S)

    @property
    def pid(self) -> int | None:
        """The server's process; None before it was started."""
        from multiprocessing import forkserver

        pid: int | None = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
        return pid

    def fork(self, spec: ChildSpec) -> Fork:
        """A child of this server. ValueError if it asks for what only a fresh interpreter can
        have: the server's libraries have read their number of threads."""
        for name in THREADS:
            if name in spec.environment and spec.environment[name] != self.environment.get(name):
                raise ValueError(f"{spec.name}: {name} was settled when the fork server started")
        self._ensure_running()  # it may have been killed
        return Fork(self._context, spec)


@contextlib.contextmanager
def _environment(given: Mapping[str, str]) -> Iterator[None]:
    """Let this process have the variables ``given`` inside the ``with`` block."""
    kept = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class Fork:
    """A child of the fork server. Its start waits for the server's imports, so a thread does it."""

    def __init__(self, context: ForkServerContext, spec: ChildSpec) -> None:
        self._process = context.Process(target=_enter, args=(spec, os.environ.get(SAFE_PATH)))
        self._started = threading.Event()
        self._abandoned = False
        self._failed = False
        # A daemon: a server that imports for minutes must not hold up the supervisor's own end. It
        # looks whether the supervisor is gone before it forks.
        threading.Thread(target=self._start, name=f"fork-{spec.name}", daemon=True).start()

    def _start(self) -> None:
        try:
            self._process.start()
        except (OSError, EOFError):  # the server was killed meanwhile
            self._failed = True
        self._started.set()
        if self._abandoned and not self._failed:
            self._process.kill()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._started.is_set() and not self._failed else None

    def first_line(self) -> bytes | None:
        return None

    def code(self) -> int | None:
        if not self._started.is_set():
            return None
        if self._failed:
            return _LOST
        code = self._process.exitcode
        if code == _LOST and self._process.pid is not None:
            _put_down(self._process.pid)
        return code

    def wait(self, timeout_s: float) -> None:
        """As a handle's. A fork that has not begun is given up at once."""
        self._abandoned = not self._started.is_set()
        if not self._abandoned and not self._failed:
            self._process.join(timeout_s)


def _enter(spec: ChildSpec, safe_path: str | None) -> None:
    """A fork's first function: become a process of its own and run the module's ``main``.

    ``safe_path`` is what the supervisor's own environment says in the place of the fork server's.
    """
    if safe_path is None:
        os.environ.pop(SAFE_PATH, None)
    os.setsid()  # Ctrl-C in the terminal is the supervisor's to pass on
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))  # see ``ForkServer``
    try:
        descriptor = open_log(spec.log)
    except OSError:  # the folder was removed, or the disk is full: no traceback tells that better
        os._exit(NO_LOG)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    parent = multiprocessing.parent_process()
    assert parent is not None
    os.environ.update(spec.told(parent.sentinel))
    code = import_module(spec.module).main(spec.arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # no at-exit work of the fork server's


def open_log(path: Path) -> int:
    """A descriptor that appends to the log at ``path``, made for its owner alone."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, LOG_MODE)


def send_signal(handle: Handle, number: signal.Signals) -> None:
    """Send a signal to a child that has begun; one that is gone is left in peace."""
    if (pid := handle.pid) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def signal_name(number: int) -> str:
    """How people call a signal."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _has_ended(pid: int) -> bool:
    """Whether the child with this id has ended; the child is not reaped."""
    try:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # somebody else has reaped it
        return False
    return found is not None


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
