"""Calls are of one reply only if they ask for one thing, go on where others stopped, and end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from assay.protocol.inference import SEED_MAX, Complete, Ending, Piece
from assay.protocol.one_reply import OneReply

ASK = Complete(
    model=bytes(32), prompt="say", max_tokens=9, seed=SEED_MAX, temperature=1.0, miner="ada"
)
Call = tuple[int, str, Complete, Sequence[Piece]]


def said(*tokens: int, finish: Any = None) -> list[Piece]:
    end = Ending(finish=finish, queued_s=0.0, first_token_s=0.0, total_s=0.0)
    return [
        *(Piece(tokens=[token], text="") for token in tokens),
        Piece(tokens=[], text="", end=end if finish else None),
    ]


FIRST: Call = (0, "ada", ASK, said(1, 2, 3))
SECOND: Call = (
    0, "bob", replace(ASK, begun=[1, 2], max_tokens=7), said(3, 4, 5, 6, 7, 8, 9, finish="length")
)  # fmt: skip


def fault(*calls: Call) -> str | None:
    reply = OneReply()
    return next(filter(None, (reply.add(*call) for call in calls)), None) or reply.end()


def changed(call: Call, **changes: Any) -> Call:
    choice, miner, ask, pieces = call
    return choice, miner, replace(ask, **changes), pieces


def test_one_that_others_went_on_with() -> None:
    assert fault(FIRST, SECOND) is None
    anew = (0, "eve", replace(ASK, miner="eve"), said(7))
    assert fault(FIRST, anew, FIRST, SECOND) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "Say"}, {"seed": 1}, {"temperature": 0.5}, {"top_k": 1}, {"top_p": 0.5},
        {"min_p": 0.5}, {"repetition_penalty": 1.5}, {"presence_penalty": 0.5},
        {"frequency_penalty": 0.5}, {"bias": {5: 100.0}}, {"stop": ["x"]}, {"logprobs": 1},
        {"max_tokens": 6}, {"max_tokens": 8}, {"miner": "eve"}, {"begun": [1, 9]},
        {"begun": [1, 2, 3, 4], "max_tokens": 5}, {"model": bytes([1]) * 32},
    ],
    ids=str,
)  # fmt: skip
def test_a_call_that_goes_on_with_something_else(changes: dict[str, Any]) -> None:
    assert fault(FIRST, changed(SECOND, **changes)) is not None


def test_answers_that_belong_together_have_seeds_in_order() -> None:
    one = (0, "ada", ASK, said(1, finish="stop"))
    two = (1, "ada", replace(ASK, seed=0, prompt="other"), said(1, finish="stop"))
    assert fault(one, two) is None
    assert fault(two, one) is None, "whichever was there first"
    assert fault(one, changed(two, seed=1)) is not None
    assert fault(one, changed(two, temperature=0.5)) is not None


@pytest.mark.parametrize(
    "calls",
    [
        [], [FIRST], [SECOND], [(0, "ada", ASK, [])], [(0, "ada", ASK, said(1, finish="length"))],
        [(0, "bob", ASK, said(1, finish="stop"))],
    ],
    ids=["none", "no end", "no beginning", "nothing", "short", "another's noise"],
)  # fmt: skip
def test_what_is_not_a_whole_answer(calls: list[Call]) -> None:
    assert fault(*calls) is not None


def test_what_broke_off_is_of_one_reply_all_the_same() -> None:
    reply = OneReply()
    assert reply.add(*FIRST) is None
    assert reply.end(whole=False) is None
    assert OneReply().end(whole=False) is not None


def test_a_miner_that_signs_too_much_makes_no_receipt_false() -> None:
    assert fault((0, "ada", ASK, said(*range(10)))) is None
    assert (
        fault(
            (0, "ada", ASK, said(*range(60))),
            (*SECOND[:2], replace(ASK, begun=[0], max_tokens=8), said(1, finish="stop")),
        )
        is None
    )
