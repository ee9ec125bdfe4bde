"""A model's root: one hash that names its parameters, its tokenizer and its configuration.

In comes a model's folder; out come 32 bytes. Two models have one root exactly if their files hold
the same bytes under the same names. The files are those that ``layout`` lists, which are those that
loading reads: parameters, configuration, tokenizer, templates; not READMEs, licences or caches, and
no safetensors file that the model's index does not name. The tree, for other implementations:

    leaf   = BLAKE3 derive_key "assay 2026 model leaf v1" over
             u16 length of name | name in UTF-8 | u64 size of file | u64 offset | bytes of the chunk
    node   = BLAKE3 derive_key "assay 2026 model node v1" over left | right
    leaves = for each file by name (bytewise), each chunk of 1 MiB in turn; an empty file has one
    level  = pairs from the left; a last one without partner moves up unchanged

Integers are little-endian. Leaf and node have different contexts, so neither passes for the other;
the size in each leaf fixes how many leaves a file has. One chunk is in memory at a time. A root
proves bytes, not worth: the same values stored in another type or split have another root.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from blake3 import blake3

from assay.models.layout import read_layout, unreadable

CHUNK_BYTES: Final = 2**20
"""Bytes that a peer could fetch and check by themselves. Another number gives other roots."""
_LEAF: Final = "assay 2026 model leaf v1"
_NODE: Final = "assay 2026 model node v1"


def model_root(folder: Path) -> bytes:
    """Return the root of the model in ``folder``; UserError if the model is not whole."""
    try:
        return root_of(read_layout(folder).files)
    except OSError as error:
        raise unreadable(folder, error) from None


def root_of(files: Iterable[Path]) -> bytes:
    """Return the root over ``files``, which are sorted by name; ValueError if there are none."""
    root = tree_root((leaf for path in files for leaf in _leaves(path)), _node)
    if root is None:
        raise ValueError("no files, no root")
    return root


def tree_root(leaves: Iterable[bytes], node: Callable[[bytes, bytes], bytes]) -> bytes | None:
    """Return the root of a tree over ``leaves``, in which ``node`` joins pairs from the left and a
    last one without partner moves up unchanged; None without leaves. A hash for each level is in
    memory at a time."""
    # One place for each level of the tree: None, or the left half that waits for its partner.
    waiting: list[bytes | None] = []
    for leaf in leaves:
        digest, level = leaf, 0
        while level < len(waiting) and (left := waiting[level]) is not None:
            digest, waiting[level] = node(left, digest), None
            level += 1
        if level == len(waiting):
            waiting.append(None)
        waiting[level] = digest
    root = None
    for left in waiting:
        if left is not None:
            root = left if root is None else node(left, root)
    return root


def _node(left: bytes, right: bytes) -> bytes:
    return blake3(left + right, derive_key_context=_NODE).digest()


def _leaves(path: Path) -> Iterator[bytes]:
    name = path.name.encode()
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        for offset in range(0, max(size, 1), CHUNK_BYTES):
            chunk = stream.read(CHUNK_BYTES)
            head = struct.pack("<H", len(name)) + name + struct.pack("<QQ", size, offset)
            yield blake3(head + chunk, derive_key_context=_LEAF).digest()
