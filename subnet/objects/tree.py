"""What an object's root is, and how any part of the object is checked against the root. Pure.

A root names a sequence of bytes. The hashes below a root have three levels, and nothing at any
level is larger than 64 KiB and 8 bytes, so that a receiver checks each part when the part arrives::

    chunk hash = BLAKE3 derive_key "assay 2026 object chunk v1" over up to 65,536 bytes of the file
    page       = up to 2,048 chunk hashes, one after another: those of 128 MiB of the file
    page hash  = BLAKE3 derive_key "assay 2026 object page v1" over the page
    head       = u64 little-endian size of the file | the page hashes
    root       = BLAKE3 derive_key "assay 2026 object head v1" over the head

Every chunk and every page but the last is full; an empty file has neither. The size in the head
fixes how many pages there are and how long each part is, and each level has its own context, so no
part passes for a part of another level. It reads no file and knows no network.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NewType

from blake3 import blake3

from assay.objects.limits import (
    CHUNK_BYTES,
    HASH_BYTES,
    HEAD_BYTES_MAX,
    OBJECT_BYTES_MAX,
    PAGE_CHUNKS,
)

Root = NewType("Root", bytes)
"""32 bytes that name an object; ``root.hex()`` is the written form."""

_CHUNK: Final = "assay 2026 object chunk v1"
_PAGE: Final = "assay 2026 object page v1"
_HEAD: Final = "assay 2026 object head v1"
_SIZE: Final = struct.Struct("<Q")


class TreeInvalid(ValueError):
    """A part does not match the hash above it, or has a form that no object has."""


def parse_root(text: str) -> Root:
    """The root written as 64 hex digits in ``text``; ValueError for anything else."""
    if len(text) != 2 * HASH_BYTES or not text.isascii() or not text.isalnum():
        raise ValueError("a root is written as 64 hex digits")
    try:
        return Root(bytes.fromhex(text))
    except ValueError:
        raise ValueError("a root is written as 64 hex digits") from None


def chunk_hash(chunk: bytes | memoryview) -> bytes:
    return blake3(chunk, derive_key_context=_CHUNK).digest()


def page_hash(page: bytes | memoryview) -> bytes:
    return blake3(page, derive_key_context=_PAGE).digest()


@dataclass(frozen=True, slots=True)
class Shape:
    """How an object of ``size_bytes`` is divided."""

    size_bytes: int

    def __post_init__(self) -> None:
        if not 0 <= self.size_bytes <= OBJECT_BYTES_MAX:
            raise TreeInvalid(f"an object has at most {OBJECT_BYTES_MAX} bytes")

    @property
    def chunks(self) -> int:
        return -(-self.size_bytes // CHUNK_BYTES)

    @property
    def pages(self) -> int:
        return -(-self.chunks // PAGE_CHUNKS)

    @property
    def tree_bytes(self) -> int:
        """Bytes of the head and of all pages."""
        return _SIZE.size + (self.pages + self.chunks) * HASH_BYTES

    def page_chunks(self, page: int) -> int:
        """How many chunks page number ``page`` describes."""
        return min(PAGE_CHUNKS, self.chunks - page * PAGE_CHUNKS)

    def page_mask(self, page: int) -> int:
        """One bit for each chunk of page number ``page``, the page's first chunk lowest."""
        return (1 << self.page_chunks(page)) - 1

    def range_bytes(self, first: int, count: int) -> int:
        """Bytes of ``count`` chunks from chunk number ``first``; the last chunk may be short."""
        return min((first + count) * CHUNK_BYTES, self.size_bytes) - first * CHUNK_BYTES

    def mask_bytes(self, first: int, mask: int) -> int:
        """Bytes of the chunks in ``mask``, whose lowest bit is chunk number ``first``."""
        return sum(self.range_bytes(first + start, count) for start, count in runs(mask))

    def has_range(self, first: int, count: int) -> bool:
        """Whether the object has all ``count`` chunks from ``first``, in one page."""
        return (
            count > 0
            and first >= 0
            and first + count <= self.chunks
            and first // PAGE_CHUNKS == (first + count - 1) // PAGE_CHUNKS
        )


