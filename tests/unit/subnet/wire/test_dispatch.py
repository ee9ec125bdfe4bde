"""The server's half of a call: answers that cannot be sent, and a clock that was set back."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from loguru import logger

from assay.clock import ManualClock
from assay.wire.errors import Code
from assay.wire.interface import Caller, Method
from assay.wire.limits import Limits
from assay.wire.nonce_file import CeilingFile
from assay.wire.replay import MemoryCeiling
from assay.wire.synapse import Synapse, encode
from tests.unit.subnet.wire.world import (
    Answered,
    MemoryWorld,
    Question,
    refusal_in,
    serving,
    signed,
)


class Number(Synapse, frozen=True):
    number: int


@pytest.mark.parametrize(
    "answer",
    [Answered(text="half a pair: \ud83d"), Number(number=2**64)],
    ids=["lone surrogate", "beyond 64 bits"],
)
async def test_an_answer_that_cannot_be_encoded_is_a_signed_500(answer: Synapse) -> None:
    async def serve(_: Question, __: Caller) -> Synapse:
        return answer

    world = MemoryWorld()
    axon = await world.axon()
    axon.attach(Method(name="echo", request=Question, reply=type(answer), handler=serve))
    await axon.start()
    request = signed()
    reply = await world.send(axon, request)
    await axon.stop()
    assert refusal_in(reply, request).code == Code.HANDLER_FAILED
    assert reply.status == 500


async def test_a_clock_set_back_by_an_hour_is_said_once_a_minute() -> None:
    """Everything is refused until time has caught up; whoever runs the miner must learn why."""
    clock = ManualClock()
    disk = MemoryCeiling()
    disk.value = clock.now_ns() + 3_600 * 10**9
    said: list[str] = []
    sink = logger.add(
        lambda message: said.append(str(message)), level="WARNING", format="{message}"
    )
    world = MemoryWorld()
    try:
        async with serving(world, clock=clock, nonces=disk) as axon:
            assert len(said) == 1, "at once, before anybody asks"
            for _ in range(3):
                request = signed(nonce_ns=clock.now_ns())
                reply = await world.send(axon, request)
                assert refusal_in(reply, request).code == Code.BEFORE_RESTART
            assert len(said) == 1
            assert "clock stands 3597 s before" in said[0]
            clock.advance(61)
            await world.send(axon, signed(nonce_ns=clock.now_ns()))
            assert len(said) == 2
    finally:
        logger.remove(sink)


async def test_a_clock_that_ran_ahead_is_told_at_the_start_with_the_file_and_the_cure(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    path = tmp_path / "nonces"
    ahead = CeilingFile(path)
    ahead.save(clock.now_ns() + 86_400 * 10**9)
    ahead.close()
    said: list[str] = []
    sink = logger.add(lambda message: said.append(str(message)), level="WARNING")
    world = MemoryWorld()
    try:
        async with serving(world, clock=clock, nonces=CeilingFile(path)):
            (told,) = said
        assert "Every request is refused for 86397 s" in told
        assert f"stop this neuron, delete {path} and start it again" in told
        path.unlink()  # the cure
        async with serving(world, clock=clock, nonces=CeilingFile(path)) as axon:
            assert (await world.send(axon, signed(nonce_ns=clock.now_ns()))).status == 200
        assert len(said) == 1
    finally:
        logger.remove(sink)


async def test_an_ordinary_restart_says_nothing() -> None:
    clock = ManualClock()
    disk = MemoryCeiling()
    disk.value = clock.now_ns() + 2 * 10**9
    said: list[str] = []
    sink = logger.add(lambda message: said.append(str(message)), level="WARNING")
    world = MemoryWorld()
    try:
        async with serving(world, clock=clock, nonces=disk) as axon:
            reply = await world.send(axon, signed(nonce_ns=clock.now_ns()))
            assert reply.status == 503
    finally:
        logger.remove(sink)
    assert not said


async def test_an_answer_larger_than_replies_may_be_is_a_signed_500() -> None:
    limits = Limits(reply_bytes_max=1_000)
    world = MemoryWorld()
    async with serving(world, limits=limits) as axon:
        fits = signed(message=Question(text="x" * (1_000 - len(encode(Answered(text=""))) - 2)))
        assert len((await world.send(axon, fits)).body) == 1_000
        above = signed(message=Question(text="x" * 1_000))
        reply = await world.send(axon, above)
    assert refusal_in(reply, above).code == Code.HANDLER_FAILED


class SlowDisk(MemoryCeiling):
    """Remembers which thread had to wait for it."""

    blocking = True

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def save(self, ceiling_ns: int) -> None:
        self.threads.add(threading.get_ident())
        super().save(ceiling_ns)


async def test_a_disk_is_never_waited_for_on_the_loop() -> None:
    disk = SlowDisk()
    world = MemoryWorld()
    async with serving(world, nonces=disk) as axon:
        replies = await asyncio.gather(*(world.send(axon, signed()) for _ in range(8)))
        assert {reply.status for reply in replies} == {200}
        assert disk.saves == 1  # one for all that came at once
        assert threading.get_ident() not in disk.threads
