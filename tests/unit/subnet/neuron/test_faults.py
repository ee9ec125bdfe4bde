"""A builder's mistakes are named by file and line; a second equal one ends the neuron."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from loguru import logger

from assay.chain.interface import Endpoint
from assay.lab.around import Around
from assay.neuron import Answer, MinerTask, Score, Turn, Verdict
from assay.neuron.faults import BrokenTask, LoopWatch, TaskFaults, watched_loop, where
from assay.wire.memory import MemoryNetwork
from examples.reverse import Reverse, Reversed, ReverseTask
from tests.unit.subnet.neuron.worlds import (
    flowing,
    key,
    make_miner,
    make_validator,
    make_world,
    until,
)

VALIDATOR, MINER = key(1), key(2)
HERE = Path(__file__).name


@pytest.fixture
def told() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logger.add(lambda message: lines.append(str(message)), level="WARNING")
    yield lines
    logger.remove(handler)


def fails(what: str) -> None:
    raise KeyError(what)


class Raising(ReverseTask):
    async def score(
        self, rng: random.Random, answers: Sequence[Answer[Reverse, Reversed]]
    ) -> list[Score]:
        fails("oops")
        return []


async def test_a_fault_of_the_task_ends_the_validator_at_the_second_equal_one(
    tmp_path: Path, told: list[str]
) -> None:
    world = await make_world({VALIDATOR: None, MINER: Endpoint("127.0.0.1", 20_001)})
    validator = make_validator(world, MemoryNetwork(), VALIDATOR, tmp_path, Raising())
    async with flowing(world):
        with pytest.raises(BrokenTask, match=rf"{HERE}:\d+ in fails\(\): KeyError: 'oops'") as end:
            await validator.run()
    assert end.value.place is not None
    tracebacks = [line for line in told if "Traceback" in line and "oops" in line]
    assert len(tracebacks) == 2, "the builder's log has each, whole"
    assert validator.memory.round == 0, "nobody is judged by a turn that failed"


class Once(ReverseTask):
    failed = False

    async def score(
        self, rng: random.Random, answers: Sequence[Answer[Reverse, Reversed]]
    ) -> list[Score]:
        if not self.failed:
            self.failed = True
            raise OSError("the disk was away for a moment")
        return await super().score(rng, answers)


async def test_a_fault_that_passes_costs_one_turn(tmp_path: Path) -> None:
    world = await make_world({VALIDATOR: None})
    validator = make_validator(world, MemoryNetwork(), VALIDATOR, tmp_path, Once())
    async with flowing(world):
        running = asyncio.create_task(validator.run())
        await until(lambda: validator.memory.round >= 2, "turns go on")
        validator.stop.set()
        await running


class BreaksInRun(ReverseTask):
    async def run(self) -> None:
        fails("in run")


async def test_a_miners_own_work_that_keeps_failing_ends_it() -> None:
    world = await make_world({MINER: None})
    miner = make_miner(world, MemoryNetwork(), MINER, BreaksInRun())
    async with flowing(world):
        with pytest.raises(BrokenTask, match=r"fails\(\): KeyError: 'in run'"):
            await miner.run()


class ReturnsNonsense(ReverseTask):
    async def turn(self, turn: Turn) -> Sequence[Verdict]:
        return [1.0]  # type: ignore[list-item]  # as an untyped task may


async def test_what_is_no_verdict_ends_the_validator_at_once(tmp_path: Path) -> None:
    world = await make_world({VALIDATOR: None})
    validator = make_validator(world, MemoryNetwork(), VALIDATOR, tmp_path, ReturnsNonsense())
    async with flowing(world):
        with pytest.raises(BrokenTask, match=rf"{HERE}:\d+ in turn\(\): .* returned a float"):
            await validator.run()


def test_a_fault_elsewhere_is_not_laid_at_the_builders_door() -> None:
    """A dropped connection deep inside a library says nothing about the task."""
    faults = TaskFaults(MinerTask())
    for _ in range(5):
        assert faults.note(ConnectionResetError("peer"), "turn 1") is None


def test_a_fault_within_a_task_that_is_wrapped_is_the_builders() -> None:
    """A cheat of the lab is put around the builder's task; the line is his all the same."""

    class Broken(MinerTask):
        name = "broken"

        def fail(self) -> None:
            raise RuntimeError("no GPU")

    broken = Broken()
    with pytest.raises(RuntimeError) as caught:
        broken.fail()
    found = where(caught.value, Around(broken))
    assert found is not None
    assert (found.file, found.function) == (__file__, "fail")


async def test_a_standstill_that_is_not_the_tasks_is_no_warning(told: list[str]) -> None:
    """Imports and a model that loads take their time; no builder can mend that."""
    ended = threading.Event()
    handler = logger.add(lambda message: ended.set(), level="DEBUG", filter="assay.neuron.faults")
    before = len(told)
    async with watched_loop(ReverseTask(), 0.05):
        await asyncio.sleep(0)
        assert ended.wait(10), "it is told to whoever looks closely"
    logger.remove(handler)
    assert len(told) == before


async def test_a_task_that_blocks_the_loop_is_named_with_its_line(told: list[str]) -> None:
    async with watched_loop(ReturnsNonsense(), 0.05):
        await asyncio.sleep(0)
        before = len(told)
        deadline = time.monotonic() + 10
        while len(told) == before and time.monotonic() < deadline:
            sum(range(1000))  # computing where a thread should
    assert any(HERE in line and "has stood still" in line for line in told)
    assert len(told) == before + 1, "once for one standstill"


async def test_a_loop_that_runs_is_not_complained_of(told: list[str]) -> None:
    async with watched_loop(ReturnsNonsense(), 0.2):
        for _ in range(10):
            await asyncio.sleep(0.05)
    assert told == []


def test_a_mistake_without_a_place_is_named_without_one() -> None:
    """A function of a library's own kind has no lines."""
    error = BrokenTask.of(print, "It printed nothing.", "Let it.")
    assert (error.cause, error.cure, error.place) == ("It printed nothing.", "Let it.", None)


def test_what_cannot_mend_itself_ends_the_neuron_at_once() -> None:
    broken = BrokenTask.of(fails, "It fails.", "Mend it.")
    assert TaskFaults(ReturnsNonsense()).note(broken, "turn 1") is broken
    assert broken.place is not None
    assert broken.place.function == "fails"


def test_faults_of_another_kind_or_place_are_counted_apart() -> None:
    """And another text of the same fault is the same one."""
    faults = TaskFaults(ReturnsNonsense())

    def raised(error: Exception) -> Exception:
        try:
            raise error
        except Exception as caught:
            return caught

    def raised_elsewhere(error: Exception) -> Exception:
        try:
            raise error
        except Exception as caught:
            return caught

    assert faults.note(raised(KeyError("a")), "turn 1") is None
    assert faults.note(raised(ValueError("a")), "turn 2") is None
    assert faults.note(raised_elsewhere(KeyError("a")), "turn 3") is None
    broken = faults.note(raised(KeyError("b")), "turn 4")
    assert broken is not None
    assert broken.place is not None
    assert broken.place.function == "raised"
    nameless = TaskFaults(ReturnsNonsense())
    nameless.note(raised(KeyError()), "turn 1")
    assert "raised(): KeyError (" in str(nameless.note(raised(KeyError()), "turn 2"))


async def test_a_loop_that_runs_goes_on_to_show_it() -> None:
    beating = asyncio.create_task(LoopWatch(ReturnsNonsense(), 0.0).beat())
    for _ in range(100):
        await asyncio.sleep(0)
    assert not beating.done()
    beating.cancel()
