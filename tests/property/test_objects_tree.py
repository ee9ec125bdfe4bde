"""For any sizes and any bits: masks, runs and shapes agree with their plain meaning."""

from __future__ import annotations

import itertools

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from assay.objects.limits import CHUNK_BYTES, OBJECT_BYTES_MAX, PAGE_CHUNKS
from assay.objects.tree import Head, Root, Shape, TreeBuilder, TreeInvalid, check_range, runs

masks = st.integers(0, 2**PAGE_CHUNKS - 1) | st.integers(0, 2**20)


@given(masks)
def test_runs_cover_exactly_the_set_bits(mask: int) -> None:
    found = list(runs(mask))
    assert sum(((1 << length) - 1) << first for first, length in found) == mask
    for (first, length), (following, _) in itertools.pairwise(found):
        assert first + length < following, "two runs that touch are one run"


@given(st.integers(0, OBJECT_BYTES_MAX))
def test_the_parts_of_a_shape_make_up_the_whole(size: int) -> None:
    shape = Shape(size)
    assert sum(shape.page_chunks(page) for page in range(shape.pages)) == shape.chunks
    assert shape.chunks * CHUNK_BYTES >= size > (shape.chunks - 1) * CHUNK_BYTES or not size
    if shape.pages:
        last = shape.pages - 1
        in_last = shape.mask_bytes(last * PAGE_CHUNKS, shape.page_mask(last))
        assert in_last + last * PAGE_CHUNKS * CHUNK_BYTES == size


@given(st.binary(min_size=0, max_size=3 * CHUNK_BYTES), st.data())
def test_one_changed_bit_is_found_wherever_it_is(data: bytes, draw: st.DataObject) -> None:
    tree = TreeBuilder()
    for start in range(0, len(data), CHUNK_BYTES):
        tree.add(data[start : start + CHUNK_BYTES])
    page, head = tree.finish()
    if page is None:
        assert not data
        return
    everything = (1 << head.shape.chunks) - 1
    assert check_range(page, 0, memoryview(data)) == everything
    position = draw.draw(st.integers(0, len(data) - 1))
    changed = bytearray(data)
    changed[position] ^= 1 << draw.draw(st.integers(0, 7))
    assert check_range(page, 0, memoryview(changed)) == everything & ~(1 << position // CHUNK_BYTES)
    assert not head.is_page(0, bytes(len(page)))


@given(st.binary(max_size=200))
def test_bytes_of_a_stranger_are_a_head_or_refused(encoded: bytes) -> None:
    """Whatever a holder sends, even with the root that belongs to it, has a head's form or not."""
    root = Root(blake3(encoded, derive_key_context="assay 2026 object head v1").digest())
    try:
        head = Head.parse(root, encoded)
    except TreeInvalid:
        return
    assert len(encoded) == 8 + 32 * head.shape.pages
    with pytest.raises(TreeInvalid):
        Head.parse(Root(bytes(32)), encoded)
