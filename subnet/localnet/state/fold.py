"""Folds what nobody touched for a while: a branch of the trie becomes its reference alone. Pure.

A trie node costs some 400 bytes of Python objects, for each key that any stranger ever made a chain
keep. So nodes are kept for what blocks write again, and everything else is kept where the pairs are
(``trie`` says how a folded branch comes back). Comes in: a root, and which generations are old.
Goes out: the same root, in place; no hash changes by it. It must not know where pairs are kept.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from assay.localnet.state.trie import Folded, TrieNode, folded, folded_sizes

KEYS_MAX: Final = 32
"""Keys below one folded branch. A trie has sixteen children a node, so between 2 and 32 keys share
one reference: some 60 bytes a key at worst. Fewer, and a key would cost a reference of its own;
more would make a branch dear to bring back: all of its keys are read and hashed then, 5 µs each."""

VALUE_BYTES_MAX: Final = 4_096
"""Bytes of values below one folded branch, for the same reason. A larger value stands alone, so
that the runtime's megabyte is not read and hashed because of its neighbours."""


class _Below(NamedTuple):
    """What a branch holds that can be folded as a whole."""

    keys: int
    value_bytes: int


def fold(root: TrieNode | None, *, before: int, done: int = 0) -> None:
    """Fold what is of a generation below ``before``.

    ``done``: the ``before`` of the last time; what is older was looked at then. A path that leads
    to something newer has a newer generation itself, so a walk sees only what changed since.
    """
    if root is not None:
        _fold_below(root, before, done)


def fold_behind(root: TrieNode | None) -> None:
    """Fold everything but the path to the last key, where keys that come in order go on."""
    node: TrieNode | Folded | None = root
    while isinstance(node, TrieNode) and node.children is not None:
        last = max(node.children)
        for nibble, child in node.children.items():
            if nibble != last:
                _replace(node, nibble, _below(child, node.generation + 1, 0))
        node = node.children[last]


def _below(node: TrieNode | Folded, before: int, done: int) -> _Below | None:
    """What the branch holds, if its parent may fold it; else its children were folded."""
    if isinstance(node, bytes):
        return _Below(*folded_sizes(node))
    if node.generation < done:
        return None
    if node.generation >= before:
        _fold_below(node, before, done)
        return None
    keys, value_bytes = (0, 0) if node.value is None else (1, len(node.value))
    if node.children is None:
        return _Below(keys, value_bytes)
    found = {nibble: _below(child, before, done) for nibble, child in node.children.items()}
    parts = [below for below in found.values() if below is not None]
    keys += sum(below.keys for below in parts)
    value_bytes += sum(below.value_bytes for below in parts)
    if len(parts) == len(found) and keys <= KEYS_MAX and value_bytes <= VALUE_BYTES_MAX:
        return _Below(keys, value_bytes)
    for nibble, below in found.items():
        _replace(node, nibble, below)
    return None


def _fold_below(node: TrieNode, before: int, done: int) -> None:
    for nibble, child in (node.children or {}).items():
        _replace(node, nibble, _below(child, before, done))


def _replace(node: TrieNode, nibble: str, below: _Below | None) -> None:
    """Fold a child that may be folded. The node means the same, so this is no change to it."""
    assert node.children is not None
    child = node.children[nibble]
    if below is not None and isinstance(child, TrieNode):
        node.children[nibble] = folded(child, *below)
