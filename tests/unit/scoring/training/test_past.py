"""What earlier windows say of the next message: rows, columns and the signs they lean to."""

from __future__ import annotations

import numpy as np

from assay.scoring.training.past import CLASSES, PublicPast, place_classes, sign_expectations
from assay.scoring.training.shapes import ModelShape, SparseUpdate, TensorRole, TensorShape

SHAPE = ModelShape(
    (
        TensorShape.of("matrix", (8, 16), TensorRole.MATRIX),
        TensorShape.of("vector", (10,), TensorRole.VECTOR),
    )
)


def update(places: list[int], sign: float = 1.0) -> SparseUpdate:
    return SparseUpdate(np.array(places), np.full(len(places), sign, dtype=np.float32))


def test_sums_are_those_of_a_loop() -> None:
    past = PublicPast.none(SHAPE)
    past = past.after(SHAPE, [update([0, 17, 130]), update([1, 17], -1.0)])
    rows, columns, leans = [0] * 9, [0] * 26, [0] * 26
    sent = [(0, 0, 1), (1, 1, 1), (8, 18, 1), (0, 1, -1), (1, 1, -1)]
    for row, column, sign in sent:
        rows[row] += 256
        columns[column] += 256
        leans[column] += 256 * sign
    assert (past.rows.tolist(), past.columns.tolist(), past.leans.tolist()) == (
        rows,
        columns,
        leans,
    )
    faded = past.after(SHAPE, [])
    assert faded.rows.tolist() == [n - n // 4 for n in rows]
    assert faded.leans.tolist() == [n - n // 4 for n in leans]


def test_without_a_past_all_places_are_equal() -> None:
    classes = place_classes(SHAPE, PublicPast.none(SHAPE))
    assert set(classes.tolist()) == {CLASSES - 1}
    expected, sureness = sign_expectations(SHAPE, PublicPast.none(SHAPE), np.arange(138))
    assert expected.all()
    assert not sureness.any()


def test_places_are_expected_where_their_row_and_column_were_sent() -> None:
    past = PublicPast.none(SHAPE).after(SHAPE, [update([3 * 16 + 5, 3 * 16 + 6, 4 * 16 + 5])] * 4)
    classes = place_classes(SHAPE, past)[:128].reshape(8, 16)
    assert classes[3, 5] == classes.max() == CLASSES - 1
    assert classes[3, 5] > classes[4, 5] > classes[4, 7]
    assert classes[3, 5] > classes[3, 6] > classes[2, 6] > classes[2, 7]


def test_a_class_is_half_an_octave_of_the_product() -> None:
    rng = np.random.default_rng(5)
    places = np.flatnonzero(rng.random(138) < 0.2)
    past = PublicPast.none(SHAPE).after(SHAPE, [update(places.tolist())])
    classes = place_classes(SHAPE, past)
    average = past.rows[:8].sum() / 128 + 0.02 * past.rows.sum() / 138
    row = past.rows[:8] / 16 + 0.1 * average
    column = past.columns[:16] / 8 + 0.2 * average
    odds = np.outer(row, column) / average
    order = np.argsort(odds.ravel())
    assert np.all(np.diff(classes[:128][order].astype(int)) >= 0)
    steps = 2 * np.log2(odds.max() / odds)
    behind = classes[:128].max() - classes[:128].reshape(8, 16).astype(int)
    assert np.all(np.abs(behind - steps)[behind < CLASSES - 1] < 1.2)


def test_a_column_leans_to_the_sign_that_it_sent() -> None:
    past = PublicPast.none(SHAPE)
    past = past.after(SHAPE, [update([2, 18, 34, 50, 66]), update([3, 19], -1.0), update([19])])
    expected, sureness = sign_expectations(SHAPE, past, np.array([82, 83, 84]))
    assert expected.tolist() == [True, False, True]
    # Squares of leans over counts: 5, 1/3 and nothing.
    assert sureness.tolist() == [3, 1, 0]
