"""The tree whose top is a state's hash: its leaves, its head, and the way from the head to the top.

The form is written in ``assay.training.state``. Here are hashes alone: what a state's arrays are is
not known, and no torch is loaded, so that whoever has a published model and no more can check what
its lineage says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

LEAF_BYTES: Final = 65_536
"""What a dispute about a state opens at once. Another number gives other hashes."""
HEAD_BYTES_MAX: Final = LEAF_BYTES
"""A head that is checked is one leaf: the names of a thousand tensors of usual length."""
PATH_MAX: Final = 48
"""Levels of a tree of 2**64 bytes."""
_LEAF: Final = "assay 2026 training state leaf v1"
_NODE: Final = "assay 2026 training state node v1"
_FIXED: Final = struct.Struct("<QQ32s")


@dataclass(frozen=True, slots=True)
class StateHead:
    """What a state's head says beside the names of tensors: the ``window`` that begins from the
    state, the run's ``cursor``, and the root of its ``lineage``."""

    window: int
    cursor: int
    lineage: bytes

    def pack(self, tensors: Iterable[tuple[str, int, int]]) -> bytes:
        """Return the head's bytes, with the names, rows and columns of all ``tensors``."""
        named = (
            _named(name) + struct.pack("<QQ", rows, columns) for name, rows, columns in tensors
        )
        return _FIXED.pack(self.window, self.cursor, self.lineage) + b"".join(named)


def parse_head(head: bytes) -> StateHead:
    """Return what ``head`` says; ValueError for bytes that are too short."""
    if len(head) < _FIXED.size:
        raise ValueError(f"a head has {_FIXED.size} bytes and more, not {len(head)}")
    return StateHead(*_FIXED.unpack_from(head))


def section_leaves(name: str, numbers: NDArray[Any]) -> Iterator[bytes]:
    """Yield the hashes of the leaves of the section ``name`` that holds ``numbers``, in their
    order. A section without numbers has one leaf, without bytes."""
    little = numbers.astype(numbers.dtype.newbyteorder("<"), copy=False)
    kind = f"{little.dtype.kind}{little.dtype.itemsize}".encode()
    section = _named(name) + struct.pack("<B", len(kind)) + kind + struct.pack("<Q", numbers.size)
    data = memoryview(little.tobytes())
    for number, start in enumerate(range(0, max(len(data), 1), LEAF_BYTES)):
        head = section + struct.pack("<Q", number)
        tree = blake3(head, derive_key_context=_LEAF)
        tree.update(data[start : start + LEAF_BYTES])
        yield tree.digest()


def head_leaves(head: bytes) -> Iterator[bytes]:
    """Yield the hashes of the leaves of a ``head``."""
    return section_leaves("head", np.frombuffer(head, dtype=np.uint8))


def head_path(leaves: Iterable[bytes]) -> list[bytes]:
    """Return what the first of ``leaves`` is joined with, from its right, level by level, to come
    to the top."""
    level, path = list(leaves), []
    while len(level) > 1:
        path.append(level[1])
        pairs = zip_longest(level[::2], level[1::2])
        level = [left if right is None else node(left, right) for left, right in pairs]
    return path


def head_root(head: bytes, path: Iterable[bytes]) -> bytes:
    """Return the top that a ``head`` of one leaf leads to by ``path``; ValueError for a longer
    head."""
    if len(head) > HEAD_BYTES_MAX:
        raise ValueError(f"a head of {len(head)} bytes is more than a leaf")
    (root,) = head_leaves(head)
    for right in path:
        root = node(root, right)
    return root


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash that joins two."""
    return blake3(left + right, derive_key_context=_NODE).digest()


def _named(name: str) -> bytes:
    encoded = name.encode()
    return struct.pack("<H", len(encoded)) + encoded
