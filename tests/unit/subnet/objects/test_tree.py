"""A root is what its definition says, and no part passes that is not the object's."""

from __future__ import annotations

import struct

import pytest
from blake3 import blake3

from assay.objects.limits import CHUNK_BYTES, HEAD_BYTES_MAX, OBJECT_BYTES_MAX, PAGE_CHUNKS
from assay.objects.tree import (
    Head,
    Root,
    Shape,
    TreeBuilder,
    TreeInvalid,
    check_range,
    chunk_hash,
    head_length,
    parse_root,
    root_of,
)
from tests.unit.subnet.objects.slow_blake3 import derive_key
from tests.unit.subnet.objects.world import noise


def built(data: bytes) -> tuple[list[bytes], Head]:
    tree = TreeBuilder()
    chunks = [data[i : i + CHUNK_BYTES] for i in range(0, len(data), CHUNK_BYTES)]
    pages = [page for chunk in chunks if (page := tree.add(chunk)) is not None]
    last, head = tree.finish()
    return [*pages, *([] if last is None else [last])], head


def test_the_oracle_agrees_with_blake3s_own_test_vector() -> None:
    """test_vectors.json of the BLAKE3 repository, ``derive_key`` of 0 and of 1,025 bytes."""
    context = "BLAKE3 2019-12-27 16:29:52 test vectors context"
    data = bytes(i % 251 for i in range(1_025))
    assert derive_key(context, b"").hex() == (
        "2cc39783c223154fea8dfb7c1b1660f2ac2dcbd1c1de8277b0b0dd39b7e50d7d"
    )
    assert derive_key(context, data).hex() == (
        "effaa245f065fbf82ac186839a249707c3bddf6d3fdda22d1b95a3c970379bcb"
    )


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1])
def test_the_root_by_its_definition(size: int) -> None:
    data = noise(size)
    page = b"".join(
        derive_key("assay 2026 object chunk v1", data[i : i + CHUNK_BYTES])
        for i in range(0, size, CHUNK_BYTES)
    )
    pages = derive_key("assay 2026 object page v1", page) if page else b""
    root = derive_key("assay 2026 object head v1", struct.pack("<Q", size) + pages)
    found, head = built(data)
    assert head.root == root
    assert b"".join(found) == page


def test_a_second_page_begins_after_128_mib() -> None:
    chunk = bytes(CHUNK_BYTES)
    tree = TreeBuilder()
    full = [page for _ in range(PAGE_CHUNKS) if (page := tree.add(chunk)) is not None]
    assert full == [chunk_hash(chunk) * PAGE_CHUNKS]
    assert tree.add(b"end") is None
    last, head = tree.finish()
    assert last == chunk_hash(b"end")
    assert head.shape == Shape(PAGE_CHUNKS * CHUNK_BYTES + 3)
    assert head.shape.pages == 2
    assert head.is_page(0, full[0]) and head.is_page(1, last)
    assert not head.is_page(1, full[0]) and not head.is_page(0, last)
    assert head.shape.tree_bytes == len(head.encoded) + len(full[0]) + len(last)


def test_only_the_last_chunk_may_be_short() -> None:
    tree = TreeBuilder()
    tree.add(b"short")
    with pytest.raises(ValueError, match="only the last chunk"):
        tree.add(b"more")


def test_a_head_must_match_its_root_and_its_own_size() -> None:
    _, head = built(noise(100_000))
    assert Head.parse(head.root, head.encoded) == head
    for position in range(len(head.encoded)):
        changed = bytearray(head.encoded)
        changed[position] ^= 1
        with pytest.raises(TreeInvalid, match="does not match the root"):
            Head.parse(head.root, bytes(changed))
    for wrong in (
        struct.pack("<Q", 100_000),  # no page
        struct.pack("<Q", 0) + bytes(32),  # one too many
        struct.pack("<Q", 100_000) + bytes(64),
        struct.pack("<Q", 100_000) + bytes(31),
        struct.pack("<Q", OBJECT_BYTES_MAX + 1) + bytes(32),
        struct.pack("<Q", 2**64 - 1) + bytes(32),
    ):
        with pytest.raises(TreeInvalid):
            Head.parse(root_of(wrong), wrong)
    for length in (0, 7, HEAD_BYTES_MAX + 1):
        with pytest.raises(TreeInvalid, match="length"):
            Head.parse(Root(bytes(32)), bytes(length))


def test_levels_do_not_pass_for_each_other() -> None:
    """The same bytes hash to something else as a chunk, as a page, as a head, and plainly."""
    data = struct.pack("<Q", 0)
    _, head = built(b"")
    assert head.encoded == data
    assert len({chunk_hash(data), bytes(head.root), blake3(data).digest()}) == 3


def test_the_largest_object_has_a_head_of_64_kib() -> None:
    shape = Shape(OBJECT_BYTES_MAX)
    assert (shape.pages, shape.chunks) == (2_048, 2_048 * 2_048)
    assert head_length(struct.pack("<Q", OBJECT_BYTES_MAX)) == HEAD_BYTES_MAX
    with pytest.raises(TreeInvalid):
        Shape(OBJECT_BYTES_MAX + 1)


def test_a_range_lies_in_the_object_and_in_one_page() -> None:
    shape = Shape(PAGE_CHUNKS * CHUNK_BYTES + 1)
    assert shape.has_range(0, PAGE_CHUNKS)
    assert shape.has_range(PAGE_CHUNKS, 1)
    for first, count in ((0, 0), (-1, 1), (PAGE_CHUNKS, 2), (PAGE_CHUNKS - 1, 2), (2**40, 1)):
        assert not shape.has_range(first, count)
    assert shape.range_bytes(PAGE_CHUNKS - 1, 2) == CHUNK_BYTES + 1


def test_wrong_chunks_are_told_from_right_ones() -> None:
    data = bytearray(noise(5 * CHUNK_BYTES + 7))
    (page,), _ = built(bytes(data))
    assert check_range(page, 0, memoryview(data)) == 0b111111
    data[CHUNK_BYTES] ^= 1
    data[-1] ^= 1
    assert check_range(page, 0, memoryview(data)) == 0b011101
    assert check_range(page, 2, memoryview(data)[2 * CHUNK_BYTES :]) == 0b0111


@pytest.mark.parametrize("text", ["", "ab", "g" * 64, "0x" + "a" * 62, "é" * 64, " " + "a" * 63])
def test_what_is_no_root(text: str) -> None:
    with pytest.raises(ValueError, match="64 hex digits"):
        parse_root(text)
