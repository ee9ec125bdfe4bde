"""When a validator judges which answers, and what it asks: without a model."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Collection, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.models.corpus import Corpus
from assay.neuron import Answer, Question, Target, Turn
from assay.protocol.bursts import ANSWERS_MAX, Burst, BurstFrame, BurstPart
from assay.protocol.inference import Complete, Ending, Piece
from assay.scoring.inference.speed import NETWORK_S_MAX, WINDOW_S
from assay.types import Ss58, Uid
from assay.validators.inference.answers import Finding
from assay.validators.inference.bursts import (
    BurstShape,
    least_tokens,
    reply_bytes_max,
    tokens_asked,
)
from assay.validators.inference.probation import FILE, Probation
from assay.validators.inference.requests import TOKENS_ASKED, TOKENS_OF_ENTRANCE, Requests
from assay.validators.inference.settings import ValidatorSettings
from assay.validators.inference.task import (
    IN_BURST,
    METHOD,
    PATIENCE_S_MAX,
    SETTLE_S,
    SLOWEST_PER_S,
    InferenceValidator,
    patience_s,
)
from assay.wire.limits import DEFAULT
from assay.wire.synapse import encode

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

    def unread(self, reply: object, commitment: object) -> None:
        """As of a judge: nothing is held against it."""

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
        self.waited_for: set[Ss58] = set()
        self.before: list[list[Ss58]] = []
        """Who was judged when each question was posted."""
        self.waiting: set[Ss58] = set()
        self._count = 0

    async def play(
        self, late: Sequence[Answer[Any, Any]] = (), *, soon_s: float = 0.0
    ) -> dict[Ss58, tuple[float, float]]:
        """One turn: value and weight of each verdict. Its answers come after ``soon_s``; at 0 they
        do not come while the turn settles."""
        self._count += 1
        self.posted.clear()

        def post(questions: Sequence[Question[Any, Any]], within_s: float) -> None:
            self.posted.extend((question, within_s) for question in questions)
            self.before.append(list(self.validator.seen))

        async def settle(within_s: float, hotkeys: Collection[Ss58]) -> list[Answer[Any, Any]]:
            assert within_s == SETTLE_S
            self.waited_for = set(hotkeys)
            return [answered(question, soon_s) for question, _ in self.posted if soon_s]

        async def ask(questions: Sequence[Question[Any, Any]]) -> list[Answer[Any, Any]]:
            raise AssertionError("no turn waits for anybody")

        moment: Any = SimpleNamespace(epoch=SimpleNamespace(index=0))
        verdicts = await self.validator.turn(
            Turn(
                self._count,
                moment,
                [Target(Uid(0), A, None), Target(Uid(1), B, None)],
                random.Random(self._count),
                lambda hotkey: random.Random(f"{self._count} {hotkey}"),
                ask,
                post=post,
                late=late,
                waiting=self.waiting,
                settle=settle,
            )
        )
        return {verdict.hotkey: (verdict.value, verdict.weight) for verdict in verdicts}

    async def go_on(self, took_s: float, turns: int) -> None:
        """Some turns in which each question is answered before the next one."""
        for _ in range(turns):
            await self.play([answered(question, took_s) for question, _ in self.posted])


def answered(
    question: Question[Any, Any], took_s: float | None, turns: int = 1
) -> Answer[Any, Any]:
    target, asked = question.target, question.message
    name = question.method.name
    if took_s is None:
        return Answer(target, asked, None, "came too late", 9.0, method=name, turns_open=turns)
    count = asked.max_tokens
    end = Ending(finish="length", queued_s=0.0, first_token_s=0.0, total_s=0.0)
    frames: list[Any] = [
        Piece(tokens=[0], text="", end=end if n == count - 1 else None) for n in range(count)
    ]
    if isinstance(asked, Burst):
        numbers = range(asked.answers)
        frames = [
            BurstFrame(parts=[BurstPart(number, frame) for number in numbers]) for frame in frames
        ]
    return Answer(
        target,
        asked,
        frames[-1],
        None,
        took_s,
        method=name,
        frames=tuple(frames),
        frames_s=tuple(took_s * (n + 1) / count for n in range(count)),
        turns_open=turns,
    )


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    return Turns(tmp_path)


async def test_no_turn_waits_and_newcomers_are_asked_for_one_long_answer(turns: Turns) -> None:
    for _ in range(20):
        assert await turns.play() == {}
        assert [question.target.hotkey for question, _ in turns.posted] == [A, B]
        assert {question.message.max_tokens for question, _ in turns.posted} == {TOKENS_OF_ENTRANCE}


async def test_a_miner_of_one_token_a_second_can_pass_the_entrance(turns: Turns) -> None:
    await turns.play()
    question, within_s = turns.posted[0]
    took_s = question.message.max_tokens / SLOWEST_PER_S
    assert took_s < within_s <= PATIENCE_S_MAX < DEFAULT.handler_s_max
    scored = await turns.play([answered(question, took_s, turns=30)])
    value, weight = scored[A]
    assert value == pytest.approx(1.0 / turns.validator._settings.pay_rate)
    assert weight == 30.0, "it is paid for all the turns that it worked"


async def test_bursts_are_for_all_at_once_and_grow_to_what_a_miner_draws(turns: Turns) -> None:
    await turns.play()
    kinds, sizes = [], []
    for _ in range(40):
        await turns.go_on(1.0, 1)
        methods = {question.method.name for question, _ in turns.posted}
        assert len(methods) == 1, "uids that share a machine share its burst"
        kinds.append(methods == {IN_BURST.name})
        if kinds[-1]:
            asked = turns.posted[0][0].message
            assert asked.answers <= turns.validator._settings.burst
            assert asked.temperature > 0.0, "greedy answers to one prompt would all be one"
            sizes.append(asked.answers * asked.max_tokens)
    assert 0.3 * len(kinds) < sum(kinds) < 0.7 * len(kinds)
    assert sizes[-1] > 10 * sizes[0]
    most = 4 / 3 * turns.validator._settings.pay_rate * WINDOW_S
    assert sizes[-1] <= most + turns.validator._settings.burst


async def test_what_came_is_judged_before_anybody_is_asked_again(turns: Turns) -> None:
    """The replays would else take processor time from the miners of this machine."""
    await turns.play()
    turns.before.clear()
    await turns.go_on(0.5, 1)
    assert turns.before == [[A, B], [A, B]]


async def test_what_comes_soon_is_judged_in_its_own_turn(turns: Turns) -> None:
    scored = await turns.play(soon_s=0.5)
    assert {hotkey: weight for hotkey, (_, weight) in scored.items()} == {A: 1.0, B: 1.0}


async def test_a_turn_waits_for_those_alone_who_answered_soon_the_last_time(
    turns: Turns,
) -> None:
    await turns.play()
    assert turns.waited_for == set(), "newcomers"
    a, b = (question for question, _ in turns.posted)
    await turns.play([answered(a, 0.5), answered(b, SETTLE_S + 0.1)])
    assert turns.waited_for == {A}
    a, b = (question for question, _ in turns.posted)
    await turns.play([answered(a, None), answered(b, 0.5)])
    assert turns.waited_for == {B}


def test_nobody_holds_a_turn_for_much_longer_than_a_burst_takes() -> None:
    assert 4 / 3 * WINDOW_S + NETWORK_S_MAX < SETTLE_S < 2 * WINDOW_S + NETWORK_S_MAX


async def test_a_slow_answer_is_paid_for_what_it_drew_in_its_time(turns: Turns) -> None:
    """A miner that is fast in most answers and slow on purpose in others would else be paid at its
    usual rate for turns in which it did nothing."""
    await turns.play()
    await turns.go_on(1.0, 30)
    question = turns.posted[0][0]
    usual = turns.validator._speeds.rate(A)
    told = (await turns.play([answered(question, 60.0, turns=30)]))[A]
    most = turns.validator._settings.pay_rate
    asked = question.message
    drawn = asked.max_tokens * getattr(asked, "answers", 1)
    assert told[1] == 30.0
    assert told[0] <= (usual + 29 * drawn / 60.0) / 30 / most + 1e-9
    assert told[0] < 0.1 * usual / most


async def test_a_target_with_an_open_question_is_left_alone(turns: Turns) -> None:
    turns.waiting = {A, B}
    assert await turns.play() == {}
    assert not turns.posted


async def test_the_silence_of_a_posted_question_counts_for_all_its_turns(turns: Turns) -> None:
    await turns.play()
    scored = await turns.play([answered(turns.posted[0][0], None, turns=57)])
    assert scored == {A: (0.0, 57.0)}


async def test_pieces_of_no_answer_earn_nothing_and_convict_nobody(turns: Turns) -> None:
    await turns.play()
    whole = answered(turns.posted[0][0], 0.5)
    broken = dataclasses.replace(whole, frames=whole.frames[:-1], frames_s=whole.frames_s[:-1])
    assert await turns.play([broken]) == {A: (0.0, 1.0)}
    probation = turns.validator._probation
    assert probation is not None
    assert not probation.knows(A)


def test_the_longest_honest_answers_fit_into_the_bytes_that_are_read() -> None:
    """Tokens of 64 characters of four bytes each, a frame for each token."""
    end = Ending(finish="length", queued_s=1e4, first_token_s=1e4, total_s=1e4,
                 prompt_tokens=4_096, fingerprint=bytes(128))  # fmt: skip
    text = "\N{SNOWMAN WITHOUT SNOW}\N{ROCKET}" * 32
    pieces = [Piece(tokens=[2**24], text=text), Piece(tokens=[2**24], text=text, end=end)]
    sizes = [len(encode(piece)) for piece in pieces]
    assert 23 * sizes[0] + sizes[1] <= reply_bytes_max(24)
    shape = BurstShape(ANSWERS_MAX, 4)
    frame = [len(encode(BurstFrame(parts=[BurstPart(255, piece)]))) for piece in pieces]
    assert shape.answers * (3 * frame[0] + frame[1]) <= reply_bytes_max(4 * ANSWERS_MAX)


async def test_no_more_is_read_than_what_was_asked_for_needs(turns: Turns) -> None:
    await turns.go_on(0.5, 6)
    for question, _ in turns.posted:
        assert question.reply_bytes_max == reply_bytes_max(tokens_asked(question.message))


def test_longer_answers_have_more_time() -> None:
    assert [patience_s(n) for n in (24, 48, 4_096)] == pytest.approx([41.0, 77.0, PATIENCE_S_MAX])


@given(
    tokens=st.integers(min(TOKENS_ASKED), 72), slower=st.floats(1.0, 1.2), reads=st.integers(0, 5)
)
def test_who_is_a_fifth_slower_than_the_slowest_for_once_is_waited_for(
    tokens: int, slower: float, reads: int
) -> None:
    """A speed varies by a tenth: one answer in forty is as late as that. Reading the prompt takes
    as long as some tokens."""
    assert slower * (reads + tokens) / SLOWEST_PER_S <= patience_s(tokens)


async def test_which_answers_are_replayed_is_drawn_and_newcomers_always_are(
    tmp_path: Path,
) -> None:
    turns = Turns(tmp_path)
    turns.validator._settings = ValidatorSettings(audit_share=0.25, probation=500)
    replayed: list[Ss58] = []
    turns.validator.seen = replayed
    await turns.play()
    late = [answered(question, 0.5) for question, _ in turns.posted]
    await turns.play(late)
    assert replayed == [A, B], "newcomers"
    ordinary = 0
    for _ in range(200):
        replayed.clear()
        asked = [question for question, _ in turns.posted]
        await turns.play([answered(question, 0.5) for question in asked])
        ordinary += len(replayed) if asked[0].method.name == METHOD.name else 0
    assert 20 <= ordinary <= 90, "of about 200"
    probation = turns.validator._probation
    assert probation is not None
    probation.record([(A, False, True)], epoch=0)
    await turns.go_on(0.5, 1)
    for _ in range(20):
        replayed.clear()
        asked = [question for question, _ in turns.posted]
        await turns.play([answered(question, 0.5) for question in asked])
        whole = getattr(asked[0].message, "answers", 1)
        assert replayed.count(A) == whole, "whoever was convicted"


async def test_a_convicts_bursts_are_small_because_all_of_them_is_replayed(turns: Turns) -> None:
    """A machine that draws 4,000 tokens a second would keep a validator busy for seconds of each
    turn, and sixteen such for a minute."""
    while turns.validator._speeds.rate(A) < 1_000.0:
        await turns.go_on(0.05, 1)
    probation, rate = turns.validator._probation, turns.validator._speeds.rate(A)
    assert probation is not None
    probation.record([(A, False, True)], epoch=0)
    await turns.go_on(0.05, 1)
    sizes: dict[Ss58, list[int]] = {A: [], B: []}
    while not sizes[A]:
        await turns.go_on(0.05, 1)
        for question, _ in turns.posted:
            if isinstance(question.message, Burst):
                sizes[question.target.hotkey].append(tokens_asked(question.message))
    await turns.go_on(0.05, 1)
    assert max(sizes[A]) <= least_tokens(max(TOKENS_ASKED)) + ANSWERS_MAX
    assert min(sizes[B]) > 1_000
    assert turns.validator._speeds.rate(A) == rate, "what it was before"


def test_an_audit_share_under_which_a_lie_pays_is_refused() -> None:
    with pytest.raises(ValueError, match="let the probation be at least 275"):
        ValidatorSettings(audit_share=0.17)
    assert ValidatorSettings(audit_share=0.17, probation=275).audit_share == 0.17
