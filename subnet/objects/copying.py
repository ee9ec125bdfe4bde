"""Between ordinary files and the store, a range at a time. Blocking generators.

``ingest`` takes a file in, ``export`` writes one out; each yields after every range, so that the
caller can report progress and stop between two ranges. Both hold one range in memory, whatever the
file's size. What is exported was checked when it was read, and appears under its name only when it
is whole and on the disk.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Final

from assay.errors import UserError
from assay.files import raise_disk_error, sync_folder
from assay.objects.errors import SourceChanged, StoreDamaged
from assay.objects.folder import ObjectFolder
from assay.objects.limits import (
    CHUNK_BYTES,
    HASH_BYTES,
    OBJECT_BYTES_MAX,
    PAGE_BYTES_MAX,
    PAGE_CHUNKS,
    RANGE_CHUNKS_MAX,
)
from assay.objects.store import ObjectStore
from assay.objects.tree import Head, Root, TreeBuilder, runs

_RANGE_BYTES: Final = RANGE_CHUNKS_MAX * CHUNK_BYTES

_WRITING: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What goes wrong only where something is written: in the store, not in the file that is put."""


@dataclass(frozen=True, slots=True)
class CopyStep:
    """How far a copy is. ``root`` is known once all of the file was hashed."""

    done_bytes: int
    total_bytes: int
    root: Root | None = None


def ingest(
    store: ObjectStore, source: Path | bytes, *, pin: bool = False
) -> Generator[CopyStep, None, None]:
    """Take ``source`` into ``store``; the last step has the root. ``pin`` pins the object.

    The file is read twice: once for its hashes, which tell whether the store has it already and
    how much room it needs, and once to copy it. A copy that was interrupted goes on where it was.
    """
    name = str(source) if isinstance(source, Path) else "the bytes"
    try:
        with _open(source) as file:
            size = file.seek(0, io.SEEK_END)
            if size > OBJECT_BYTES_MAX:
                raise UserError(
                    f"{name} has {size} bytes, and an object at most {OBJECT_BYTES_MAX}.",
                    "Put it in several parts.",
                )
            with store.new_path() as pages_path, pages_path.open("w+b", buffering=0) as pages:
                head = yield from _hash(file, size, pages, name)
                with store.begin(head) as folder:
                    yield from _copy_in(file, folder, pages, name)
                    if pin:
                        store.pin(head.root)
    except OSError as error:
        if isinstance(source, bytes) or error.errno in _WRITING:
            raise_disk_error(error, store.folder)
        raise_disk_error(error, source)
    yield CopyStep(2 * size, 2 * size, head.root)


def _hash(
    file: io.RawIOBase | io.BufferedIOBase, size: int, pages: io.FileIO, name: str
) -> Generator[CopyStep, None, Head]:
    """The head of the ``size`` bytes in ``file``; their pages go into ``pages`` in order."""
    tree = TreeBuilder()
    for start in range(0, size, _RANGE_BYTES):
        data = _read(file, start, min(_RANGE_BYTES, size - start), name)
        for offset in range(0, len(data), CHUNK_BYTES):
            page = tree.add(data[offset : offset + CHUNK_BYTES])
            if page is not None:
                _write_all(pages, page)
        yield CopyStep(start + len(data), 2 * size)
    page, head = tree.finish()
    if page is not None:
        _write_all(pages, page)
    if file.seek(0, io.SEEK_END) != size:
        raise _changed(name)
    return head


