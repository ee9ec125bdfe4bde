"""The axon's socket: what only a network can do to a server."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import AsyncIterator

import msgspec
import pytest
import uvloop
from bittensor import http_auth
from bittensor.sp_core import Keypair

from assay.wire.axon import Axon
from assay.wire.errors import Code
from assay.wire.interface import Caller, Peer
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


async def say(port: int, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send the pieces, then read until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        return await asyncio.wait_for(reader.read(), PATIENT_S)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(WORLD, limits=Limits(head_s_max=0.2, body_s_max=0.2)) as axon:
        yield axon.port
        # Whatever the test did to it, the axon serves on.
        assert (await http_send(axon.port, signed())).status == 200


# -- garbage


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
        b"\x00" * 1_000,
        b"GET\r\n\r\n",
        b"POST /v1/echo HTTP/9.9\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /v1/echo HTTP/1.1\r\nNo colon\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=["tls", "zeros", "no target", "version", "negative", "two lengths", "no colon",
         "smuggling", "h2"],
)  # fmt: skip
async def test_garbage_bytes(port: int, garbage: bytes) -> None:
    """Not HTTP: a plain 400 (no request that a signature could name), then the end."""
    answer = await say(port, garbage)
    assert answer == b"" or answer.split()[1] == b"400"
    assert b"X-Assay-Signature" not in answer


async def test_a_head_that_is_too_long(port: int) -> None:
    long = b"POST /v1/echo HTTP/1.1\r\nX-Long: " + b"a" * 10_000 + b"\r\n\r\n"
    assert (await say(port, long)).split()[1] == b"400"


async def test_too_many_headers(port: int) -> None:
    many = b"".join(b"X-%d: y\r\n" % n for n in range(100))
    assert (await say(port, b"POST / HTTP/1.1\r\n" + many + b"\r\n")).split()[1] == b"400"


async def test_a_broken_chunk(port: int) -> None:
    head = _chunked_head(signed())
    answer = await say(port, head + b"zz\r\nhello\r\n0\r\n\r\n")
    assert b" 200 " not in answer.split(b"\r\n")[0]


async def test_an_upgrade_is_refused_and_the_connection_closed(port: int) -> None:
    request = with_header(with_header(signed(), "Connection", "Upgrade"), "Upgrade", "websocket")
    answer = await say(port, request_bytes(request))
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"X-Assay-Signature" in answer


async def test_half_closed_in_the_middle_of_a_body(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes(signed())[:-5])
    writer.write_eof()
    assert b" 200 " not in await asyncio.wait_for(reader.read(), PATIENT_S)
    writer.close()


# -- size


def _chunked_head(request: object) -> bytes:
    whole = request_bytes(request)  # type: ignore[arg-type]
    head = whole[: whole.index(b"\r\n\r\n")]
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    return b"\r\n".join([*lines, b"Transfer-Encoding: chunked"]) + b"\r\n\r\n"


async def test_a_chunked_body_within_the_limit_is_served(port: int) -> None:
    request = signed()
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(request.body), request.body)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_chunked_head(request) + body)
    assert (await read_reply(reader)).status == 200
    writer.close()


async def test_oversized_without_a_length_is_stopped_while_streaming() -> None:
    async with serving(WORLD, limits=Limits(request_bytes_max=100_000)) as axon:
        request = signed()
        reader, writer = await asyncio.open_connection("127.0.0.1", axon.port)
        writer.write(_chunked_head(request))
        chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"

        async def flood() -> None:
            with contextlib.suppress(ConnectionError):
                while True:
                    writer.write(chunk)
                    await writer.drain()
                    await asyncio.sleep(0)

        flooding = asyncio.ensure_future(flood())
        reply = await read_reply(reader)
        assert refusal_in(reply, request).code == Code.TOO_LARGE
        await asyncio.wait_for(flooding, PATIENT_S)  # the connection is closed on it
        writer.close()
        assert (await http_send(axon.port, signed())).status == 200


async def test_a_length_beyond_the_limit_is_refused_before_the_body(port: int) -> None:
    head = request_bytes(signed()).split(b"\r\n\r\n")[0]
    head = head[: head.index(b"Content-Length")] + b"Content-Length: 999999999"
    answer = await say(port, head + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"Connection: close" in answer


async def test_bodies_in_flight_are_bounded_over_all_connections() -> None:
    large = Question(text="x" * 100_000)
    limits = Limits(bodies_bytes_max=len(signed(message=large).body))
    held, hold = asyncio.Event(), asyncio.Event()

    async def holds(question: Question, _: Caller) -> Answered:
        if question.number:
            return Answered(text="at once")
        held.set()
        await hold.wait()
        return Answered(text="")

    async with serving(WORLD, holds, limits=limits) as axon:
        big = [signed(message=large) for _ in range(2)]
        first = asyncio.ensure_future(http_send(axon.port, big[0]))
        await asyncio.wait_for(held.wait(), PATIENT_S)
        reply = await http_send(axon.port, big[1])
        assert refusal_in(reply, big[1]).code == Code.OVERLOADED
        # Not a byte is left, and a body within its share is taken all the same.
        assert (await http_send(axon.port, signed(message=Question(number=1)))).status == 200
        hold.set()
        assert (await first).status == 200
        assert (await http_send(axon.port, signed(message=large))).status == 200
        assert isinstance(axon, Axon)
        assert axon._bodies_bytes == 0


# -- slow


async def test_slow_head(port: int) -> None:
    """One byte at a time: cut, unanswered, after ``head_s_max``, long before the head is whole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answering = asyncio.ensure_future(reader.read())
    sent = 0
    with contextlib.suppress(ConnectionError):
        for byte in request_bytes(signed())[:100]:
            writer.write(bytes([byte]))
            await writer.drain()
            sent += 1
            await asyncio.wait([answering], timeout=0.02)
            if answering.done():
                break
    answer = b""
    with contextlib.suppress(ConnectionError):
        answer = await asyncio.wait_for(answering, PATIENT_S)
    assert answer == b""
    assert sent < 100, "cut while the head was on its way"
    writer.close()


