"""Copies by the places that they send: what a sketch says, and whom it finds."""

from __future__ import annotations

import numpy as np
import pytest

from assay.scoring.training.overlap import (
    LIMIT_MAX,
    SAMPLES,
    Copy,
    PlaceSketch,
    copies,
    copy_limit,
    overlap,
    sketch,
)
from assay.scoring.training.shapes import SparseUpdate

KEY = 0xC0FFEE


def said(places: np.ndarray[tuple[int], np.dtype[np.int64]], sign: float = 1.0) -> SparseUpdate:
    return SparseUpdate(places, np.full(places.size, sign, dtype=np.float32))


def places(start: int, count: int) -> PlaceSketch:
    return sketch(said(np.arange(start, start + count)), KEY)


def test_small_messages_are_compared_in_full() -> None:
    assert overlap(places(0, 600), places(0, 600)) == 1.0
    assert overlap(places(0, 600), places(600, 600)) == 0.0
    assert overlap(places(0, 600), places(450, 600)) == 0.25
    assert overlap(places(0, 1000), places(900, 200)) == pytest.approx(0.5)
    assert overlap(places(0, 0), places(0, 10)) == 0.0


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("sizes", [(20_000, 20_000), (20_000, 3_000), (20_000, 900)])
def test_large_messages_are_estimated(part: float, sizes: tuple[int, int]) -> None:
    first, second = sizes
    shared = round(part * second)
    found = overlap(places(0, first), places(first - shared, second))
    assert abs(found - part) < (0.08 if second == first else 0.25)
    assert found == overlap(places(first - shared, second), places(0, first))


def test_a_sketch_is_bounded_and_keyed() -> None:
    drawn = places(0, 50_000)
    assert drawn.hashes.size == SAMPLES
    assert np.all(np.diff(drawn.hashes.astype(object)) > 0)
    other = sketch(said(np.arange(50_000)), KEY + 1)
    assert not np.isin(drawn.hashes, other.hashes).any()


def test_hashes_are_spread_evenly() -> None:
    for step in (1, 64, 4096, 1 << 20):
        largest = sketch(said(np.arange(0, 100_000 * step, step)), KEY).hashes[-1]
        assert abs(int(largest) / 2**64 * 100_000 / SAMPLES - 1) < 0.15


def honest(rng: np.random.Generator, common: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Places of a trainer, of which ``common`` in 2,000 are those that all have."""
    own = rng.choice(np.arange(10_000, 150_000), 2_000 - common, replace=False)
    return np.sort(np.concatenate([np.arange(common), own]))


@pytest.mark.parametrize("common", [0, 200, 1_200])
def test_copies_are_found_and_honest_trainers_are_not(common: int) -> None:
    rng = np.random.default_rng(common)
    sent = [honest(rng, common) for _ in range(6)]
    assert copies([sketch(said(each), KEY) for each in sent]) == []
    masked = sent[2].copy()
    masked[rng.choice(2_000, 100, replace=False)] += 200_000
    found = copies([sketch(said(each), KEY) for each in [*sent, sent[4], np.sort(masked)]])
    assert [(copy.later, copy.earlier) for copy in found] == [(6, 4), (7, 2)]
    assert found[0].overlap == 1.0
    assert abs(found[1].overlap - 0.95) < 0.05


def test_copiers_in_the_majority_do_not_make_each_other_honest() -> None:
    rng = np.random.default_rng(1)
    one, other = honest(rng, 0), honest(rng, 0)
    found = copies([sketch(said(each), KEY) for each in (one, one, other, one, one)])
    assert found == [Copy(1, 0, 1.0), Copy(3, 0, 1.0), Copy(4, 0, 1.0)]


def test_a_limit_lies_halfway_to_a_copy() -> None:
    assert copy_limit([]) == copy_limit([0.9]) == 0.5
    assert copy_limit([0.1, 0.2, 0.9]) == pytest.approx(0.6)
    assert copy_limit([0.9, 0.9, 1.0]) == LIMIT_MAX


def test_the_same_places_with_other_signs_are_no_copy() -> None:
    every = np.arange(5_000)
    plus, minus = sketch(said(every), KEY), sketch(said(every, -1.0), KEY)
    assert overlap(plus, minus) == 0.0
    assert overlap(plus, plus) == 1.0
