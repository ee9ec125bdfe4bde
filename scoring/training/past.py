"""What both sides of a message expect of it, from what all messages of earlier windows sent.

Values that are worth sending lie in the rows and columns in which they lay before, and a column
leans to the sign that it had. Of every row and column of the model the sums of sent values are
kept, which fade by a quarter each window, and of every column the sum of their signs:

    rows, columns:  n <- n - floor(n / 4) + 256 x (values sent in it by all trainers)
    leans:          the same with +1 or -1 for each value

All of it is whole numbers, is made from public messages alone, and belongs to the run's state: a
trainer that catches up makes it anew from the last windows' messages.

Expectations are made of it by single additions, multiplications and divisions of IEEE numbers,
which are the same on every machine, and never by sums of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.scoring.training.shapes import ModelShape, Places, SparseUpdate

Counts = NDArray[np.int64]
Classes = NDArray[np.uint8]

UNIT: Final = 256
"""What one sent value counts, so that fading by a quarter leaves something of it for windows."""
CLASSES: Final = 16
"""Classes of places by how often they are expected to be sent, in steps of half an octave. With 8,
a place cost 0.11 bits more; with 24, 0.05 more, because each class's count is written."""
ROW_FLOOR: Final = 0.1
COLUMN_FLOOR: Final = 0.2
"""Of a tensor's average, added to a row's and a column's: a row that was never sent is expected
seldom, not never. Three times as much or as little changed a place's cost by 0.02 bits."""
TENSOR_FLOOR: Final = 0.02
"""Of the model's average, added to a tensor's, for the same reason."""
LEANINGS: Final = (0.1, 1.0, 4.0)
"""Bounds between the classes of a column's lean: the square of its lean over its count, which is
one for signs thrown by a coin."""


@dataclass(frozen=True, slots=True, eq=False)
class PublicPast:
    """What was sent in each ``rows`` and ``columns`` of a model, and to which sign columns lean."""

    rows: Counts
    columns: Counts
    leans: Counts

    @classmethod
    def none(cls, shape: ModelShape) -> PublicPast:
        """Return the past before the first window of a model of this ``shape``."""
        rows, columns = int(shape.row_starts[-1]), int(shape.column_starts[-1])
        zeros = np.zeros(columns, dtype=np.int64)
        return cls(np.zeros(rows, dtype=np.int64), zeros, zeros)

    def after(self, shape: ModelShape, updates: Sequence[SparseUpdate]) -> PublicPast:
        """Return the past after a window in which ``updates`` were sent."""
        rows, columns, leans = (_faded(part) for part in (self.rows, self.columns, self.leans))
        for update in updates:
            in_row, in_column = shape.rows_and_columns(update.places)
            each_row = np.bincount(in_row, minlength=rows.size)
            each_column = np.bincount(in_column, minlength=columns.size)
            positive = np.bincount(in_column[update.values > 0], minlength=columns.size)
            rows += UNIT * each_row
            columns += UNIT * each_column
            leans += UNIT * (2 * positive - each_column)
        return PublicPast(rows, columns, leans)


def _faded(counts: Counts) -> Counts:
    return counts - counts // 4


def place_classes(shape: ModelShape, past: PublicPast) -> Classes:
    """Return for each place of a model the class of how often it is expected to be sent, of
    ``CLASSES``: the last is the most often.

    In a tensor with the average a, a place in a row with the average r and a column with the
    average c is expected in proportion to r c / a.
    """
    classes = np.zeros(shape.size, dtype=np.uint8)
    factors = [_factors(shape, past, number) for number in range(len(shape.tensors))]
    top = max(int(_half_octaves(rows.max() * columns.max())) for rows, columns in factors)
    for number, (rows, columns) in enumerate(factors):
        steps = _half_octaves(np.multiply.outer(rows, columns))
        steps -= top - (CLASSES - 1)
        np.maximum(steps, 0, out=steps)
        classes[shape.starts[number] : shape.starts[number + 1]] = steps.ravel()
    return classes


def _factors(
    shape: ModelShape, past: PublicPast, number: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    tensor = shape.tensors[number]
    rows = past.rows[shape.row_starts[number] : shape.row_starts[number + 1]]
    columns = past.columns[shape.column_starts[number] : shape.column_starts[number + 1]]
    everywhere = max(int(past.rows.sum()), 1) / shape.size
    average = int(rows.sum()) / tensor.size + TENSOR_FLOOR * everywhere
    by_row = (rows / tensor.columns + ROW_FLOOR * average) / average
    by_column = columns / tensor.rows + COLUMN_FLOOR * average
    return by_row.astype(np.float32), by_column.astype(np.float32)


def _half_octaves(numbers: NDArray[np.float32] | np.float32) -> NDArray[np.int32]:
    """Return the exponent and the first bit of the fraction of positive ``numbers``."""
    return np.asarray(numbers, dtype=np.float32).view(np.int32) >> 22


def sign_expectations(
    shape: ModelShape, past: PublicPast, places: Places
) -> tuple[NDArray[np.bool_], Classes]:
    """Return for each of ``places`` whether its sign is expected to be plus, and the class of how
    surely, from 0 to ``len(LEANINGS)``."""
    leans = past.leans.astype(np.float64)
    strength = leans * leans / (UNIT * np.maximum(past.columns, 1))
    sureness = np.searchsorted(LEANINGS, strength, side="right").astype(np.uint8)
    columns = shape.rows_and_columns(places)[1]
    return (past.leans >= 0)[columns], sureness[columns]