# -- Expect


def expecting(expectation: str, request: RawRequest) -> tuple[bytes, bytes]:
    """A request's head that expects something, and its body."""
    whole = request_bytes(with_header(request, "Expect", expectation))
    head, _, body = whole.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body


@pytest.mark.parametrize("word", ["100-continue", "100-Continue"])
async def test_a_body_is_invited_once_its_head_was_let_in(port: int, word: str) -> None:
    """curl sends this before each body of a mebibyte, and waits for a second."""
    head, body = expecting(word, signed(message=Question(text="x" * 1_100_000)))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    invited = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENT_S)
    assert invited == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await read_reply(reader)).status == 200
    writer.write(request_bytes(signed()))
    assert (await read_reply(reader)).status == 200, "and the connection serves on"
    writer.close()


async def test_a_body_that_is_not_wanted_is_not_invited(port: int) -> None:
    request = with_header(signed(nonce_ns=1), "Expect", "100-continue")
    head, _ = expecting("100-continue", request)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    reply = await read_reply(reader)
    assert refusal_in(reply, request).code == Code.STALE
    writer.close()


async def test_a_body_that_is_there_already_needs_no_invitation(port: int) -> None:
    head, body = expecting("100-continue", signed())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + body)
    assert (await read_reply(reader)).status == 200
    writer.close()


async def test_another_expectation_is_refused(port: int) -> None:
    head, _ = expecting("a-miracle", signed())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    assert (await read_reply(reader)).status == 417
    writer.close()


