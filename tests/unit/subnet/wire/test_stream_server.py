"""The server's half of a stream: when frames leave, under which signatures, and who waits."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from assay.clock import ManualClock
from assay.wire.errors import Code, RequestRefused
from assay.wire.interface import Caller
from assay.wire.stream import DATA, END, FAILURE, HEAD, SEAL, FrameWriter
from assay.wire.stream_server import StreamedReply
from tests.unit.subnet.wire.test_stream import binding
from tests.unit.subnet.wire.world import (
    BOB,
    Count,
    Counted,
    HttpWorld,
    counting,
    request_bytes,
    signed,
)

PATIENT_S = 10.0
SEALED_WITHIN_S = 0.25
MIB = 2**20


def streamed(
    replies: AsyncIterator[bytes], clock: ManualClock, idle_s: float = 60
) -> StreamedReply:
    """The reply to a handler that yields payloads, and has a minute for all of them."""
    return StreamedReply(
        replies,
        FrameWriter(binding(), BOB.sign, frame_bytes_max=2**17, frames_max=2**20),
        headers=(),
        encode=bytes,
        explain=lambda error: RequestRefused(Code.HANDLER_FAILED, str(error)),
        clock=clock,
        budget_s=60,
        idle_s=idle_s,
        frames_max=2**20,
        on_close=lambda: None,
    )


def kinds(batch: bytes) -> bytes:
    """The kinds of the frames in ``batch``, a letter each."""
    found = b""
    while batch:
        kind, _, length = HEAD.unpack_from(batch)
        found += kind
        batch = batch[HEAD.size + length :]
    return found


async def batches(reply: StreamedReply) -> list[bytes]:
    """The kinds of frames in each batch of a whole stream."""
    await reply.begin()
    found = []
    while batch := await reply.read():
        found.append(kinds(batch))
    await reply.aclose()
    return found


@pytest.mark.parametrize("pace_s", [0.01, 0.1, 0.25, 5.0])
async def test_a_slow_handlers_frames_are_signed_within_250_ms(pace_s: float) -> None:
    """The seal is sent with the frame: no time passes between, however slow the next one is."""
    clock, asleep = ManualClock(), asyncio.Event()
    made_s: list[float] = []

    async def handler() -> AsyncIterator[bytes]:
        for _ in range(8):
            made_s.append(clock.monotonic())
            yield b"x"
            asleep.set()
            await clock.sleep(pace_s)

    reply = streamed(handler(), clock)
    await reply.begin()
    for number in range(8):
        batch = kinds(await asyncio.wait_for(reply.read(), PATIENT_S))
        assert batch == DATA + SEAL
        assert clock.monotonic() - made_s[number] <= SEALED_WITHIN_S
        await asyncio.wait_for(asleep.wait(), PATIENT_S)
        asleep.clear()
        clock.advance(pace_s)
    assert kinds(await asyncio.wait_for(reply.read(), PATIENT_S)) == END
    await reply.aclose()


async def test_no_frame_leaves_without_the_signature_over_it() -> None:
    """Whatever the handler's rhythm: each batch ends with a seal, or with the end."""
    clock = ManualClock()

    async def handler() -> AsyncIterator[bytes]:
        for number in range(500):
            if number % 7 == 0:
                await asyncio.sleep(0)
            if number % 90 == 0:
                clock.advance(0.006)
            yield bytes(number)

    found = await batches(streamed(handler(), clock))
    assert len(found) > 5
    assert b"".join(found).count(DATA) == 500
    assert all(batch.endswith(SEAL) for batch in found[:-1])
    assert found[-1].endswith(END)
    longest = max(map(len, b"".join(found).replace(END, SEAL).split(SEAL)))
    assert longest <= 64


async def test_a_short_stream_that_is_there_at_once_has_two_signatures() -> None:
    """One for what makes the first frame early, one for the rest: each costs as much as frames."""
    clock = ManualClock()

    async def handler() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x"

    found = await batches(streamed(handler(), clock))
    assert found == [40 * DATA + SEAL, 60 * DATA + END]


async def test_a_first_frame_that_took_long_leaves_at_once() -> None:
    """A model that computes each token in the loop must not keep the first for the second."""
    clock = ManualClock()

    async def handler() -> AsyncIterator[bytes]:
        for _ in range(3):
            clock.advance(0.02)
            yield b"x"

    found = await batches(streamed(handler(), clock))
    assert found[0] == DATA + SEAL


async def test_a_handler_waits_for_the_reader_that_never_reads() -> None:
    """Counted are the bytes that the handler made, with all that buffers of both kernels took."""
    made = 0

    async def handler(request: Count, _: Caller) -> AsyncIterator[Counted]:
        nonlocal made
        for number in range(request.to):
            made += request.bytes_each
            yield Counted(number=number, filling=bytes(request.bytes_each))

    axon = await HttpWorld().axon()
    axon.attach(counting(handler))
    await axon.start()
    for size in (1_000, 50_000, 120_000):
        made = 0
        request = signed(
            message=Count(to=10**9, bytes_each=size), target="/v1/count?budget_ms=60000"
        )
        with socket.create_connection(("127.0.0.1", axon.port)) as silent:
            silent.sendall(request_bytes(request))
            seen = -1
            while made != seen or not made:  # until nothing moves any more
                seen = made
                await asyncio.sleep(0.2)
            assert made <= MIB
    await axon.stop()


async def test_a_handlers_silence_counts_from_its_last_reply() -> None:
    """Not from when somebody next reads: a slow reader gives the handler no more time."""
    clock = ManualClock()

    async def handler() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    reply = streamed(handler(), clock, idle_s=10)
    await reply.begin()
    assert kinds(await reply.read()) == DATA + SEAL
    clock.advance(9.0)
    reading = asyncio.create_task(reply.read())
    for passed_s in (0.9, 0.2):
        for _ in range(50):
            await asyncio.sleep(0)
        assert not reading.done()
        clock.advance(passed_s)
    for _ in range(50):
        await asyncio.sleep(0)
    assert reading.done(), "ten seconds behind the reply"
    assert kinds(reading.result()) == FAILURE + END
    await reply.aclose()
