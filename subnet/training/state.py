"""What all peers of a run hold between two windows, bit for bit, and its hash.

The state is the model's numbers, the outer step's momentum, what the codec expects of the next
messages (``assay.scoring.training.past``), and who made all that. Two peers with one hash hold the
same state, and every window begins with that comparison. The tree, for other implementations::

    section = u16 length of name | name | u8 length of type | type | u64 count of numbers
    leaf    = BLAKE3 derive_key "assay 2026 training state leaf v1" over
              section | u64 number of the leaf | up to 65,536 bytes of the section's numbers
    node    = BLAKE3 derive_key "assay 2026 training state node v1" over left | right
    leaves  = of the head, then of each section in turn
    level   = pairs from the left; a last one without partner moves up unchanged

Integers and numbers are little-endian. The head is a section named ``head``, of type ``u1``, whose
bytes are u64 window | u64 cursor | 32 bytes root of the lineage (``assay.training.lineage_book``),
then for each tensor: u16 length of name | name | u64 rows | u64 columns. The sections are ``model``
and ``momentum`` (f4, flat, in the order of the head's tensors, which is by name), ``rows``,
``columns`` and ``leans`` (i8).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.models.root import tree_root
from assay.scoring.training.past import PublicPast
from assay.scoring.training.shapes import Floats, ModelShape
from assay.training.lineage_book import LineageBook
from assay.training.state_tree import StateHead, head_leaves, head_path, node, section_leaves


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
    lineage: LineageBook = field(default_factory=LineageBook)
    """Who made the state, window by window."""

    def __post_init__(self) -> None:
        if self.lineage.windows != self.window:
            raise ValueError("a state's lineage has as many windows as came before it")
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

    @property
    def head(self) -> bytes:
        """The bytes of the section ``head``."""
        tensors = ((tensor.name, tensor.rows, tensor.columns) for tensor in self.shape.tensors)
        return StateHead(self.window, self.cursor, self.lineage.root).pack(tensors)

    @property
    def head_path(self) -> list[bytes]:
        """What leads from the head to the hash."""
        return head_path(self._leaves())

    def _leaves(self) -> Iterator[bytes]:
        yield from head_leaves(self.head)
        yield from section_leaves("model", self.model)
        yield from section_leaves("momentum", self.momentum)
        yield from section_leaves("rows", self.past.rows)
        yield from section_leaves("columns", self.past.columns)
        yield from section_leaves("leans", self.past.leans)


def array_root(name: str, numbers: NDArray[Any]) -> bytes:
    """Return the hash of one section by itself: how a seal names moments, feedback, and states on
    the way."""
    return _top(section_leaves(name, numbers))


def _top(leaves: Iterator[bytes]) -> bytes:
    root = tree_root(leaves, node)
    assert root is not None, "a section has a leaf, also without numbers"
    return root
