"""A miner's own failures stand in its log, at the line of the task's file, and not too often."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import traceback
from collections.abc import Iterator

import pytest
from loguru import logger

from assay.clock import ManualClock
from assay.wire.errors import Code, RequestRefused
from assay.wire.faults import Faults, UnsendableAnswer
from assay.wire.interface import AnyAxon, Caller, Method
from tests.unit.subnet.wire.world import (
    Answered,
    MemoryWorld,
    Question,
    echo,
    refusal_in,
    serving,
    signed,
)

Said = list[tuple[str, str]]


async def fails_in_a_library(question: Question, _: Caller) -> Answered:
    return Answered(text=json.loads("{"))


async def refuses(question: Question, _: Caller) -> Answered:
    raise RequestRefused("too hard for me")


async def is_overloaded(question: Question, _: Caller) -> Answered:
    raise RequestRefused(Code.OVERLOADED, "the engine does not answer", retry_after_s=1.0)


async def awaits_what_was_cancelled(question: Question, _: Caller) -> Answered:
    helper = asyncio.ensure_future(asyncio.Event().wait())
    helper.cancel()
    await helper
    return Answered(text="never")


@pytest.fixture
def said() -> Iterator[Said]:
    """The level and the text of each line of the log."""
    lines: Said = []
    sink = logger.add(
        lambda message: lines.append((message.record["level"].name, message.record["message"])),
        level="INFO",
    )
    yield lines
    logger.remove(sink)


async def ask(world: MemoryWorld, axon: AnyAxon, clock: ManualClock) -> str:
    clock.advance(0.001)
    request = signed(nonce_ns=clock.now_ns())
    return refusal_in(await world.send(axon, request), request).detail


@pytest.mark.parametrize(
    ("handler", "line", "level", "words"),
    [
        (fails_in_a_library, 1, "ERROR", "Expecting property name"),
        (awaits_what_was_cancelled, 3, "ERROR", "it awaited something that was cancelled"),
        (refuses, 1, "INFO", "refused_by_task: too hard for me"),
        (is_overloaded, 1, "WARNING", "overloaded: the engine does not answer"),
    ],
)
async def test_a_handlers_failure_names_the_tasks_line_once_a_minute(
    said: Said, handler: object, line: int, level: str, words: str
) -> None:
    world, clock = MemoryWorld(), ManualClock()
    place = f"{__file__}:{inspect.getsourcelines(handler)[1] + line}"  # type: ignore[arg-type]
    async with serving(world, handler, clock=clock) as axon:  # type: ignore[arg-type]
        for _ in range(3):
            await ask(world, axon, clock)
        ((told_level, told),) = said
        assert told_level == level
        assert f"at {place}: " in told
        assert words in told
        clock.advance(61)
        await ask(world, axon, clock)
    assert len(said) == 2
    assert "2 times more since it was last told" in said[1][1]


async def test_a_fault_shows_its_traceback_to_the_log_and_nothing_to_the_caller(
    said: Said,
) -> None:
    world, clock = MemoryWorld(), ManualClock()
    async with serving(world, fails_in_a_library, clock=clock) as axon:
        assert await ask(world, axon, clock) == "the handler failed"
    assert "JSONDecodeError" in said[0][1]
    assert "json/decoder.py" in said[0][1]


class Told:
    """The faults of an axon's handlers, its clock, and what the axon's owner was told."""

    def __init__(self, said: Said) -> None:
        self.said = said
        self.clock = ManualClock()
        self.owner: list[tuple[str, Exception]] = []
        self.faults = Faults(
            self.clock, lambda method, error: self.owner.append((method.name, error))
        )

    def report(self, error: Exception, name: str = "ask", handler: object = echo) -> str | None:
        """What the log says of ``error``; None if nothing."""
        before = len(self.said)
        self.faults.report(Method(name, Question, Answered, handler), error)  # type: ignore[arg-type]
        return self._new(before)

    def note(self, refusal: RequestRefused, name: str = "ask") -> str | None:
        before = len(self.said)
        self.faults.note_refusal(Method(name, Question, Answered, echo), refusal)
        return self._new(before)

    def _new(self, before: int) -> str | None:
        assert len(self.said) <= before + 1
        return self.said[before][1] if len(self.said) > before else None


@pytest.fixture
def told(said: Said) -> Told:
    return Told(said)


def raised(error: Exception) -> Exception:
    """``error``, as it was raised here."""
    try:
        raise error
    except Exception as caught:
        return caught


def test_the_owner_is_told_of_every_fault_and_the_log_not(told: Told) -> None:
    errors = [raised(ValueError(str(number))) for number in range(3)]
    assert told.report(errors[0]) is not None
    assert [told.report(error) for error in errors[1:]] == [None, None]
    assert told.owner == [("ask", error) for error in errors]
    silent = Faults(told.clock, None)
    silent.report(Method("ask", Question, Answered, echo), errors[0])


def test_what_differs_is_told_apart(told: Told) -> None:
    """By its method, its kind and its place; another text of the same fault is the same one."""
    assert told.report(raised(ValueError("a"))) is not None
    assert told.report(raised(ValueError("b"))) is None
    assert told.report(raised(KeyError("a"))) is not None
    assert told.report(raised(ValueError("a")), name="other") is not None
    assert told.report(ValueError("raised nowhere")) is not None
    assert told.note(RequestRefused("too hard")) is not None
    assert told.note(RequestRefused("too long")) is None
    assert told.note(RequestRefused(Code.OVERLOADED, "full")) is not None
    assert told.note(RequestRefused("too hard"), name="other") is not None
    assert len(told.owner) == 5, "a refusal is no fault"


def test_after_a_minute_a_fault_is_told_with_how_often_it_came_in_between(told: Told) -> None:
    error = raised(ValueError("a"))
    first = told.report(error)
    told.clock.advance(59.0)
    assert (told.report(error), told.report(error)) == (None, None)
    told.clock.advance(1.0)
    again = told.report(error)
    assert again is not None
    assert ", 2 times more" in again
    told.clock.advance(60.0)
    assert told.report(error) == first, "none came in between"


def test_the_place_is_the_innermost_line_of_the_handlers_own_file(told: Told) -> None:
    try:
        json.loads("{")
    except ValueError as error:
        caught = error
    line = inspect.getsourcelines(test_the_place_is_the_innermost_line_of_the_handlers_own_file)[1]
    own = told.report(caught, "own", handler=fails_in_a_library)
    assert own is not None
    assert f"at {__file__}:{line + 2}: " in own
    other = told.report(caught, "other", handler=echo)
    assert other is not None
    assert re.search(r"at \S*json/decoder\.py:\d+: ", other), "the innermost of all"
    stands = inspect.getsourcelines(fails_in_a_library)[1]
    nowhere = told.report(ValueError("a"), handler=fails_in_a_library)
    assert nowhere is not None
    assert f"at {__file__}:{stands}: " in nowhere, "where the handler is written"
    unsendable = UnsendableAnswer("not a message", "a float")
    answered = told.report(raised(unsendable), handler=fails_in_a_library)
    assert unsendable.told == "not a message"
    assert answered is not None
    assert f"at {__file__}:{stands}: " in answered
    unknown = told.report(ValueError("a"), handler=None)
    assert unknown is not None
    assert "at an unknown place: " in unknown


def test_a_log_takes_no_lines_and_no_floods_from_a_stranger(told: Told) -> None:
    long = told.report(raised(ValueError("begins\x1b[2J" + "x" * 100_000 + "the end")))
    assert long is not None
    headline, _, rest = long.partition("\n")
    assert headline.partition(": ")[2] == "begins?[2J" + "x" * 190
    begins, _, ends = rest.partition("\n...\n")
    assert (len(begins), len(ends)) == (10_000, 10_000)
    assert begins.startswith("Traceback")
    assert ends.endswith("xthe end")
    nameless = told.report(raised(RuntimeError()))
    assert nameless is not None
    assert "RuntimeError\nTraceback" in nameless
    refusal = told.note(RequestRefused("two\nlines"))
    assert refusal is not None
    assert refusal.endswith("refused_by_task: two?lines")


def test_the_fault_that_was_told_longest_ago_is_forgotten_first(told: Told) -> None:
    """A task may fail in more places than there is room for."""
    error = raised(ValueError("a"))
    assert told.report(error, "m0") is not None
    told.clock.advance(30.0)
    for number in range(1, 64):
        assert told.report(error, f"m{number}") is not None
    told.clock.advance(29.0)
    assert told.report(error, "m0") is None, "all 64 are known"
    told.clock.advance(1.0)
    assert told.report(error, "m0") is not None
    assert told.report(error, "one-more") is not None, "m1 makes room, which was told before m0"
    assert told.report(error, "m0") is None
    assert told.report(error, "m2") is None
    assert told.report(error, "m1") is not None


@pytest.mark.parametrize(("more", "whole"), [(0, True), (1, False)])
def test_a_traceback_is_cut_where_it_is_longer_than_a_log_takes(
    told: Told, more: int, whole: bool
) -> None:
    def trace(chars: int) -> tuple[str, Exception]:
        error = raised(ValueError("y" * chars + "X"))
        return "".join(traceback.format_exception(error)).removesuffix("\n"), error

    besides = len(trace(0)[0])
    text, error = trace(20_000 - besides + more)
    said = told.report(error)
    assert said is not None
    assert (said.partition("\n")[2] == text) == whole


def test_from_500_on_a_refusal_is_a_warning(told: Told) -> None:
    """It is this side that could not do its work."""
    told.note(RequestRefused("too hard"))
    told.note(RequestRefused(Code.HANDLER_FAILED, "broken"))
    assert [level for level, _ in told.said] == ["INFO", "WARNING"]
