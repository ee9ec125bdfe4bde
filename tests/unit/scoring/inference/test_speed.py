"""What answers are worth: in proportion to the speed, whoever else answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.scoring.inference.speed import (
    FORGIVEN,
    HELD_S_MAX,
    LAST,
    LATE,
    NETWORK_PART_MAX,
    NETWORK_S_MAX,
    SLOW_PER_S,
    WINDOW_S,
    drawn_in_window,
    engine_time,
    rate_over_turns,
    speed_factors,
    steady_rate,
    window_rate,
)

ALL = np.array([True, True, True, True])
RATE = 100.0


def factors(times: list[float], verified: np.ndarray = ALL) -> np.ndarray:
    return speed_factors(32.0 / np.array(times), verified, most=RATE)


def test_pay_is_in_proportion_to_the_speed_up_to_the_announced_rate() -> None:
    got = factors([0.32, 0.64, 3.2, 0.01])
    np.testing.assert_allclose(got, [1.0, 0.5, 0.1, 1.0])


def evenly(speed: float, count: int, begins_s: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The times and tokens of an answer's frames, one token each."""
    return begins_s + np.arange(1, count + 1) / speed, np.ones(count)


def rate(speed: float, count: int, begins_s: float = 0.0, *, ended: bool = False) -> float:
    return window_rate(*evenly(speed, count, begins_s), ended=ended)


@pytest.mark.parametrize("speed", [20.0, 100.0, 300.0, 1_000.0])
def test_the_rate_of_a_steady_machine_is_its_speed(speed: float) -> None:
    assert rate(speed, math.ceil(speed * WINDOW_S) + 1) == pytest.approx(speed)


def test_what_comes_after_the_window_does_not_count() -> None:
    assert rate(100.0, 100) == pytest.approx(100.0)
    assert rate(100.0, 100, begins_s=WINDOW_S / 2) == pytest.approx(50.0)
    assert rate(100.0, 100, begins_s=WINDOW_S) == SLOW_PER_S


@pytest.mark.parametrize("uids", [2, 4, 8, 16])
def test_uids_that_are_answered_one_after_the_other_share_one_window(uids: int) -> None:
    """Paid by the time of all their tokens they would have 1 + 1/2 + 1/3 + ..."""
    count = 400
    rates = [rate(300.0, count, begins_s=n * count / 300.0) for n in range(uids)]
    assert sum(rates) == pytest.approx(300.0 + (uids - 1) * SLOW_PER_S)


@given(
    order=st.permutations(range(6)),
    counts=st.lists(st.integers(3, 300), min_size=6, max_size=6),
    pause_s=st.floats(0.0, 0.2),
)
def test_no_order_of_a_machines_uids_shows_more_than_it_draws(
    order: list[int], counts: list[int], pause_s: float
) -> None:
    """But for what is paid to each outside the window, and for one pause of what comes together."""
    speed, total, drawn = 300.0, 0.0, 0
    for uid in order:
        times, tokens = evenly(speed, counts[uid], begins_s=drawn / speed)
        held = np.where(times > WINDOW_S - pause_s, np.maximum(times, WINDOW_S + pause_s), times)
        total += window_rate(held, tokens, ended=False)
        drawn += counts[uid]
    assert total <= speed * (1 + HELD_S_MAX / WINDOW_S) + 6 * SLOW_PER_S + 6 / WINDOW_S


def test_a_slow_machine_is_paid_for_its_tokens_and_not_for_reading() -> None:
    assert rate(1.0, 24, begins_s=8.0) == pytest.approx(1.0)
    assert rate(SLOW_PER_S, 24) == pytest.approx(SLOW_PER_S)


def test_a_text_that_the_model_ends_within_the_window_has_the_rate_of_all_of_it() -> None:
    assert rate(100.0, 10, ended=True) == pytest.approx(100.0)
    assert rate(100.0, 10) == pytest.approx(10 / WINDOW_S), "who is asked for too little"


def test_whoever_holds_back_the_end_is_paid_for_the_time_it_took() -> None:
    """It would be asked at other moments than the other uids of its machine, and paid for all turns
    in between as for its window."""
    times, tokens = evenly(300.0, 400)
    times[-1] = 20.0
    assert window_rate(times, tokens, ended=False) == pytest.approx(LATE * 400 / 20.0)


def test_tokens_that_come_together_count_as_if_they_were_drawn_evenly() -> None:
    times, tokens = evenly(100.0, 160)
    lost = np.where((times > WINDOW_S - 0.04) & (times < WINDOW_S + 0.02), WINDOW_S + 0.02, times)
    assert drawn_in_window(lost, tokens) == pytest.approx(drawn_in_window(times, tokens), abs=0.7)
    late = np.where(times > WINDOW_S - 0.2, np.maximum(times, WINDOW_S + 0.2), times)
    assert drawn_in_window(late, tokens) == 80.0, "after a long pause they do not"
    several = WINDOW_S + np.array([-0.4, -0.3, -0.2, -0.1, -0.02, 0.06]), np.full(6, 8.0)
    assert drawn_in_window(*several) == pytest.approx(40.0 + 2.0)


