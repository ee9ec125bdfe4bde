"""Ratings of messages: who is honest is paid in full, and who adds nothing is not."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.scoring.training.ranks import (
    FULL,
    HALF,
    NONE,
    NOTHING,
    START,
    PeerRating,
    Ratings,
    paid_part,
    rated,
    standing,
)


def play(
    trainers: int, windows: int, noise: float, seed: int, worth: Callable[[int, int], float]
) -> list[dict[str, float]]:
    """Each window's standings, of trainers whose messages are ``worth(trainer, window)``."""
    rng, ratings, stood = random.Random(seed), dict[str, PeerRating](), []
    for window in range(windows):
        scores = {f"p{n}": worth(n, window) + rng.gauss(0, noise) for n in range(trainers)}
        ratings = rated(ratings, scores)
        stood.append({name: standing(ratings, name) for name in scores})
    return stood


@pytest.mark.parametrize("trainers", [1, 2, 3, 4, 8, 24])
@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_honest_trainers_are_paid_in_full(trainers: int, noise: float) -> None:
    for seed in range(3):
        for stood in play(trainers, 60, noise, seed, lambda n, w: 1.0):
            assert {paid_part(each) for each in stood.values()} == {1.0}


@pytest.mark.parametrize("trainers", [2, 4, 8, 24])
@pytest.mark.parametrize(("worth", "windows"), [(0.0, 16), (-1.0, 5)])
def test_who_adds_nothing_or_harms_is_not_paid(trainers: int, worth: float, windows: int) -> None:
    for seed in range(3):
        stood = play(trainers, windows, 0.2, seed, lambda n, w: worth if n == 0 else 1.0)
        assert min(each["p0"] for each in stood) <= NONE
        assert min(each["p1"] for each in stood) > FULL


@pytest.mark.parametrize("trainers", [1, 4, 16])
def test_chance_takes_no_pay_where_scores_say_how_far_it_goes(trainers: int) -> None:
    """All scores are noise, as in a run's first windows: without errors somebody would be ranked
    out of its pay."""
    seen = {True: 0.0, False: 0.0}
    for seed in range(5):
        for told in seen:
            rng, ratings = random.Random(seed), dict[str, PeerRating]()
            for _ in range(40):
                scores = {f"p{n}": rng.gauss(0, 0.2) for n in range(trainers)}
                errors = dict.fromkeys(scores, 0.2) if told else None
                ratings = rated(ratings, scores, errors)
                seen[told] = min(seen[told], *(standing(ratings, name) for name in scores))
    assert seen[True] > FULL
    assert trainers == 1 or seen[False] < FULL


@pytest.mark.parametrize("trainers", [4, 16])
@pytest.mark.parametrize("worth", [0.0, -1.0])
def test_who_adds_nothing_is_told_from_chance_once_others_add_much(
    trainers: int, worth: float
) -> None:
    for seed in range(3):
        rng, ratings = random.Random(seed), dict[str, PeerRating]()
        for _ in range(16):
            scores = {f"p{n}": rng.gauss(worth if n == 0 else 1.0, 0.1) for n in range(trainers)}
            ratings = rated(ratings, scores, dict.fromkeys(scores, 0.1))
        assert standing(ratings, "p0") <= NONE
        assert min(standing(ratings, f"p{n}") for n in range(1, trainers)) > FULL


def test_a_good_past_does_not_pay_for_long() -> None:
    stood = play(4, 60, 0.2, 1, lambda n, w: 0.0 if n == 0 and w >= 40 else 1.0)
    assert stood[39]["p0"] > 0
    assert stood[52]["p0"] < NONE
    back = play(4, 60, 0.2, 1, lambda n, w: 0.0 if n == 0 and w < 40 else 1.0)
    assert back[39]["p0"] < NONE
    assert back[52]["p0"] > FULL


def test_half_of_the_trainers_cannot_make_nothing_the_measure() -> None:
    stood = play(4, 20, 0.1, 1, lambda n, w: 0.0 if n < 2 else 1.0)
    assert min(stood[-1]["p0"], stood[-1]["p1"]) < NONE
    assert min(stood[-1]["p2"], stood[-1]["p3"]) > FULL


def test_who_is_away_fades_towards_the_start() -> None:
    ratings: Ratings = {"a": PeerRating(45.0, 3.0)}
    for _ in range(40):
        ratings = rated(ratings, {})
    assert abs(ratings["a"].mean - START) < 0.5
    assert standing({}, "anybody") == 0.0


def test_a_score_that_is_no_number_is_the_last() -> None:
    for wrong in (math.nan, math.inf, -math.inf):
        found = rated({}, {"a": 1.0, "b": 0.9, "c": wrong})
        assert min(found, key=lambda name: found[name].mean) == "c"
        assert all(math.isfinite(each.mean) for each in found.values())


@given(st.dictionaries(st.sampled_from("abcdefg"), st.floats(), max_size=7))
def test_order_of_names_changes_nothing(scores: dict[str, float]) -> None:
    found = rated({}, scores)
    assert rated({}, dict(reversed(scores.items()))) == found
    if scores:
        assert set(found) == {*scores, HALF, NOTHING}


@given(st.permutations([3.0, 5.0, 7.0, 11.0, 13.0, 17.0]), st.integers(1, 6))
def test_after_a_window_means_rise_as_scores_do(scores: list[float], count: int) -> None:
    given = dict(zip("abcdef", scores[:count], strict=False))
    found = rated({}, given)
    by_mean = sorted(given, key=lambda name: found[name].mean)
    assert by_mean == sorted(given, key=lambda name: given[name])


def test_pay_falls_evenly_from_full_to_none() -> None:
    assert [paid_part(at) for at in (5.0, FULL, (FULL + NONE) / 2, NONE, -50.0)] == [
        1,
        1,
        0.5,
        0,
        0,
    ]
