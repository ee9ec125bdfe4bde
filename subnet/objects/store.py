"""A bounded store of objects in one folder on disk. Blocking: call it from worker threads.

What comes in is checked heads, pages and chunks (``folder`` does the checking); what goes out is
the same. The store adds the policy: how much fits, what is evicted to make room, what is spared.

- The folder belongs to one process at a time.
- An object is charged its whole size when it is begun, so that a begun object can be finished.
- Room is made by evicting the objects used longest ago. Pinned objects are spared, and objects that
  somebody reads, writes or transfers at the moment. If that does not make enough room, nothing is
  evicted and the new object is refused.
- Removing is one rename into ``trash``, and making one rename out of ``new``: after ``kill -9`` the
  next start empties both.

Layout: ``objects/<root in hex>/{tree,data,have,pin}``, see ``folder``; ``new/``, ``trash/``, and
``lock``. Roots are the only names, and 64 hex digits are the only form of a root.
"""

from __future__ import annotations

import itertools
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loguru import logger

from assay.clock import Clock, SystemClock
from assay.errors import UserError
from assay.files import InUse, LockFile, raise_disk_error, sync_folder
from assay.objects.errors import ObjectInUse, ObjectMissing, StoreFull, short
from assay.objects.folder import PIN, TREE, ObjectFolder
from assay.objects.limits import DEFAULT, ObjectLimits
from assay.objects.tree import Head, Root, Shape, parse_root

