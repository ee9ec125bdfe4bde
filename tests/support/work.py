"""Functions for workers in tests: what they do is named by the request, however bad it is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from assay.workers import WorkerCall


class Settings(msgspec.Struct):
    factor: int = 1


class Ask(msgspec.Struct):
    """``what`` names a method of ``Doing``."""

    what: str
    number: int = 0


class Told(msgspec.Struct):
    """A reply, and a progress."""

    number: int
    text: str = ""


class Doing:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: list[Any] = []

    def times(self, ask: Ask, call: WorkerCall) -> Told:
        return Told(ask.number * self._settings.factor)

    def count(self, ask: Ask, call: WorkerCall) -> Told:
        """Tell every number below ``ask.number``."""
        for number in range(ask.number):
            call.progress(Told(number))
        return Told(ask.number)

    def obedient(self, ask: Ask, call: WorkerCall) -> Told:
        """Work for ever, and heed a cancellation."""
        call.progress(Told(os.getpid()))
        while True:
            call.check()
            time.sleep(0.01)

    def deaf(self, ask: Ask, call: WorkerCall) -> Told:
        """Work for ever, and heed nothing but SIGKILL."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        call.progress(Told(os.getpid()))
        while True:
            time.sleep(1)

    def stuck(self, ask: Ask, call: WorkerCall) -> Told:
        """Hold the interpreter itself, as a library's loop does: no other thread runs."""
        sys.setswitchinterval(1000.0)
        while True:
            pass

    def killed(self, ask: Ask, call: WorkerCall) -> Told:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    def leave(self, ask: Ask, call: WorkerCall) -> Told:
        os._exit(ask.number)

    def exits(self, ask: Ask, call: WorkerCall) -> Told:
        sys.exit(ask.number)

    def greedy(self, ask: Ask, call: WorkerCall) -> Told:
        """Want more and more memory."""
        while True:
            self._kept.append(bytearray(1 << 20))

    def wrong(self, ask: Ask, call: WorkerCall) -> Any:
        return {"number": "no number"}

    def odd(self, ask: Ask, call: WorkerCall) -> Any:
        return object()

    def large(self, ask: Ask, call: WorkerCall) -> Told:
        return Told(0, "x" * ask.number)

    def fault(self, ask: Ask, call: WorkerCall) -> Told:
        raise KeyError("oops")

    def talk(self, ask: Ask, call: WorkerCall) -> Told:
        """Print where replies would go if they went over stdout."""
        sys.stdout.write("not a frame\n" * 100)
        sys.stdout.flush()
        os.write(1, b"\xff\xff\xff\xff not a frame")
        return Told(ask.number)

    def garbage(self, ask: Ask, call: WorkerCall) -> Told:
        """Write on the line itself."""
        line().sendall((b"\xff\xff\xff\xff", b"\0\0\0\1\xc1", b"\0\0\0\2\x91\x01")[ask.number])
        time.sleep(60)
        return Told(0)

    def hang_up(self, ask: Ask, call: WorkerCall) -> Told:
        line().shutdown(socket.SHUT_RDWR)
        time.sleep(60)
        return Told(0)

    def heir(self, ask: Ask, call: WorkerCall) -> Told:
        """Die while a process that was forked from this one holds the line open."""
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        os._exit(3)

    def nested(self, ask: Ask, call: WorkerCall) -> Told:
        """Start a process that outlives this call; its id."""
        child = subprocess.Popen(["sleep", "600"])
        self._kept.append(child)
        return Told(child.pid)

    def environment(self, ask: Ask, call: WorkerCall) -> Told:
        return Told(os.nice(0), os.environ.get("OMP_NUM_THREADS", ""))


def line() -> socket.socket:
    """The line to the neuron, as only a fault could get at it."""
    return socket.socket(fileno=os.dup(int(sys.argv[1])))


def open_doing(settings: Settings) -> Callable[[Ask, WorkerCall], Told]:
    doing = Doing(settings)

    def answer(ask: Ask, call: WorkerCall) -> Told:
        result: Told = getattr(doing, ask.what)(ask, call)
        return result

    return answer


def open_slowly(_: None) -> Callable[[Ask, WorkerCall], Told]:
    time.sleep(600)
    raise AssertionError("unreachable")


def open_wrongly(_: None) -> Callable[[Ask, WorkerCall], Told]:
    raise LookupError("no GPU here")


def open_nothing(_: None) -> int:
    return 7


def open_local(_: None) -> Callable[..., Any]:
    class Local(msgspec.Struct):
        number: int

    def answer(ask: Local, call: WorkerCall) -> Local:
        return ask

    return answer
