"""Who reads what: disjoint, complete, and the same for everybody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.training.order import assigned


def read(cursor: int, place: int, count: int = 3, sequences: int = 40, seed: int = 1) -> list[int]:
    return assigned(
        seed=seed, sequences=sequences, cursor=cursor, place=place, count=count
    ).tolist()


@given(
    seed=st.integers(0, 2**63 - 1), sequences=st.integers(1, 300), count=st.integers(1, 20),
    peers=st.integers(1, 8), windows=st.integers(1, 5),
)  # fmt: skip
def test_a_round_gives_every_sequence_once_however_windows_and_peers_cut_it(
    seed: int, sequences: int, count: int, peers: int, windows: int
) -> None:
    walked = [
        number
        for window in range(windows)
        for place in range(peers)
        for number in read(window * peers * count, place, count, sequences, seed)
    ]
    for start in range(0, len(walked), sequences):
        part = walked[start : start + sequences]
        assert len(set(part)) == len(part)
        assert set(part) <= set(range(sequences))


def test_rounds_and_seeds_have_orders_of_their_own() -> None:
    first = read(0, 0, 40)
    assert sorted(first) == list(range(40))
    assert first != list(range(40))
    assert first != read(40, 0, 40)
    assert first != read(0, 0, 40, seed=2)


def test_the_order_is_fixed_for_ever() -> None:
    """Another order would make every audit of an older run wrong."""
    assert read(0, 0, 12, sequences=12, seed=7) == GOLDEN


GOLDEN = [10, 3, 9, 7, 2, 11, 1, 0, 8, 6, 5, 4]


@pytest.mark.parametrize("wrong", [{"sequences": 0}, {"cursor": -1}, {"place": -1}, {"count": -1}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    good = {"seed": 1, "sequences": 4, "cursor": 0, "place": 0, "count": 1}
    with pytest.raises(ValueError, match="order"):
        assigned(**{**good, **wrong})
    assert assigned(**{**good, "count": 0}).dtype == np.int64
