"""Places for connections: what a crowd of strangers, or one greedy caller, can hold of an axon."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator

import pytest

from assay.wire.axon import Axon
from assay.wire.connections import ConnectionTable
from assay.wire.errors import Code
from assay.wire.interface import Caller
from assay.wire.limits import Limits
from assay.wire.memory import RawReply, RawRequest
from tests.unit.subnet.wire.world import (
    BOB,
    Answered,
    HttpWorld,
    Question,
    http_send,
    read_reply,
    refusal_in,
    request_bytes,
    serving,
    signed,
    with_header,
)

WORLD = HttpWorld()
PATIENT_S = 5.0  # no wait in this file is longer

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(port: int, source: str) -> Streams:
    """A connection from one of the loopback's many addresses."""
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))


async def ask(streams: Streams, request: RawRequest) -> RawReply:
    reader, writer = streams
    writer.write(request_bytes(request))
    return await read_reply(reader)


@contextlib.asynccontextmanager
async def held(port: int, *sources: str) -> AsyncIterator[list[Streams]]:
    """Idle connections from each of these addresses, all of them accepted or cut."""
    streams = [await connect(port, source) for source in sources]
    try:
        yield streams
    finally:
        for _, writer in streams:
            writer.close()


async def is_cut(streams: Streams) -> bool:
    try:
        return await asyncio.wait_for(streams[0].read(1), 0.2) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


async def test_strangers_cannot_take_every_place() -> None:
    """Silence from many addresses: what is left is for those who have shown a signature."""
    async with serving(WORLD, limits=Limits(connections_max=8)) as axon:
        assert (await http_send(axon.port, signed())).status == 200  # proves 127.0.0.1
        crowd = [f"127.0.1.{n}" for n in range(1, 9)]
        async with held(axon.port, *crowd) as streams:
            cut = await asyncio.gather(*map(is_cut, streams))
            assert cut == [True] * 2 + [False] * 6, "the oldest give way to the newest"
            assert (await http_send(axon.port, signed())).status == 200


async def test_descriptors_are_left_for_the_rest_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An axon that used up the process's descriptors could not even save its nonces."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (140, 140))
    async with serving(WORLD) as axon:
        async with held(axon.port, *[f"127.0.2.{n}" for n in range(1, 13)]) as streams:
            cut = await asyncio.gather(*map(is_cut, streams))
        assert cut == [True] * 3 + [False] * 9  # three quarters of 140 - 128


async def test_a_process_without_a_limit_of_descriptors_has_all_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)  # -1
    async with serving(WORLD, limits=Limits(connections_max=8)) as axon:
        async with held(axon.port, *[f"127.0.3.{n}" for n in range(1, 9)]) as streams:
            cut = await asyncio.gather(*map(is_cut, streams))
        assert cut == [True] * 2 + [False] * 6


@pytest.mark.parametrize(
    "crowd",
    [
        [f"127.0.4.{n % 3 + 1}" for n in range(3 * 256)],
        [f"127.0.{4 + n // 250}.{n % 250 + 1}" for n in range(1_000)],
    ],
    ids=["3 addresses x 256", "1,000 addresses"],
)
async def test_validators_get_in_through_a_silent_crowd(crowd: list[str]) -> None:
    """Twenty validators that nobody has seen before, from an address each: all are answered."""
    limits = Limits(connections_max=256)  # a quarter of the default, for a test's descriptors
    async with serving(WORLD, limits=limits) as axon, contextlib.AsyncExitStack() as stack:
        for start in range(0, len(crowd), 100):
            await stack.enter_async_context(held(axon.port, *crowd[start : start + 100]))
        served = 0
        for n in range(20):
            streams = await connect(axon.port, f"127.0.9.{n + 1}")
            with contextlib.suppress(ConnectionError):
                served += (await ask(streams, signed())).status == 200
            streams[1].close()
    assert served == 20


