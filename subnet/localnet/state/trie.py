"""The state's Merkle trie, kept as a persistent structure that remembers its hashes.

A *key* is a string of nibbles (half bytes); here it is the key's hexadecimal text, one character a
nibble, because Python slices and compares strings fastest. A *node* exists at the end of each key
and wherever keys part. It holds the nibbles since its parent's branch (``partial``), perhaps a
value, and up to sixteen children. Its encoding is::

    header (kind and number of nibbles) | nibbles | bitmap of children | value | children

A child is named in its parent by its encoding if that is shorter than 32 bytes, else by the
encoding's blake2b-256: its *reference*. The root is always a hash. State version 1 also replaces a
value of more than 32 bytes by its hash; whether a node does so is decided when it is written, and
kept, so a chain that moved from version 0 has both kinds.

The structure is persistent: ``apply`` returns a new root and shares every node that it did not
touch, so an old root stays readable, and a block's root costs only the paths that it changed. Nodes
made within one ``apply`` carry its *generation* and may be changed in place by it alone; all others
are frozen. ``root.py`` computes the same roots the slow way and is compared with this by tests.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from assay.localnet.scale import compact

HASH_BYTES: Final = 32
VALUE_INLINE_BYTES_MAX: Final = 32
"""State version 1 stores a longer value by its hash."""

EMPTY_ROOT: Final = blake2b(b"\0", digest_size=HASH_BYTES).digest()
"""The root of no keys: the hash of the encoding of an empty node."""

_NIBBLE_BIT: Final = {f"{nibble:x}": 1 << nibble for nibble in range(16)}

# Node kinds: the leading bits of a header, and how many bits they take.
_LEAF: Final = (0x40, 2)
_LEAF_HASHED: Final = (0x20, 3)
_BRANCH: Final = (0x80, 2)
_BRANCH_VALUE: Final = (0xC0, 2)
_BRANCH_HASHED: Final = (0x10, 4)


class Node:
    """A trie node. ``hashed``: its value is stored by its hash."""

    __slots__ = ("children", "generation", "hashed", "partial", "reference", "value")

    def __init__(
        self,
        partial: str,
        value: bytes | None,
        hashed: bool,
        children: dict[str, Node] | None,
        generation: int,
    ) -> None:
        self.partial = partial
        self.value = value
        self.hashed = hashed
        self.children = children
        self.generation = generation
        self.reference: bytes | None = None


def blake2_256(data: bytes) -> bytes:
    return blake2b(data, digest_size=HASH_BYTES).digest()


def stores_hashed(value: bytes, version: int) -> bool:
    """Whether a value written under this state version is stored by its hash."""
    return version >= 1 and len(value) > VALUE_INLINE_BYTES_MAX


@lru_cache(maxsize=4096)  # few lengths occur; each is asked for at every node of that shape
def encode_header(nibbles: int, prefix: int, bits: int) -> bytes:
    """A node's header: the kind's bits, then the number of nibbles, spilling into more bytes."""
    most = 0xFF >> bits
    if nibbles < most:
        return bytes((prefix + nibbles,))
    out = bytearray((prefix + most,))
    rest = nibbles - most
    while rest >= 0xFF:
        out.append(0xFF)
        rest -= 0xFF
    out.append(rest)
    return bytes(out)


def encode_partial(partial: str) -> bytes:
    """Nibbles as bytes; an odd number begins with a zero nibble."""
    return bytes.fromhex("0" + partial if len(partial) & 1 else partial)


def encode_node(node: Node) -> bytes:
    """A node's encoding. Children are encoded first where their reference is not known yet."""
    partial, value, children = node.partial, node.value, node.children
    if children is None:
        if value is None:
            raise AssertionError("a leaf without a value")
        kind = _LEAF_HASHED if node.hashed else _LEAF
    elif value is None:
        kind = _BRANCH
    else:
        kind = _BRANCH_HASHED if node.hashed else _BRANCH_VALUE
    parts = [encode_header(len(partial), *kind), encode_partial(partial)]
    if children is not None:
        bitmap = 0
        for nibble in children:
            bitmap |= _NIBBLE_BIT[nibble]
        parts.append(bitmap.to_bytes(2, "little"))
    if value is not None:
        if node.hashed:
            parts.append(blake2_256(value))
        else:
            parts.append(compact(len(value)))
            parts.append(value)
    if children is not None:
        for nibble in sorted(children):
            child = children[nibble]
            reference = child.reference or reference_of(child)
            parts.append(compact(len(reference)))
            parts.append(reference)
    return b"".join(parts)


def reference_of(node: Node) -> bytes:
    """How a parent names this node. Remembered until the node changes."""
    reference = node.reference
    if reference is None:
        encoded = encode_node(node)
        reference = encoded if len(encoded) < HASH_BYTES else blake2_256(encoded)
        node.reference = reference
    return reference


