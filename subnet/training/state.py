"""What all peers of a run hold between two windows, bit for bit, and its hash.

The state is the model's numbers, the outer step's momentum, and what the codec expects of the next
messages (``assay.scoring.training.past``). Two peers with one hash hold the same state, and every
window begins with that comparison. The tree, for other implementations::

    section = u16 length of name | name | u8 length of type | type | u64 count of numbers
    leaf    = BLAKE3 derive_key "assay 2026 training state leaf v1" over
              section | u64 number of the leaf | up to 65,536 bytes of the section's numbers
    node    = BLAKE3 derive_key "assay 2026 training state node v1" over left | right
    leaves  = of the head, then of each section in turn
    level   = pairs from the left; a last one without partner moves up unchanged

Integers and numbers are little-endian. The head is a section named ``head``, of type ``u1``, whose
bytes are u64 window | u64 cursor, then for each tensor: u16 length of name | name | u64 rows | u64
columns. The sections are ``model`` and ``momentum`` (f4, flat, in the order of the head's tensors,
which is by name), ``rows``, ``columns`` and ``leans`` (i8).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from assay.models.root import tree_root
from assay.scoring.training.past import PublicPast
from assay.scoring.training.shapes import Floats, ModelShape

LEAF_BYTES: Final = 65_536
"""What a dispute about a state opens at once. Another number gives other hashes."""
_LEAF: Final = "assay 2026 training state leaf v1"
_NODE: Final = "assay 2026 training state node v1"


@dataclass(frozen=True, slots=True, eq=False)
class TrainingState:
    """The state that the window with the number ``window`` begins from. ValueError for arrays of
    other sizes than ``shape`` has, for another order of tensors than by name, and for numbers that
    are not finite."""

    shape: ModelShape
    window: int
    cursor: int
    model: Floats
    momentum: Floats
    past: PublicPast

    def __post_init__(self) -> None:
        names = [tensor.name for tensor in self.shape.tensors]
        if names != sorted(names):
            raise ValueError("a state's tensors are sorted by name")
        for what, array in (("model", self.model), ("momentum", self.momentum)):
            if array.shape != (self.shape.size,) or array.dtype != np.float32:
                raise ValueError(f"the {what} has {self.shape.size} numbers in fp32")
            if not np.isfinite(array).all():
                raise ValueError(f"the {what} holds numbers that are not finite")
        for counts, ends in (
            (self.past.rows, self.shape.row_starts),
            (self.past.columns, self.shape.column_starts),
            (self.past.leans, self.shape.column_starts),
        ):
            if counts.shape != (int(ends[-1]),) or counts.dtype != np.int64:
                raise ValueError("the past has a number for each row and column")

    @classmethod
    def first(cls, shape: ModelShape, model: Floats) -> TrainingState:
        """Return the state before a run's first window, for the ``model`` that it starts from."""
        return cls(shape, 0, 0, model, np.zeros_like(model), PublicPast.none(shape))

    @property
    def root(self) -> bytes:
        """The hash, of 32 bytes."""
        return _top(self._leaves())

    def _leaves(self) -> Iterator[bytes]:
        head = struct.pack("<QQ", self.window, self.cursor) + b"".join(
            _named(tensor.name) + struct.pack("<QQ", tensor.rows, tensor.columns)
            for tensor in self.shape.tensors
        )
        yield from section_leaves("head", np.frombuffer(head, dtype=np.uint8))
        yield from section_leaves("model", self.model)
        yield from section_leaves("momentum", self.momentum)
        yield from section_leaves("rows", self.past.rows)
        yield from section_leaves("columns", self.past.columns)
        yield from section_leaves("leans", self.past.leans)


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


def array_root(name: str, numbers: NDArray[Any]) -> bytes:
    """Return the hash of one section by itself: how a seal names moments, feedback, and states on
    the way."""
    return _top(section_leaves(name, numbers))


def _top(leaves: Iterator[bytes]) -> bytes:
    root = tree_root(leaves, _node)
    assert root is not None, "a section has a leaf, also without numbers"
    return root


def _named(name: str) -> bytes:
    encoded = name.encode()
    return struct.pack("<H", len(encoded)) + encoded


def _node(left: bytes, right: bytes) -> bytes:
    return blake3(left + right, derive_key_context=_NODE).digest()