async def test_a_body_may_take_longer_than_its_nonce_stays_fresh() -> None:
    """Freshness is the head's: whoever sends four megabytes slowly has no wrong clock."""
    limits = Limits(max_age_s=0.3, body_s_max=5)
    async with serving(WORLD, limits=limits) as axon:
        whole = request_bytes(signed(nonce_ns=time.time_ns()))
        reader, writer = await asyncio.open_connection("127.0.0.1", axon.port)
        writer.write(whole[:-4])
        await writer.drain()
        await asyncio.sleep(0.6)
        writer.write(whole[-4:])
        assert (await read_reply(reader)).status == 200
        writer.close()
        stale = signed(nonce_ns=time.time_ns() - 400_000_000)
        assert refusal_in(await http_send(axon.port, stale), stale).code == Code.STALE


async def test_slow_body(port: int) -> None:
    request = signed()
    whole = request_bytes(request)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(whole[:-4])
    reply = await read_reply(reader)
    writer.close()
    assert reply.status == 408
    assert refusal_in(reply, request).code == Code.TOO_SLOW


async def test_a_caller_that_does_not_read_its_reply_is_cut() -> None:
    async with serving(WORLD, limits=Limits(reply_s_max=0.2)) as axon:
        reader, writer = await asyncio.open_connection("127.0.0.1", axon.port)
        transport = writer.transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # More than what the kernel buffers on both sides of a connection.
        for _ in range(8):
            writer.write(request_bytes(signed(message=Question(text="x" * 2_000_000))))
        transport.pause_reading()
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(writer.drain(), PATIENT_S)
        await asyncio.sleep(0.5)
        transport.resume_reading()
        received = b""
        with contextlib.suppress(ConnectionError):
            received = await asyncio.wait_for(reader.read(), PATIENT_S)
        assert len(received) < 8 * 2_000_000, "kept for a reader that did not come"
        writer.close()
        assert (await http_send(axon.port, signed())).status == 200


