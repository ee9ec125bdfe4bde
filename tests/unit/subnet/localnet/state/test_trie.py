"""Merkle roots: published ones, the specification's encodings, and the slow twin on odd shapes."""

from __future__ import annotations

import hashlib

import pytest

from assay.localnet.state import trie
from assay.localnet.state.root import slow_root


def blake2_256(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).digest()


def fast_root(pairs: dict[bytes, bytes], version: int) -> bytes:
    return trie.root_hash(trie.apply(None, pairs.items(), version))


def test_the_empty_root_is_substrates() -> None:
    """The extrinsics root of every Substrate genesis block."""
    known = "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314"
    assert trie.EMPTY_ROOT.hex() == known
    assert slow_root({}, 1).hex() == known


# Encodings of root nodes from the tests of sp-trie 47.0.0 (codec_trie_*).
SINGLE = ({b"\xaa": b"\xbb"}, "42aa04bb")
DISJOINT = (
    {b"\x48\x19": b"\xfe", b"\x13\x14": b"\xff"},
    "801200" + "14" + "43031404ff" + "14" + "43081904fe",
)


@pytest.mark.parametrize(("pairs", "encoding"), [SINGLE, DISJOINT])
@pytest.mark.parametrize("version", [0, 1])
def test_the_encodings_of_sp_trie(pairs: dict[bytes, bytes], encoding: str, version: int) -> None:
    root = trie.apply(None, pairs.items(), version)
    assert root is not None
    assert trie.encode_node(root).hex() == encoding
    assert trie.root_hash(root) == blake2_256(bytes.fromhex(encoding))
    assert slow_root(pairs, version) == trie.root_hash(root)


@pytest.mark.parametrize(
    ("size", "version", "header"),
    [(32, 1, 0x42), (33, 1, 0x22), (33, 0, 0x42)],
)
def test_long_values_are_stored_by_their_hash_in_version_1(
    size: int, version: int, header: int
) -> None:
    value = b"v" * size
    root = trie.apply(None, [(b"\xaa", value)], version)
    assert root is not None
    stored = blake2_256(value) if header == 0x22 else bytes((size << 2,)) + value
    assert trie.encode_node(root) == bytes((header, 0xAA)) + stored


@pytest.mark.parametrize("nibbles", [0, 1, 14, 15, 30, 31, 62, 63, 64, 317, 318, 319, 600])
def test_long_partial_keys_spill_into_more_length_bytes(nibbles: int) -> None:
    """Around the room of each header kind (15, 31, 63) and of one more byte (255)."""
    if nibbles % 2:
        stem = b"\x12" * (nibbles // 2)
        pairs = {stem + b"\x12": b"1", stem + b"\x12\x34": b"v" * 40, stem + b"\x21": b"2"}
    else:
        stem = b"\x12" * (nibbles // 2)
        pairs = {stem: b"v" * 40, stem + b"\x12": b"1", stem + b"\x21": b"2"}
    for version in (0, 1):
        assert fast_root(pairs, version) == slow_root(pairs, version)


def test_an_old_root_stays_readable_and_equal() -> None:
    old = trie.apply(None, [(b"a", b"1"), (b"ab", b"2"), (b"b", b"3")], 1)
    before = trie.root_hash(old)
    new = trie.apply(old, [(b"ab", None), (b"b", b"4"), (b"c", b"5")], 1)
    assert list(trie.items(old)) == [(b"a", b"1"), (b"ab", b"2"), (b"b", b"3")]
    assert list(trie.items(new)) == [(b"a", b"1"), (b"b", b"4"), (b"c", b"5")]
    assert trie.root_hash(old) == before
    assert (trie.get(old, b"ab"), trie.get(new, b"ab")) == (b"2", None)


def test_removing_everything_gives_the_empty_root() -> None:
    keys = [b"a", b"ab", b"abc", b"b"]
    full = trie.apply(None, [(key, b"v") for key in keys], 1)
    assert trie.apply(full, [(key, None) for key in keys], 1) is None
    assert trie.root_hash(None) == trie.EMPTY_ROOT


def test_removing_what_is_not_there_changes_nothing() -> None:
    full = trie.apply(None, [(b"ab", b"1"), (b"ac", b"2")], 1)
    for absent in (b"", b"a", b"abc", b"ad", b"z"):
        assert trie.apply(full, [(absent, None)], 1) is full


def test_a_value_keeps_its_form_until_it_is_written_again() -> None:
    """A chain that moves from state version 0 to 1 has nodes of both kinds."""
    old = trie.apply(None, [(b"k", b"v" * 40), (b"l", b"w" * 40)], 0)
    mixed = trie.apply(old, [(b"l", b"w" * 40)], 1)
    by_hand = trie.insert_stored(None, [(b"k", b"v" * 40, False), (b"l", b"w" * 40, True)])
    assert trie.root_hash(mixed) == trie.root_hash(by_hand)
    assert trie.root_hash(mixed) not in (
        slow_root({b"k": b"v" * 40, b"l": b"w" * 40}, 0),
        slow_root({b"k": b"v" * 40, b"l": b"w" * 40}, 1),
    )


def test_a_list_lies_under_its_compact_positions() -> None:
    values = [bytes((at,)) * at for at in range(70)]  # past 63 a position takes two bytes
    pairs = {
        (bytes((at << 2,)) if at < 64 else (at << 2 | 1).to_bytes(2, "little")): value
        for at, value in enumerate(values)
    }
    assert trie.ordered_root(values, 0) == slow_root(pairs, 0)
    assert trie.ordered_root([], 1) == trie.EMPTY_ROOT
