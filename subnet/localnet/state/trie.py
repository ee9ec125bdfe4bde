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
touch, so a block that fails leaves the root before it, and a new root costs only the paths that
changed. Nodes made within one ``apply`` carry its *generation* and may be changed in place by it
alone; all others are frozen. ``root.py`` computes the same roots the slow way; tests compare them.

A branch that nobody has touched for a while may be *folded* (``fold``): in place of the node its
parent keeps ``Folded`` bytes, the branch's reference with a note of its size. Whoever walks into a
folded branch again has it made anew from the pairs below it, which the caller's ``Loader`` reads
from where they are kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from assay.localnet.primitives.scale import compact

HASH_BYTES: Final = 32
VALUE_INLINE_BYTES_MAX: Final = 32
"""State version 1 stores a longer value by its hash."""

EMPTY_ROOT: Final = blake2b(b"\0", digest_size=HASH_BYTES).digest()
"""The root of no keys: the hash of the encoding of an empty node."""

_NIBBLE_BIT: Final = {f"{nibble:x}": 1 << nibble for nibble in range(16)}

# TrieNode kinds: the leading bits of a header, and how many bits they take.
_LEAF: Final = (0x40, 2)
_LEAF_HASHED: Final = (0x20, 3)
_BRANCH: Final = (0x80, 2)
_BRANCH_VALUE: Final = (0xC0, 2)
_BRANCH_HASHED: Final = (0x10, 4)


Stored = tuple[bytes, bytes, bool]
"""A key, its value, and whether the trie holds the value by its hash."""

Loader = Callable[[str], Iterable[Stored]]
"""Reads all pairs whose key begins with these nibbles, in the order of the keys."""


Folded = bytes
"""A branch's reference, then how many keys (u8) and bytes of values (u16) lie below it."""

_FOLDED_SIZES_BYTES: Final = 3