async def test_a_large_reply_waits_in_pieces_for_a_slow_reader() -> None:
    """As a whole a copy of it, with the head before it, would wait beside the reply itself."""

    async def large(_: Question, __: Caller) -> Answered:
        return Answered(text="x" * 12_000_000)  # more than the kernel keeps for a connection

    async with serving(WORLD, large) as axon:
        assert isinstance(axon, Axon) and axon._http is not None
        client = socket.create_connection(("127.0.0.1", axon.port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(request_bytes(signed()))
        unsent: list[int] = []
        async with asyncio.timeout(PATIENT_S):
            while len(unsent) < 5 or not any(unsent) or unsent[-1] != unsent[-2]:
                await asyncio.sleep(0.02)
                (connection,) = axon._http.connections
                assert connection.transport is not None
                unsent.append(connection.transport.get_write_buffer_size())  # type: ignore[attr-defined]
        assert 0 < max(unsent) <= 2**19
        client.close()


async def test_a_connection_that_was_silent_from_the_start_is_closed_like_a_slow_head() -> None:
    async with serving(WORLD, limits=Limits(head_s_max=0.2)) as axon:
        assert await say(axon.port) == b""


async def test_a_connection_that_fell_silent_is_closed() -> None:
    async with serving(WORLD, limits=Limits(idle_s_max=0.2, head_s_max=60)) as axon:
        reader, writer = await asyncio.open_connection("127.0.0.1", axon.port)
        writer.write(request_bytes(signed()))
        assert (await read_reply(reader)).status == 200
        assert await asyncio.wait_for(reader.read(), PATIENT_S) == b""
        writer.close()


# -- connections


async def test_connections_are_reused(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(request_bytes(signed()))
        assert (await read_reply(reader)).status == 200
    writer.close()


async def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    requests = [signed(message=Question(text=str(n))) for n in range(5)]
    writer.write(b"".join(map(request_bytes, requests)))
    for n in range(5):
        reply = await read_reply(reader)
        assert msgspec.msgpack.decode(reply.body) == {"text": str(n)}
    writer.close()


async def test_connections_per_source_are_bounded() -> None:
    async with serving(WORLD, limits=Limits(connections_per_source_max=3)) as axon:
        held = [await asyncio.open_connection("127.0.0.1", axon.port) for _ in range(3)]
        # The kernel hands connections over in order: when the fourth is cut, three are counted.
        with pytest.raises(ConnectionError):
            await http_send(axon.port, signed())
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        async with asyncio.timeout(PATIENT_S):
            while True:  # until the axon, too, has seen them closed
                with contextlib.suppress(ConnectionError):
                    if (await http_send(axon.port, signed())).status == 200:
                        break


async def test_a_caller_that_hangs_up_stops_the_work() -> None:
    running, stopped = asyncio.Event(), asyncio.Event()

    async def forever(question: Question, _: Caller) -> Answered:
        running.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()
        return Answered(text="")

    async with serving(WORLD, forever) as axon:
        _, writer = await asyncio.open_connection("127.0.0.1", axon.port)
        writer.write(request_bytes(signed(target="/v1/echo?budget_ms=60000")))
        await asyncio.wait_for(running.wait(), PATIENT_S)
        writer.close()
        await asyncio.wait_for(stopped.wait(), PATIENT_S)  # long before its budget ends


async def test_no_header_changes_the_source(port: int) -> None:
    limits = Limits(source_rate=0.001, source_burst=2)
    from assay.wire.admission import Admission

    async with serving(WORLD, limits=limits, admission=Admission(limits=limits)) as axon:
        replies: list[RawReply] = []
        for n in range(3):
            request = with_header(signed(), "X-Forwarded-For", f"10.0.0.{n}")
            replies.append(await http_send(axon.port, request))
    assert [reply.status for reply in replies] == [200, 200, 429]


# -- foreign clients


async def test_a_client_with_the_sdks_signing_is_served(port: int) -> None:
    """Nothing of ours but the address: the SDK's headers on a plain HTTP client."""
    import aiohttp

    body = msgspec.msgpack.encode({"text": "from abroad"})
    headers = http_auth.sign(
        Keypair.create_from_seed(b"\x01" * 32),
        method="POST",
        path="/v1/echo",
        body=body,
        receiver_ss58=BOB.address,
    )
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"http://127.0.0.1:{port}/v1/echo",
            data=body,
            headers=headers | {"Content-Type": "application/msgpack"},
        ) as response,
    ):
        assert response.status == 200
        assert msgspec.msgpack.decode(await response.read()) == {"text": "from abroad"}


def _of_the_sdk(number: int) -> RawRequest:
    """A request signed by nothing but the SDK's own code, a millisecond after the one before."""
    request = signed(message=Question(text=str(number)))
    headers = http_auth.sign(
        Keypair.create_from_seed(b"\x01" * 32),
        method=request.method,
        path=request.target,
        body=request.body,
        receiver_ss58=BOB.address,
        nonce_ns=time.time_ns() + 500_000_000 + number * 1_000_000,
    )
    for name, value in headers.items():
        request = with_header(request, name, value)
    return request


async def test_64_shuffled_concurrent_requests_of_the_sdk(port: int) -> None:
    requests = [_of_the_sdk(n) for n in range(64)]
    random.Random(5).shuffle(requests)
    replies = await asyncio.gather(*(http_send(port, r) for r in requests))
    assert {reply.status for reply in replies} == {200}


def test_a_peer_is_a_value() -> None:
    assert Peer(BOB.address, "h", 1) == Peer(BOB.address, "h", 1)


def test_a_connection_without_a_place_is_cut_on_the_loop_that_commands_use() -> None:
    """uvloop's connections are not asyncio's own classes."""

    async def refused() -> bytes:
        limits = Limits(connections_per_source_max=1)
        async with serving(WORLD, limits=limits) as axon:
            _, held = await asyncio.open_connection("127.0.0.1", axon.port)
            try:
                return await say(axon.port, b"")
            finally:
                held.close()

    assert uvloop.run(refused()) == b""
