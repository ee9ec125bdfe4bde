"""The heap of a runtime: a freeing bump allocator whose book-keeping lies in Wasm memory.

A Substrate runtime brings no allocator; the host serves it, and places what host functions return
on the same heap. As in ``sp-allocator`` sizes are rounded up to powers of two from 8 bytes to
32 MiB (the *order*), each block has an 8-byte header before it, freed blocks of an order form a
list, and what no list can serve is cut off above the highest block (the *bump*).

The runtime's own calls are answered inside Wasm by the helper module (``helper.py``), without
crossing into Python; the host's are answered here. Both work on the same book-keeping, which begins
at the heap's base::

    +0    u32 x 23   the first free block of each order, 0 for none (points at its header)
    +96   u32        the bump
    +128  512 bytes  scratch of the helper's hash functions
    +640             the first block

A header is the order and a word 1 while the block is in use, else the next free block and 0. A
runtime can overwrite all this as it can any of its memory: reads here are bounds-checked, so it
harms only its own call.
"""

from __future__ import annotations

from typing import Final, Protocol

ORDERS: Final = 23
"""8 B << 22 = 32 MiB: the largest block there is, as in Parity's allocator."""
BLOCK_BYTES_MIN: Final = 8
BLOCK_BYTES_MAX: Final = BLOCK_BYTES_MIN << (ORDERS - 1)
HEADER_BYTES: Final = 8
BUMP_AT: Final = 96
SCRATCH_AT: Final = 128
BOOK_BYTES: Final = 640
IN_USE: Final = 1
"""The upper word of a header whose block is in use; the lower one is the order."""
PAGE_BYTES: Final = 65_536
GROW_PAGES: Final = 256
"""Memory grows by 16 MiB more than is asked for: pages cost nothing until they are touched."""


class AllocatorError(Exception):
    """The heap cannot serve a request, or its book-keeping was overwritten."""


class GrowableMemory(Protocol):
    """What the allocator needs of a Wasm memory."""

    view: memoryview
    words: memoryview
    """``view`` in words of 32 bits. Wasm is little-endian, as is each machine that we run on."""

    def grow(self, pages: int) -> None:
        """Grow by so many pages and renew the views; AllocatorError if that cannot be."""
        ...


class HostAllocator:
    """The Python half of the allocator."""

    def __init__(self, memory: GrowableMemory, heap_base: int) -> None:
        self._memory = memory
        self.base = (heap_base + 7) & ~7
        """Where the book-keeping begins."""
        self._first_word = self.base // 4
        self._bump_word = (self.base + BUMP_AT) // 4

    def reset(self) -> None:
        """An empty heap: before each call."""
        end = self.base + BOOK_BYTES
        if end > len(self._memory.view):
            self._memory.grow(1)
        self._memory.view[self.base : end] = _EMPTY_BOOK
        self._memory.words[self._bump_word] = end

    def allocate(self, size: int) -> int:
        """A block of at least ``size`` bytes; its address."""
        if size > BLOCK_BYTES_MAX:
            raise AllocatorError(f"a block of {size} bytes is above the maximum of 32 MiB")
        order = (size - 1).bit_length() - 3 if size > BLOCK_BYTES_MIN else 0
        words = self._memory.words
        head_word = self._first_word + order
        try:
            header: int = words[head_word]
            if header:
                words[head_word] = words[header >> 2]
            else:
                header = words[self._bump_word]
                end = header + HEADER_BYTES + (BLOCK_BYTES_MIN << order)
                if end > len(self._memory.view):
                    self._memory.grow(-(-(end - len(self._memory.view)) // PAGE_BYTES))
                    words = self._memory.words
                words[self._bump_word] = end
            words[header >> 2] = order
            words[(header >> 2) + 1] = IN_USE
        except (IndexError, ValueError) as error:
            raise AllocatorError("the heap's book-keeping was overwritten") from error
        return header + HEADER_BYTES


_EMPTY_BOOK: Final = bytes(BOOK_BYTES)
