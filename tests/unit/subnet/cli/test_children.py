"""Processes are kept alive within bounds, told what a person must mend, and all stopped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from subnet.cli.up.children import RESTARTS_MAX, Children
from subnet.clock import SystemClock
from subnet.errors import Unavailable

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

FOREVER = ("chain", "start", "--in-memory", "--port", "0")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


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
        with pytest.raises(Unavailable, match="odd ended with exit code 2"):
            children.check()
    finally:
        children.stop()


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
