"""A miner's own failures stand in its log, at the line of the task's file, and not too often."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Iterator

import pytest
from loguru import logger

from assay.clock import ManualClock
from assay.wire.errors import Code, RequestRefused
from assay.wire.interface import AnyAxon, Caller
from tests.unit.subnet.wire.world import (
    Answered,
    MemoryWorld,
    Question,
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
