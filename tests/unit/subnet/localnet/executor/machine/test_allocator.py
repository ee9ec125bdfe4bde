"""The heap's Python half: sizes and their limits, blocks that do not meet, books that were spoilt.

The Wasm half works on the same book-keeping; runs of real runtimes hold the two together.
"""

from __future__ import annotations

import itertools
import random

import pytest

from assay.localnet.executor.machine.allocator import (
    BLOCK_BYTES_MAX,
    BOOK_BYTES,
    BUMP_AT,
    HEADER_BYTES,
    PAGE_BYTES,
    AllocatorError,
    HostAllocator,
)


class Memory:
    """A linear memory with a limit on its pages."""

    def __init__(self, pages: int, pages_max: int) -> None:
        self._pages_max = pages_max
        self._bytes = bytearray(pages * PAGE_BYTES)
        self.view = memoryview(self._bytes)
        self.words = self.view.cast("I")

    def grow(self, pages: int) -> None:
        if len(self._bytes) // PAGE_BYTES + pages > self._pages_max:
            raise AllocatorError("the memory is at its limit")
        self.words.release()
        self.view.release()
        self._bytes += bytes(pages * PAGE_BYTES)
        self.view = memoryview(self._bytes)
        self.words = self.view.cast("I")


def heap(pages: int = 1, pages_max: int = 2_000, base: int = 1_001) -> HostAllocator:
    made = HostAllocator(Memory(pages, pages_max), base)
    made.reset()
    return made


def test_blocks_are_aligned_after_the_books_and_do_not_meet() -> None:
    allocator = heap()
    assert allocator.base == 1_008
    sizes = [random.Random(1).randint(0, 5_000) for _ in range(200)]
    blocks = sorted((allocator.allocate(size), size) for size in sizes)
    assert blocks[0][0] == allocator.base + BOOK_BYTES + HEADER_BYTES
    assert all(address % 8 == 0 for address, _ in blocks)
    for (address, size), (following, _) in itertools.pairwise(blocks):
        assert address + size + HEADER_BYTES <= following


@pytest.mark.parametrize(
    ("size", "taken"),
    [(0, 8), (1, 8), (8, 8), (9, 16), (16, 16), (17, 32), (4_097, 8_192)],
)
def test_sizes_are_rounded_up_to_powers_of_two(size: int, taken: int) -> None:
    allocator = heap()
    first, second = allocator.allocate(size), allocator.allocate(size)
    assert second - first == taken + HEADER_BYTES


def test_the_largest_block_and_one_byte_more() -> None:
    allocator = heap()
    assert allocator.allocate(BLOCK_BYTES_MAX)
    with pytest.raises(AllocatorError, match="above the maximum of 32 MiB"):
        allocator.allocate(BLOCK_BYTES_MAX + 1)


def test_memory_grows_to_its_limit_and_no_further() -> None:
    allocator = heap(pages=1, pages_max=3)
    for _ in range(2):
        allocator.allocate(PAGE_BYTES // 2)
    with pytest.raises(AllocatorError, match="at its limit"):
        allocator.allocate(2 * PAGE_BYTES)


@pytest.mark.parametrize("word", [0, BUMP_AT // 4])
@pytest.mark.parametrize("value", [0xFFFF_FFF8, 0x7FFF_FFF8])
def test_books_that_a_runtime_overwrote_harm_its_own_call_alone(word: int, value: int) -> None:
    memory = Memory(1, 2)
    allocator = HostAllocator(memory, 1_008)
    allocator.reset()
    memory.words[allocator.base // 4 + word] = value
    with pytest.raises(AllocatorError):
        allocator.allocate(8)
    allocator.reset()
    assert allocator.allocate(8) == allocator.base + BOOK_BYTES + HEADER_BYTES
