"""Cheats and faults around a task that is no model: they work for every task, from outside."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from assay.clock import ManualClock
from assay.errors import UserError
from assay.lab.cheats import CHEATS, wrap_cheat
from assay.lab.faults import wrap_slow
from assay.neuron import (
    Answer,
    Caller,
    Method,
    MinerTask,
    Score,
    Synapse,
    Target,
    Task,
    TaskSettings,
)
from assay.types import Ss58, Uid
from assay.wire.interface import Membership
from examples.reverse import Reverse, Reversed, ReverseTask
from tests.support.contexts import streamed, task_context

CALLER = Caller(Ss58("5caller"), bytes(32), Membership.PERMIT, "127.0.0.1", 1, bytes(32), 10.0)
TEXTS = ("reversible text", "something else", "and a third one")


async def scores(miner: MinerTask) -> list[float]:
    validator = ReverseTask()
    answers = []
    for text in TEXTS:
        request = Reverse(text=text)
        (method,) = miner.methods()
        assert method.handler is not None
        reply = await method.handler(request, CALLER)
        assert isinstance(reply, Reversed)
        answers.append(Answer(Target(Uid(1), Ss58("5m"), None), request, reply, None, 0.1))
    return [score.value for score in await validator.score(random.Random(0), answers)]


async def test_the_honest_task_earns() -> None:
    assert await scores(ReverseTask()) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("name", ["cached", "garbage"])
async def test_a_cheat_speaks_the_protocol_and_earns_nothing(name: str) -> None:
    miner = wrap_cheat(name, ReverseTask())
    (method,) = miner.methods()
    assert (miner.name, method.name) == ("reverse", "")
    assert (method.request, method.reply) == (Reverse, Reversed)
    assert await scores(miner) == [0.0, 0.0, 0.0]


class Asked(Reverse, frozen=True):
    """A request that may be of a gateway's client."""

    cache: bytes = b""


async def test_two_faces_show_clients_garbage_and_validators_the_truth() -> None:
    miner = wrap_cheat("two-faced", ReverseTask())
    (method,) = miner.methods()
    assert method.handler is not None
    shown = {
        cache: (await method.handler(Asked(text=TEXTS[0], cache=cache), CALLER)).text
        for cache in (b"", b"a client's")
    }
    assert shown[b""] == TEXTS[0][::-1]
    assert shown[b"a client's"] != TEXTS[0][::-1]


def test_a_task_without_a_model_has_no_weights_to_perturb() -> None:
    with pytest.raises(UserError, match="serves no model"):
        wrap_cheat("perturbed", ReverseTask())


def test_an_unknown_cheat_is_told_the_known_ones() -> None:
    with pytest.raises(UserError, match="No cheat is called") as caught:
        wrap_cheat("lazy", ReverseTask())
    assert all(name in caught.value.cure for name in CHEATS)


class Works(ReverseTask):
    """Takes a second for each answer."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    async def serve(self, request: Reverse, caller: Caller) -> Reversed:
        self._clock.advance(1.0)
        return await super().serve(request, caller)


class Skipping(ManualClock):
    """Sleeping passes the time at once."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


class Streams(MinerTask):
    """Makes three frames, a second for each."""

    name = "streams"

    def __init__(self, clock: ManualClock, *, breaks: bool = False) -> None:
        self._clock = clock
        self._breaks = breaks
        self.made = 0

    def methods(self) -> list[Method[Any, Any]]:
        return [Method("", Reverse, Reversed, self.stream, stream=True)]

    async def stream(self, request: Reverse, caller: Caller) -> AsyncIterator[Reversed]:
        for _ in range(3):
            self._clock.advance(1.0)
            self.made += 1
            yield Reversed(text="made")
        if self._breaks:
            raise ValueError("cannot go on")


async def test_slow_holds_frames_back_and_lets_the_task_inside_go_on(tmp_path: Path) -> None:
    """A miner's engine draws meanwhile: a wait between two frames alone would slow nothing."""
    clock = Skipping()
    inner = Streams(clock)
    miner = wrap_slow(4.0, inner)
    await miner.start(task_context(TaskSettings(), Ss58("5m"), tmp_path, clock))
    begun, times = clock.monotonic(), []
    async for _ in streamed(miner, "", Reverse(text="a"), CALLER):
        assert inner.made == 3
        times.append(clock.monotonic() - begun)
    assert times == pytest.approx([4.0, 8.0, 12.0])


async def test_slow_ends_a_stream_as_the_task_inside_does(tmp_path: Path) -> None:
    clock = Skipping()
    miner = wrap_slow(4.0, Streams(clock, breaks=True))
    await miner.start(task_context(TaskSettings(), Ss58("5m"), tmp_path, clock))
    with pytest.raises(ValueError, match="cannot go on"):
        [frame async for frame in streamed(miner, "", Reverse(text="a"), CALLER)]


async def test_slow_takes_a_multiple_of_the_time_and_answers_right(tmp_path: Path) -> None:
    clock = Skipping()
    miner = wrap_slow(2.0, Works(clock))
    await miner.start(task_context(TaskSettings(), Ss58("5m"), tmp_path, clock))
    before = clock.monotonic()
    assert await scores(miner) == [1.0, 1.0, 1.0]
    assert clock.monotonic() - before == pytest.approx(2.0 * len(TEXTS))
    await miner.close()


def test_slower_is_never_faster() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        wrap_slow(0.5, ReverseTask())


class Count(Synapse, frozen=True):
    number: int
    note: str = ""


class DoubleTask(Task[Count, Count]):
    """Asks with small numbers alone, as a first task of one's own may."""

    name = "double"
    request, reply = Count, Count

    async def serve(self, request: Count, caller: Caller) -> Count:
        return Count(number=2 * request.number)

    def challenge(self, rng: random.Random, target: Target) -> Count:
        return Count(number=rng.randint(1, 1_000))

    async def score(
        self, rng: random.Random, answers: Sequence[Answer[Count, Count]]
    ) -> list[Score]:
        return [
            Score(float(a.reply is not None and a.reply.number == 2 * a.request.number))
            for a in answers
        ]


async def test_a_stored_answer_is_no_answer_to_a_question_of_numbers() -> None:
    task, cheat = DoubleTask(), wrap_cheat("cached", DoubleTask())
    (method,) = cheat.methods()
    assert method.handler is not None
    handler: Any = method.handler
    right = 0
    for number in range(1, 101):
        asked = Count(number=number)
        reply = await handler(asked, CALLER)
        answer = Answer(Target(Uid(1), Ss58("5m"), None), asked, reply, None, 0.1)
        right += (await task.score(random.Random(0), [answer]))[0].value
    assert right <= 1
