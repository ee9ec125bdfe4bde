"""Small files: the old bytes or the new ones, nothing else; and locks that die with their owner."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from assay.errors import Unavailable, UserError
from assay.files import (
    InUse,
    LockFile,
    held,
    new_folder,
    raise_disk_error,
    read_limited,
    write_atomic,
)

WRITER = """
import itertools, sys
from pathlib import Path
from assay.files import write_atomic
for number in itertools.count():
    write_atomic(Path(sys.argv[1]), b"%d " % number * 5_000)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""

HOLDER = """
import sys
from pathlib import Path
from assay.files import LockFile
lock = LockFile(Path(sys.argv[1]))
sys.stdout.write("held\\n")
sys.stdout.flush()
sys.stdin.read()
"""


def test_what_was_written_is_there_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for data in (b"first", b"", b"third"):
        write_atomic(path, data)
        assert read_limited(path, 5) == data
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_the_disk_has_the_bytes_before_the_rename_and_the_rename_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No kill shows it, only a loss of power: what reaches the disk, and in which order."""
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def noted_sync(descriptor: int) -> None:
        sync(descriptor)
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    def noted_replace(old: Path, new: Path) -> None:
        replace(old, new)
        done.append("rename")

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_replace)
    write_atomic(tmp_path / "file", b"bytes")
    assert done == ["file", "rename", "folder"]


def test_after_kill_9_the_file_is_whole_and_not_older_than_announced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    announced = [int(child.stdout.readline()) for _ in range(20)][-1]
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    numbers = path.read_bytes().split()
    assert len(numbers) == 5_000
    assert len(set(numbers)) == 1
    assert int(numbers[0]) >= announced


def test_what_fails_leaves_the_old_bytes_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="disk is full"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_absent_too_long_or_unreadable_is_told_apart(tmp_path: Path) -> None:
    assert read_limited(tmp_path / "absent", 1) is None
    (tmp_path / "long").write_bytes(b"12")
    with pytest.raises(UserError, match="longer than the 1 bytes"):
        read_limited(tmp_path / "long", 1)
    with pytest.raises(Unavailable):
        read_limited(tmp_path, 1)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_disks_errors_have_cause_and_cure(number: int, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        raise_disk_error(OSError(number, os.strerror(number)), tmp_path)
    assert str(tmp_path) in caught.value.cause
    assert caught.value.cure.endswith(".")


def test_a_file_system_without_locks_is_no_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(OSError, match="No locks"):
        LockFile(tmp_path / "lock")
    with pytest.raises(Unavailable, match="No locks"), held(tmp_path / "lock", _unexpected):
        pass


def _unexpected(holder: str) -> Unavailable:
    raise AssertionError(holder)


def test_a_lock_has_one_holder_who_is_named_and_dies_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stdout.readline() == "held\n"
    with pytest.raises(InUse) as caught:
        LockFile(path)
    assert caught.value.holder == str(child.pid)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    child.stdin.close()
    lock = LockFile(path)
    with pytest.raises(InUse, match=str(os.getpid())):
        LockFile(path)
    lock.close()
    lock.close()
    LockFile(path).close()


def write_half_of(path: Path) -> None:
    with new_folder(path) as partial:
        (partial / "file").write_bytes(b"1")
        raise ZeroDivisionError


def test_a_new_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder"
    with pytest.raises(ZeroDivisionError):
        write_half_of(path)
    assert list(path.parent.iterdir()) == []
    path.mkdir()
    with new_folder(path) as partial:
        (partial / "inner").mkdir()
        (partial / "inner" / "file").write_bytes(b"1")
        assert list(path.iterdir()) == []
    assert (path / "inner" / "file").read_bytes() == b"1"
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(UserError, match="there already"), new_folder(path):
        pass
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="there already"), new_folder(tmp_path / "file"):
        pass
    with pytest.raises(Unavailable), new_folder(tmp_path / "file" / "below"):
        pass


def test_folders_above_a_file_are_made_where_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "windows" / "7" / "message"
    with pytest.raises(Unavailable, match="No such file"):
        write_atomic(path, b"x")
    write_atomic(path, b"x", make_folders=True)
    write_atomic(path, b"y", make_folders=True)
    assert path.read_bytes() == b"y"
    with pytest.raises(Unavailable, match=r"exists|[Nn]ot a directory"):
        write_atomic(path / "below", b"z", make_folders=True)
