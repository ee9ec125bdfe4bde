"""What a validator remembers of how fast miners are, and what it asks them for."""

from __future__ import annotations

from typing import Any

import pytest

from assay.neuron import Answer, Target
from assay.protocol.bursts import Burst, BurstFrame, BurstPart
from assay.protocol.inference import Complete, Ending, ModelCommitment, NumericPath, Piece
from assay.scoring.inference.speed import PAY_RATE, SLOW_PER_S, WINDOW_S
from assay.types import Ss58, Uid
from assay.validators.inference.answers import Finding
from assay.validators.inference.speeds import GROWTH, LOOKS_MAX, MINERS_MAX, Speeds

A = Ss58("5a")
ROOT = bytes(32)
END = Ending(finish="length", queued_s=0.0, first_token_s=0.0, total_s=0.0)


def note(
    speeds: Speeds,
    times_s: list[float],
    *,
    counts: list[int] | None = None,
    verified: int | None = None,
    path: NumericPath = NumericPath.SEEDED_FP32,
    network_s: float = 0.0,
    burst: bool = True,
    turns: int = 1,
    miner: Ss58 = A,
) -> None:
    """One verified answer, or burst, whose frames came at ``times_s``."""
    counts = [1] * len(times_s) if counts is None else counts
    last = len(counts) - 1
    pieces = [
        Piece(tokens=[0] * count, text="", end=END if n == last else None)
        for n, count in enumerate(counts)
    ]
    fields = {"seed": 0, "temperature": 1.0, "miner": A}
    request = (
        Burst(model=ROOT, prompts=["a"], answers=2, max_tokens=sum(counts), **fields)  # type: ignore[arg-type]
        if burst
        else Complete(model=ROOT, prompt="a", max_tokens=sum(counts), **fields)  # type: ignore[arg-type]
    )
    frames = [BurstFrame(parts=[BurstPart(0, piece)]) for piece in pieces] if burst else pieces
    answer = Answer(
        Target(Uid(0), miner, ModelCommitment(ROOT, path).pack()),
        request,
        frames[-1],
        None,
        times_s[-1],
        frames=tuple(frames),
        frames_s=tuple(times_s),
        network_s=network_s,
        turns_open=turns,
    )
    speeds.note(answer, Finding(True, False, (), sum(counts) if verified is None else verified))


def evenly(speed: float, count: int, away_s: float = 0.0) -> list[float]:
    return [away_s + (n + 1) / speed for n in range(count)]


def test_miners_that_left_are_forgotten() -> None:
    """A uid changes hands every few minutes, for years."""
    speeds = Speeds(PAY_RATE)
    note(speeds, evenly(300.0, 48), burst=False)
    for number in range(MINERS_MAX + 10):
        note(speeds, evenly(300.0, 4), burst=False, miner=Ss58(str(number)))
    assert len(speeds) == MINERS_MAX
    assert speeds.rate(A) == 0.0
    for number in range(20):
        assert speeds.tokens_to_ask(Ss58(f"never {number}"), 64) == 64
    assert len(speeds) == MINERS_MAX


def test_a_burst_has_a_third_more_than_a_miner_draws_in_a_window() -> None:
    speeds = Speeds(PAY_RATE)
    assert speeds.tokens_to_ask(A, 64) == 64
    note(speeds, evenly(300.0, 48), burst=False)
    assert speeds.tokens_to_ask(A, 64) == 400, "which it would have drawn after these 48"
    note(speeds, evenly(900.0, 400))
    assert speeds.tokens_to_ask(A, 64) == 1_200
    note(speeds, evenly(300.0, 48), burst=False)
    assert speeds.tokens_to_ask(A, 64) == 1_200, "a single answer tells no more than a burst"
    assert speeds.tokens_to_ask(A, 1_500) == 1_500
    note(speeds, evenly(100_000.0, 1_000))
    assert speeds.tokens_to_ask(A, 64) == pytest.approx(GROWTH * PAY_RATE * WINDOW_S, abs=1)
    for _ in range(3):
        note(speeds, evenly(2.0, 64))
    assert speeds.tokens_to_ask(A, 64) == 64, "who has become slow"


def test_a_miner_is_paid_by_its_bursts_as_soon_as_there_is_one() -> None:
    speeds = Speeds(PAY_RATE)
    assert speeds.rate(A) == 0.0
    note(speeds, evenly(300.0, 96), burst=False)
    assert speeds.rate(A) == SLOW_PER_S, "equal newcomers on a busy machine are paid alike"
    note(speeds, evenly(900.0, 400))
    assert speeds.rate(A) == SLOW_PER_S, "a burst that was too small tells little"
    for _ in range(2):
        note(speeds, evenly(900.0, 1_200))
        note(speeds, evenly(300.0, 48), burst=False)
        assert speeds.rate(A) == pytest.approx(900.0)


def test_a_second_burst_tells_even_if_it_is_done_within_the_window() -> None:
    """Else a uid could leave out the bursts in which its machine serves another one."""
    speeds = Speeds(PAY_RATE)
    for _ in range(2):
        note(speeds, evenly(900.0, 90))
    assert speeds.rate(A) == pytest.approx(90 / WINDOW_S)


def miss(speeds: Speeds, *, burst: bool = True) -> None:
    asked: dict[str, Any] = {"model": ROOT, "seed": 0, "temperature": 1.0, "miner": A}
    request: Complete | Burst = Complete(prompt="a", max_tokens=24, **asked)
    if burst:
        request = Burst(prompts=["a"], answers=2, max_tokens=24, **asked)
    speeds.missed(Answer(Target(Uid(0), A, None), request, None, "silent", 9.0))