class TrieNode:
    """A trie node. ``hashed``: its value is stored by its hash."""

    __slots__ = ("children", "generation", "hashed", "partial", "reference", "value")

    def __init__(
        self,
        partial: str,
        value: bytes | None,
        hashed: bool,
        children: dict[str, TrieNode | Folded] | None,
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


def encode_node(node: TrieNode) -> bytes:
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
            reference = (
                child[:-_FOLDED_SIZES_BYTES] if isinstance(child, bytes) else reference_of(child)
            )
            parts.append(compact(len(reference)))
            parts.append(reference)
    return b"".join(parts)


def reference_of(node: TrieNode) -> bytes:
    """How a parent names this node. Remembered until the node changes."""
    reference = node.reference
    if reference is None:
        encoded = encode_node(node)
        reference = encoded if len(encoded) < HASH_BYTES else blake2_256(encoded)
        node.reference = reference
    return reference


def root_hash(root: TrieNode | None) -> bytes:
    """The Merkle root. A root node's short encoding is hashed as well."""
    if root is None:
        return EMPTY_ROOT
    reference = reference_of(root)
    return reference if len(reference) == HASH_BYTES else blake2_256(reference)


def folded(node: TrieNode, keys: int, value_bytes: int) -> Folded:
    """The branch as its parent keeps it. Sizes that do not fit are noted as the largest that do."""
    keys, value_bytes = min(keys, 0xFF), min(value_bytes, 0xFFFF)
    return reference_of(node) + bytes((keys,)) + value_bytes.to_bytes(2, "little")


def folded_sizes(branch: Folded) -> tuple[int, int]:
    """How many keys and bytes of values lie below a folded branch."""
    return branch[-3], int.from_bytes(branch[-2:], "little")


_generations = itertools.count(1)


def next_generation() -> int:
    """A number above those of all nodes that were made so far."""
    return next(_generations)


def nothing_folded(prefix: str) -> Iterable[Stored]:
    """The loader of a trie that was never folded."""
    raise AssertionError(f"the branch at {prefix!r} was folded, and nothing says what it held")


def apply(
    root: TrieNode | None,
    changes: Iterable[tuple[bytes, bytes | None]],
    version: int,
    load: Loader = nothing_folded,
) -> TrieNode | None:
    """The trie after ``changes`` (None removes). The old root and all it holds stay as they are.

    ``load`` reads what lay below a folded branch under the old root.
    """
    edit = _Edit(next_generation(), load)
    for key, value in changes:
        path = key.hex()
        if value is not None:
            root = edit.insert(root, path, 0, value, stores_hashed(value, version))
        elif get(root, key, load) is not None:
            assert root is not None
            root = edit.remove(root, path, 0)
    return root


def insert_stored(root: TrieNode | None, items: Iterable[Stored]) -> TrieNode | None:
    """A trie from what a store kept."""
    edit = _Edit(next_generation(), nothing_folded)
    for key, value, hashed in items:
        root = edit.insert(root, key.hex(), 0, value, hashed)
    return root


class _Edit:
    """One ``apply``. ``path`` is always a whole key, ``at`` how much of it lies above the node."""

    def __init__(self, generation: int, load: Loader) -> None:
        self._generation = generation
        self._load = load

    def _own(self, node: TrieNode) -> TrieNode:
        """The node itself if this edit made it, else a copy. Its reference is forgotten."""
        if node.generation == self._generation:
            node.reference = None
            return node
        children = node.children
        copied = None if children is None else children.copy()
        return TrieNode(node.partial, node.value, node.hashed, copied, self._generation)

    def _unfolded(self, child: TrieNode | Folded, path: str) -> TrieNode:
        """The child as a node. ``path`` leads to it, its own partial not included."""
        if isinstance(child, TrieNode):
            return child
        made: TrieNode | None = None
        for key, value, hashed in self._load(path):
            made = self.insert(made, key.hex(), len(path), value, hashed)
        if made is None or reference_of(made) != child[:-_FOLDED_SIZES_BYTES]:
            raise AssertionError(f"the state below {path!r} is not what was folded there")
        return made

    def insert(
        self, node: TrieNode | None, path: str, at: int, value: bytes, hashed: bool
    ) -> TrieNode:
        if node is None:
            return TrieNode(path[at:], value, hashed, None, self._generation)
        partial = node.partial
        if path.startswith(partial, at):
            node = self._own(node)
            at += len(partial)
            if at == len(path):
                node.value = value
                node.hashed = hashed
                return node
            nibble = path[at]
            children = node.children
            if children is None:
                children = node.children = {}
            child = children.get(nibble)
            if isinstance(child, bytes):
                child = self._unfolded(child, path[: at + 1])
            children[nibble] = self.insert(child, path, at + 1, value, hashed)
            return node
        # The key leaves inside this node's nibbles: a new branch at that place.
        shared = _shared_length(partial, path[at:])
        lower = self._own(node)
        lower.partial = partial[shared + 1 :]
        branches: dict[str, TrieNode | Folded] = {partial[shared]: lower}
        at += shared
        if at == len(path):
            return TrieNode(partial[:shared], value, hashed, branches, self._generation)
        branches[path[at]] = TrieNode(path[at + 1 :], value, hashed, None, self._generation)
        return TrieNode(partial[:shared], None, False, branches, self._generation)

    def remove(self, node: TrieNode, path: str, at: int) -> TrieNode | None:
        """The node without the key, which it is known to hold."""
        node = self._own(node)
        at += len(node.partial)
        if at == len(path):
            node.value = None
            node.hashed = False
            return self._without_useless_branch(node, path[:at])
        children = node.children
        assert children is not None, "the key was there"
        nibble = path[at]
        left = self.remove(self._unfolded(children[nibble], path[: at + 1]), path, at + 1)
        if left is None:
            del children[nibble]
            if not children:
                node.children = None
        else:
            children[nibble] = left
        return self._without_useless_branch(node, path[:at])

    def _without_useless_branch(self, node: TrieNode, path: str) -> TrieNode | None:
        """A branch without a value and with one child becomes that child; with none, nothing.

        ``path`` leads to the node, its own partial included.
        """
        if node.value is not None:
            return node
        if node.children is None:
            return None
        if len(node.children) > 1:
            return node
        ((nibble, child),) = node.children.items()
        only = self._own(self._unfolded(child, path + nibble))
        only.partial = node.partial + nibble + only.partial
        return only


def _shared_length(left: str, right: str) -> int:
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return at
    return min(len(left), len(right))


def get(root: TrieNode | None, key: bytes, load: Loader = nothing_folded) -> bytes | None:
    """The value at ``key``."""
    path, at, node = key.hex(), 0, root
    while node is not None:
        if not path.startswith(node.partial, at):
            return None
        at += len(node.partial)
        if at == len(path):
            return node.value
        child = None if node.children is None else node.children.get(path[at])
        at += 1
        if isinstance(child, bytes):
            return next((value for found, value, _ in load(path[:at]) if found == key), None)
        node = child
    return None


def items(node: TrieNode | None, load: Loader = nothing_folded) -> Iterator[tuple[bytes, bytes]]:
    """All keys in order, with their values."""
    return _items(node, "", load)


def _items(node: TrieNode | None, above: str, load: Loader) -> Iterator[tuple[bytes, bytes]]:
    if node is None:
        return
    here = above + node.partial
    if node.value is not None:
        yield bytes.fromhex(here), node.value
    for nibble in sorted(node.children or ()):
        assert node.children is not None
        child = node.children[nibble]
        if isinstance(child, bytes):
            yield from ((key, value) for key, value, _ in load(here + nibble))
        else:
            yield from _items(child, here + nibble, load)


def ordered_root(values: list[bytes], version: int) -> bytes:
    """The root of a list: values under their compact-encoded positions (the extrinsics root)."""
    pairs = ((compact(at), value) for at, value in enumerate(values))
    return root_hash(apply(None, pairs, version))


def root_of(pairs: list[tuple[bytes, bytes]], version: int) -> bytes:
    """The root of a list of pairs, a later one in place of an earlier one with the same key."""
    return root_hash(apply(None, pairs, version))
