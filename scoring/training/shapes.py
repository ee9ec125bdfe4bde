"""The tensors of a model, as the run's description lists them, laid end to end in one array.

Everything here counts coordinates: coordinate 0 is the first value of the first tensor. A tensor
is a table of rows and columns; a vector is one row. What the values are is not known here.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Places = NDArray[np.int64]

SIZE_MAX: Final = 1 << 34
"""Coordinates of a model: 64 GiB of fp32. Counts and gaps are written in up to 35 bits; a larger
model would need more."""


class TensorRole(enum.StrEnum):
    """What a tensor does, because sending pays off differently for each."""

    MATRIX = "matrix"
    EMBEDDING = "embedding"
    VECTOR = "vector"


@dataclass(frozen=True, slots=True)
class TensorShape:
    """One tensor: its name, its table and its role. ValueError for a table without places."""

    name: str
    rows: int
    columns: int
    role: TensorRole

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1:
            raise ValueError(f"{self.name} has no places: {self.rows} x {self.columns}")

    @classmethod
    def of(cls, name: str, shape: Sequence[int], role: TensorRole) -> TensorShape:
        """Return the table of a tensor of any ``shape``: the first axis is rows, all others are
        columns; a vector is one row."""
        rows = shape[0] if len(shape) > 1 else 1
        return cls(name, rows, math.prod(shape) // max(rows, 1), role)

    @property
    def size(self) -> int:
        """How many values the tensor has."""
        return self.rows * self.columns


@dataclass(frozen=True)
class ModelShape:
    """The tensors of a model, in the order in which their values lie in one array.

    ValueError for none, for two of one name, or for more than ``SIZE_MAX`` values.
    """

    tensors: tuple[TensorShape, ...]

    def __post_init__(self) -> None:
        if not self.tensors or len({tensor.name for tensor in self.tensors}) < len(self.tensors):
            raise ValueError("a model has tensors, each with a name of its own")
        if self.size > SIZE_MAX:
            raise ValueError(f"{self.size} values are more than {SIZE_MAX}")

    @cached_property
    def size(self) -> int:
        """How many values the model has."""
        return sum(tensor.size for tensor in self.tensors)

    @cached_property
    def starts(self) -> Places:
        """Where each tensor begins, and where the last one ends."""
        return _ends([tensor.size for tensor in self.tensors])

    @cached_property
    def row_starts(self) -> Places:
        """Which row of the model, counted through all tensors, is each tensor's first."""
        return _ends([tensor.rows for tensor in self.tensors])

    @cached_property
    def column_starts(self) -> Places:
        """Which column of the model, counted through all tensors, is each tensor's first."""
        return _ends([tensor.columns for tensor in self.tensors])

    def tensors_at(self, places: Places) -> Places:
        """Return the number of the tensor in which each of ``places`` lies."""
        return np.searchsorted(self.starts, places, side="right") - 1

    def rows_and_columns(self, places: Places) -> tuple[Places, Places]:
        """Return the row and the column of each of ``places``, counted through all tensors."""
        tensors = self.tensors_at(places)
        widths = np.array([tensor.columns for tensor in self.tensors], dtype=np.int64)[tensors]
        rows, columns = np.divmod(places - self.starts[tensors], widths)
        return rows + self.row_starts[tensors], columns + self.column_starts[tensors]


def _ends(lengths: Sequence[int]) -> Places:
    return np.concatenate([[0], np.cumsum(np.array(lengths, dtype=np.int64))])


@dataclass(frozen=True, slots=True)
class SparseUpdate:
    """What a message says: ``values``, finite and not zero, at rising ``places`` of a model; all
    other values are zero."""

    places: Places
    values: Floats

    def dense(self, shape: ModelShape) -> Floats:
        """Return the whole change, of ``shape.size`` values."""
        change = np.zeros(shape.size, dtype=np.float32)
        change[self.places] = self.values
        return change