def test_a_burst_that_came_to_nothing_counts() -> None:
    """Else a uid could be silent in bursts, and be paid by what it drew while it was alone."""
    speeds = Speeds(PAY_RATE)
    miss(speeds)
    assert speeds.rate(A) == 0.0
    note(speeds, evenly(300.0, 48), burst=False)
    assert speeds.rate(A) > 0.0, "it was not there yet"
    miss(speeds)
    assert speeds.rate(A) == 0.0
    for _ in range(3):
        note(speeds, evenly(300.0, 400))
    assert 200.0 < speeds.rate(A) < 300.0


def test_uids_that_take_each_others_bursts_gain_nothing() -> None:
    """Each is silent in every other burst, and answers all else."""
    speeds = Speeds(PAY_RATE)
    for _ in range(20):
        note(speeds, evenly(300.0, 400))
        note(speeds, evenly(300.0, 48), burst=False)
        miss(speeds)
        note(speeds, evenly(300.0, 48), burst=False)
    assert speeds.rate(A) == 0.0


def test_whoever_is_away_misses_one_burst_at_most_however_long() -> None:
    speeds = Speeds(PAY_RATE)
    for _ in range(15):
        note(speeds, evenly(300.0, 400))
    for number in range(100):
        miss(speeds, burst=number % 2 == 0)
    note(speeds, evenly(300.0, 48), burst=False)
    assert speeds.rate(A) == pytest.approx(300.0)


def test_a_burst_that_took_several_turns_is_paid_by_its_own_time() -> None:
    """Else uids that hold back their last tokens are asked in each other's pauses."""
    speeds = Speeds(PAY_RATE)
    times = [*evenly(300.0, 399), 2.6]
    note(speeds, times)
    assert speeds.rate(A) == pytest.approx(300.0)
    late = Speeds(PAY_RATE)
    note(late, times, turns=2)
    assert late.rate(A) == pytest.approx(400 / 2.6)


def test_the_network_is_apart_for_each_frame() -> None:
    speeds = Speeds(PAY_RATE)
    note(speeds, evenly(300.0, 400, away_s=0.2), network_s=0.2)
    assert speeds.rate(A) == pytest.approx(300.0, rel=0.01)


def test_no_miner_is_farther_away_than_its_soonest_first_frame() -> None:
    """A kernel that answers the measurement late makes no window longer."""
    liar = Speeds(PAY_RATE)
    note(liar, evenly(300.0, 520), network_s=0.3)
    assert liar.rate(A) == pytest.approx(300.0, rel=0.01)
    held = Speeds(PAY_RATE)
    note(held, evenly(300.0, 48), burst=False, network_s=0.3)
    times = [max(at, 0.31) for at in evenly(300.0, 520)]
    note(held, times, network_s=0.3)
    assert held.rate(A) == pytest.approx(300.0, rel=0.01), "who holds frames back at times"


@pytest.mark.parametrize("burst", [True, False])
def test_an_engine_answers_in_one_piece_and_is_paid_by_its_time(burst: bool) -> None:
    speeds = Speeds(PAY_RATE)
    for _ in range(2):
        note(speeds, [0.8], counts=[48], path=NumericPath.ENGINE, burst=burst)
    assert speeds.rate(A) == pytest.approx(60.0 if burst else SLOW_PER_S)
    assert speeds.tokens_to_ask(A, 32) == 80


def test_the_judges_tokens_count_and_not_the_miners() -> None:
    speeds = Speeds(PAY_RATE)
    note(speeds, evenly(300.0, 400), verified=200)
    assert speeds.rate(A) == pytest.approx(150.0)


def test_a_clock_that_stands_still_makes_no_rate_infinite() -> None:
    speeds = Speeds(PAY_RATE)
    for _ in range(2):
        note(speeds, [0.0] * 48)
    assert speeds.rate(A) == pytest.approx(48 / WINDOW_S)


B = Ss58("5b")


def paid(speeds: Speeds, *miners: Ss58) -> list[float]:
    return [speeds.paid(miner, own=300.0, turns=1) for miner in miners]


def test_after_a_start_all_are_paid_as_the_slowest_until_each_has_shown_its_speed() -> None:
    """One honest miner had 532 of 65,535 at the first reward, another one 52,189."""
    speeds = Speeds(PAY_RATE)
    speeds.look()
    for miner in (A, B):
        note(speeds, evenly(300.0, 48), burst=False, miner=miner)
    for _ in range(2):  # a first burst says little of who was asked for less than it draws
        note(speeds, evenly(900.0, 1_200), miner=A)
    speeds.look()
    assert speeds.rate(A) > 100 * SLOW_PER_S
    assert paid(speeds, A, B) == [SLOW_PER_S, SLOW_PER_S]
    for _ in range(2):
        note(speeds, evenly(900.0, 1_200), miner=B)
    assert paid(speeds, A, B) == [SLOW_PER_S, SLOW_PER_S], "one batch is judged alike"
    speeds.look()
    assert paid(speeds, A, B) == [speeds.rate(A), speeds.rate(B)]
    newcomer = Ss58("5c")
    note(speeds, evenly(300.0, 48), burst=False, miner=newcomer)
    speeds.look()
    assert paid(speeds, A, newcomer) == [speeds.rate(A), SLOW_PER_S]


def test_who_answers_no_burst_holds_others_back_for_a_while_alone() -> None:
    speeds = Speeds(PAY_RATE)
    note(speeds, evenly(300.0, 48), burst=False, miner=B)
    for _ in range(2):
        note(speeds, evenly(900.0, 1_200), miner=A)
    for _ in range(LOOKS_MAX):
        speeds.look()
    assert paid(speeds, A) == [SLOW_PER_S]
    speeds.look()
    assert paid(speeds, A) == [speeds.rate(A)]
