"""Compiled modules on disk, so that a start costs milliseconds instead of a second.

Loading a compiled module runs its bytes as native code. So the cache believes nothing that others
could have written: the folder and its files must belong to this user and be writable by nobody
else, and a file's BLAKE2b digest must match the one written beside it (a torn or flipped byte would
otherwise be executed). Whatever fails a check is treated as absent and written anew. Files appear
atomically, so two processes may share a folder. Those used last are kept, the rest are swept when a
new one comes. It knows nothing of what the bytes mean.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from loguru import logger

_NEW: Final = ".new-"
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_FOLDER_MODE: Final = 0o700
_READ_BYTES: Final = 1 << 20

_MODULES_MAX: Final = 16
"""A runtime takes two, its own and the helper, 6 MB together: some versions of some runtimes."""
_UNFINISHED_S: Final = 3_600.0
"""A file that was being written so long ago belongs to a process that was killed."""


class ModuleCache:
    """A folder of compiled modules, by key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failed = False

    def find(self, key: str) -> Path | None:
        """A file that is safe to load, or None."""
        module, digest = self._paths(key)
        try:
            if not self._is_ours(self._folder) or not self._is_ours(module):
                return None
            expected = digest.read_text("ascii")
            if _digest(module) == expected:
                os.utime(module)  # it is the one used last
                return module
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            logger.warning("the module cache in {} cannot be read: {}", self._folder, error)
            return None
        logger.warning("a cached module in {} is damaged; it is compiled anew", self._folder)
        return None

    def keep(self, key: str, compiled: bytes | bytearray) -> None:
        """Write a module. A cache that cannot be written is no error, only slow: that is told once
        and not tried again."""
        if self._failed:
            return
        module, digest = self._paths(key)
        try:
            self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            if not self._is_ours(self._folder):
                return
            self._write(module, compiled)
            self._write(digest, hashlib.blake2b(compiled).hexdigest().encode())
            self._sweep(module.stat().st_mtime)
        except OSError as error:
            self._failed = True
            logger.warning("the compiled runtime was not cached: {}", error)

    def _paths(self, key: str) -> tuple[Path, Path]:
        return self._folder / f"{key}.cwasm", self._folder / f"{key}.blake2b"

    def _is_ours(self, path: Path) -> bool:
        """Whether only this user can have written it. Links are not followed."""
        facts = path.lstat()
        kind_fits = stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)
        if kind_fits and facts.st_uid == os.getuid() and not facts.st_mode & _OTHERS_WRITE:
            return True
        logger.warning("{} could have been written by others; it is not used", path)
        return False

    def _write(self, path: Path, data: bytes | bytearray) -> None:
        """All or nothing: a file beside it, then a rename. A lost rename costs a compilation."""
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=_NEW)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise

    def _sweep(self, now_s: float) -> None:
        """Remove the modules that were not used for longest, and what was left unfinished.

        Whoever is about to load one of them compiles instead.
        """
        modules = sorted(self._folder.glob("*.cwasm"), key=_used_at, reverse=True)
        for module in modules[_MODULES_MAX:]:
            module.unlink(missing_ok=True)
            module.with_suffix(".blake2b").unlink(missing_ok=True)
        for beside in self._folder.glob(f"{_NEW}*"):
            if _used_at(beside) < now_s - _UNFINISHED_S:
                beside.unlink(missing_ok=True)


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process was faster
        return 0.0


def _digest(path: Path) -> str:
    hasher = hashlib.blake2b()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            hasher.update(block)
    return hasher.hexdigest()
