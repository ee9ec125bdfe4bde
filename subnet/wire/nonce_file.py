"""The file beneath ``replay``: one number, written whole or not at all.

Adds durability: a new file is written, fsynced and renamed over the old one, then the folder is
fsynced, so that after kill -9 or a power cut either the old or the new ceiling is there. A lock
file keeps a second process of the same hotkey from sharing it unknowingly. No clock, no policy.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from subnet.errors import Unavailable
from subnet.wire.replay import CeilingUnreadable

_FILE_BYTES_MAX: Final = 64  # a header word and 20 digits


class CeilingFile:
    """A ceiling in ``path``; the process holds it exclusively until ``close``."""

    blocking = True

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _disk(path, error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise Unavailable(
                f"Another process uses {path}.",
                "Stop it, or give this one a state folder of its own.",
            ) from None

    def load(self) -> int | None:
        try:
            with self._path.open("rb") as file:
                text = file.read(_FILE_BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _disk(self._path, error) from error
        word, _, digits = text.strip().partition(b" ")
        if word != b"assay-nonces/1" or not digits.isdigit() or len(text) > _FILE_BYTES_MAX:
            raise CeilingUnreadable(str(self._path))
        return int(digits)

    def save(self, ceiling_ns: int) -> None:
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("wb") as file:
                file.write(b"assay-nonces/1 %d\n" % ceiling_ns)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise _disk(self._path, error) from error

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _disk(path: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"Cannot use {path}: {error.strerror}.", "Free some space or choose another state folder."
    )
