"""What every transport must do with a call that is answered by many replies."""

from __future__ import annotations

import asyncio
import contextlib
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from assay.clock import SystemClock
from assay.wire.errors import (
    CallError,
    Code,
    DeadlineExceeded,
    PeerBusy,
    PeerFailed,
    PeerRefused,
    ReplyForged,
    ReplyMalformed,
    RequestRefused,
    StreamCut,
)
from assay.wire.evidence import EvidenceInvalid, pack, unpack, verify
from assay.wire.interface import AnyAxon, AnyDendrite, Caller, Method, Peer
from assay.wire.limits import Limits
from assay.wire.stream import HEAD
from assay.wire.synapse import encode
from tests.conformance.wire.expect import peer_of
from tests.unit.subnet.wire.world import (
    ALICE,
    BOB,
    MALLORY,
    Answered,
    Count,
    Counted,
    Question,
    World,
    count,
    counting,
    echo,
    refusal_in,
    signed,
)

PATIENT_S = 10.0
MIB = 2**20


@contextlib.asynccontextmanager
async def served(
    world: World, handler: Any = count, *, method: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[tuple[AnyAxon, AnyDendrite, Peer]]:
    """Bob's axon with a stream, Alice's dendrite, and where to call."""
    axon, dendrite = await world.axon(**options), world.dendrite()
    axon.attach(counting(handler, **(method or {})))
    await axon.start()
    try:
        yield axon, dendrite, peer_of(axon.port)
    finally:
        await dendrite.close()
        await axon.stop()


async def numbers(
    dendrite: AnyDendrite, peer: Peer, request: Count | None = None, **times: float
) -> list[int]:
    """The numbers of a whole stream."""
    times.setdefault("deadline_s", PATIENT_S)
    async with dendrite.stream(peer, "count", request or Count(), Counted, **times) as replies:
        return [reply.number async for reply in replies]


# -- an honest stream


async def test_replies_come_in_order_and_end(world: World) -> None:
    seen: list[Caller] = []

    async def handler(request: Count, caller: Caller) -> AsyncIterator[Counted]:
        seen.append(caller)
        async for reply in count(request, caller):
            yield reply

    async with served(world, handler) as (_, dendrite, peer):
        request = Count(to=200)
        got, signed = [], []
        async with dendrite.stream(peer, "count", request, Counted, deadline_s=9) as replies:
            async for reply in replies:
                got.append(reply)
                if len(signed) < replies.frames:
                    signed += replies.signed
        with pytest.raises(StopAsyncIteration):
            await anext(replies)
    assert [reply.number for reply in got] == list(range(200))
    assert signed == [encode(reply) for reply in got]
    assert replies.frames == 200
    assert 0 < replies.latency_s < 9
    evidence = replies.evidence
    assert evidence is not None
    verify(evidence, request=encode(request), frames=[encode(reply) for reply in got])
    assert unpack(pack(evidence)) == evidence
    assert (evidence.caller, evidence.peer) == (ALICE.address, BOB.address)
    assert (evidence.word, evidence.frames) == ("whole", 200)
    assert evidence.request_hash == replies.request_hash == seen[0].request_hash
    assert 8 < seen[0].budget_s <= 9
    with pytest.raises(EvidenceInvalid, match="the frames are not those that were signed"):
        verify(evidence, frames=[encode(reply) for reply in got[:-1]])


async def test_a_stream_of_nothing_and_one_of_large_frames(world: World) -> None:
    async with served(world) as (_, dendrite, peer):
        assert await numbers(dendrite, peer, Count(to=0)) == []
        large = Count(to=40, bytes_each=100_000)
        assert await numbers(dendrite, peer, large) == list(range(40))


async def test_each_reply_is_there_before_the_next_is_made(world: World) -> None:
    """Signed for, too: nothing waits for a batch to fill."""
    turn = asyncio.Semaphore(1)

    async def handler(request: Count, _: Caller) -> AsyncIterator[Counted]:
        for number in range(request.to):
            await asyncio.wait_for(turn.acquire(), PATIENT_S)
            yield Counted(number=number)

    async with (
        served(world, handler) as (_, dendrite, peer),
        dendrite.stream(peer, "count", Count(to=5), Counted, deadline_s=9) as replies,
    ):
        async for reply in replies:
            assert replies.frames == reply.number + 1
            turn.release()
    assert replies.frames == 5


async def test_a_handler_that_never_waits_holds_up_nobody(world: World) -> None:
    """10,000 replies without one ``await``: another call is answered meanwhile."""
    made = 0

    async def handler(request: Count, _: Caller) -> AsyncIterator[Counted]:
        nonlocal made
        for number in range(request.to):
            made += 1
            yield Counted(number=number)

    async with (
        served(world, handler) as (_, dendrite, peer),
        dendrite.stream(peer, "count", Count(to=10_000), Counted, deadline_s=30) as replies,
    ):
        await anext(replies)
        assert made < 2_000
        assert await numbers(dendrite, peer, Count(to=1)) == [0]
        rest = [reply.number async for reply in replies]
    assert rest == list(range(1, 10_000))


async def test_streams_side_by_side(world: World) -> None:
    async with served(world) as (_, dendrite, peer):
        found = await asyncio.gather(
            *(numbers(dendrite, peer, Count(to=n, bytes_each=100)) for n in range(20))
        )
    assert found == [list(range(n)) for n in range(20)]


# -- refusals and failures


async def test_a_refusal_before_the_first_reply_is_an_ordinary_one(world: World) -> None:
    async def handler(request: Count, _: Caller) -> AsyncIterator[Counted]:
        if request.to == 1:
            raise RequestRefused("too easy")
        if request.to == 2:
            raise RequestRefused(Code.OVERLOADED, "full", retry_after_s=3)
        if request.to == 3:
            raise KeyError("secret")
        yield Counted(number=0)

    async with served(world, handler) as (axon, dendrite, peer):
        with pytest.raises(PeerRefused, match=r"refused_by_task.*too easy") as refused:
            await numbers(dendrite, peer, Count(to=1))
        with pytest.raises(PeerBusy) as busy:
            await numbers(dendrite, peer, Count(to=2))
        with pytest.raises(PeerFailed, match="the handler failed"):
            await numbers(dendrite, peer, Count(to=3))
        request = signed(target="/v1/count", message=Count(to=1))
        reply = await world.send(axon, request)
        assert refusal_in(reply, request).code == Code.REFUSED_BY_TASK
        assert await numbers(dendrite, peer) == [*range(1)]
    assert busy.value.retry_after_s == 3
    assert refused.value.evidence is not None
    verify(refused.value.evidence)
    assert refused.value.evidence.scope == "full"


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (RequestRefused("enough"), PeerRefused, Code.REFUSED_BY_TASK),
        (RequestRefused(Code.OVERLOADED, "later", retry_after_s=7), PeerBusy, Code.OVERLOADED),
        (ValueError("a secret"), PeerFailed, Code.HANDLER_FAILED),
        (TimeoutError("the handler's own"), PeerFailed, Code.HANDLER_FAILED),
    ],
)
async def test_a_failure_in_the_middle_is_signed_and_has_its_code(
    world: World, fault: Exception, kind: type[Any], code: Code
) -> None:
    async def handler(request: Count, caller: Caller) -> AsyncIterator[Counted]:
        async for reply in count(request, caller):
            yield reply
        raise fault

    async with (
        served(world, handler) as (_, dendrite, peer),
        dendrite.stream(peer, "count", Count(to=5), Counted, deadline_s=9) as replies,
    ):
        got = [await anext(replies) for _ in range(5)]
        with pytest.raises(kind) as caught:
            await anext(replies)
        with pytest.raises(StopAsyncIteration):
            await anext(replies)
    assert [reply.number for reply in got] == list(range(5))
    assert caught.value.code == code
    assert "secret" not in str(caught.value)
    assert caught.value.evidence == replies.evidence is not None
    whole = [*map(encode, got), replies.signed[-1]]
    verify(replies.evidence, frames=whole)
    assert (replies.evidence.word, replies.evidence.frames) == ("failed", 6)


