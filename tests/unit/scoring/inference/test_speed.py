"""What answers are worth: in proportion to the speed, whoever else answers."""

from __future__ import annotations

import numpy as np
import pytest

from assay.scoring.inference.speed import (
    LAST,
    NETWORK_PART_MAX,
    NETWORK_S_MAX,
    engine_time,
    speed_factors,
    steady_rate,
)

ALL = np.array([True, True, True, True])
RATE = 100.0


def factors(times: list[float], verified: np.ndarray = ALL) -> np.ndarray:
    return speed_factors(32.0 / np.array(times), verified, most=RATE)


def test_pay_is_in_proportion_to_the_speed_up_to_the_announced_rate() -> None:
    got = factors([0.32, 0.64, 3.2, 0.01])
    np.testing.assert_allclose(got, [1.0, 0.5, 0.1, 1.0])


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
    late = [10.0] * 8 + [1.0] * 7
    assert steady_rate(late) == 10.0, "packets that were lost cost nothing"
    assert steady_rate([*late, 1.0]) == 1.0, "who is slow in most answers is slow"
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
