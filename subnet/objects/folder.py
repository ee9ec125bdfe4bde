"""One object's files, of which every byte that is read or written is checked. Blocking.

An object's folder holds ``tree`` (the head, then the pages), ``data`` (the bytes themselves) and,
until the object is whole, ``have`` (one bit for each chunk). ``have`` decides: an object is whole
exactly if there is no such file. What a reader must know about crashes:

- A chunk is written, and its bit is set afterwards. ``kill -9`` loses at most the ranges that were
  being written.
- A power failure may keep a bit and lose the chunk. ``open_page`` therefore hashes what the
  bits claim before a transfer goes on; the bits only say where to look.
- ``have`` is removed after ``data`` and ``tree`` are on the disk.
- A chunk or page that no longer matches is found when it is read. It is then missing, so that it is
  never sent to anybody, and a transfer can mend it.

It knows one folder and no policy: who may write, how much fits and what is evicted is the store's,
which is asked for room (``make_room``) when bytes were found right and before they are written.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from loguru import logger

from assay.files import raise_disk_error, sync_folder
from assay.objects.errors import short
from assay.objects.limits import (
    CHUNK_BYTES,
    HASH_BYTES,
    HEAD_BYTES_MAX,
    PAGE_CHUNKS,
    RANGE_CHUNKS_MAX,
    SYNC_BYTES,
)
from assay.objects.tree import Head, Root, TreeInvalid, check_range, head_length, runs

DATA: Final = "data"
TREE: Final = "tree"
HAVE: Final = "have"
PIN: Final = "pin"
_PAGE_BITS_BYTES: Final = PAGE_CHUNKS // 8
_MODE: Final = 0o600


class ObjectFolder:
    """The folder at ``path``; threads may use one object of this class at the same time."""

    def __init__(self, path: Path, head: Head, have: bytearray | None) -> None:
        """Use ``create`` or ``load``. ``have`` None: the object is whole."""
        self.path = path
        self.head = head
        self._have = have
        self._lock = threading.Lock()
        self._checking = threading.Lock()
        self._unsynced_bytes = 0
        self.make_room: Callable[[int], None] = _have_room
        """Called with a number of bytes before they are written; what it raises, ``write`` raises.
        The store puts its own in place."""
        self._unchecked = set() if have is None else set(range(head.shape.pages))

    @classmethod
    def create(cls, path: Path, head: Head) -> ObjectFolder:
        """Make the folder of an object of which only ``head`` is known."""
        shape = head.shape
        have = bytearray(-(-shape.chunks // 8))
        with _disk(path):
            path.mkdir(mode=0o700)
            for name, start, size in (
                (TREE, head.encoded, shape.tree_bytes),
                (DATA, b"", shape.size_bytes),
                (HAVE, b"", len(have)),
            ):
                with _opened(path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
                    _write_all(descriptor, start, 0)
                    os.ftruncate(descriptor, size)
        folder = cls(path, head, have)
        folder._unchecked.clear()
        folder._complete_if_all()  # an empty object is whole from the start
        return folder

    @classmethod
    def load(cls, path: Path, root: Root) -> ObjectFolder:
        """The folder left by an earlier process. TreeInvalid if it is not that of ``root``."""
        with _disk(path):
            try:
                with _opened(path / TREE, os.O_RDONLY) as descriptor:
                    start = os.pread(descriptor, 8, 0)
                    if len(start) != 8:
                        raise TreeInvalid("the head is torn")
                    encoded = os.pread(descriptor, min(head_length(start), HEAD_BYTES_MAX), 0)
                head = Head.parse(root, encoded)
                if os.stat(path / DATA).st_size != head.shape.size_bytes:
                    raise TreeInvalid("the data file has another length than the head says")
                if not (path / HAVE).exists():
                    return cls(path, head, None)
                size = -(-head.shape.chunks // 8)
                with _opened(path / HAVE, os.O_RDONLY) as descriptor:
                    have = bytearray(os.pread(descriptor, size, 0).ljust(size, b"\0"))
            except FileNotFoundError:
                raise TreeInvalid("a file is missing") from None
        return cls(path, head, have)

    @property
    def root(self) -> Root:
        return self.head.root

    @property
    def whole(self) -> bool:
        return self._have is None

    def held(self, page: int) -> int:
        """The mask of the chunks of page number ``page`` that are here."""
        with self._lock:
            return self._held(page)

    def missing(self, page: int) -> int:
        """The mask of the chunks of page number ``page`` that are not here."""
        return self.head.shape.page_mask(page) & ~self.held(page)

    @property
    def all_bytes(self) -> int:
        """What ``missing_bytes`` is while only the head is here."""
        return self.head.shape.size_bytes + HASH_BYTES * self.head.shape.chunks

    def missing_bytes(self) -> int:
        """How many bytes are not here yet, of chunks and of their hashes."""
        if self.whole:
            return 0
        return sum(
            self._mask_bytes(page, self.missing(page)) for page in range(self.head.shape.pages)
        )

    # -- pages

    def page(self, page: int) -> bytes | None:
        """The hashes of page number ``page``; None if they are not here or no longer match."""
        size = self.head.shape.page_chunks(page) * HASH_BYTES
        with _disk(self.path), _opened(self.path / TREE, os.O_RDONLY) as descriptor:
            hashes = os.pread(descriptor, size, self.head.page_offset(page))
        return hashes if self.head.is_page(page, hashes) else None

    def put_page(self, page: int, hashes: bytes | memoryview) -> bool:
        """Keep the hashes of page number ``page``; False, and nothing kept, if they are wrong."""
        if not 0 <= page < self.head.shape.pages or not self.head.is_page(page, hashes):
            return False
        with _disk(self.path), _opened(self.path / TREE, os.O_WRONLY) as descriptor:
            _write_all(descriptor, hashes, self.head.page_offset(page))
        return True

    # -- chunks

    def read(self, first: int, count: int) -> tuple[memoryview, int]:
        """The bytes of ``count`` chunks from ``first``, and the mask of those that are right.

        All chunks must be of one page. A chunk that was here and does not match any more is noted
        as missing.
        """
        page, offset = divmod(first, PAGE_CHUNKS)
        wanted = (1 << count) - 1
        held = self.held(page) >> offset & wanted
        hashes = self.page(page)
        if hashes is None:
            self._lose(page, self.held(page), "the hashes of a page no longer match")
            return memoryview(b""), 0
        size = self.head.shape.range_bytes(first, count)
        with _disk(self.path), _opened(self.path / DATA, os.O_RDONLY) as descriptor:
            data = memoryview(os.pread(descriptor, size, first * CHUNK_BYTES))
        right = check_range(hashes, first, data) & held
        if right != held:
            self._lose(page, (held & ~right) << offset, "chunks no longer match")
        return data, right

    def write(self, first: int, data: memoryview) -> tuple[int, int] | None:
        """Keep what is right in ``data``, the chunks from ``first`` on; all must be of one page.

        Returns two masks: the chunks that are right, and those of them that were not here before.
        None if the hashes of the page are not here: nothing can be checked without. StoreFull if
        ``make_room`` finds no room for what is right and was not here before. The object is
        whole, and on the disk, once the last missing chunk is written.
        """
        page, offset = divmod(first, PAGE_CHUNKS)
        hashes = self.page(page)
        if hashes is None:
            return None
        right = check_range(hashes, first, data)
        absent = right & ~(self.held(page) >> offset)
        if not absent:
            return right, 0
        self.make_room(self._mask_bytes(page, absent << offset))
        with _disk(self.path), _opened(self.path / DATA, os.O_WRONLY) as descriptor:
            for start, count in runs(absent):
                piece = data[start * CHUNK_BYTES : (start + count) * CHUNK_BYTES]
                _write_all(descriptor, piece, (first + start) * CHUNK_BYTES)
        new = self._mark(page, absent << offset) >> offset
        self._sync_sometimes(len(data))
        self._complete_if_all()
        return right, new

    def open_page(self, page: int) -> int | None:
        """The mask of what is missing of page number ``page``; None if its hashes are missing.

        On the first call after a restart every chunk of the page that an earlier process claims to
        have written is hashed, and what does not match is missing.
        """
        with self._checking:
            if page in self._unchecked:
                for first, count in runs(self.held(page)):
                    for start in range(first, first + count, RANGE_CHUNKS_MAX):
                        many = min(RANGE_CHUNKS_MAX, first + count - start)
                        self.read(page * PAGE_CHUNKS + start, many)
                self._unchecked.discard(page)
        self._complete_if_all()
        missing = self.missing(page)
        return None if missing and self.page(page) is None else missing

    # -- the bits

    def _mask_bytes(self, page: int, mask: int) -> int:
        """The bytes of the chunks in ``mask`` of page number ``page``, with their hashes."""
        chunks_bytes = self.head.shape.mask_bytes(page * PAGE_CHUNKS, mask)
        return chunks_bytes + HASH_BYTES * mask.bit_count()

    def _held(self, page: int) -> int:
        if self._have is None:
            return self.head.shape.page_mask(page)
        start = page * _PAGE_BITS_BYTES
        bits = int.from_bytes(self._have[start : start + _PAGE_BITS_BYTES], "little")
        return bits & self.head.shape.page_mask(page)

    def _mark(self, page: int, mask: int) -> int:
        """Note that the chunks in ``mask`` are here; returns those that were not here before."""
        with self._lock:
            held = self._held(page)
            if self._have is not None:
                self._set_bits(self._have, page, held | mask)
            return mask & ~held

    def _lose(self, page: int, mask: int, why: str) -> None:
        """Note that the chunks in ``mask`` are missing; an object that was whole is so no more."""
        if not mask:
            return
        logger.error(
            "object {}: {} on disk ({} chunks of page {}); they count as missing",
            short(self.root), why, mask.bit_count(), page,
        )  # fmt: skip
        with self._lock:
            have = self._have
            if have is None:
                have = bytearray(-(-self.head.shape.chunks // 8))
                for other in range(self.head.shape.pages):
                    start = other * _PAGE_BITS_BYTES
                    bits = self.head.shape.page_mask(other).to_bytes(_PAGE_BITS_BYTES, "little")
                    have[start : start + _PAGE_BITS_BYTES] = bits[: len(have) - start]
                with _disk(self.path), _opened(
                    self.path / HAVE, os.O_WRONLY | os.O_CREAT
                ) as descriptor:  # fmt: skip
                    _write_all(descriptor, have, 0)
                self._have = have
            self._set_bits(have, page, self._held(page) & ~mask)

    def _set_bits(self, have: bytearray, page: int, mask: int) -> None:
        start = page * _PAGE_BITS_BYTES
        size = min(_PAGE_BITS_BYTES, len(have) - start)
        have[start : start + size] = mask.to_bytes(size, "little")
        with _disk(self.path), _opened(self.path / HAVE, os.O_WRONLY) as descriptor:
            _write_all(descriptor, memoryview(have)[start : start + size], start)

    def _sync_sometimes(self, written_bytes: int) -> None:
        with self._lock:
            self._unsynced_bytes += written_bytes
            if self._unsynced_bytes < SYNC_BYTES:
                return
            self._unsynced_bytes = 0
        with _disk(self.path), _opened(self.path / DATA, os.O_RDONLY) as descriptor:
            os.fdatasync(descriptor)

    def _has_all(self) -> bool:
        shape = self.head.shape
        return not self._unchecked and all(
            self._held(page) == shape.page_mask(page) for page in range(shape.pages)
        )

    def _complete_if_all(self) -> None:
        """If nothing is missing any more: bring everything to the disk, then take ``have`` away."""
        with self._lock:
            if self._have is None or not self._has_all():
                return
        with _disk(self.path):
            for name in (DATA, TREE):
                with _opened(self.path / name, os.O_RDONLY) as descriptor:
                    os.fsync(descriptor)
            with self._lock:
                if self._have is None or not self._has_all():  # a reader found damage meanwhile
                    return
                (self.path / HAVE).unlink()
                self._have = None
            sync_folder(self.path)
            sync_folder(self.path.parent)


def _have_room(_size_bytes: int) -> None:
    """Of a folder that belongs to no store."""


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC, _MODE)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """What the file system refuses, as an error with a cause and a cure."""
    try:
        yield
    except OSError as error:
        raise_disk_error(error, path)


def _write_all(descriptor: int, data: bytes | bytearray | memoryview, offset: int) -> None:
    """Write all of ``data``: one call may write less, for instance to a disk that fills up."""
    rest = memoryview(data)
    while len(rest):
        written = os.pwrite(descriptor, rest, offset)
        rest = rest[written:]
        offset += written
