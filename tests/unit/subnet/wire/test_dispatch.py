"""The server's half of a call: answers that cannot be sent, and a clock that was set back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from loguru import logger

from assay.clock import ManualClock
from assay.wire.errors import Code, PeerBusy
from assay.wire.interface import AnyAxon, Caller, Method, Peer
from assay.wire.limits import Limits
from assay.wire.nonce_file import CeilingFile
from assay.wire.replay import MemoryCeiling
from assay.wire.synapse import Synapse, encode
from tests.unit.subnet.wire.world import (
    BOB,
    Answered,
    Count,
    Counted,
    MemoryWorld,
    Question,
    counting,
    echo,
    refusal_in,
    serving,
    signed,
)

PATIENT_S = 5.0  # no wait in this file is longer


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


class StuckDisk(MemoryCeiling):
    """Saves only once it is let go on."""

    blocking = True

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def save(self, ceiling_ns: int) -> None:
        self.begun.set()
        self.go_on.wait(PATIENT_S)
        super().save(ceiling_ns)


async def test_a_stop_waits_for_a_save_whose_request_has_left() -> None:
    """The ceiling that is lowered at the end would else be raised again behind it."""
    disk, world = StuckDisk(), MemoryWorld()
    axon = await world.axon(nonces=disk)
    axon.attach(Method("echo", Question, Answered, echo))
    await axon.start()
    asking = asyncio.create_task(world.send(axon, signed()))
    assert await asyncio.to_thread(disk.begun.wait, PATIENT_S)
    asking.cancel()
    await asyncio.wait([asking])
    stopping = asyncio.create_task(axon.stop())
    for _ in range(100):
        await asyncio.sleep(0)
    assert not stopping.done()
    disk.go_on.set()
    await asyncio.wait_for(stopping, PATIENT_S)
    assert disk.saves >= 1


async def never(_: Question, __: Caller) -> Answered:
    await asyncio.Event().wait()
    raise AssertionError("waits for ever")


async def endless(_: Count, __: Caller) -> AsyncIterator[Counted]:
    yield Counted(number=0)
    await asyncio.Event().wait()


@pytest.fixture
def warned() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="WARNING")
    yield lines
    logger.remove(sink)


async def stopped(axon: AnyAxon, clock: ManualClock, drain_s: float) -> None:
    """Stop the axon, and let the time that it gives to what runs pass."""
    stopping = asyncio.create_task(axon.stop())
    for passed_s in (drain_s - 0.01, 0.02):
        for _ in range(100):
            await asyncio.sleep(0)
        assert not stopping.done()
        clock.advance(passed_s)
    for _ in range(100):
        await asyncio.sleep(0)
    clock.advance(60.0)  # whatever is left for last words
    await asyncio.wait_for(stopping, PATIENT_S)


async def test_a_stop_gives_what_runs_its_time_and_tells_what_did_not_end(
    warned: list[str],
) -> None:
    clock, world = ManualClock(), MemoryWorld()
    axon = await world.axon(clock=clock, limits=Limits(drain_s_max=3.0))
    axon.attach(Method("echo", Question, Answered, never))
    await axon.start()
    asking = asyncio.create_task(world.send(axon, signed(nonce_ns=clock.now_ns())))
    for _ in range(100):
        await asyncio.sleep(0)
    await stopped(axon, clock, 3.0)
    asking.cancel()
    (line,) = warned
    assert "1 requests did not finish in time" in line


async def test_a_stream_that_a_stop_ends_is_told_so_and_nothing_is_wrong(
    warned: list[str],
) -> None:
    clock, world = ManualClock(), MemoryWorld()
    axon = await world.axon(clock=clock, limits=Limits(drain_s_max=3.0))
    axon.attach(counting(endless))
    await axon.start()
    dendrite = world.dendrite(clock=clock)
    peer = Peer(BOB.address, "127.0.0.1", axon.port)

    async def read() -> list[int]:
        numbers = []
        request = Count(to=9)
        async with dendrite.stream(peer, "count", request, Counted, deadline_s=50.0) as replies:
            numbers.append((await anext(replies)).number)
            with pytest.raises(PeerBusy) as caught:
                await anext(replies)
        assert caught.value.code == Code.DRAINING
        assert caught.value.retry_after_s
        return numbers

    reading = asyncio.create_task(read())
    for _ in range(100):
        await asyncio.sleep(0)
    await stopped(axon, clock, 3.0)
    assert await asyncio.wait_for(reading, PATIENT_S) == [0]
    assert warned == []