def _copy_in(
    file: io.RawIOBase | io.BufferedIOBase, folder: ObjectFolder, pages: io.FileIO, name: str
) -> Generator[CopyStep, None, None]:
    shape = folder.head.shape
    for page in range(shape.pages):
        missing = folder.open_page(page)
        if missing is None:
            offset = page * PAGE_BYTES_MAX
            hashes = _read(pages, offset, shape.page_chunks(page) * HASH_BYTES, name)
            folder.put_page(page, hashes)
            missing = folder.missing(page)
        for first, count in _ranges(page, missing):
            length = shape.range_bytes(first, count)
            data = _read(file, first * CHUNK_BYTES, length, name)
            written = folder.write(first, data)
            if written is None:
                raise StoreDamaged.of(folder.root)
            if written[0] != (1 << count) - 1:
                raise _changed(name)
            done = shape.size_bytes + first * CHUNK_BYTES + length
            yield CopyStep(done, 2 * shape.size_bytes)


def export(folder: ObjectFolder, into: Path) -> Generator[CopyStep, None, None]:
    """Write the object in ``folder`` to ``into``, in place of what is there.

    ``into`` keeps what it held until the object is whole beside it. StoreDamaged if a chunk is
    missing or does not match; Unavailable if the disk refuses.
    """
    size = folder.head.shape.size_bytes
    beside = into.with_name(f".{into.name[:200]}.{secrets.token_hex(6)}.part")
    try:
        try:
            with beside.open("xb", buffering=0) as file:
                shape = folder.head.shape
                for page in range(shape.pages):
                    for first, count in _ranges(page, shape.page_mask(page)):
                        data, right = folder.read(first, count)
                        if right != (1 << count) - 1:
                            raise StoreDamaged.of(folder.root)
                        _write_all(file, data)
                        yield CopyStep(first * CHUNK_BYTES + len(data), size, folder.root)
                os.fsync(file.fileno())
            os.replace(beside, into)
            sync_folder(into.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
    except OSError as error:
        raise_disk_error(error, into)
    yield CopyStep(size, size, folder.root)


def read_checked(folder: ObjectFolder, offset: int, size: int) -> bytes:
    """``size`` bytes from ``offset``, or fewer at the end; StoreDamaged if a chunk is not right."""
    end = min(offset + size, folder.head.shape.size_bytes)
    found = bytearray()
    while offset + len(found) < end:
        at = offset + len(found)
        first, skipped = divmod(at, CHUNK_BYTES)
        last = (end - 1) // CHUNK_BYTES
        count = min(last + 1, (first // PAGE_CHUNKS + 1) * PAGE_CHUNKS) - first
        data, right = folder.read(first, count)
        if right != (1 << count) - 1:
            raise StoreDamaged.of(folder.root)
        found += data[skipped : skipped + end - at]
    return bytes(found)


def _ranges(page: int, mask: int) -> Iterator[tuple[int, int]]:
    """The chunks of ``mask`` in ranges that fit into memory, as (first chunk, count)."""
    for start, length in runs(mask):
        for first in range(start, start + length, RANGE_CHUNKS_MAX):
            count = min(RANGE_CHUNKS_MAX, start + length - first)
            yield page * PAGE_CHUNKS + first, count


def _open(source: Path | bytes) -> io.BytesIO | io.FileIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    # Without O_NONBLOCK a pipe that nobody writes to would be waited for.
    descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UserError(f"{source} is not a file.", "Give a file's path.")
    return io.FileIO(descriptor, "r")


def _read(file: io.RawIOBase | io.BufferedIOBase, offset: int, size: int, name: str) -> memoryview:
    """Exactly ``size`` bytes from ``offset``; SourceChanged if the file has become shorter."""
    file.seek(offset)
    buffer = memoryview(bytearray(size))
    done = 0
    while done < size:
        count = file.readinto(buffer[done:])
        if not count:
            raise _changed(name)
        done += count
    return buffer


def _write_all(file: io.FileIO, data: bytes | memoryview) -> None:
    """Write all of ``data``: one call may write less, for instance to a disk that fills up."""
    rest = memoryview(data)
    while len(rest):
        rest = rest[file.write(rest) :]


def _changed(name: str) -> SourceChanged:
    return SourceChanged(
        f"{name} was written to while it was read.", "Put it when nobody writes to it."
    )
