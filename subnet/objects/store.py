"""A bounded store of objects in one folder on disk. Blocking: call it from worker threads.

What comes in is checked heads, pages and chunks (``folder`` does the checking); what goes out is
the same. The store adds the policy: how much fits, what is evicted to make room, what is spared.

- The folder belongs to one process at a time.
- An object is charged for what is here of it. Its head costs nothing: a head is a claim, and a
  claim evicts nothing. Of objects with a head alone a bounded number is kept.
- Room is made when bytes were found right, before they are written, by evicting the objects used
  longest ago. Pinned objects are spared, and objects that somebody reads, writes or transfers at
  the moment.
- An object is refused at its beginning if evicting all others that are not spared would not make
  enough room for the whole of it; nothing is evicted then. What is pinned or held while the object
  comes may refuse it later: what came is kept.
- Removing is one rename into ``trash``, and making one rename out of ``new``: after ``kill -9`` the
  next start empties both.

Layout: ``objects/<root in hex>/{tree,data,have,pin}``, see ``folder``; ``new/``, ``trash/``, and
``lock``. Roots are the only names, and 64 hex digits are the only form of a root.
"""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from loguru import logger

from assay.clock import Clock, SystemClock
from assay.errors import UserError
from assay.files import InUse, LockFile, raise_disk_error, sync_folder
from assay.objects.errors import ObjectInUse, ObjectMissing, StoreFull, short
from assay.objects.folder import PIN, TREE, ObjectFolder
from assay.objects.limits import DEFAULT, ObjectLimits
from assay.objects.tree import Head, Root, parse_root

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
    whole_bytes: int
    """What it is charged when it is whole."""
    charged_bytes: int
    """For what is here; 0 while that is the head alone."""
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
    def using(self, root: Root, *, to_fill: bool = False) -> Iterator[ObjectFolder]:
        """The folder of the object ``root``, which is not evicted meanwhile; ObjectMissing.

        ``to_fill``: StoreFull if there can be no room for what is missing of it.
        """
        with self._lock:
            kept = self._kept.get(root)
            if kept is None:
                raise ObjectMissing.of(root)
            if to_fill:
                self._check_room(kept.folder.head)
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

        Evicts nothing: room is made when chunks are written. StoreFull if there can be none.
        """
        with self._deleting() as gone, self._lock:
            self._check_room(head)
            kept = self._kept.get(head.root)
            if kept is None:
                self._drop_idle_heads(gone)
                kept = self._make(head)
            kept.users += 1
            self._touch(kept)
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

    @contextmanager
    def _deleting(self) -> Iterator[list[Path]]:
        """Delete the folders that the block appends, however the block ends. The block holds the
        lock; the deletion does not."""
        gone: list[Path] = []
        try:
            yield gone
        finally:
            for path in gone:
                _delete(path)

    def _make(self, head: Head) -> _Kept:
        with self._path_errors(), self.new_path() as path:
            folder = ObjectFolder.create(path, head)
            folder.path = self.folder / _OBJECTS / head.root.hex()
            os.rename(path, folder.path)
        return self._keep(folder, 0, pinned=False)

    def _keep(self, folder: ObjectFolder, used_ns: int, *, pinned: bool) -> _Kept:
        kept = _Kept(folder, self._whole_bytes(folder.head), 0, used_ns, pinned)
        kept.charged_bytes = _here_bytes(kept)
        folder.make_room = functools.partial(self._make_room, kept)
        self._kept[folder.root] = kept
        return kept

    def _whole_bytes(self, head: Head) -> int:
        return head.shape.size_bytes + head.shape.tree_bytes + self._limits.overhead_bytes

    def _make_room(self, kept: _Kept, more_bytes: int) -> None:
        """Charge an object in use for ``more_bytes`` of chunks and hashes, which are right, and
        evict what has to go for them; StoreFull, and nothing is evicted, if that is not enough."""
        with self._deleting() as gone, self._lock:
            here_bytes = kept.charged_bytes
            if not here_bytes:  # the first chunk: its folder and head are charged as well
                here_bytes = kept.whole_bytes - kept.folder.all_bytes
            charged_bytes = min(kept.whole_bytes, here_bytes + more_bytes)
            victims = self._victims(charged_bytes - kept.charged_bytes, kept.folder.root)
            gone.extend(self._throw_away(victim) for victim in victims)
            kept.charged_bytes = charged_bytes

    def _victims(self, more_bytes: int, root: Root) -> list[_Kept]:
        """What to evict so that ``more_bytes`` fit; StoreFull if no choice is enough."""
        disk_bytes = self._free_bytes(self.folder) - self._limits.free_bytes_min
        store_bytes = self._capacity_bytes - self._used_bytes()
        lacking = more_bytes - min(disk_bytes, store_bytes)
        victims = []
        for kept in self._by_age():
            if lacking <= 0:
                break
            if kept.may_go and kept.charged_bytes:
                victims.append(kept)
                lacking -= kept.charged_bytes
        if lacking > 0:
            self._refuse(root, more_bytes, disk_bytes, store_bytes)
        return victims

    def _check_room(self, head: Head) -> None:
        """StoreFull if what is missing of the object with this ``head`` does not fit even when all
        that may be evicted is. What others in use lack is spoken for."""
        mine = self._kept.get(head.root)
        if mine is not None and mine.folder.whole:
            return
        missing_bytes = self._whole_bytes(head) - (mine.charged_bytes if mine else 0)
        others = [kept for kept in self._kept.values() if kept is not mine]
        loose_bytes = sum(kept.charged_bytes for kept in others if kept.may_go)
        spoken_bytes = sum(k.whole_bytes - k.charged_bytes for k in others if not k.may_go)
        free_bytes = self._free_bytes(self.folder) - self._limits.free_bytes_min
        disk_bytes = free_bytes + loose_bytes - spoken_bytes
        store_bytes = self._capacity_bytes - self._used_bytes() + loose_bytes - spoken_bytes
        if missing_bytes > min(disk_bytes, store_bytes):
            self._refuse(head.root, missing_bytes, disk_bytes, store_bytes)

    def _refuse(self, root: Root, needed: int, disk_bytes: int, store_bytes: int) -> NoReturn:
        if disk_bytes < store_bytes:
            raise StoreFull(
                f"Object {short(root)} needs {megabytes(needed)} and the disk of {self.folder} "
                f"has {megabytes(max(0, disk_bytes))} to spare.",
                "Free some space on that disk; nothing was evicted for these bytes.",
            )
        spared = sum(kept.charged_bytes for kept in self._kept.values() if not kept.may_go)
        raise StoreFull(
            f"Object {short(root)} needs {megabytes(needed)} of a store of "
            f"{megabytes(self._capacity_bytes)} in which {megabytes(spared)} are pinned or in use.",
            "Unpin what is no longer needed, or give the store more room.",
        )

    def _drop_idle_heads(self, gone: list[Path]) -> None:
        """Leave room for one more object of which the head alone is here."""
        idle = [kept for kept in self._by_age() if kept.may_go and not kept.charged_bytes]
        too_many = max(0, len(idle) + 1 - self._limits.idle_heads_max)
        gone.extend(self._throw_away(kept) for kept in idle[:too_many])

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
            if not kept.users:  # what a failed write was charged, or damage has cost, is corrected
                kept.charged_bytes = _here_bytes(kept)

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
            used_ns = os.stat(place / TREE).st_mtime_ns
            self._keep(folder, used_ns, pinned=(place / PIN).exists())
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


def _here_bytes(kept: _Kept) -> int:
    """What ``kept`` is to be charged for what is here of it."""
    missing_bytes = kept.folder.missing_bytes()
    has_head_alone = missing_bytes == kept.folder.all_bytes > 0
    return 0 if has_head_alone else kept.whole_bytes - missing_bytes


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
