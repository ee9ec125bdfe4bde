"""Small files that must survive ``kill -9`` and power loss, and locks. Standard library only.

Adds to the file system three promises. After ``write_atomic`` returns, the path holds the new
bytes, and at any moment before that it holds the old ones; never a mixture, never nothing. A
``new_folder`` is there whole or not at all. What a ``LockFile`` guards belongs to one process at a
time, and to none once that has died. Databases and large files have other homes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NoReturn

from assay.errors import Unavailable, UserError


def write_atomic(path: Path, data: bytes, mode: int = 0o600, *, make_folders: bool = False) -> None:
    """Replace ``path``'s content with ``data`` durably; ``make_folders``: those above it as well.

    A temporary file in the same folder is written, fsynced and renamed over the old one; then the
    folder is fsynced, because a rename is only durable once its folder is. Unavailable if the disk
    is full or read-only; the old content stays.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        if make_folders:
            path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise_disk_error(error, path)


def read_limited(path: Path, size_bytes_max: int) -> bytes | None:
    """The bytes of ``path``, or None if it is not there. UserError if it is longer than allowed."""
    try:
        with path.open("rb") as file:
            data = file.read(size_bytes_max + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise_disk_error(error, path)
    if len(data) > size_bytes_max:
        raise UserError(
            f"{path} is longer than the {size_bytes_max} bytes it may have.",
            "It is not a file of ours; move it away.",
        )
    return data


_HOLDER_BYTES_MAX: Final = 20  # a process id


class InUse(Exception):
    """Another process holds the lock. ``holder``: its id as it wrote it down, or ``unknown``."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"held by process {holder}")
        self.holder = holder


class LockFile:
    """Held from its making until ``close``, or until the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        """InUse if it is held already; what the file system refuses passes through as OSError."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, _HOLDER_BYTES_MAX).decode("ascii", "replace").strip()
            self.close()
            raise InUse(holder or "unknown") from None
        except OSError:  # a file system that has no locks
            self.close()
            raise
        with contextlib.suppress(OSError):  # only a message reads it; the disk may be full
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def close(self) -> None:
        """Let go. May be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@contextlib.contextmanager
def held(path: Path, refusal: Callable[[str], UserError]) -> Iterator[None]:
    """Hold the lock at ``path``, whose folder is made if need be, while the block runs.

    Raises what ``refusal`` makes of the holder's process id if another process holds it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = LockFile(path)
    except InUse as error:
        raise refusal(error.holder) from None
    except OSError as error:
        raise_disk_error(error, path)
    try:
        yield
    finally:
        lock.close()


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``path`` when the block ends: whole, or, if the block
    raises or the process dies, not at all.

    UserError if ``path`` is there and is not an empty folder; Unavailable if the disk refuses.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(f"{path} is there already.", "Give a folder that is not there yet.")
    partial = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        partial.mkdir(parents=True)
        try:
            yield partial
            for each in (*partial.rglob("*"), partial):
                descriptor = os.open(each, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            partial.rename(path)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise_disk_error(error, path)


def raise_disk_error(error: OSError, path: Path) -> NoReturn:
    """Turn a file system's error into one with a cause and a cure."""
    causes = {
        errno.ENOSPC: ("The disk is full", "Free some space and start again; nothing was lost"),
        errno.EDQUOT: ("The disk quota is used up", "Free some space and start again"),
        errno.EROFS: ("The disk is read-only", "Give a folder on a disk that can be written"),
        errno.EACCES: ("Access is denied", "Give a folder that this user may write"),
        errno.EPERM: ("Access is denied", "Give a folder that this user may write"),
    }
    cause, cure = causes.get(
        error.errno or 0,
        (error.strerror or "The file system failed", "Check the path and the disk"),
    )
    raise Unavailable(f"{cause}: {path}.", f"{cure}.") from error


def sync_folder(folder: Path) -> None:
    """Bring the names in ``folder`` to the disk: what was made, renamed or removed there."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
