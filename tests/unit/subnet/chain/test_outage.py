"""A chain that goes away leaves two lines in the log, however often it is asked meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from loguru import logger

from assay.chain.errors import ChainUnavailable
from assay.chain.interface import BlockRef
from assay.chain.outage import QUIET_S, Outage
from assay.chain.sdk import Deadlines, SdkChain
from assay.chain.sdk_session import Lost, SdkSession, Sessions
from assay.clock import ManualClock, SystemClock
from assay.types import BlockNumber


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(
        lambda message: lines.append(str(message).strip()), level="INFO", format="{message}"
    )
    yield lines
    logger.remove(sink)


def test_it_is_told_once_and_its_end_once(log: list[str]) -> None:
    clock = ManualClock()
    outage = Outage("ws://here", clock)
    outage.met()
    for _ in range(2):
        began_s = clock.monotonic()
        for _ in range(40):
            outage.missed(began_s, "Nobody listens.")
            clock.advance(QUIET_S / 4)
        outage.met()
        outage.met()
        assert log == [
            "The chain at ws://here has not answered for 2 s: Nobody listens."
            " It is tried again and again.",
            "The chain at ws://here answers again, after 20 s",
        ]
        log.clear()


def test_a_short_break_and_a_chain_that_never_was_are_not_told(log: list[str]) -> None:
    clock = ManualClock()
    outage = Outage("ws://here", clock)
    outage.missed(clock.monotonic() - 100, "Nobody listens.")
    outage.met()
    outage.missed(clock.monotonic(), "The connection broke.")
    clock.advance(QUIET_S - 0.1)
    outage.missed(clock.monotonic(), "Nobody listens.")
    outage.met()
    assert log == []


def test_an_old_call_that_breaks_after_others_were_answered_is_no_absence(log: list[str]) -> None:
    clock = ManualClock()
    outage = Outage("ws://here", clock)
    outage.met()
    began_s = clock.monotonic()
    clock.advance(5.0)
    outage.met()
    outage.missed(began_s, "The connection broke.")
    clock.advance(QUIET_S - 0.1)
    outage.missed(began_s, "The connection broke.")
    assert log == []
    clock.advance(0.1)
    outage.missed(began_s, "The connection broke.")
    assert "has not answered for 2 s" in log[0]


class _Up:
    """A session that answers, or never does."""

    def __init__(self, hangs: bool) -> None:
        self.lost = asyncio.Event()
        self._hangs = hangs

    async def run(self, op: Callable[[Any], Awaitable[Any]]) -> Any:
        if self._hangs:
            await asyncio.Event().wait()
        return await op(self)

    async def let_go(self) -> None: ...


class _Scripted(Sessions):
    state = "up"

    async def _open(self) -> SdkSession:
        if self.state == "down":
            raise Lost("nobody listens")
        return cast(SdkSession, _Up(self.state == "hangs"))


@pytest.mark.parametrize("state", ["down", "hangs"])
async def test_a_client_tells_of_its_chain(
    state: str, log: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.chain.outage.QUIET_S", 0.05)
    sessions = _Scripted("ws://here:1", tmp_path, SystemClock(), random.Random(1))

    async def op(_: SdkSession) -> int:
        return 7

    async def ask() -> int:
        return await sessions.call(op, timeout_s=0.2, what="count")

    assert await ask() == 7
    sessions.state = state
    await sessions.hang_up()
    for _ in range(2):
        with pytest.raises(ChainUnavailable):
            await ask()
    assert len(log) == 1
    assert "ws://here:1 has not answered for 0 s" in log[0]
    sessions.state = "up"
    assert await ask() == 7
    assert await ask() == 7
    assert "answers again" in log[1]
    assert len(log) == 2


async def test_a_client_that_only_listens_tells_of_its_chain(
    log: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A miner asks nothing between two blocks: its subscription alone notices an outage."""
    monkeypatch.setattr("assay.chain.outage.QUIET_S", 0.05)

    async def new_heads(session: _Listened, *, finalized: bool) -> AsyncGenerator[BlockRef, None]:
        yield BlockRef(BlockNumber(next(numbers)), "0x00")
        if session.ends:
            raise Lost("the connection broke")
        await asyncio.Event().wait()

    class _Listened(_Up):
        ends = True

        async def request(self, method: str, params: list[Any]) -> str:
            return f"{method} {params}"

    class _Away(Sessions):
        opened = 0

        async def _open(self) -> SdkSession:
            self.opened += 1
            if 1 < self.opened < 6:
                raise Lost("nobody listens")
            session = _Listened(hangs=False)
            session.ends = self.opened == 1
            return cast(SdkSession, session)

        async def current(self) -> SdkSession:
            return await self._open()

    numbers = itertools.count(1)
    monkeypatch.setattr("assay.chain.sdk.new_heads", new_heads)
    monkeypatch.setattr("assay.chain.sdk.Sessions", _Away)
    chain = SdkChain("ws://here:1", tmp_path, SystemClock(), random.Random(1), Deadlines())
    heads = chain.heads(silence_s=30.0)
    assert (await anext(heads)).number == 1
    assert log == []
    assert (await anext(heads)).number == 2
    await heads.aclose()
    assert len(log) == 2
    assert "ws://here:1 has not answered for" in log[0]
    assert "answers again" in log[1]
