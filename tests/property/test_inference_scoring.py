"""Properties of the inference verdicts: rounding never convicts, and speed is fair and bounded."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assay.scoring.inference.agreement import TOLERANCE_FP32, compare, seeded_verdict
from assay.scoring.inference.sampling import Sampling, choose
from assay.scoring.inference.speed import NETWORK_S_MAX, engine_time, speed_factors

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=200, deadline=None)
@given(
    seed=seeds,
    spread=st.floats(1e-4, 30.0),
    temperature=st.sampled_from([0.0, 0.3, 0.7, 1.0, 2.0]),
    key=st.binary(min_size=16, max_size=16),
)
def test_rounding_below_half_the_tolerance_never_convicts(
    seed: int, spread: float, temperature: float, key: bytes
) -> None:
    rng = np.random.default_rng(seed)
    judge = rng.normal(0, spread, (24, 64)).astype(np.float32)
    # Many near ties: the case in which rounding does change the token.
    judge[:, 1] = judge[:, 0]
    limit = TOLERANCE_FP32 * 0.499
    miner = (judge + rng.uniform(-limit, limit, judge.shape)).astype(np.float32)
    tokens = np.array([choose(row, Sampling(temperature), key, i) for i, row in enumerate(miner)])
    assert seeded_verdict(compare(judge, tokens, Sampling(temperature), key))


@settings(max_examples=200, deadline=None)
@given(
    seed=seeds,
    place=st.integers(0, 15),
    temperature=st.sampled_from([0.0, 0.7, 1.0]),
    shift=st.integers(1, 63),
)
def test_a_token_is_convicted_exactly_if_it_lies_beyond_the_tolerance(
    seed: int, place: int, temperature: float, shift: int
) -> None:
    key = seed.to_bytes(16, "little")
    logits = np.random.default_rng(seed).normal(0, 3, (16, 64)).astype(np.float32)
    tokens = np.array([choose(row, Sampling(temperature), key, i) for i, row in enumerate(logits)])
    tokens[place] = (tokens[place] + shift) % 64
    agreement = compare(logits, tokens, Sampling(temperature), key)
    assert seeded_verdict(agreement) == (agreement.margins[place] <= TOLERANCE_FP32)
    others = np.delete(agreement.margins, place)
    assert not others.any()


rounds = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, n, elements=st.floats(1e-2, 1e5)),
        hnp.arrays(np.bool_, n),
    )
)


SAMPLINGS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.3, 1.0, 2.0]),
    top_k=st.sampled_from([0, 1, 3, 20]),
    top_p=st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    repetition_penalty=st.sampled_from([0.5, 1.0, 1.3]),
    presence_penalty=st.sampled_from([0.0, 0.5]),
    frequency_penalty=st.sampled_from([0.0, -0.5]),
    bias=st.sampled_from([{}, {1: 2.0, 7: -3.0}]),
)


@given(SAMPLINGS, st.integers(0, 2**32 - 1), st.sampled_from([1e-5, 1e-3, 0.05]))
def test_no_rounding_convicts_whatever_filters_a_caller_asks_for(
    sampling: Sampling, seed: int, rounding: float
) -> None:
    """Many ties on purpose: logits lie on a coarse grid, where edges of filters are."""
    generator = np.random.default_rng(seed)
    judge = (generator.integers(-6, 6, (6, 24)) / 2).astype(np.float32)
    miner = (judge + generator.uniform(-rounding, rounding, judge.shape)).astype(np.float32)
    key, prompt, begun = b"k" * 16, (3, 4), [5, 5]
    answer = [*begun]
    for position, row in enumerate(miner, start=len(begun)):
        answer.append(choose(row, sampling, key, position, prompt, answer))
    claimed = np.array(answer[len(begun) :])
    tolerance = 2.1 * rounding
    agreement = compare(
        judge, claimed, sampling, key, tolerance=tolerance, prompt=prompt, begun=begun
    )
    assert agreement.worst <= tolerance


@given(rounds, st.floats(1.0, 1e4))
def test_factors_are_bounded_and_only_the_verified_are_paid(
    given_round: tuple[np.ndarray, np.ndarray], most: float
) -> None:
    rates, verified = given_round
    factors = speed_factors(rates, verified, most=most)
    assert ((factors >= 0) & (factors <= 1)).all()
    np.testing.assert_array_equal(factors > 0, verified)


@given(rounds, st.floats(1.0, 10.0))
def test_below_the_announced_rate_the_rate_itself_moves_no_share(
    given_round: tuple[np.ndarray, np.ndarray], scale: float
) -> None:
    rates, verified = given_round
    once, again = (speed_factors(rates, verified, most=1e5 * s) for s in (1.0, scale))
    np.testing.assert_allclose(again * scale, once, rtol=1e-9)


@given(st.integers(1, 64), st.floats(1.0, 1e3), st.floats(1e3, 1e4))
def test_uids_that_divide_a_machine_earn_what_the_machine_earns(
    uids: int, speed: float, most: float
) -> None:
    alone = speed_factors(np.array([speed]), np.array([True]), most=most)
    shared = speed_factors(np.full(uids, speed / uids), np.full(uids, True), most=most)
    np.testing.assert_allclose(shared.sum(), alone.sum())


@given(
    hnp.arrays(np.float64, 8, elements=st.floats(1e-3, 60.0)),
    hnp.arrays(np.float64, 8, elements=st.floats(0.0, 60.0)),
)
def test_a_distance_never_takes_all_of_a_latency(
    latencies: np.ndarray, network: np.ndarray
) -> None:
    engine = engine_time(latencies, network)
    assert (engine > 0).all()
    assert (engine <= latencies).all()
    assert (latencies - engine <= NETWORK_S_MAX + 1e-12).all()
