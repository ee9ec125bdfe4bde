"""The engine in this process, with a model whose every step the test allows: in turns, for a kind
of model that is not computed by rows."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncIterator, Generator, Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from assay.clock import ManualClock
from assay.errors import Unavailable
from assay.models.drawing import Drawing
from assay.models.engine import Closed, EngineRequest, TooLong
from assay.models.fair_queue import OPEN_MAX, Asker, Busy
from assay.models.local_engine import PIECE_S, SHORT_CHARS, LocalEngine
from assay.scoring.inference.sampling import GREEDY

RIVAL, VALIDATOR = Asker("rival"), Asker("validator", first=True)
STEP_S = 0.5


class StepByStep:
    """A model that draws a token, and lets ``step_s`` pass, for each ``allow``."""

    context_tokens = 100

    def __init__(self, clock: ManualClock) -> None:
        self.tokens = SimpleNamespace(
            encode=list, least=len, decode=lambda tokens: "".join(map(str, tokens))
        )
        self.drawn: list[str] = []
        """Whose each token was."""
        self.step_s = STEP_S
        self._clock = clock
        self._allowed = threading.Semaphore(0)
        self._begun: queue.SimpleQueue[str] = queue.SimpleQueue()

    async def begun(self) -> str:
        """Whose token is begun next; it waits to be allowed."""
        return await asyncio.to_thread(self._begun.get, True, 10)

    def allow(self, steps: int) -> None:
        self._allowed.release(steps)

    cache_bytes = 2**20
    vocabulary = 100

    def is_end(self, token: int) -> bool:
        return False

    def by_rows(self) -> None:
        return None

    def steps(self, ids: Sequence[str]) -> Generator[Drawing, int, None]:
        whose = "".join(ids)
        for token in range(self.vocabulary):
            self._begun.put(whose)
            assert self._allowed.acquire(timeout=10)
            self._clock.advance(self.step_s)
            self.drawn.append(whose)
            if whose == "bad":
                raise ArithmeticError("broken")
            yield Drawing(np.eye(self.vocabulary, dtype=np.float32)[token], None)


@pytest.fixture
def model() -> StepByStep:
    return StepByStep(ManualClock())


@pytest.fixture
async def engine(model: StepByStep) -> AsyncIterator[LocalEngine]:
    made = LocalEngine(model, bytes(32), monotonic=model._clock.monotonic)  # type: ignore[arg-type]
    async with asyncio.timeout(20):
        yield made
        model.allow(1_000)
        await made.close()


def ask(name: str, tokens: int) -> EngineRequest:
    return EngineRequest(name, tokens, 0, bytes(16), GREEDY)


async def steps(model: StepByStep, count: int) -> list[str]:
    """Allow some steps, one after the other, and say whose token is begun after each."""
    begun = []
    for _ in range(count):
        model.allow(1)
        begun.append(await model.begun())
    return begun


async def queued() -> None:
    """Let each task that was just created run until its answer is in the queue."""
    await asyncio.sleep(0)


async def test_a_validator_does_not_wait_for_a_rivals_long_answer(
    engine: LocalEngine, model: StepByStep
) -> None:
    long = asyncio.create_task(engine.complete(ask("long", 50), RIVAL))
    assert await model.begun() == "long"
    assert await steps(model, 2) == ["long"] * 2
    asked = asyncio.create_task(engine.complete(ask("asked", 3), VALIDATOR))
    await queued()
    # The rival's third token is in the making.
    assert await steps(model, 4) == ["asked", "asked", "asked", "long"]
    made = await asked
    assert (made.text, made.tokens, made.finish) == ("012", (0, 1, 2), "length")
    assert (made.queued_s, made.first_token_s, made.total_s) == (STEP_S, 2 * STEP_S, 4 * STEP_S)
    assert made.prompt_tokens == len("asked")
    assert not long.done()
    model.allow(100)
    assert len((await long).tokens) == 50


async def test_a_long_prompt_is_cut_while_others_get_their_tokens(
    engine: LocalEngine, model: StepByStep
) -> None:
    begun, going_on = threading.Event(), threading.Event()

    def encode(text: str) -> list[str]:
        if len(text) > SHORT_CHARS:
            begun.set()
            assert going_on.wait(10)
            return ["long"]
        return list(text)

    model.tokens.encode, model.tokens.least = encode, lambda text: 1
    engine._prompts._encode = encode
    long = asyncio.create_task(engine.complete(ask("x" * (SHORT_CHARS + 1), 2), RIVAL))
    assert await asyncio.to_thread(begun.wait, 10)
    short = asyncio.create_task(engine.complete(ask("short", 3), Asker("another rival")))
    model.allow(3)
    assert len((await short).tokens) == 3
    going_on.set()
    model.allow(2)
    made = await long
    assert (made.tokens, made.prompt_tokens) == ((0, 1), 1)
    assert model.drawn == ["short"] * 3 + ["long"] * 2


async def test_whoever_gives_up_is_worked_for_no_longer(
    engine: LocalEngine, model: StepByStep
) -> None:
    gone = asyncio.create_task(engine.complete(ask("gone", 50), RIVAL))
    assert await model.begun() == "gone"
    assert await steps(model, 2) == ["gone"] * 2
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    stays = asyncio.create_task(engine.complete(ask("stays", 2), RIVAL))
    await queued()
    assert await steps(model, 2) == ["stays"] * 2
    model.allow(1)
    assert len((await stays).tokens) == 2
    assert model.drawn == ["gone"] * 3 + ["stays"] * 2


async def test_too_many_too_long_and_broken_end_one_answer_alone(
    engine: LocalEngine, model: StepByStep
) -> None:
    waiting = [asyncio.create_task(engine.complete(ask("r", 1), RIVAL)) for _ in range(OPEN_MAX)]
    await queued()
    with pytest.raises(Busy):
        await engine.complete(ask("r", 1), RIVAL)
    model.allow(OPEN_MAX + 2)
    await asyncio.gather(*waiting)
    with pytest.raises(TooLong):
        await engine.complete(ask("x" * 90, 11), RIVAL)
    with pytest.raises(ArithmeticError):
        await engine.complete(ask("bad", 5), RIVAL)
    assert len((await engine.complete(ask("good", 1), RIVAL)).tokens) == 1


async def test_whoever_reads_along_gets_each_token_as_it_is_drawn(
    engine: LocalEngine, model: StepByStep
) -> None:
    async with contextlib.aclosing(engine.stream(ask("read", 3), RIVAL)) as pieces:
        for token in range(3):
            model.allow(1)
            piece = await anext(pieces)
            assert piece.tokens == (token,)
            assert (piece.end is not None) == (token == 2)
        with pytest.raises(StopAsyncIteration):
            await anext(pieces)
    model.allow(1)
    with pytest.raises(ArithmeticError):
        [piece async for piece in engine.stream(ask("bad", 5), RIVAL)]
    with pytest.raises(TooLong):
        [piece async for piece in engine.stream(ask("x" * 90, 11), RIVAL)]


async def test_tokens_that_come_quickly_are_told_together_but_for_the_first_and_the_last(
    engine: LocalEngine, model: StepByStep
) -> None:
    model.step_s = PIECE_S / 3.5
    model.allow(1_000)
    told = [piece.tokens async for piece in engine.stream(ask("quick", 11), RIVAL)]
    assert told == [(0,), (1, 2, 3, 4), (5, 6, 7, 8), (9, 10)]


async def test_what_was_held_back_of_one_answer_is_told_in_the_steps_of_others(
    engine: LocalEngine, model: StepByStep
) -> None:
    model.step_s = PIECE_S / 3.5
    async with contextlib.aclosing(engine.stream(ask("slow", 9), RIVAL)) as pieces:
        model.allow(2)
        assert (await anext(pieces)).tokens == (0,)
        assert [await model.begun() for _ in range(3)] == ["slow"] * 3
        # A validator's answer goes first from now on, and the token that is held does not wait.
        other = asyncio.create_task(engine.complete(ask("first", 20), VALIDATOR))
        await queued()
        model.allow(10)
        assert (await anext(pieces)).tokens == (1, 2)
        assert not other.done()
        model.allow(1_000)
        await other


async def test_whoever_reads_no_further_is_worked_for_no_longer(
    engine: LocalEngine, model: StepByStep
) -> None:
    async with contextlib.aclosing(engine.stream(ask("gone", 50), RIVAL)) as pieces:
        model.allow(1)
        await anext(pieces)
        assert [await model.begun() for _ in range(2)] == ["gone"] * 2
    stays = asyncio.create_task(engine.complete(ask("stays", 2), RIVAL))
    await queued()
    assert await steps(model, 2) == ["stays"] * 2
    model.allow(1)
    await stays
    assert model.drawn == ["gone"] * 2 + ["stays"] * 2


async def test_a_closed_engine_ends_what_is_read(model: StepByStep) -> None:
    made = LocalEngine(model, bytes(32), monotonic=model._clock.monotonic)  # type: ignore[arg-type]

    async def read() -> None:
        async for piece in made.stream(ask("open", 50), RIVAL):
            assert piece.end is None

    reading = asyncio.create_task(read())
    assert await model.begun() == "open"
    closing = asyncio.create_task(made.close())
    await queued()
    model.allow(1)
    async with asyncio.timeout(5):
        await closing
        with pytest.raises(Closed):
            await reading


async def test_its_end_ends_what_is_open(model: StepByStep) -> None:
    made = LocalEngine(model, bytes(32), monotonic=model._clock.monotonic)  # type: ignore[arg-type]
    open_, waiting, gone = (
        asyncio.create_task(made.complete(ask(name, 50), RIVAL))
        for name in ("open", "waiting", "gone")
    )
    assert await model.begun() == "open"
    assert await steps(model, 1) == ["open"]
    gone.cancel()
    model.allow(1)
    await made.close()
    for answer in (open_, waiting):
        with pytest.raises(Closed):
            await answer
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_nobody_is_answered_once_it_was_closed(model: StepByStep) -> None:
    made = LocalEngine(model, bytes(32), monotonic=model._clock.monotonic)  # type: ignore[arg-type]
    await made.close()
    async with asyncio.timeout(5):
        with pytest.raises(Closed) as told:
            await made.complete(ask("late", 1), VALIDATOR)
    assert isinstance(told.value, Unavailable)