async def awaiting_what_was_cancelled() -> None:
    helper = asyncio.ensure_future(asyncio.Event().wait())
    helper.cancel()
    await helper


async def cancelling_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


@pytest.mark.parametrize("fails", [awaiting_what_was_cancelled, cancelling_itself])
@pytest.mark.parametrize("made", [0, 2])
async def test_a_stream_that_a_stray_cancellation_ends_is_never_signed_as_whole(
    world: World, made: int, fails: Callable[[], Awaitable[None]]
) -> None:
    """Neither the caller nor the axon has ended it: what it lacks must show."""

    async def handler(request: Count, caller: Caller) -> AsyncIterator[Counted]:
        async for reply in count(request, caller):
            yield reply
        await fails()

    async with served(world, handler) as (_, dendrite, peer):
        with pytest.raises(PeerFailed) as caught:
            await numbers(dendrite, peer, Count(to=made))
    assert caught.value.code == Code.HANDLER_FAILED
    assert caught.value.evidence is not None
    assert caught.value.evidence.word == ("failed" if made else "")


async def test_a_reply_that_cannot_be_sent_ends_the_stream(world: World) -> None:
    async def handler(request: Count, _: Caller) -> AsyncIterator[Any]:
        yield Counted(number=1)
        if request.to == 1:
            yield Answered(text="another type")
        yield Counted(number=2, filling=bytes(request.bytes_each))

    async with served(world, handler, method={"reply_bytes_max": 2_000}) as (_, dendrite, peer):
        with pytest.raises(PeerFailed, match="another type"):
            await numbers(dendrite, peer, Count(to=1))
        with pytest.raises(PeerFailed, match="larger than replies may be"):
            await numbers(dendrite, peer, Count(to=2, bytes_each=2_000))
        assert await numbers(dendrite, peer, Count(to=2, bytes_each=1_000)) == [1, 2]


