"""The file beneath the ceiling: whole or not at all, one process at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assay.errors import Unavailable
from assay.wire.errors import Code, RequestRefused
from assay.wire.nonce_file import CeilingFile
from assay.wire.replay import CeilingUnreadable, ReplayGuard

NOW = 1_800_000_000_000_000_000


def test_first_start_knows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "very" / "deep" / "nonces"
    store = CeilingFile(path)
    assert store.load() is None
    assert store.place == str(path)
    store.close()


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "nonces"
    first = CeilingFile(path)
    first.save(NOW)
    first.save(NOW + 1)
    first.close()
    second = CeilingFile(path)
    assert second.load() == NOW + 1
    second.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["nonces", "nonces.lock"]


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"assay-nonces/1 ", b"assay-nonces/1 -5", b"x" * 10_000]
)
def test_anything_else_is_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "nonces"
    path.write_bytes(content)
    store = CeilingFile(path)
    with pytest.raises(CeilingUnreadable):
        store.load()
    store.close()


def test_a_second_process_is_told_so(tmp_path: Path) -> None:
    store = CeilingFile(tmp_path / "nonces")
    with pytest.raises(Unavailable, match="Another process"):
        CeilingFile(tmp_path / "nonces")
    store.close()
    CeilingFile(tmp_path / "nonces").close()


def test_a_folder_that_is_a_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="Check the path"):
        CeilingFile(tmp_path / "file" / "nonces")


def test_a_disk_that_cannot_be_read_is_no_broken_ceiling(tmp_path: Path) -> None:
    """A broken ceiling is replaced by the highest possible; this one may still be whole."""
    (tmp_path / "nonces").mkdir()
    store = CeilingFile(tmp_path / "nonces")
    with pytest.raises(Unavailable):
        store.load()
    store.close()


CHILD = """
import sys, time
from pathlib import Path
from assay.wire.nonce_file import CeilingFile
from assay.wire.replay import ReplayGuard
guard = ReplayGuard(CeilingFile(Path(sys.argv[1])), now_ns=time.time_ns())
while True:
    nonce = time.time_ns()
    guard.accept(b"k" * 32, nonce, nonce)
    sys.stdout.write(f"{nonce}\\n")
    sys.stdout.flush()
"""


def test_restart_after_kill_9_refuses_everything_accepted(tmp_path: Path) -> None:
    path = tmp_path / "nonces"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    accepted = [int(child.stdout.readline()) for _ in range(200)]
    os.kill(child.pid, signal.SIGKILL)
    accepted += [int(line) for line in child.stdout.read().split("\n")[:-1] if len(line) == 19]
    child.wait()
    child.stdout.close()

    store = CeilingFile(path)  # the lock died with its process
    now = accepted[-1] + 1
    guard = ReplayGuard(store, now_ns=now)
    for nonce in accepted:
        with pytest.raises(RequestRefused) as caught:
            guard.accept(b"k" * 32, nonce, now)
        assert caught.value.code == Code.BEFORE_RESTART
    later = guard.floor + 1
    guard.accept(b"k" * 32, later, later)
    guard.close()
