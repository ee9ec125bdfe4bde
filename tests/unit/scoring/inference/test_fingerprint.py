"""Fingerprints: the same on both sides, near for rounding, far for anything else."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.scoring.inference.fingerprint import (
    BYTES,
    PLACES,
    PROJECTIONS,
    TOLERANCE_FP32,
    distance,
    fingerprint_verdict,
    pack,
    places,
    project,
    signs,
)
from tests.unit.scoring.inference.test_sampling import philox4x64

ROOT, KEY = b"\x07" * 32, b"\x09" * 16
WIDTH = 288
TOKENS = [5, 9, 5, 300, 4_000, 2]


def states(seed: int = 1, count: int = len(TOKENS)) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2, (count, WIDTH)).astype(np.float32)


def sent(values: np.ndarray) -> bytes:
    return pack(project(values, ROOT), TOKENS, KEY)


def apart(claimed: bytes, own: np.ndarray) -> float:
    return distance(claimed, own, TOKENS, ROOT, KEY)


def test_the_signs_are_those_of_philox_and_differ_by_model() -> None:
    matrix = signs(ROOT, WIDTH)
    key = hashlib.blake2b(ROOT, digest_size=16, person=b"assay-signs/1").digest()
    words = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    for at in (0, 63, 64, 255, 256, WIDTH, PROJECTIONS * WIDTH - 1):
        word = philox4x64((1 + at // 256, 0, 0, 0), words)[at // 64 % 4]
        sign = 1.0 if word >> (at % 64) & 1 else -1.0
        assert matrix[at // WIDTH, at % WIDTH] == sign, "another implementation says so"
    assert matrix.shape == (PROJECTIONS, WIDTH)
    assert set(np.unique(matrix)) == {-1.0, 1.0}
    assert abs(matrix.mean()) < 0.05, "as many of one as of the other"
    overlaps = matrix @ matrix.T / WIDTH - np.eye(PROJECTIONS)
    assert np.abs(overlaps).max() < 0.3, "rows are nearly at right angles"
    assert not np.array_equal(matrix, signs(b"\x08" * 32, WIDTH))
    np.testing.assert_array_equal(signs(ROOT, WIDTH), matrix)


@given(st.lists(st.integers(0, 2**24), min_size=1, max_size=300), st.binary(min_size=16))
def test_places_are_some_of_the_answers(tokens: list[int], key: bytes) -> None:
    chosen = places(tokens, key)
    assert len(chosen) == min(PLACES, len(tokens))
    assert chosen == sorted(set(chosen))
    assert all(0 <= place < len(tokens) for place in chosen)


def test_places_follow_from_every_token_and_the_key() -> None:
    """A miner must not know them before its answer is whole, and they fall everywhere."""
    tokens = list(range(100, 132))
    last = {tuple(places([*tokens[:-1], other], KEY)) for other in range(40)}
    assert len(last) > 30, "the last token decides"
    assert len({tuple(places(tokens, bytes([n]) * 16)) for n in range(40)}) > 30
    every = {place for other in range(400) for place in places([*tokens[:-1], other], KEY)}
    assert every == set(range(32))
    with pytest.raises(ValueError, match="has tokens"):
        places([], KEY)


def test_what_is_sent_is_small_and_at_no_distance_from_itself() -> None:
    fingerprint = sent(states())
    assert len(fingerprint) == PLACES * BYTES == 128
    assert apart(fingerprint, states()) < 1e-7


@pytest.mark.parametrize("noise", [1e-7, 2e-6])
def test_rounding_passes(noise: float) -> None:
    own = states()
    noisy = own * (1 + noise * np.random.default_rng(3).normal(size=own.shape))
    assert fingerprint_verdict(apart(sent(noisy.astype(np.float32)), own))


@pytest.mark.parametrize("noise", [2.5e-4, 1e-3, 0.1])
def test_another_precision_does_not(noise: float) -> None:
    own = states()
    noisy = own * (1 + noise * np.random.default_rng(3).normal(size=own.shape))
    far = apart(sent(noisy.astype(np.float32)), own)
    assert not fingerprint_verdict(far)
    assert noise / 2.5 < far < noise * 2.5, "a distance of projections is one of states"


def test_the_worst_place_counts() -> None:
    """A miner that computes one token truly and the rest not is as far as its worst."""
    own, place = states(), places(TOKENS, KEY)[0]
    changed = own.copy()
    changed[place] *= 1.001
    assert apart(sent(changed), own) == pytest.approx(1e-3, rel=0.01)
    elsewhere = own.copy()
    elsewhere[[n for n in range(len(TOKENS)) if n not in places(TOKENS, KEY)]] *= 2.0
    assert apart(sent(elsewhere), own) < TOLERANCE_FP32, "what is not looked at is not seen"


@pytest.mark.parametrize(
    "garbage",
    [b"", bytes(127), bytes(129), bytes(128), b"\xff" * 128, np.full(32, np.inf, "<f4").tobytes(),
     np.full(32, 3e38, "<f4").tobytes()],
    ids=["none", "short", "long", "zeros", "no numbers", "infinite", "huge"],
)  # fmt: skip
def test_garbage_is_far(garbage: bytes) -> None:
    assert not fingerprint_verdict(apart(garbage, states()))


def test_a_judge_whose_own_state_is_zero_or_broken_accepts_nothing_by_accident() -> None:
    for broken in (np.nan, np.inf):
        own = np.full((len(TOKENS), WIDTH), broken, dtype=np.float32)
        assert apart(sent(states()), own) == float("inf")


def test_a_fingerprint_of_another_answer_or_another_model_is_far() -> None:
    own = states()
    assert apart(sent(states(2)), own) > 0.1
    other_model = pack(project(own, b"\x08" * 32), TOKENS, KEY)
    assert apart(other_model, own) > 0.1


def test_rows_and_tokens_must_fit() -> None:
    with pytest.raises(ValueError, match="as many rows"):
        pack(project(states(count=3), ROOT), TOKENS, KEY)