def root_hash(root: Node | None) -> bytes:
    """The Merkle root. A root node's short encoding is hashed as well."""
    if root is None:
        return EMPTY_ROOT
    reference = reference_of(root)
    return reference if len(reference) == HASH_BYTES else blake2_256(reference)


_generations = itertools.count(1)


def apply(
    root: Node | None, changes: Iterable[tuple[bytes, bytes | None]], version: int
) -> Node | None:
    """The trie after ``changes`` (None removes). The old root and all it holds stay as they are."""
    generation = next(_generations)
    for key, value in changes:
        if value is None:
            if root is not None and get(root, key) is not None:
                root = _remove(root, key.hex(), generation)
        else:
            root = _insert(root, key.hex(), value, stores_hashed(value, version), generation)
    return root


def insert_stored(root: Node | None, items: Iterable[tuple[bytes, bytes, bool]]) -> Node | None:
    """A trie from what a store kept: key, value, and whether the node holds the value's hash."""
    generation = next(_generations)
    for key, value, hashed in items:
        root = _insert(root, key.hex(), value, hashed, generation)
    return root


def _own(node: Node, generation: int) -> Node:
    """The node itself if this generation made it, else a copy. Its reference is forgotten."""
    if node.generation == generation:
        node.reference = None
        return node
    children = node.children
    copied = None if children is None else children.copy()
    return Node(node.partial, node.value, node.hashed, copied, generation)


def _insert(node: Node | None, key: str, value: bytes, hashed: bool, generation: int) -> Node:
    """``key`` holds the nibbles that are left below the caller."""
    if node is None:
        return Node(key, value, hashed, None, generation)
    partial = node.partial
    if key.startswith(partial):
        node = _own(node, generation)
        rest = key[len(partial) :]
        if not rest:
            node.value = value
            node.hashed = hashed
            return node
        nibble, below = rest[0], rest[1:]
        if node.children is None:
            node.children = {nibble: Node(below, value, hashed, None, generation)}
        else:
            child = node.children.get(nibble)
            node.children[nibble] = _insert(child, below, value, hashed, generation)
        return node
    # The key leaves inside this node's nibbles: a new branch at that place.
    shared = _shared_length(partial, key)
    lower = _own(node, generation)
    lower.partial = partial[shared + 1 :]
    children = {partial[shared]: lower}
    if shared == len(key):
        return Node(partial[:shared], value, hashed, children, generation)
    children[key[shared]] = Node(key[shared + 1 :], value, hashed, None, generation)
    return Node(partial[:shared], None, False, children, generation)


def _shared_length(left: str, right: str) -> int:
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return at
    return min(len(left), len(right))


def _remove(node: Node, key: str, generation: int) -> Node | None:
    """The node without ``key``, which it is known to hold."""
    node = _own(node, generation)
    rest = key[len(node.partial) :]
    if not rest:
        node.value = None
        node.hashed = False
        return _without_useless_branch(node, generation)
    children = node.children
    assert children is not None, "the key was there"
    left = _remove(children[rest[0]], rest[1:], generation)
    if left is None:
        del children[rest[0]]
        if not children:
            node.children = None
    else:
        children[rest[0]] = left
    return _without_useless_branch(node, generation)


def _without_useless_branch(node: Node, generation: int) -> Node | None:
    """A branch without a value and with one child becomes that child; with none, nothing."""
    if node.value is not None:
        return node
    if node.children is None:
        return None
    if len(node.children) > 1:
        return node
    ((nibble, child),) = node.children.items()
    child = _own(child, generation)
    child.partial = node.partial + nibble + child.partial
    return child


def get(node: Node | None, key: bytes) -> bytes | None:
    """The value at ``key``."""
    left = key.hex()
    while node is not None:
        partial = node.partial
        if not left.startswith(partial):
            return None
        left = left[len(partial) :]
        if not left:
            return node.value
        if node.children is None:
            return None
        node = node.children.get(left[0])
        left = left[1:]
    return None


def items(node: Node | None, above: str = "") -> Iterator[tuple[bytes, bytes]]:
    """All keys in order, with their values."""
    if node is None:
        return
    here = above + node.partial
    if node.value is not None:
        yield bytes.fromhex(here), node.value
    if node.children is not None:
        for nibble in sorted(node.children):
            yield from items(node.children[nibble], here + nibble)


def ordered_root(values: list[bytes], version: int) -> bytes:
    """The root of a list: values under their compact-encoded positions (the extrinsics root)."""
    pairs = ((compact(at), value) for at, value in enumerate(values))
    return root_hash(apply(None, pairs, version))


def root_of(pairs: list[tuple[bytes, bytes]], version: int) -> bytes:
    """The root of a list of pairs, a later one in place of an earlier one with the same key."""
    return root_hash(apply(None, pairs, version))
