"""A model's tensors end to end: where rows and columns lie, and what is no model."""

from __future__ import annotations

import numpy as np
import pytest

from assay.scoring.training.shapes import (
    SIZE_MAX,
    ModelShape,
    SparseUpdate,
    TensorRole,
    TensorShape,
)

SHAPE = ModelShape(
    (
        TensorShape.of("embedding", (5, 3), TensorRole.EMBEDDING),
        TensorShape.of("norm", (4,), TensorRole.VECTOR),
        TensorShape.of("kernel", (2, 3, 2), TensorRole.MATRIX),
    )
)


def test_every_place_has_its_tensor_row_and_column() -> None:
    assert SHAPE.size == 5 * 3 + 4 + 12
    expected = [
        (number, row, column)
        for number, (rows, columns, row0, column0) in enumerate(
            [(5, 3, 0, 0), (1, 4, 5, 3), (2, 6, 6, 7)]
        )
        for row in range(row0, row0 + rows)
        for column in range(column0, column0 + columns)
    ]
    places = np.arange(SHAPE.size)
    found = zip(SHAPE.tensors_at(places), *SHAPE.rows_and_columns(places), strict=True)
    assert [tuple(map(int, place)) for place in found] == expected


def test_what_is_no_model_is_refused() -> None:
    one = TensorShape("a", 1, 1, TensorRole.VECTOR)
    for tensors in ((), (one, one)):
        with pytest.raises(ValueError, match="a name of its own"):
            ModelShape(tensors)
    with pytest.raises(ValueError, match="more than"):
        ModelShape((TensorShape("a", SIZE_MAX + 1, 1, TensorRole.MATRIX),))
    with pytest.raises(ValueError, match="no places"):
        TensorShape.of("a", (3, 0), TensorRole.MATRIX)
    with pytest.raises(ValueError, match="no places"):
        TensorShape.of("a", (0, 3), TensorRole.MATRIX)


def test_a_sparse_update_is_zero_elsewhere() -> None:
    update = SparseUpdate(np.array([1, 30]), np.array([2.0, -3.0], dtype=np.float32))
    dense = update.dense(SHAPE)
    assert dense.shape == (31,)
    assert dense.sum() == -1.0
    assert dense[30] == -3.0
