"""Deadlines and late messages: bounded, and moved by no minority."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.scoring.training.windows import (
    WEIGHT_SUM,
    WindowPace,
    deadline_blocks,
    late_weight,
    weights_by_steps,
)

PACE = WindowPace(shortest=5, longest=100, grace=3)


def test_a_window_waits_for_the_usual_and_not_for_the_slowest() -> None:
    # Median 12, deviations 2 2 1 0 1 2 68, of which the middle one is 2.
    assert deadline_blocks([10, 10, 11, 12, 13, 14, 80], 0, PACE) == 12 + 4 * 2
    assert deadline_blocks([20] * 9, 0, PACE) == 21
    assert deadline_blocks([1, 1, 1], 0, PACE) == 5
    assert deadline_blocks([95, 90, 99, 70], 0, PACE) == 100
    assert deadline_blocks([], 0, PACE) == 100


def test_who_sent_nothing_counts_as_slowest() -> None:
    assert deadline_blocks([10, 10, 10], 2, PACE) == 11
    assert deadline_blocks([10, 10, 10], 3, PACE) == 100
    assert deadline_blocks([], 1, PACE) == 100


@given(st.lists(st.integers(0, 60), min_size=3, max_size=15), st.lists(st.integers(0, 10**9)))
def test_a_minority_moves_it_within_what_the_others_took(
    honest: list[int], others: list[int]
) -> None:
    others = others[: (len(honest) - 1) // 2]
    waited = deadline_blocks(honest + others, 0, PACE)
    spread = max(honest) - min(honest)
    assert PACE.shortest <= waited <= PACE.longest
    assert waited >= min(min(honest), PACE.longest)
    assert waited <= max(max(honest) + max(4 * spread, 1), PACE.shortest)


def test_a_late_message_is_worth_less_and_then_nothing() -> None:
    assert [late_weight(1000, late, PACE) for late in (-2, 0, 1, 2, 3, 4, 9)] == [
        1000,
        1000,
        750,
        500,
        250,
        0,
        0,
    ]
    assert late_weight(1000, 1, WindowPace(shortest=1, longest=1)) == 0


def test_bounds_that_leave_no_window_are_refused() -> None:
    for wrong in (
        {"shortest": 0, "longest": 5},
        {"shortest": 6, "longest": 5},
        {"shortest": 1, "longest": 5, "grace": -1},
        {"shortest": 1, "longest": 5, "spread": -1},
    ):
        with pytest.raises(ValueError, match="a window has a block"):
            WindowPace(**wrong)


def test_a_message_weighs_by_the_steps_behind_it() -> None:
    assert weights_by_steps({3: 10, 5: 10}, {3: 15, 5: 3}, 15) == {3: 32_760, 5: 6_552}
    assert weights_by_steps({3: 65_535}, {3: 15}, 15) == {3: 65_535}
    assert weights_by_steps({3: 1, 5: 60_000}, {3: 1, 5: 1}, 15) == {3: 1, 5: 4_000}
    assert weights_by_steps({}, {}, 15) == {}


@given(
    st.dictionaries(
        st.integers(0, 255), st.tuples(st.integers(1, 255), st.integers(1, 15)), min_size=1
    )
)
def test_whole_windows_weigh_as_before_beside_each_other(given: dict[int, tuple[int, int]]) -> None:
    weights = {uid: weight for uid, (weight, _) in given.items()}
    steps = {uid: taken for uid, (_, taken) in given.items()}
    whole = weights_by_steps(weights, dict.fromkeys(weights, 15), 15)
    assert len({whole[uid] * 255_255 // weights[uid] for uid in weights}) == 1
    fewer = weights_by_steps(weights, steps, 15)
    assert all(1 <= fewer[uid] <= whole[uid] for uid in weights)
    assert sum(whole.values()) <= WEIGHT_SUM