_OBJECTS: Final = "objects"
_NEW: Final = "new"
_TRASH: Final = "trash"
_LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What the store says about one object."""

    root: Root
    size_bytes: int
    whole: bool
    pinned: bool
    charged_bytes: int


@dataclass(slots=True)
class _Kept:
    """An object in the store. ``used_ns`` orders evictions; ``users`` are at work on it."""

    folder: ObjectFolder
    charged_bytes: int
    used_ns: int
    pinned: bool
    users: int = 0

    @property
    def may_go(self) -> bool:
        return not self.pinned and not self.users


class ObjectStore:
    """The objects under ``folder``, at most ``capacity_bytes`` of disk together."""

    def __init__(
        self,
        folder: Path,
        capacity_bytes: int,
        *,
        clock: Clock | None = None,
        limits: ObjectLimits = DEFAULT,
        free_bytes: Callable[[Path], int] | None = None,
    ) -> None:
        """Open the store; UserError if another process has it open.

        ``free_bytes`` says what is left on the disk of a path; None asks the file system.
        """
        self.folder = folder
        self._capacity_bytes = capacity_bytes
        self._clock = clock or SystemClock()
        self._limits = limits
        self._free_bytes = free_bytes or _free_bytes
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._kept: dict[Root, _Kept] = {}
        self._last_ns = 0
        try:
            for name in (_OBJECTS, _NEW, _TRASH):
                (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock_file = LockFile(folder / _LOCK)
        except InUse as error:
            raise UserError(
                f"The object store {folder} is open in process {error.holder}.",
                "Stop that process, or give this one a folder of its own.",
            ) from None
        except OSError as error:
            raise_disk_error(error, folder)
        try:
            self._sweep()
            self._load()
        except OSError as error:
            self._lock_file.close()
            raise_disk_error(error, folder)

    def close(self) -> None:
        """Let another process open the store. Nothing of it may be used afterwards."""
        self._lock_file.close()

    # -- what is here

    def find(self, root: Root) -> StoredObject | None:
        """What is known of the object ``root``; None if the store does not hold any of it."""
        with self._lock:
            kept = self._kept.get(root)
            return None if kept is None else _describe(kept)

    def all(self) -> list[StoredObject]:
        """All objects, the one used longest ago first."""
        with self._lock:
            return [_describe(kept) for kept in self._by_age()]

    @property
    def used_bytes(self) -> int:
        """What all objects are charged together."""
        with self._lock:
            return self._used_bytes()

    @contextmanager
    def using(self, root: Root) -> Iterator[ObjectFolder]:
        """The folder of the object ``root``, which is not evicted meanwhile; ObjectMissing."""
        with self._lock:
            kept = self._kept.get(root)
            if kept is None:
                raise ObjectMissing.of(root)
            kept.users += 1
            self._touch(kept)
        try:
            yield kept.folder
        finally:
            self._leave(kept)

    # -- what comes and goes

    @contextmanager
    def begin(self, head: Head) -> Iterator[ObjectFolder]:
        """The folder of the object with this ``head``, as ``using``; made if there is none yet.

        Makes room for the whole object, or raises StoreFull and evicts nothing.
        """
        with self._lock:
            kept = self._kept.get(head.root)
            gone: list[Path] = []
            if kept is None:
                kept, gone = self._make(head)
            kept.users += 1
            self._touch(kept)
        for path in gone:
            _delete(path)
        try:
            yield kept.folder
        finally:
            self._leave(kept)

    @contextmanager
    def new_path(self) -> Iterator[Path]:
        """A name for a file or a folder in the store's folder, which is gone after the block, or
        after the next start if the process is killed."""
        path = self.folder / _NEW / f"{next(self._numbers)}"
        try:
            yield path
        finally:
            _delete(path)

    def pin(self, root: Root) -> None:
        """Spare the object ``root`` from eviction until ``unpin``, also after a restart."""
        self._set_pin(root, pinned=True)

    def unpin(self, root: Root) -> None:
        """Let the object ``root`` be evicted again."""
        self._set_pin(root, pinned=False)

    def remove(self, root: Root) -> None:
        """Remove the object ``root``; ObjectInUse if it is pinned or somebody is at work on it."""
        with self._lock:
            kept = self._kept.get(root)
            if kept is None:
                raise ObjectMissing.of(root)
            if not kept.may_go:
                raise ObjectInUse(
                    f"Object {short(root)} is {'pinned' if kept.pinned else 'in use'}.",
                    "Unpin it first." if kept.pinned else "Wait until its transfer is over.",
                )
            gone = self._throw_away(kept)
        _delete(gone)

    # -- inside

    def _make(self, head: Head) -> tuple[_Kept, list[Path]]:
        """A new object, and the evicted ones' folders: to be deleted once the lock is free."""
        charge = self._charge(head.shape)
        gone = [self._throw_away(kept) for kept in self._victims(charge, head.root)]
        with self._path_errors(), self.new_path() as path:
            folder = ObjectFolder.create(path, head)
            folder.path = self.folder / _OBJECTS / head.root.hex()
            os.rename(path, folder.path)
        kept = _Kept(folder, charge, 0, pinned=False)
        self._kept[head.root] = kept
        return kept, gone

    def _charge(self, shape: Shape) -> int:
        return shape.size_bytes + shape.tree_bytes + self._limits.overhead_bytes

    def _victims(self, charge: int, root: Root) -> list[_Kept]:
        """What to evict so that ``charge`` more bytes fit; StoreFull if no choice is enough."""
        limits = self._limits
        promised = sum(kept.folder.missing_bytes() for kept in self._kept.values())
        disk_bytes = self._free_bytes(self.folder) - promised - limits.free_bytes_min
        store_bytes = self._capacity_bytes - self._used_bytes()
        lacking = charge - min(disk_bytes, store_bytes)
        victims = []
        for kept in self._by_age():
            if lacking <= 0:
                break
            if kept.may_go:
                victims.append(kept)
                lacking -= kept.charged_bytes
        if lacking <= 0:
            return victims
        spared = sum(kept.charged_bytes for kept in self._kept.values() if not kept.may_go)
        if disk_bytes < store_bytes:
            raise StoreFull(
                f"Object {short(root)} needs {megabytes(charge)} and the disk of {self.folder} "
                f"has {megabytes(max(0, disk_bytes))} to spare.",
                "Free some space on that disk; nothing in the store was touched.",
            )
        raise StoreFull(
            f"Object {short(root)} needs {megabytes(charge)} of a store of "
            f"{megabytes(self._capacity_bytes)} in which {megabytes(spared)} are pinned or in use.",
            "Unpin what is no longer needed, or give the store more room.",
        )

    def _set_pin(self, root: Root, *, pinned: bool) -> None:
        with self._lock, self._path_errors():
            kept = self._kept.get(root)
            if kept is None:
                raise ObjectMissing.of(root)
            path = kept.folder.path / PIN
            if pinned:
                path.touch(mode=0o600)
            else:
                path.unlink(missing_ok=True)
            sync_folder(path.parent)
            kept.pinned = pinned

    def _touch(self, kept: _Kept) -> None:
        kept.used_ns = self._last_ns = max(self._clock.now_ns(), self._last_ns + 1)

    def _leave(self, kept: _Kept) -> None:
        """End a use, and note its time on disk: the order of eviction survives a restart. To fail
        at that note is no reason to fail."""
        with self._lock:
            self._touch(kept)
            with suppress(OSError):
                os.utime(kept.folder.path / TREE, ns=(kept.used_ns, kept.used_ns))
            kept.users -= 1

    def _throw_away(self, kept: _Kept) -> Path:
        path = self.folder / _TRASH / f"{next(self._numbers)}"
        with self._path_errors():
            os.rename(kept.folder.path, path)
        del self._kept[kept.folder.root]
        return path

    def _used_bytes(self) -> int:
        return sum(kept.charged_bytes for kept in self._kept.values())

    def _by_age(self) -> list[_Kept]:
        return sorted(self._kept.values(), key=lambda kept: kept.used_ns)

    def _sweep(self) -> None:
        for name in (_NEW, _TRASH):
            for path in (self.folder / name).iterdir():
                _delete(path)

    def _load(self) -> None:
        for place in sorted((self.folder / _OBJECTS).iterdir()):
            try:
                root = parse_root(place.name)
                folder = ObjectFolder.load(place, root)
            except ValueError as error:
                logger.warning(
                    "{} in the object store is not an object ({}): removed", place, error
                )
                _delete(place)
                continue
            self._kept[root] = _Kept(
                folder,
                self._charge(folder.head.shape),
                os.stat(place / TREE).st_mtime_ns,
                pinned=(place / PIN).exists(),
            )
        self._last_ns = max((kept.used_ns for kept in self._kept.values()), default=0)

    @contextmanager
    def _path_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise_disk_error(error, self.folder)


def _describe(kept: _Kept) -> StoredObject:
    folder = kept.folder
    return StoredObject(
        folder.root, folder.head.shape.size_bytes, folder.whole, kept.pinned, kept.charged_bytes
    )


def _free_bytes(path: Path) -> int:
    return shutil.disk_usage(path).free


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def megabytes(size: int) -> str:
    """A size for people: ``0.02 MB``, ``12.3 MB``."""
    return f"{size / 1e6:.{2 if size < 1e6 else 1}f} MB"
