"""Long prompts: one at a time, in the order of callers, and nobody pays for another's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from assay.models.fair_queue import OPEN_MAX, Asker, CallerBusy
from assay.models.prompt_reader import PromptReader

RIVAL, OTHER, VALIDATOR = Asker("rival"), Asker("other"), Asker("validator", first=True)


class Cutting:
    """An encoder that waits before each prompt until it is allowed."""

    def __init__(self) -> None:
        self.cut: list[str] = []
        self.begun = threading.Semaphore(0)
        self._allowed = threading.Semaphore(0)

    def __call__(self, text: str) -> list[int]:
        self.begun.release()
        assert self._allowed.acquire(timeout=10)
        self.cut.append(text)
        if text == "bad":
            raise ArithmeticError(text)
        return [len(text)]

    def allow(self, prompts: int) -> None:
        self._allowed.release(prompts)


@pytest.fixture
async def cutting() -> AsyncIterator[Cutting]:
    made = Cutting()
    yield made
    made.allow(1_000)


@pytest.fixture
async def reader(cutting: Cutting) -> AsyncIterator[PromptReader]:
    made = PromptReader(cutting)
    async with asyncio.timeout(20):
        yield made
    made.stop()


def asking(reader: PromptReader, text: str, asker: Asker) -> asyncio.Task[list[int]]:
    return asyncio.create_task(reader.read(text, asker))


async def test_many_long_prompts_delay_another_caller_by_one(
    reader: PromptReader, cutting: Cutting
) -> None:
    many = [asking(reader, f"rival {n}", RIVAL) for n in range(5)]
    assert await asyncio.to_thread(cutting.begun.acquire, True, 10)
    other, first = asking(reader, "other", OTHER), asking(reader, "first", VALIDATOR)
    await asyncio.sleep(0)
    cutting.allow(10)
    assert (await other, await first) == ([5], [5])
    await asyncio.gather(*many)
    assert cutting.cut[:2] == ["rival 0", "first"]
    assert cutting.cut.index("other") <= 3
    assert len(cutting.cut) == 7


async def test_too_many_broken_and_abandoned_prompts_cost_their_callers_alone(
    reader: PromptReader, cutting: Cutting
) -> None:
    held = asking(reader, "held", OTHER)
    assert await asyncio.to_thread(cutting.begun.acquire, True, 10)
    many = [asking(reader, f"rival {n}", RIVAL) for n in range(OPEN_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(CallerBusy):
        await reader.read("one more", RIVAL)
    bad = asking(reader, "bad", OTHER)
    await asyncio.sleep(0)
    for task in many:
        task.cancel()
    await asyncio.gather(*many, return_exceptions=True)
    cutting.allow(2)
    assert await held == [4]
    with pytest.raises(ArithmeticError):
        await bad
    assert cutting.cut == ["held", "bad"]


async def test_a_stopped_reader_keeps_nobody_waiting(cutting: Cutting) -> None:
    reader = PromptReader(cutting)
    held, waits = asking(reader, "held", OTHER), asking(reader, "waits", OTHER)
    assert await asyncio.to_thread(cutting.begun.acquire, True, 10)
    reader.stop()
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await waits
    cutting.allow(1)
    assert await held == [4]
