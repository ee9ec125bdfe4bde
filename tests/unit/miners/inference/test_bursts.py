"""How a miner makes several answers at once: without a model."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence

import pytest

from assay.clock import SystemClock
from assay.miners.inference.bursts import AHEAD_MAX, PARTS_MAX, make_all
from assay.models.engine import EngineRequest
from assay.models.fair_queue import Busy
from assay.protocol.bursts import assemble_all
from assay.protocol.inference import Ending, Piece
from assay.scoring.inference.sampling import GREEDY

WIDTH = 16
END = Ending(finish="length", queued_s=0.0, first_token_s=0.0, total_s=0.0)


def asks(count: int, *, prompts: Sequence[str] = ("a",), tokens: int = 3) -> list[EngineRequest]:
    return [
        EngineRequest(prompts[n % len(prompts)], tokens, n, bytes(16), GREEDY) for n in range(count)
    ]


class Engine:
    """Draws the seed of each answer over and over, a token of each in turns."""

    def __init__(self, room: int = WIDTH) -> None:
        self.room = room
        self.open = 0
        self.most = 0
        self.begun: list[int] = []
        self.alone_at_first = False
        self.fails_at = -1
        self.idle = asyncio.Event()

    async def grow(self, ask: EngineRequest) -> AsyncGenerator[Piece, None]:
        if self.open >= self.room:
            raise Busy(self.room)
        self.open += 1
        self.idle.clear()
        self.begun.append(ask.seed)
        self.most = max(self.most, self.open)
        try:
            for drawn in range(ask.max_tokens):
                await asyncio.sleep(0)
                if ask.seed == self.fails_at:
                    raise RuntimeError("broken")
                if not drawn and len(self.begun) == 1:
                    self.alone_at_first = True
                end = END if drawn == ask.max_tokens - 1 else None
                yield Piece(tokens=[ask.seed], text="", end=end)
        finally:
            self.open -= 1
            if not self.open:
                self.idle.set()


async def made(engine: Engine, orders: Sequence[EngineRequest]) -> list[list[int]]:
    frames = [frame async for frame in make_all(orders, engine.grow, SystemClock(), width=WIDTH)]
    assert all(len(frame.parts) <= PARTS_MAX for frame in frames)
    return [answer.tokens for answer in assemble_all(frames, len(orders))]


async def test_all_answers_are_made_and_no_more_at_once_than_an_engine_takes() -> None:
    engine = Engine()
    assert await made(engine, asks(3 * WIDTH)) == [[n] * 3 for n in range(3 * WIDTH)]
    assert engine.most == WIDTH


async def test_a_shared_prompt_is_read_for_the_first_answer_before_others_begin() -> None:
    sharing, apart = Engine(), Engine()
    await made(sharing, asks(8))
    assert sharing.alone_at_first
    await made(apart, asks(8, prompts=[str(n) for n in range(8)]))
    assert not apart.alone_at_first, "nothing is gained by waiting"


@pytest.mark.parametrize("room", [1, 3])
async def test_where_others_have_the_room_the_answers_come_one_after_the_other(room: int) -> None:
    """Two validators may ask at one moment."""
    engine = Engine(room)
    assert await made(engine, asks(10)) == [[n] * 3 for n in range(10)]
    assert engine.most == room


@pytest.mark.parametrize("prompts", [("a",), ("a", "b", "c", "d")])
async def test_without_any_room_the_caller_is_told(prompts: Sequence[str]) -> None:
    with pytest.raises(Busy):
        await made(Engine(0), asks(4, prompts=prompts))


async def test_an_answer_that_fails_ends_the_burst_and_leaves_nothing_open() -> None:
    engine = Engine()
    engine.fails_at = 2
    with pytest.raises(RuntimeError, match="broken"):
        await made(engine, asks(6))
    assert engine.open == 0


async def test_a_caller_that_leaves_ends_all_answers() -> None:
    engine = Engine()
    async with contextlib.aclosing(
        make_all(asks(6, tokens=1_000), engine.grow, SystemClock(), width=WIDTH)
    ) as frames:
        async for _ in frames:
            break
    assert engine.open == 0


@pytest.mark.parametrize("prompts", [("a",), tuple("abcdefgh" * 32)])
async def test_of_a_caller_that_does_not_read_few_answers_are_kept(prompts: Sequence[str]) -> None:
    engine, tokens = Engine(), 500
    frames = make_all(
        asks(256, prompts=prompts, tokens=tokens), engine.grow, SystemClock(), width=WIDTH
    )
    async with contextlib.aclosing(frames):
        first = await anext(frames)
        await engine.idle.wait()
        assert len(engine.begun) <= AHEAD_MAX // tokens + 2 * WIDTH
        answers = assemble_all([first] + [frame async for frame in frames], 256)
    assert [answer.tokens for answer in answers] == [[n] * tokens for n in range(256)]
