"""How large a burst is, which of its answers are replayed, and what is found about all of them."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.protocol.bursts import ANSWERS_MAX, Burst, BurstFrame, BurstPart
from assay.protocol.inference import Complete, Completion, Ending, Piece
from assay.validators.inference.answers import Finding, convicted, unjudged
from assay.validators.inference.bursts import (
    BURST_SHARE,
    REPLAYED_MIN,
    BurstShape,
    drawn_numbers,
    examine_burst,
    least_tokens,
)
from assay.validators.inference.requests import TOKENS_ASKED

END = Ending(finish="length", queued_s=0.0, first_token_s=0.0, total_s=0.0)
ASKED = Burst(
    model=bytes(32), prompts=["a"], answers=4, max_tokens=8, seed=0, temperature=1.0, miner="5a"
)


def frames(count: int = 4, tokens: int = 8) -> list[BurstFrame]:
    pieces = Piece(tokens=[1] * tokens, text="", end=END)
    return [BurstFrame(parts=[BurstPart(number, pieces)]) for number in range(count)]


def taken(reply: Completion) -> str | None:
    """Nothing is held against an answer that nobody replays."""
    return None


class Judging:
    """Finds of the answer with each seed what it is told, and else that it is true."""

    def __init__(self, **found: Finding) -> None:
        self._found = {int(name[1:]): finding for name, finding in found.items()}
        self.seen: list[int] = []

    def __call__(self, request: Complete, reply: Completion) -> Finding:
        self.seen.append(request.seed)
        usual = Finding(True, False, ("all agree",), len(reply.tokens))
        return self._found.get(request.seed, usual)


@given(tokens=st.integers(1, 20_000), most=st.integers(1, ANSWERS_MAX))
def test_a_burst_has_the_tokens_asked_for_and_hardly_more(tokens: int, most: int) -> None:
    shape = BurstShape.of(tokens, most)
    assert 1 <= shape.answers <= most
    assert tokens <= shape.answers * shape.tokens < tokens + shape.answers


def test_a_burst_is_wide_before_it_is_long() -> None:
    """A machine shows what it can do in many streams, and a slow one is not asked for many."""
    assert BurstShape.of(16, 64) == BurstShape(4, 4)
    assert BurstShape.of(256, 64) == BurstShape(64, 4)
    assert BurstShape.of(1_024, 64) == BurstShape(64, 16)


@pytest.mark.parametrize("drawn", [1, 30, 300, 3_000])
@pytest.mark.parametrize("most", [1, 16, 64, 256])
def test_a_lie_in_bursts_alone_is_as_dear_as_anywhere(drawn: int, most: int) -> None:
    """It is a lie for all of a miner's pay, in one of so many turns: as many times more tokens are
    replayed there, and the inequality of ``posp`` holds with the chance p of every answer."""
    for tokens in TOKENS_ASKED:
        shape = BurstShape.of(max(drawn, least_tokens(tokens)), most)
        numbers = drawn_numbers(random.Random(drawn), shape, tokens)
        assert BURST_SHARE * len(numbers) * shape.tokens >= tokens
        assert len(numbers) >= min(REPLAYED_MIN, shape.answers)


def test_which_answers_are_replayed_is_drawn() -> None:
    shape, rng = BurstShape(16, 36), random.Random(1)
    drawn = [drawn_numbers(rng, shape, 36) for _ in range(200)]
    assert set().union(*drawn) == set(range(16))
    assert {len(numbers) for numbers in drawn} == {2}


def test_the_answers_that_were_drawn_are_replayed_and_all_tokens_count() -> None:
    judging = Judging()
    finding = examine_burst(ASKED, frames(), frozenset({1, 3}), judging, taken)
    assert judging.seen == [1, 3]
    assert finding == Finding(True, False, ("16 tokens agree in 2 of 4 answers",), 32)
    examine_burst(ASKED, frames(), None, judging, taken)
    assert judging.seen == [1, 3, 0, 1, 2, 3]


def test_a_judge_that_counts_other_tokens_counts_so_for_all() -> None:
    judging = Judging(n0=Finding(True, False, (), 6))
    assert examine_burst(ASKED, frames(), frozenset({0}), judging, taken).tokens == 24


def test_one_wrong_answer_convicts_and_one_that_cannot_be_judged_leaves_all_unpaid() -> None:
    wrong, odd = convicted("other tokens"), unjudged("no fingerprint")
    assert examine_burst(ASKED, frames(), None, Judging(n2=wrong), taken) == wrong
    assert examine_burst(ASKED, frames(), None, Judging(n2=odd), taken) == odd


@pytest.mark.parametrize("given", [frames(3), frames(5), frames(4, tokens=9), []])
def test_too_few_answers_or_too_many_or_too_long_ones_are_not_paid(given: Any) -> None:
    finding = examine_burst(ASKED, given, frozenset({0}), Judging(), taken)
    assert not finding.verified
    assert not finding.convicted


def test_one_answer_without_what_would_convict_it_leaves_all_unpaid() -> None:
    def objects(reply: Completion) -> str | None:
        return "no fingerprint" if not reply.fingerprint else None

    end = msgspec.structs.replace(END, fingerprint=b"x")
    given = [BurstFrame(parts=[BurstPart(n, Piece(tokens=[1] * 8, text="", end=end))])
             for n in range(4)]  # fmt: skip
    assert examine_burst(ASKED, given, frozenset({0}), Judging(), objects).verified
    for numbers in (frozenset({0}), frozenset[int]()):
        finding = examine_burst(ASKED, [*given[:3], frames()[3]], numbers, Judging(), objects)
        assert (finding.verified, finding.convicted) == (False, False)
        assert finding.reasons == ("no fingerprint",)