async def test_a_stream_has_so_many_frames_at_most(world: World) -> None:
    async with served(world, limits=Limits(frames_max=50)) as (_, dendrite, peer):
        assert await numbers(dendrite, peer, Count(to=50)) == list(range(50))
        with pytest.raises(PeerFailed, match="longer than streams may be"):
            await numbers(dendrite, peer, Count(to=51))


async def test_one_reply_and_a_stream_are_told_apart(world: World) -> None:
    async with served(world) as (axon, dendrite, peer):
        axon.attach(Method("echo", Question, Answered, echo))
        with pytest.raises(ReplyMalformed, match=r"with a stream. Call it with stream\(\)"):
            await dendrite.call(peer, "count", Count(to=10**6), Counted, deadline_s=9)
        with pytest.raises(ReplyMalformed, match=r"with one reply. Call it with call\(\)"):
            async with dendrite.stream(peer, "echo", Question(), Answered, deadline_s=9):
                pytest.fail("there is no stream")


async def test_another_message_than_expected(world: World) -> None:
    async with (
        served(world) as (_, dendrite, peer),
        dendrite.stream(peer, "count", Count(), Answered, deadline_s=9) as replies,
    ):
        with pytest.raises(ReplyMalformed, match="streamed no Answered"):
            await anext(replies)


# -- cut, changed, and not the peer's


def frames_in(body: bytes) -> list[bytes]:
    """The frames of a stream's body, but for the seals on the way: the end covers all."""
    found = []
    while body:
        kind, _, length = HEAD.unpack_from(body)
        if kind != b"s":
            found.append(body[: HEAD.size + length])
        body = body[HEAD.size + length :]
    return found