def test_an_answer_without_frames_or_tokens_has_no_rate() -> None:
    for times, tokens in (([], []), ([1.0], [0.0]), ([1.0, 2.0], [1.0])):
        with pytest.raises(ValueError, match="frames"):
            window_rate(np.array(times), np.array(tokens), ended=False)


def test_serving_uids_by_turns_gains_no_more_than_is_forgiven() -> None:
    """The median alone would pay each of two uids for the fuller half of its turns."""
    for uids in (2, 3, 15):
        total = 0.0
        for uid in range(uids):
            served = [(turn + uid) % LAST < LAST // 2 + 1 for turn in range(LAST)]
            # Each turn's window is divided among about half of the uids.
            share = LAST / (uids * (LAST // 2 + 1))
            total += steady_rate([300.0 * share if here else 2.0 for here in served])
        assert total <= FORGIVEN * (300.0 + 2.0 * uids)


@pytest.mark.parametrize("uids", [2, 4, 8, 16])
def test_one_machine_under_many_uids_earns_what_it_earns_under_one(uids: int) -> None:
    """Its uids are asked at once, and answer in turns: each takes as many times longer."""
    alone = factors([0.4], ALL[:1])[0]
    shared = factors([0.4 * uids] * uids, np.full(uids, True))
    assert shared.sum() == pytest.approx(alone)


def test_what_others_do_changes_nobodys_pay() -> None:
    alone = factors([0.5], ALL[:1])
    among = factors([0.5, 1e-6, 0.01, 9.0])
    assert among[0] == alone[0]


def test_what_is_not_verified_gets_nothing() -> None:
    verified = np.array([True, False])
    np.testing.assert_allclose(factors([0.64, 0.32], verified), [0.5, 0.0])
    np.testing.assert_array_equal(factors([1.0, -1.0], ~ALL[:2]), [0.0, 0.0])


def test_a_rate_is_what_a_miner_keeps_in_half_of_its_last_answers() -> None:
    assert steady_rate([7.0]) == 7.0
    assert steady_rate([9.0, 7.0]) == 7.0
    late = [10.0] * 14 + [1.0]
    assert steady_rate(late) == 10.0, "packets that were lost cost nothing"
    assert steady_rate([10.0] * 7 + [1.0] * 8) == 1.0, "who is slow in most answers is slow"
    assert steady_rate([99.0] * 20 + [5.0] * LAST) == 5.0, "what was long ago is forgotten"
    with pytest.raises(ValueError, match="no answer"):
        steady_rate([])


def test_the_network_is_not_paid_as_if_it_were_the_engine() -> None:
    near, far = 0.4 + 0.02, 0.4 + 0.2
    np.testing.assert_allclose(
        engine_time(np.array([near, far]), np.array([0.02, 0.2])), [0.4, 0.4]
    )


def test_a_lie_about_the_distance_gains_what_the_bounds_say() -> None:
    long, short = engine_time(np.array([10.0, 0.1]), np.array([9.0, 9.0]))
    assert long == pytest.approx(10.0 - NETWORK_S_MAX)
    assert short == pytest.approx(0.1 * (1 - NETWORK_PART_MAX))


def test_one_turn_is_paid_as_usual_and_further_ones_by_what_was_done_in_them() -> None:
    assert rate_over_turns(300.0, own=40.0, turns=1) == 300.0
    assert rate_over_turns(300.0, own=0.5, turns=30) == pytest.approx((300.0 + 29 * 0.5) / 30)
    assert rate_over_turns(1.0, own=1.0, turns=57) == 1.0, "who is slow is paid for all its turns"
    assert rate_over_turns(1.0, own=9.0, turns=3) == 1.0


@pytest.mark.parametrize("rate", [0.0, -1.0, np.nan, np.inf])
def test_a_verified_answer_has_a_rate(rate: float) -> None:
    with pytest.raises(ValueError, match="took time"):
        speed_factors(np.array([1.0, rate]), ALL[:2], most=RATE)


def test_shapes_and_rates_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        speed_factors(np.ones(3), ALL, most=RATE)
    with pytest.raises(ValueError, match="one shape"):
        speed_factors(np.ones((2, 2)), np.ones((2, 2), dtype=bool), most=RATE)
    with pytest.raises(ValueError, match="rates are positive"):
        speed_factors(np.ones(4), ALL, most=0.0)
