"""Whom a validator's turn waits for, and whom it does not: without a model."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.models.corpus import Corpus
from assay.neuron import Answer, Question, Target, Turn
from assay.protocol.inference import STREAM, Complete, Ending, Piece
from assay.types import Ss58, Uid
from assay.validators.inference.answers import Finding
from assay.validators.inference.probation import FILE, Probation
from assay.validators.inference.requests import TOKENS_OF_ENTRANCE, Requests
from assay.validators.inference.settings import ValidatorSettings
from assay.validators.inference.task import (
    PATIENCE_S_MAX,
    PROMPT_S,
    SLOWEST_PER_S,
    InferenceValidator,
    patience_s,
)
from assay.wire.limits import DEFAULT

A, B = Ss58("5a"), Ss58("5b")


class Told(InferenceValidator):
    """The validator, whose judge takes every reply for true."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._probation = Probation(folder / FILE)
        self._requests = Requests(
            Corpus.open(Path(__file__).parent), bytes(32), count_tokens=len, context_tokens=4_096
        )

        judge: Any = self
        self._judge = judge
        self.seen: list[Ss58] = []

    def objection(self, commitment: object) -> None:
        """As of a judge: none."""

    def examine(
        self, request: Complete, reply: object, commitment: object, *, without_fingerprint: str
    ) -> Finding:
        assert without_fingerprint == "unpaid", "these are the validator's own questions"
        self.seen.append(request.miner)
        return Finding(True, False, (), request.max_tokens)


class Turns:
    """Turns of one validator with two targets, whose answers take as long as is said."""

    def __init__(self, folder: Path) -> None:
        self.validator = Told(folder)
        self.posted: list[tuple[Question[Any, Any], float]] = []
        self.asked: list[Question[Any, Any]] = []
        self.waiting: set[Ss58] = set()
        self._count = 0

    async def play(
        self,
        latencies_s: dict[Ss58, float | None],
        late: Sequence[Answer[Any, Any]] = (),
    ) -> dict[Ss58, tuple[float, float]]:
        """One turn: value and weight of each verdict."""
        self._count += 1
        self.posted.clear()
        self.asked.clear()

        async def ask(questions: Sequence[Question[Any, Any]]) -> list[Answer[Any, Any]]:
            self.asked += questions
            return [answered(q, latencies_s[q.target.hotkey]) for q in questions]

        moment: Any = SimpleNamespace(epoch=SimpleNamespace(index=0))
        verdicts = await self.validator.turn(
            Turn(
                self._count,
                moment,
                [Target(Uid(0), A, None), Target(Uid(1), B, None)],
                random.Random(self._count),
                lambda hotkey: random.Random(f"{self._count} {hotkey}"),
                ask,
                post=lambda questions, s: self.posted.extend((q, s) for q in questions),
                late=late,
                waiting=self.waiting,
            )
        )
        return {verdict.hotkey: (verdict.value, verdict.weight) for verdict in verdicts}


def answered(
    question: Question[Any, Any], took_s: float | None, turns: int = 1
) -> Answer[Any, Any]:
    target, asked = question.target, question.message
    if took_s is None:
        return Answer(target, asked, None, "came too late", 9.0, method=STREAM, turns_open=turns)
    count = asked.max_tokens
    end = Ending(finish="length", queued_s=0.0, first_token_s=0.0, total_s=0.0)
    frames = [Piece(tokens=[0], text="", end=end if n == count - 1 else None) for n in range(count)]
    return Answer(
        target,
        asked,
        frames[-1],
        None,
        took_s,
        method=STREAM,
        frames=tuple(frames),
        frames_s=tuple(took_s * (n + 1) / count for n in range(count)),
        turns_open=turns,
    )


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    return Turns(tmp_path)


