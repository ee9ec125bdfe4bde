"""A Merkle tree over short records: the root, and a path that shows one record to be in it. Pure.

The tree is that of Certificate Transparency (RFC 6962, section 2.1) with SHA-256: a leaf's hash
begins with a zero byte and a node's with a one, so that no node passes for a leaf, and a tree of n
leaves splits at the largest power of two below n.

Digests come in and go out; this module does not know what the records say.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

EMPTY = sha256().digest()
"""The root of no records, as RFC 6962 defines it."""


def leaf(record: bytes) -> bytes:
    """The hash of one record."""
    return sha256(b"\0" + record).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaves' hashes (32 bytes each), in their order."""
    if not leaves:
        return EMPTY
    level = list(leaves)
    while len(level) > 1:
        # Pairing neighbours and carrying an odd last one up gives the same tree as the split.
        paired = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(level) & ~1 :]
    return level[0]


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The siblings that lead from the leaf at ``index`` to the root, nearest first."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"there is no leaf {index} among {len(leaves)}")
    level, found = list(leaves), []
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            found.append(level[sibling])
        paired = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(level) & ~1 :]
        index //= 2
    return found


def root_of_path(leaf_hash: bytes, index: int, count: int, siblings: Sequence[bytes]) -> bytes:
    """The root that ``siblings`` lead to from the leaf at ``index`` of ``count`` leaves.

    ValueError if there are too many or too few siblings for that place.
    """
    if not 0 <= index < count:
        raise ValueError(f"there is no leaf {index} among {count}")
    left, digest, size = list(siblings), leaf_hash, count
    while size > 1:
        if index ^ 1 < size:
            if not left:
                raise ValueError("the path is too short")
            sibling = left.pop(0)
            digest = _node(sibling, digest) if index & 1 else _node(digest, sibling)
        index, size = index // 2, (size + 1) // 2
    if left:
        raise ValueError("the path is too long")
    return digest


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()
