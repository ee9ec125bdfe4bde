"""What a validator remembers of how fast miners are, and what it asks them for."""

from __future__ import annotations

import pytest

from assay.neuron import Answer, Target
from assay.protocol.inference import Complete, Ending, ModelCommitment, NumericPath, Piece
from assay.scoring.inference.speed import PAY_RATE, WINDOW_S
from assay.types import Ss58, Uid
from assay.validators.inference.answers import Finding
from assay.validators.inference.speeds import Speeds

A = Ss58("5a")
ROOT = bytes(32)


def note(
    speeds: Speeds,
    times_s: list[float],
    *,
    counts: list[int] | None = None,
    verified: int | None = None,
    path: NumericPath = NumericPath.SEEDED_FP32,
    network_s: float = 0.0,
) -> None:
    """One verified answer, whose frames came at ``times_s``."""
    counts = [1] * len(times_s) if counts is None else counts
    end = Ending(finish="length", queued_s=0.0, first_token_s=0.0, total_s=0.0)
    last = len(counts) - 1
    frames = tuple(
        Piece(tokens=[0] * count, text="", end=end if n == last else None)
        for n, count in enumerate(counts)
    )
    request = Complete(ROOT, "a", sum(counts), 0, 1.0, A)
    answer = Answer(
        Target(Uid(0), A, ModelCommitment(ROOT, path).pack()),
        request,
        frames[-1],
        None,
        times_s[-1],
        frames=frames,
        frames_s=tuple(times_s),
        network_s=network_s,
    )
    speeds.note(answer, Finding(True, False, (), sum(counts) if verified is None else verified))


def evenly(speed: float, count: int, away_s: float = 0.0) -> list[float]:
    return [away_s + (n + 1) / speed for n in range(count)]


def test_a_miner_is_asked_for_a_third_more_than_it_draws_in_a_window() -> None:
    speeds = Speeds(PAY_RATE)
    assert speeds.tokens_to_ask(A, 32) == 32
    note(speeds, evenly(300.0, 96))
    assert speeds.tokens_to_ask(A, 32) == 200, "which it would have drawn after these 96"
    note(speeds, evenly(300.0, 200))
    assert speeds.tokens_to_ask(A, 32) == 200
    assert speeds.tokens_to_ask(A, 250) == 250
    note(speeds, evenly(10_000.0, 200))
    assert speeds.tokens_to_ask(A, 32) == PAY_RATE * WINDOW_S, "more is not paid"
    for _ in range(3):
        note(speeds, evenly(2.0, 24))
    assert speeds.tokens_to_ask(A, 32) == 32, "who has become slow"


def test_the_rate_is_kept_over_answers_and_is_nothing_before_the_first() -> None:
    speeds = Speeds(PAY_RATE)
    assert speeds.rate(A) == 0.0
    for _ in range(3):
        note(speeds, evenly(300.0, 200))
    note(speeds, evenly(300.0, 200, away_s=0.02))
    assert speeds.rate(A) == pytest.approx(300.0)


def test_the_network_is_apart_for_each_frame() -> None:
    speeds = Speeds(PAY_RATE)
    note(speeds, evenly(300.0, 200, away_s=0.2), network_s=0.2)
    assert speeds.rate(A) == pytest.approx(300.0, rel=0.01)


def test_an_engine_answers_in_one_piece_and_is_paid_by_its_time() -> None:
    speeds = Speeds(PAY_RATE)
    note(speeds, [0.8], counts=[48], path=NumericPath.ENGINE)
    assert speeds.rate(A) == pytest.approx(60.0)
    assert speeds.tokens_to_ask(A, 32) == 32


def test_the_judges_tokens_count_and_not_the_miners() -> None:
    speeds = Speeds(PAY_RATE)
    note(speeds, evenly(300.0, 200), verified=100)
    assert speeds.rate(A) == pytest.approx(150.0)


def test_a_clock_that_stands_still_makes_no_rate_infinite() -> None:
    speeds = Speeds(PAY_RATE)
    note(speeds, [0.0] * 48)
    assert speeds.rate(A) == pytest.approx(48 / WINDOW_S)
