"""The margin statistic: what convicts, what does not, and how infinities and bounds behave."""

from __future__ import annotations

import numpy as np
import pytest

from assay.scoring.inference.agreement import (
    ENGINE_SHARE_MIN,
    TOLERANCE_ENGINE,
    TOLERANCE_FP32,
    Agreement,
    compare,
    engine_verdict,
    seeded_verdict,
)
from assay.scoring.inference.sampling import GREEDY, Sampling, choose

KEY = b"a key of 16 byte"


def logits_of(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3, (rows, 200)).astype(np.float32)


def drawn(logits: np.ndarray, temperature: float) -> np.ndarray:
    return np.array([choose(row, Sampling(temperature), KEY, i) for i, row in enumerate(logits)])


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_the_samplers_own_tokens_have_no_margin(temperature: float) -> None:
    logits = logits_of(32)
    agreement = compare(logits, drawn(logits, temperature), Sampling(temperature), KEY)
    assert agreement.worst == 0.0
    assert seeded_verdict(agreement)


def test_another_key_is_seen() -> None:
    logits = logits_of(32)
    tokens = np.array(
        [choose(row, Sampling(), b"another key here", i) for i, row in enumerate(logits)]
    )
    assert not seeded_verdict(compare(logits, tokens, Sampling(), KEY))


def test_a_margin_is_the_distance_to_the_best() -> None:
    logits = np.array([[1.0, 4.0, 3.5]], dtype=np.float32)
    assert compare(logits, np.array([2]), GREEDY, KEY).margins[0] == pytest.approx(0.5)


def test_the_tolerance_decides_at_its_edge() -> None:
    near = Agreement(np.array([0.0, TOLERANCE_FP32]))
    over = Agreement(np.array([0.0, np.nextafter(TOLERANCE_FP32, 1.0)]))
    assert seeded_verdict(near)
    assert not seeded_verdict(over)
    assert over.agreeing(TOLERANCE_FP32) == 1


def test_one_wrong_token_is_enough() -> None:
    logits = logits_of(48)
    tokens = drawn(logits, 1.0)
    tokens[20] = (tokens[20] + 1) % 200
    agreement = compare(logits, tokens, Sampling(), KEY)
    assert agreement.agreeing(TOLERANCE_FP32) == 47
    assert not seeded_verdict(agreement)


@pytest.mark.parametrize("token", [-1, 200, 2**40])
def test_a_token_outside_the_vocabulary_never_agrees(token: int) -> None:
    assert compare(logits_of(1), np.array([token]), GREEDY, KEY).worst == np.inf


def test_a_token_outside_the_vocabulary_spoils_none_behind_it() -> None:
    logits = logits_of(3)
    tokens = drawn(logits, 0.0)
    tokens[1] = 200
    np.testing.assert_array_equal(compare(logits, tokens, GREEDY, KEY).margins, [0.0, np.inf, 0.0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_logits_that_are_not_finite_prove_nothing(bad: float) -> None:
    logits = logits_of(1)
    logits[0, 7] = bad
    assert not seeded_verdict(compare(logits, np.array([3]), Sampling(), KEY))


def test_no_tokens_prove_nothing() -> None:
    nothing = Agreement(np.array([]))
    assert nothing.worst == 0.0
    assert not seeded_verdict(nothing)
    assert not engine_verdict(nothing)


def test_one_token_proves_what_it_can() -> None:
    assert seeded_verdict(Agreement(np.array([0.0])))
    assert engine_verdict(Agreement(np.array([0.0])))


def test_an_engine_may_miss_a_few_tokens_and_no_more() -> None:
    tokens = 40
    allowed = round(tokens * (1 - ENGINE_SHARE_MIN))
    margins = np.zeros(tokens)
    margins[:allowed] = TOLERANCE_ENGINE * 2
    assert engine_verdict(Agreement(margins))
    margins[allowed] = TOLERANCE_ENGINE * 2
    assert not engine_verdict(Agreement(margins))


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="shapes"):
        compare(logits_of(2), np.array([1]), GREEDY, KEY)
