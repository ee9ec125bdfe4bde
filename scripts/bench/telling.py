"""A classifier that tries to tell two kinds of requests apart, and how well it does. numpy alone.

``auc`` is the area under the curve of a score: 0.5 for a guess, 1 for certainty. ``told`` gives the
scores of boosted trees over columns of numbers, and ``read`` those of a logistic regression over
the character n-grams of texts; both are of rows that were left out of the learning. Rows of one
group are always left out together, so that a text is not told by its copy.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

FOLDS = 5
BUCKETS = 2_048  # of n-grams
GRAMS = (1, 2, 3, 4)  # characters
STEPS = 120
ROUNDS, DEPTH, RATE, BINS = 40, 3, 0.25, 24
LEAST = 20.0  # rows of a leaf


def auc(scores: np.ndarray, labels: np.ndarray, whose: np.ndarray) -> float:
    """The chance that a row with label 1 has a higher score than one with label 0 of the same
    owner, by ``whose``, ties counted as half; the better of this and its opposite, since whoever
    sees a score can also believe the opposite."""
    areas, pairs = [], []
    for owner in np.unique(whose):
        mine = whose == owner
        ones = labels[mine].sum()
        if 0 < ones < mine.sum():
            areas.append(_auc(scores[mine], labels[mine]))
            pairs.append(ones * (mine.sum() - ones))
    found = float(np.average(areas, weights=pairs)) if pairs else 0.5
    return max(found, 1.0 - found)


def _auc(scores: np.ndarray, labels: np.ndarray) -> float:
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    _, inverse = np.unique(scores, return_inverse=True)
    ranks = (np.bincount(inverse, ranks) / np.bincount(inverse))[inverse]
    ones = labels.sum()
    return float((ranks[labels == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(labels) - ones)))


def folds(groups: Sequence[str]) -> np.ndarray:
    """The fold of each row: rows of one group are in one fold."""
    return np.array([zlib.crc32(b"fold/" + group.encode()) % FOLDS for group in groups])


def grams(texts: Sequence[str]) -> np.ndarray:
    """Texts as counts of n-grams in buckets, each row of length 1."""
    rows = np.zeros((len(texts), BUCKETS), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        data = text.encode("utf-8", "replace")[:4_000]
        codes = np.frombuffer(data, dtype=np.uint8).astype(np.uint64)
        for length in GRAMS:
            if len(codes) < length:
                continue
            mixed = np.full(len(codes) - length + 1, length, dtype=np.uint64)
            for place in range(length):
                mixed = mixed * np.uint64(1_000_003) + codes[place : len(mixed) + place]
            buckets = (mixed >> np.uint64(7)) % np.uint64(BUCKETS)
            row += np.bincount(buckets.astype(np.int64), minlength=BUCKETS)
        np.log1p(row, out=row)
        row /= max(float(np.linalg.norm(row)), 1e-9)
    return rows


def _logistic(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The weights of a logistic regression, the last one for a constant: Adam on all rows."""
    labels = labels.astype(np.float32)  # else each product would copy all rows
    weights = np.zeros(rows.shape[1] + 1, dtype=np.float32)
    moment, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        chance = 1 / (1 + np.exp(-(rows @ weights[:-1] + weights[-1])))
        off = (chance - labels).astype(np.float32)
        slope = np.append(off @ rows, off.sum()) / len(labels)
        slope = (slope + 1e-5 * weights).astype(np.float32)
        moment = 0.9 * moment + 0.1 * slope
        square = 0.99 * square + 0.01 * slope**2
        weights -= 0.3 * (moment / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    return weights


def read(rows: np.ndarray, labels: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The scores of a logistic regression over ``rows``, each of rows it has not seen."""
    scores = np.zeros(len(labels))
    for number in range(FOLDS):
        left = fold == number
        weights = _logistic(rows[~left], labels[~left])
        scores[left] = rows[left] @ weights[:-1] + weights[-1]
    return scores


def told(columns: np.ndarray, labels: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The scores of boosted trees over ``columns``, each of rows they have not seen."""
    columns = columns[:, columns.max(0) > columns.min(0)]  # the others tell nothing
    binned = np.empty(columns.shape, dtype=np.int64)
    for place, column in enumerate(columns.T):
        edges = np.unique(np.quantile(column, np.linspace(0, 1, BINS)[1:-1]))
        binned[:, place] = np.searchsorted(edges, column, side="right")
    scores = np.zeros(len(labels))
    for number in range(FOLDS):
        left = fold == number
        known, unknown = binned[~left], binned[left]
        sums, out = np.zeros(len(known)), np.zeros(len(unknown))
        for _ in range(ROUNDS):
            chance = 1 / (1 + np.exp(-sums))
            slope, curve = labels[~left] - chance, chance * (1 - chance)
            grown = _tree(known, slope, curve, unknown, DEPTH)
            sums, out = sums + RATE * grown[0], out + RATE * grown[1]
        scores[left] = out
    return scores


def _tree(
    known: np.ndarray, slope: np.ndarray, curve: np.ndarray, unknown: np.ndarray, depth: int
) -> tuple[np.ndarray, np.ndarray]:
    """What one tree says of the rows it has learnt from, and of the others."""
    value = slope.sum() / (curve.sum() + 1.0)
    here, there = np.full(len(known), value), np.full(len(unknown), value)
    if depth == 0 or len(known) < 2 * LEAST:
        return here, there
    best, at = 1e-3, None
    total = slope.sum() ** 2 / (curve.sum() + 1.0)
    for column in range(known.shape[1]):
        codes = known[:, column]
        slopes = np.cumsum(np.bincount(codes, slope, BINS))[:-1]
        curves = np.cumsum(np.bincount(codes, curve, BINS))[:-1]
        counts = np.cumsum(np.bincount(codes, minlength=BINS))[:-1]
        gain = slopes**2 / (curves + 1) + (slope.sum() - slopes) ** 2 / (curve.sum() - curves + 1)
        gain[(counts < LEAST) | (len(known) - counts < LEAST)] = 0.0
        if gain.max() - total > best:
            best, at = gain.max() - total, (column, int(gain.argmax()))
    if at is None:
        return here, there
    column, cut = at
    low, low_there = known[:, column] <= cut, unknown[:, column] <= cut
    for side, side_there in ((low, low_there), (~low, ~low_there)):
        here[side], there[side_there] = _tree(
            known[side], slope[side], curve[side], unknown[side_there], depth - 1
        )
    return here, there