async def test_no_turn_waits_for_newcomers(turns: Turns) -> None:
    assert await turns.play({}) == {}
    assert [question.target.hotkey for question, _ in turns.posted] == [A, B]
    assert {question.message.max_tokens for question, _ in turns.posted} == {TOKENS_OF_ENTRANCE}


async def test_a_miner_of_one_token_a_second_can_pass_the_entrance(turns: Turns) -> None:
    await turns.play({})
    question, within_s = turns.posted[0]
    took_s = question.message.max_tokens / SLOWEST_PER_S
    assert took_s < within_s <= PATIENCE_S_MAX < DEFAULT.handler_s_max
    scored = await turns.play({}, [answered(question, took_s, turns=30)])
    value, weight = scored[A]
    assert value == pytest.approx(1.0 / turns.validator._settings.pay_rate)
    assert weight == 30.0, "it is paid for all the turns that it worked"


async def test_whoever_answered_soon_is_waited_for_but_not_for_ever(turns: Turns) -> None:
    await turns.play({})
    late = [answered(question, 0.5) for question, _ in turns.posted]
    await turns.play({A: 0.5, B: 0.5}, late)
    await turns.play({A: 0.5, B: None})
    assert [question.target.hotkey for question in turns.asked] == [A, B]
    assert all(
        question.deadline_s is not None and PROMPT_S < question.deadline_s <= 5 * PROMPT_S
        for question in turns.asked
    )
    scored = await turns.play({A: 0.5})
    assert [question.target.hotkey for question in turns.asked] == [A]
    assert [question.target.hotkey for question, _ in turns.posted] == [B], "silent once"
    assert B not in scored


async def test_a_target_with_an_open_question_is_left_alone(turns: Turns) -> None:
    turns.waiting = {A, B}
    assert await turns.play({}) == {}
    assert not turns.posted
    assert not turns.asked


async def test_the_silence_of_a_posted_question_counts_for_all_its_turns(turns: Turns) -> None:
    await turns.play({})
    scored = await turns.play({}, [answered(turns.posted[0][0], None, turns=57)])
    assert scored == {A: (0.0, 57.0)}


async def test_pieces_of_no_answer_earn_nothing_and_convict_nobody(turns: Turns) -> None:
    await turns.play({})
    whole = answered(turns.posted[0][0], 0.5)
    broken = dataclasses.replace(whole, frames=whole.frames[:-1], frames_s=whole.frames_s[:-1])
    assert await turns.play({}, [broken]) == {A: (0.0, 1.0)}
    probation = turns.validator._probation
    assert probation is not None
    assert not probation.knows(A)


def test_longer_answers_have_more_time() -> None:
    assert [patience_s(n) for n in (24, 48, 4_096)] == pytest.approx([33.8, 62.6, PATIENCE_S_MAX])


async def test_which_answers_are_replayed_is_drawn_and_newcomers_always_are(
    tmp_path: Path,
) -> None:
    turns = Turns(tmp_path)
    turns.validator._settings = ValidatorSettings(audit_share=0.25, probation=500)
    replayed: list[Ss58] = []
    turns.validator.seen = replayed
    await turns.play({})
    late = [answered(question, 0.5) for question, _ in turns.posted]
    await turns.play({}, late)
    assert replayed == [A, B], "newcomers"
    for _ in range(200):
        await turns.play({A: 0.5, B: 0.5})
    assert 60 <= len(replayed) - 2 <= 140
    probation = turns.validator._probation
    assert probation is not None
    probation.record([(A, False, True)], epoch=0)
    before = replayed.count(A)
    for _ in range(20):
        await turns.play({A: 0.5, B: 0.5})
    assert replayed.count(A) == before + 20, "whoever was convicted"


def test_an_audit_share_under_which_a_lie_pays_is_refused() -> None:
    with pytest.raises(ValueError, match="let the probation be at least 275"):
        ValidatorSettings(audit_share=0.17)
    assert ValidatorSettings(audit_share=0.17, probation=275).audit_share == 0.17
