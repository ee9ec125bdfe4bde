"""Processes are kept alive within bounds, told what a person must mend, and all stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from assay.cli.up.children import RESTARTS_MAX, Child, Children
from assay.clock import SystemClock
from assay.errors import Unavailable

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

FOREVER = ("chain", "start", "--in-memory", "--port", "0")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether it still runs; one that ended may have been reaped or not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


@pytest.fixture
def children(tmp_path: Path) -> Children:
    made = Children(SystemClock(), tmp_path / "processes.json")
    made.preload([])
    return made


@pytest.mark.parametrize("how", ["execute", "fork"])
def test_a_killed_child_is_started_again_and_all_are_stopped(
    children: Children, tmp_path: Path, how: str
) -> None:
    child = getattr(children, how)("node", FOREVER, tmp_path / "node.log")
    try:
        first = child.handle.pid
        assert msgspec.json.decode((tmp_path / "processes.json").read_bytes()) == {"node": first}
        os.kill(first, signal.SIGKILL)
        until(lambda: child.handle.code() is not None)
        children.check()
        assert child.handle.pid != first
        assert child.handle.code() is None
    finally:
        children.stop()
    assert not alive(child.handle.pid)
    assert msgspec.json.decode((tmp_path / "processes.json").read_bytes()) == {}


@pytest.mark.parametrize("how", ["execute", "fork"])
def test_a_users_mistake_is_told_and_not_repeated(
    children: Children, tmp_path: Path, how: str
) -> None:
    child = getattr(children, how)("odd", ("chain", "start", "--port", "-5"), tmp_path / "odd.log")
    try:
        until(lambda: child.handle.code() is not None)
        with pytest.raises(Unavailable) as told:
            children.check()
    finally:
        children.stop()
    assert told.value.cause.startswith("odd: ")
    assert "-5" in told.value.cause
    assert told.value.cause.endswith(".")
    assert told.value.cure.endswith("--help.")


async def test_the_first_line_of_a_child_is_that_of_the_one_that_lives(
    children: Children, tmp_path: Path
) -> None:
    child = children.execute("node", (*FOREVER, "--json"), tmp_path / "node.log")
    try:
        os.kill(child.handle.pid, signal.SIGKILL)
        until(lambda: child.handle.code() is not None)
        children.check()
        ready = msgspec.json.decode(await children.first_line("node", 20))
    finally:
        children.stop()
    assert ready["pid"] == child.handle.pid


async def test_a_child_that_says_nothing_is_given_up(children: Children, tmp_path: Path) -> None:
    children.execute("mute", FOREVER, tmp_path / "mute.log")
    try:
        with pytest.raises(Unavailable, match="mute was not ready"):
            await children.first_line("mute", 0.2)
    finally:
        children.stop()


def test_neurons_do_not_outlive_a_killed_fork_server(children: Children, tmp_path: Path) -> None:
    """Or the one that is started in its place would find the port and the locks taken."""
    from multiprocessing import forkserver

    child = children.fork("node", FOREVER, tmp_path / "node.log")
    try:
        first = child.handle.pid
        server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
        os.kill(server, signal.SIGKILL)
        until(lambda: child.handle.code() is not None)
        assert not alive(first)
        children.check()
        assert child.handle.pid != first
        assert child.handle.code() is None
    finally:
        children.stop()
    assert not alive(child.handle.pid)


PRELOADING = """
import sys
from pathlib import Path
from typing import Any, cast
from assay.cli.up.children import Children
from assay.clock import SystemClock
children = Children(SystemClock(), Path(sys.argv[1]) / "processes.json")
children.preload(["talkative"])
children.fork("odd", ("chain", "start", "--port", "-5"), Path(sys.argv[1]) / "odd.log")
sys.stdout.write("result")
children.stop()
"""


def test_what_modules_print_at_their_import_is_not_the_result(tmp_path: Path) -> None:
    (tmp_path / "talkative.py").write_text("print('a greeting', flush=True)")
    done = subprocess.run(
        [sys.executable, "-c", PRELOADING, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert (done.returncode, done.stdout) == (0, "result"), done.stderr
    assert "a greeting" in done.stderr


def test_ctrl_c_does_not_reach_the_imports_of_the_fork_server(tmp_path: Path) -> None:
    """A terminal sends it to every process of the run; a traceback would be all one saw."""
    (tmp_path / "talkative.py").write_text(
        "import signal\n"
        "print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()), flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", PRELOADING, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert "True" in done.stderr.split(), done.stderr


@pytest.mark.parametrize("how", ["execute", "fork"])
def test_logs_are_their_owners_alone(children: Children, tmp_path: Path, how: str) -> None:
    child = getattr(children, how)("odd", ("chain", "start", "--port", "-5"), tmp_path / "odd.log")
    until(lambda: child.handle.code() is not None)
    children.stop()
    assert (tmp_path / "odd.log").stat().st_mode & 0o077 == 0


def test_restarts_are_bounded(children: Children, tmp_path: Path) -> None:
    child = children.execute("node", FOREVER, tmp_path / "node.log")
    try:
        for _ in range(RESTARTS_MAX):
            os.kill(child.handle.pid, signal.SIGKILL)
            until(lambda: child.handle.code() is not None)
            children.check()
        os.kill(child.handle.pid, signal.SIGKILL)
        until(lambda: child.handle.code() is not None)
        with pytest.raises(Unavailable, match="node ended"):
            children.check()
    finally:
        children.stop()


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("a\nerror  It [/x] \x1b[2Jbroke.\ncure   Mend it.\n", "It [/x] ?[2Jbroke."),
        ("starting\nKilled\n\n", "Killed"),
        ("", "it said nothing"),
    ],
)
def test_a_childs_last_words_are_its_error(log: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text(log)
    child = Child("x", (), path, handle=cast("Any", None))
    assert child.last_words() == words
