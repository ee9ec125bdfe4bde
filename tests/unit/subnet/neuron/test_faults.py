"""A builder's mistakes are named by file and line; a second equal one ends the neuron."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import pytest
from loguru import logger
from msgspec import Meta

from assay.chain.interface import Endpoint
from assay.lab.around import Around
from assay.neuron import Answer, MinerTask, Question, Score, Target, Turn, Verdict
from assay.neuron.faults import (
    SLIPS_MAX,
    BrokenTask,
    LoopWatch,
    Slips,
    TaskFaults,
    watched_loop,
    where,
)
from assay.outcome import Slip, SourceLine
from assay.wire.interface import Method
from assay.wire.memory import MemoryNetwork
from assay.wire.synapse import Synapse
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


class Number(Synapse, frozen=True):
    number: int = 0
    text: Annotated[str, Meta(max_length=9)] = ""


class Larger(Number, frozen=True):
    more: int = 1


class Challenges(ReverseTask):
    """Whose challenge is whatever it was made with."""

    request: type[Any] = Number

    def __init__(self, given: object) -> None:
        self._given = given

    def challenge(self, rng: random.Random, target: Target) -> Any:
        return self._given


class Turns(Challenges):
    async def turn(self, turn: Turn) -> Sequence[Verdict]:
        method: Method[Any, Any] = Method("", Number, Reversed)
        questions: list[Any] = [Question(each, method, self._given) for each in turn.targets]
        return [Verdict(answer.target.hotkey, 0.0) for answer in await turn.ask(questions)]


async def ended(task: ReverseTask, folder: Path) -> BrokenTask:
    """What ends a validator with this task, on whose subnet one miner publishes an address; the
    miner must be blamed for nothing."""
    world = await make_world({VALIDATOR: None, MINER: Endpoint("127.0.0.1", 20_001)})
    validator = make_validator(world, MemoryNetwork(), VALIDATOR, folder, task)
    async with flowing(world):
        with pytest.raises(BrokenTask) as end:
            await validator.run()
    assert validator.memory.round == 0
    assert validator.memory.opinions == {}
    return end.value


UNSENDABLE: dict[str, tuple[Any, str]] = {
    "an integer of 71 bits": (Number(number=2**70), "cannot be written as bytes: OverflowError"),
    "half a surrogate": (Number(text="\ud800"), "cannot be written as bytes: UnicodeEncodeError"),
    "a set of objects": (Number(number=[object()]), "written as bytes: TypeError"),  # type: ignore[arg-type]
    "five megabytes": (Number(text="x" * 5_000_000), "a Number of 5000019 bytes is larger than"),
    "a field of another type": (Number(number="5"), "breaks its own rules: Expected `int`"),  # type: ignore[arg-type]
    "a field over its bound": (Number(text="x" * 10), "breaks its own rules: Expected `str` of"),
    "more fields": (Larger(), "breaks its own rules: Object contains an unknown field"),
}


@pytest.mark.parametrize(("given", "why"), UNSENDABLE.values(), ids=UNSENDABLE)
async def test_a_challenge_that_cannot_be_sent_is_a_fault_of_the_builders(
    given: Any, why: str, tmp_path: Path, told: list[str]
) -> None:
    end = await ended(Challenges(given), tmp_path)
    assert end.place is not None
    assert (Path(end.place.file).name, end.place.function) == (HERE, "challenge")
    assert f"challenge(): The challenge cannot be sent: a {type(given).__name__} " in end.cause
    assert why in end.cause
    assert len([line for line in told if "The task failed in turn" in line]) == 2


@pytest.mark.parametrize("given", [{}, {"number": 5}, "5", None, Reverse(text="a")])
async def test_a_challenge_that_is_no_message_ends_the_validator_at_once(
    given: Any, tmp_path: Path, told: list[str]
) -> None:
    end = await ended(Challenges(given), tmp_path)
    assert end.place is not None
    assert (Path(end.place.file).name, end.place.function) == (HERE, "challenge")
    assert f"challenge() of task reverse returned a {type(given).__name__}." in end.cause
    assert end.cure == "Let it return a Number."
    assert told == []


class Posts(Turns):
    async def turn(self, turn: Turn) -> Sequence[Verdict]:
        method: Method[Any, Any] = Method("", Number, Reversed)
        questions: list[Any] = [Question(each, method, self._given) for each in turn.targets]
        assert turn.post is not None
        turn.post(questions, 1.0)
        return []


@pytest.mark.parametrize("asks", [Turns, Posts])
@pytest.mark.parametrize("given", [Number(number=2**70), {"number": 5}, None])
async def test_what_a_turn_asks_and_cannot_be_sent_is_named_by_the_line_that_asks(
    given: Any, asks: type[Challenges], tmp_path: Path
) -> None:
    end = await ended(asks(given), tmp_path)
    assert end.place is not None
    assert (Path(end.place.file).name, end.place.function) == (HERE, "turn")
    assert f"UnsendableMessage: a {type(given).__name__} " in end.cause


async def test_a_challenge_that_cannot_be_sent_once_costs_one_turn(tmp_path: Path) -> None:
    class Seldom(Challenges):
        def challenge(self, rng: random.Random, target: Target) -> Any:
            self._given, given = Number(), self._given
            return given

    world = await make_world({VALIDATOR: None, MINER: Endpoint("127.0.0.1", 20_001)})
    task = Seldom(Number(number=2**70))
    validator = make_validator(world, MemoryNetwork(), VALIDATOR, tmp_path, task)
    async with flowing(world):
        running = asyncio.create_task(validator.run())
        await until(lambda: running.done() or validator.memory.round >= 2, "turns go on")
        validator.stop.set()
        await running


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


async def test_a_slip_is_told_once_a_place_and_at_the_builders_line() -> None:
    told: list[Slip] = []
    task = ReverseTask()
    slips = Slips(task, told.append)
    (method,) = task.methods()

    class Own(MinerTask):
        def breaks(self, what: str) -> None:
            raise KeyError(what)

    own = Own()
    for what in ("one", "two"):
        with pytest.raises(KeyError) as caught:
            own.breaks(what)
        Slips(own, told.append).failed(method, caught.value)
    assert len(told) == 2, "each neuron tells; its supervisor tells a person once"
    line = told[0].at.line
    assert told[0].cause == f"{__file__}:{line} in breaks(): KeyError: 'one'."
    told.clear()
    # What cannot be sent was raised by nobody: the handler's own place is named.
    for _ in range(3):
        slips.failed(method, TypeError("a reply that cannot be sent"))
    (slip,) = told
    assert (Path(slip.at.file).name, slip.at.function) == ("reverse.py", "serve")
    told.clear()
    for number in range(3 * SLIPS_MAX):
        slips.stuck(SourceLine("/t.py", number, "serve"), 1.0)
    assert len(told) == SLIPS_MAX - 1
    assert told[0].cause == "/t.py:0 in serve(): the event loop has stood still for over 1 s."


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