@pytest.mark.parametrize("properly", [True, False], ids=["ended", "reset"])
async def test_cut_at_each_of_100_points_is_told_as_cut(world: World, properly: bool) -> None:
    lengths: list[int] = []
    points = iter(range(100))

    def cut(body: bytes) -> tuple[bytes, bool]:
        lengths.append(len(body))
        return body[: len(body) * next(points) // 100], properly

    told = 0
    async with served(world) as (axon, dendrite, _), world.altering(axon, cut) as peer:
        for _ in range(100):
            with pytest.raises(StreamCut, match=r"broke a stream off after \d+ signed frames"):
                await numbers(dendrite, peer, Count(to=90, bytes_each=30))
            told += 1
    assert told == 100
    assert min(lengths) > 3_000


async def test_what_was_signed_before_the_cut_is_kept_with_its_evidence(world: World) -> None:
    def cut(body: bytes) -> tuple[bytes, bool]:
        return body[:-80], False

    async with (
        served(world) as (axon, dendrite, _),
        world.altering(axon, cut) as peer,
        dendrite.stream(peer, "count", Count(to=190), Counted, deadline_s=9) as replies,
    ):
        got: list[Counted] = []

        async def collect() -> None:
            async for reply in replies:
                got.append(reply)

        with pytest.raises(StreamCut) as caught:
            await collect()
        assert caught.value.latency_s == replies.latency_s
    assert 190 - 64 <= len(got) == replies.frames < 190, "signed at least every 64 frames"
    assert replies.evidence is not None
    assert replies.evidence.word == "part"
    verify(replies.evidence, frames=[encode(reply) for reply in got])


OVERSIZED = HEAD.pack(b"d", 3, 2**17 + 1)


@pytest.mark.parametrize(
    ("alter", "error", "said"),
    [
        (lambda f: [f[1], f[0], *f[2:]], ReplyMalformed, "frame 2 came where frame 1 is missing"),
        (lambda f: [f[0], f[0], *f[1:]], ReplyMalformed, "frame 1 came twice"),
        (lambda f: [f[0], *f[2:]], ReplyMalformed, "frame 3 came where frame 2 is missing"),
        (lambda f: [f[0], f[1], OVERSIZED, *f[2:]], ReplyMalformed, "more than 131072 bytes"),
        (lambda f: [f[0], HEAD.pack(b"d", 2, 1) + b"x", *f[2:]], ReplyForged, "does not hold"),
        (lambda f: [*f, f[0]], ReplyMalformed, "more came after the end"),
        (lambda f: [b"HTTP/1.1 200 OK"], ReplyMalformed, "unknown kind"),
        (lambda f: f[:-1], StreamCut, "broke a stream off"),
        (lambda f: [*f[:-1], f[-1][:9] + MALLORY.sign(b"x")], ReplyForged, "does not hold"),
    ],
    ids=["reordered", "repeated", "dropped", "oversized", "foreign", "after the end", "rubbish",
         "no end", "another's end"],
)  # fmt: skip
async def test_each_damage_is_one_clear_error(
    world: World, alter: Any, error: type[CallError], said: str
) -> None:
    def change(body: bytes) -> tuple[bytes, bool]:
        return b"".join(alter(frames_in(body))), True

    async with served(world) as (axon, dendrite, _), world.altering(axon, change) as peer:
        with pytest.raises(error, match=said) as caught:
            await numbers(dendrite, peer, Count(to=5))
    assert type(caught.value) is error
    assert caught.value.latency_s is not None
    assert caught.value.peer == BOB.address


async def test_a_stream_of_somebody_else(world: World) -> None:
    async with served(world) as (axon, dendrite, _):
        peer = peer_of(axon.port, MALLORY.address)
        with pytest.raises(CallError):
            await numbers(dendrite, peer)


# -- time


async def test_the_callers_leaving_reaches_the_handler_within_50_ms(world: World) -> None:
    clock, ended = SystemClock(), asyncio.Event()
    ended_s = 0.0

    async def handler(_: Count, __: Caller) -> AsyncIterator[Counted]:
        nonlocal ended_s
        try:
            yield Counted(number=0)
            await asyncio.Event().wait()
        finally:
            ended_s = clock.monotonic()
            ended.set()

    async with served(world, handler) as (_, dendrite, peer):
        took = []
        for _ in range(5):
            ended.clear()
            async with dendrite.stream(peer, "count", Count(), Counted, deadline_s=60) as replies:
                await anext(replies)
                left_s = clock.monotonic()
            await asyncio.wait_for(ended.wait(), PATIENT_S)
            took.append(ended_s - left_s)
    assert sorted(took)[2] <= 0.05


async def test_leaving_while_the_handler_waits_for_its_reader(world: World) -> None:
    ended = asyncio.Event()

    async def handler(request: Count, caller: Caller) -> AsyncIterator[Counted]:
        try:
            async for reply in count(request, caller):
                yield reply
        finally:
            ended.set()

    async with served(world, handler) as (_, dendrite, peer):
        endless = Count(to=10**9, bytes_each=10_000)
        async with dendrite.stream(peer, "count", endless, Counted, deadline_s=60) as replies:
            await anext(replies)
        await asyncio.wait_for(ended.wait(), PATIENT_S)
        assert await numbers(dendrite, peer) == list(range(10)), "its place is free again"


async def test_a_cancelled_caller_ends_the_handler(world: World) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def handler(_: Count, __: Caller) -> AsyncIterator[Counted]:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        yield Counted(number=0)

    async with served(world, handler) as (_, dendrite, peer):
        calling = asyncio.ensure_future(numbers(dendrite, peer))
        await asyncio.wait_for(started.wait(), PATIENT_S)
        calling.cancel()
        await asyncio.wait_for(ended.wait(), PATIENT_S)
        with pytest.raises(asyncio.CancelledError):
            await calling


async def test_a_slow_reader_costs_a_mebibyte_at_most(world: World) -> None:
    """Both sides live in this process: together they may hold 2 MiB of 500 that are there to send.

    And all buffers on the way, the kernel's among them, 1 MiB: counted is what the handler made.
    """
    made = 0
    size = 50_000

    async def handler(request: Count, _: Caller) -> AsyncIterator[Counted]:
        nonlocal made
        for number in range(request.to):
            made += 1
            yield Counted(number=number, filling=bytes(size))

    async with served(world, handler) as (_, dendrite, peer):
        await numbers(dendrite, peer, Count(to=20))  # what is made once is made
        made = 0
        request = Count(to=10_000)
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            async with dendrite.stream(peer, "count", request, Counted, deadline_s=60) as replies:
                await anext(replies)
                seen = 0
                while made != seen:  # until nothing moves any more
                    seen = made
                    await asyncio.sleep(0.2)
                after, _ = tracemalloc.get_traced_memory()
                assert after - before <= 2 * MIB
                assert (made - 1) * size <= MIB
                taken = 1
                while taken < 400:
                    await anext(replies)
                    taken += 1
                while made != seen:
                    seen = made
                    await asyncio.sleep(0.2)
                assert (made - taken) * size <= MIB, "also behind a reader that was fast before"
        finally:
            tracemalloc.stop()


async def test_silence_ends_a_stream_on_the_callers_side(world: World) -> None:
    async def handler(_: Count, __: Caller) -> AsyncIterator[Counted]:
        yield Counted(number=0)
        await asyncio.Event().wait()

    limits = Limits(stream_idle_s_max=60)
    async with served(world, handler, limits=limits) as (_, dendrite, peer):
        with pytest.raises((DeadlineExceeded, PeerFailed), match=r"0.1 s"):
            await numbers(dendrite, peer, deadline_s=60, idle_s=0.1)


async def test_silence_ends_a_stream_on_the_axons_side(world: World) -> None:
    """Signed, so that the caller knows that it was the handler that went silent."""

    async def handler(_: Count, __: Caller) -> AsyncIterator[Counted]:
        yield Counted(number=0)
        await asyncio.Event().wait()

    limits = Limits(stream_idle_s_max=0.1)
    async with served(world, handler, limits=limits) as (_, dendrite, peer):
        with pytest.raises(DeadlineExceeded, match=r"out_of_time.*no reply came for 0.1 s"):
            await numbers(dendrite, peer, deadline_s=60, idle_s=50)


@pytest.mark.parametrize("idle_s", [50.0, 0.2])
async def test_a_stream_that_never_falls_silent_ends_with_its_budget(
    world: World, idle_s: float
) -> None:
    async def handler(_: Count, __: Caller) -> AsyncIterator[Counted]:
        while True:
            yield Counted(number=0)
            await asyncio.sleep(0.01)

    async with served(world, handler, method={"budget_s_max": 0.3}) as (_, dendrite, peer):
        with pytest.raises(DeadlineExceeded, match="out_of_time"):
            await numbers(dendrite, peer, deadline_s=60, idle_s=idle_s)
    async with served(world, handler) as (_, dendrite, peer):
        with pytest.raises(DeadlineExceeded, match=r"0\.3 s|out_of_time"):
            await numbers(dendrite, peer, deadline_s=0.3, idle_s=idle_s)


async def test_stopping_an_axon_ends_its_streams_with_a_signed_word(world: World) -> None:
    ended = asyncio.Event()

    async def handler(_: Count, __: Caller) -> AsyncIterator[Counted]:
        try:
            yield Counted(number=0)
            await asyncio.Event().wait()
        finally:
            ended.set()

    limits = Limits(drain_s_max=0.1)
    async with served(world, handler, limits=limits) as (axon, dendrite, peer):
        async with dendrite.stream(peer, "count", Count(), Counted, deadline_s=60) as replies:
            await anext(replies)
            stopping = asyncio.ensure_future(axon.stop())
            with pytest.raises(PeerBusy) as caught:
                await asyncio.wait_for(anext(replies), PATIENT_S)
            assert caught.value.code == Code.DRAINING
        await asyncio.wait_for(stopping, PATIENT_S)
        await asyncio.wait_for(ended.wait(), PATIENT_S)