@dataclass(frozen=True, slots=True)
class Head:
    """A checked head: an object's shape and the hash of each of its pages."""

    root: Root
    shape: Shape
    encoded: bytes

    @classmethod
    def make(cls, size_bytes: int, page_hashes: bytes) -> Head:
        encoded = _SIZE.pack(size_bytes) + page_hashes
        return cls.parse(root_of(encoded), encoded)

    @classmethod
    def parse(cls, root: Root, encoded: bytes) -> Head:
        """The head in ``encoded``; TreeInvalid unless its hash is ``root``."""
        if not _SIZE.size <= len(encoded) <= HEAD_BYTES_MAX:
            raise TreeInvalid("the head has a length that no head has")
        if root_of(encoded) != root:
            raise TreeInvalid("the head does not match the root")
        shape = Shape(*_SIZE.unpack_from(encoded))
        if len(encoded) != _SIZE.size + shape.pages * HASH_BYTES:
            raise TreeInvalid("the head has another number of pages than its size")
        return cls(root, shape, encoded)

    def is_page(self, page: int, hashes: bytes | memoryview) -> bool:
        """Whether ``hashes`` is page number ``page`` of this object."""
        start = _SIZE.size + page * HASH_BYTES
        return (
            len(hashes) == self.shape.page_chunks(page) * HASH_BYTES
            and page_hash(hashes) == self.encoded[start : start + HASH_BYTES]
        )

    def page_offset(self, page: int) -> int:
        """Where page number ``page`` starts in a file that holds the head and then the pages."""
        return len(self.encoded) + page * PAGE_CHUNKS * HASH_BYTES


def root_of(head: bytes) -> Root:
    """The root whose head is ``head``; its form is not looked at."""
    return Root(blake3(head, derive_key_context=_HEAD).digest())


def head_length(start: bytes) -> int:
    """How many bytes the head has that begins with the 8 bytes ``start``."""
    return _SIZE.size + Shape(*_SIZE.unpack(start)).pages * HASH_BYTES


def check_range(hashes: bytes, first: int, data: memoryview) -> int:
    """Which chunks of ``data`` match: a mask whose lowest bit is chunk number ``first``.

    ``hashes`` is the checked page that chunk ``first`` belongs to. The last chunk of ``data`` may
    be shorter than the others; whether the chunk may be short decides the hash.
    """
    matching = 0
    start = first % PAGE_CHUNKS * HASH_BYTES
    for number, offset in enumerate(range(0, len(data), CHUNK_BYTES)):
        found = chunk_hash(data[offset : offset + CHUNK_BYTES])
        wanted = start + number * HASH_BYTES
        if found == hashes[wanted : wanted + HASH_BYTES]:
            matching |= 1 << number
    return matching


def runs(mask: int) -> Iterator[tuple[int, int]]:
    """The runs of set bits in ``mask``, lowest first, as (first bit, number of bits)."""
    base = 0
    while mask:
        skipped = (mask & -mask).bit_length() - 1
        mask >>= skipped
        length = (~mask & (mask + 1)).bit_length() - 1
        yield base + skipped, length
        mask >>= length
        base += skipped + length


class TreeBuilder:
    """Makes pages and the head from a file's chunks in order; holds one page and its hashes."""

    def __init__(self) -> None:
        self._page = bytearray()
        self._page_hashes = bytearray()
        self._size_bytes = 0

    def add(self, chunk: bytes | memoryview) -> bytes | None:
        """Take the next chunk, of which only the last may be short. A page, if it is now full."""
        if not 0 < len(chunk) <= CHUNK_BYTES or self._size_bytes % CHUNK_BYTES:
            raise ValueError("only the last chunk may be short")
        self._size_bytes += len(chunk)
        if self._size_bytes > OBJECT_BYTES_MAX:
            raise TreeInvalid(f"an object has at most {OBJECT_BYTES_MAX} bytes")
        self._page += chunk_hash(chunk)
        return self._close_page() if len(self._page) == PAGE_CHUNKS * HASH_BYTES else None

    def finish(self) -> tuple[bytes | None, Head]:
        """The last page, unless it was full and is returned already, and the head."""
        page = self._close_page() if self._page else None
        return page, Head.make(self._size_bytes, bytes(self._page_hashes))

    def _close_page(self) -> bytes:
        page = bytes(self._page)
        self._page.clear()
        self._page_hashes += page_hash(page)
        return page


def object_root(data: bytes) -> Root:
    """The root of the object that holds ``data``."""
    tree = TreeBuilder()
    whole = memoryview(data)
    for start in range(0, len(whole), CHUNK_BYTES):
        tree.add(whole[start : start + CHUNK_BYTES])
    return tree.finish()[1].root