async def test_a_crowd_that_is_proven_leaves_room_too() -> None:
    """Rivals whose signatures are good hold all places, idle: a validator gets one of theirs."""
    async with serving(WORLD, limits=Limits(connections_max=8)) as axon:
        rivals = [await connect(axon.port, f"127.0.10.{n % 2 + 1}") for n in range(2)]
        for streams in rivals:
            assert (await ask(streams, signed())).status == 200
        rivals += [await connect(axon.port, f"127.0.10.{n % 2 + 1}") for n in range(6)]
        validator = await connect(axon.port, "127.0.10.9")
        assert (await ask(validator, signed())).status == 200
        for _, writer in [*rivals, validator]:
            writer.close()


async def test_nobody_who_is_being_answered_gives_way() -> None:
    running, hold = asyncio.Semaphore(0), asyncio.Event()

    async def holds(question: Question, _: Caller) -> Answered:
        running.release()
        await hold.wait()
        return Answered(text=question.text)

    limits = Limits(connections_max=4, proven_s=1e-9)  # proven only for a moment
    async with serving(WORLD, holds, limits=limits) as axon:
        busy = [await connect(axon.port, f"127.0.11.{n}") for n in (1, 2, 3)]
        waiting = [asyncio.ensure_future(ask(streams, signed())) for streams in busy]
        for _ in waiting:
            await asyncio.wait_for(running.acquire(), PATIENT_S)
        async with held(axon.port, *[f"127.0.12.{n}" for n in range(1, 6)]) as streams:
            assert all(await asyncio.gather(*map(is_cut, streams)))
        hold.set()
        assert [reply.status for reply in await asyncio.gather(*waiting)] == [200] * 3
        for _, writer in busy:
            writer.close()


class Pretended:
    """A connection without a socket."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.is_serving = False
        self.dropped = False

    def drop(self) -> None:
        assert not self.dropped
        self.dropped = True


def test_in_a_crowd_a_source_pays_with_its_own() -> None:
    limits = Limits(connections_per_stranger_max=2, connections_per_source_max=5)
    table = ConnectionTable(limits, 8, lambda _: False)
    greedy = [Pretended("10.0.0.1") for _ in range(7)]
    assert [table.add(one) for one in greedy] == [True] * 5 + [False] * 2
    modest = [Pretended(f"10.0.0.{n}") for n in (2, 3)]
    assert all(table.add(one) for one in modest)
    assert [one.dropped for one in greedy[:5]] == [True] + [False] * 4, "six places are full"
    assert table.add(greedy[5])
    assert [one.dropped for one in (*greedy[:3], *modest)] == [True, True, False, False, False]
    assert len(table) == 6


def test_a_table_forgets_what_was_lost() -> None:
    table = ConnectionTable(Limits(), 8, lambda _: False)
    held_ = [Pretended(f"10.0.0.{n % 3}") for n in range(6)]
    for one in held_:
        assert table.add(one)
    for one in held_ * 2:
        table.remove(one)
    assert len(table) == 0
    assert not table._by_source


@pytest.mark.parametrize(
    "request_",
    [
        signed(target="/v1/nothing"),
        with_header(signed(), "X-Bittensor-Signature", None),
        signed(nonce_ns=1),
    ],
    ids=["path", "unsigned", "stale"],
)
async def test_a_refused_head_keeps_no_connection(request_: RawRequest) -> None:
    async with serving(WORLD) as axon:
        reader, writer = await connect(axon.port, "127.0.0.1")
        reply = await ask((reader, writer), request_)
        assert refusal_in(reply, request_)
        assert dict(reply.headers)[b"Connection"] == b"close"
        assert await asyncio.wait_for(reader.read(), PATIENT_S) == b""
        writer.close()


async def test_a_refusal_for_the_body_keeps_the_connection() -> None:
    """Who was let in and sent a wrong message is still known: the next request may follow."""
    async with serving(WORLD) as axon:
        streams = await connect(axon.port, "127.0.0.1")
        wrong = signed(body=b"\xc1")
        assert refusal_in(await ask(streams, wrong), wrong).code == Code.BAD_MESSAGE
        assert (await ask(streams, signed())).status == 200
        streams[1].close()


async def test_requests_sent_ahead_wait_unread() -> None:
    """Thirty requests of 400 KB behind one that runs: they stay in the sender's hands."""
    running = asyncio.Event()
    hold = asyncio.Event()

    async def holds(question: Question, _: Caller) -> Answered:
        running.set()
        await hold.wait()
        return Answered(text=str(question.number))

    async with serving(WORLD, holds) as axon:
        assert isinstance(axon, Axon)
        reader, writer = await connect(axon.port, "127.0.0.1")
        writer.write(request_bytes(signed(message=Question(number=0))))
        await asyncio.wait_for(running.wait(), PATIENT_S)
        ahead = [signed(message=Question(text="x" * 400_000, number=n)) for n in range(1, 31)]
        writer.write(b"".join(map(request_bytes, ahead)))
        await asyncio.sleep(0.3)  # a defenceless axon reads all of it in this time
        assert axon._http is not None
        (connection,) = axon._http.connections
        assert len(connection._messages) <= 1
        hold.set()
        replies = [await read_reply(reader) for _ in range(31)]
        assert [reply.body for reply in replies] == [
            b"\x81\xa4text" + bytes([0xA0 + len(str(n))]) + str(n).encode() for n in range(31)
        ]
        writer.close()


