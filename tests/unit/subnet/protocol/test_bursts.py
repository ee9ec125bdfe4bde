"""Several answers in one stream: what is asked, and how the frames become answers again."""

from __future__ import annotations

from typing import Any

import pytest

from assay.protocol.bursts import ANSWERS_MAX, Burst, BurstFrame, BurstPart, assemble_all
from assay.protocol.inference import SEED_MAX, Ending, Piece
from assay.wire.synapse import MessageInvalid, decode, encode

END = Ending(finish="length", queued_s=0.0, first_token_s=0.0, total_s=0.0)


def burst(**changes: Any) -> Burst:
    fields: dict[str, Any] = {
        "model": bytes(32),
        "prompts": ["import "],
        "answers": 3,
        "max_tokens": 4,
        "seed": 7,
        "temperature": 1.0,
        "miner": "5miner",
    }
    return Burst(**(fields | changes))


def part(number: int, *tokens: int, ends: bool = False) -> BurstPart:
    return BurstPart(
        number, Piece(tokens=list(tokens), text="t" * len(tokens), end=END if ends else None)
    )


def test_each_answer_has_a_request_of_its_own() -> None:
    asked = burst().requests()
    assert [each.seed for each in asked] == [7, 8, 9]
    assert {(each.prompt, each.max_tokens, each.miner) for each in asked} == {
        ("import ", 4, "5miner")
    }
    several = burst(prompts=["a", "b", "c"]).requests()
    assert [each.prompt for each in several] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "changes",
    [{"prompts": ["a", "b"]}, {"prompts": []}, {"answers": 0}, {"answers": ANSWERS_MAX + 1},
     {"seed": SEED_MAX}, {"max_tokens": 0}],
)  # fmt: skip
def test_a_burst_out_of_its_bounds_is_refused_at_the_border(changes: dict[str, Any]) -> None:
    assert decode(Burst, encode(burst())) == burst()
    with pytest.raises((MessageInvalid, ValueError)):
        decode(Burst, encode(burst(**changes)))


def test_frames_become_the_answers_that_they_are() -> None:
    frames = [
        BurstFrame(parts=[part(0, 1)]),
        BurstFrame(parts=[part(1, 5), part(0, 2, ends=True)]),
        BurstFrame(parts=[part(1, 6), part(1, 7, ends=True)]),
    ]
    assert [decode(BurstFrame, encode(frame)) for frame in frames] == frames
    assert [frame.tokens for frame in frames] == [1, 2, 2]
    assert [each.tokens for each in assemble_all(frames, 2)] == [[1, 2], [5, 6, 7]]


@pytest.mark.parametrize(
    "parts",
    [
        [part(0, 1, ends=True)],
        [part(0, 1, ends=True), part(1, 1)],
        [part(0, 1, ends=True), part(1, 1, ends=True), part(2, 1, ends=True)],
        [part(0, 1, ends=True), part(0, 1), part(1, 1, ends=True)],
    ],
    ids=["one is missing", "one has no end", "one too many", "one goes on after its end"],
)
def test_what_is_not_all_answers_and_no_more_is_none(parts: list[BurstPart]) -> None:
    with pytest.raises(ValueError, match="answer"):
        assemble_all([BurstFrame(parts=parts)], 2)