async def test_a_forgery_buys_no_signature_beyond_the_budget() -> None:
    limits = Limits(refusals_rate=0.001, refusals_burst=2)
    async with serving(WORLD, limits=limits) as axon:
        forged = with_header(signed(), "X-Bittensor-Signature", "0x" + "ab" * 64)
        for _ in range(2):
            assert (await http_send(axon.port, forged)).status == 401
        with pytest.raises(ConnectionError):
            await http_send(axon.port, forged)
        # Who pays with a good signature is told what is wrong, budget or not.
        wrong = signed(body=b"\xc1")
        reply = await http_send(axon.port, wrong)
        assert refusal_in(reply, wrong, BOB).code == Code.BAD_MESSAGE


# -- the table alone


class Place:
    """A connection that notes whether it was cut."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.is_serving = False
        self.dropped = False

    def drop(self) -> None:
        self.dropped = True


def full_of_proven(*sources: str) -> tuple[ConnectionTable, list[Place]]:
    table = ConnectionTable(Limits(), len(sources), lambda _: True)
    places = [Place(source) for source in sources]
    assert all(table.add(place) for place in places)
    return table, places


def test_the_greediest_gives_its_oldest_idle_place_to_a_newcomer() -> None:
    table, places = full_of_proven("10.0.0.9", "10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.5")
    places[1].is_serving = True
    assert table.add(Place("10.0.0.7"))
    assert [place.dropped for place in places] == [False, False, True, False, False]
    assert len(table) == 5


@pytest.mark.parametrize(("own", "gets_in"), [(0, True), (1, True), (2, False), (3, False)])
def test_who_has_nearly_as_many_as_the_greediest_gets_none_of_its(own: int, gets_in: bool) -> None:
    """Else two greedy sources would take places from each other for ever."""
    table, places = full_of_proven(*["10.0.0.1"] * 3, *["10.0.0.2"] * own)
    assert table.add(Place("10.0.0.2")) is gets_in
    assert [place.dropped for place in places] == [gets_in, *[False] * (2 + own)]


def test_a_greediest_that_is_busy_with_all_gives_none() -> None:
    table, places = full_of_proven(*["10.0.0.1"] * 3)
    for place in places:
        place.is_serving = True
    assert not table.add(Place("10.0.0.2"))
    assert len(table) == 3


def test_of_an_axon_without_places_nobody_gets_one() -> None:
    assert not ConnectionTable(Limits(), 0, lambda _: True).add(Place("10.0.0.1"))
