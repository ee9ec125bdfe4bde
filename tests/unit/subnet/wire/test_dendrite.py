"""The dendrite's socket: what a hostile or broken server can do to a client."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from bittensor import http_auth

from assay.wire.dendrite import Dendrite
from assay.wire.errors import (
    CallError,
    DeadlineExceeded,
    PeerUnreachable,
    ReplyInvalid,
    ReplyMalformed,
    ReplyUnsigned,
)
from assay.wire.interface import Peer
from assay.wire.limits import Limits
from tests.unit.subnet.wire.world import ALICE, BOB, Answered, HttpWorld, Question, serving

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def server(behave: Behaviour) -> AsyncIterator[Peer]:
    """A server that reads one request and then does as told."""

    meetings: set[asyncio.Task[None]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        meetings.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await behave(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            meetings.discard(task)

    listener = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield Peer(BOB.address, "127.0.0.1", listener.sockets[0].getsockname()[1])
    finally:
        listener.close()
        for meeting in meetings:
            meeting.cancel()
        await asyncio.gather(*meetings)


async def ask(peer: Peer, *, deadline_s: float = 5.0, limits: Limits | None = None) -> None:
    dendrite = Dendrite(ALICE, limits=limits or Limits())
    try:
        await dendrite.call(peer, "echo", Question(), Answered, deadline_s=deadline_s)
    finally:
        await dendrite.close()


def says(answer: bytes) -> Behaviour:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return behave


async def test_nobody_listens() -> None:
    async with server(says(b"")) as peer:
        pass
    with pytest.raises(PeerUnreachable):
        await ask(peer)


@pytest.mark.parametrize(
    "answer",
    [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
     b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 20_000 + b"\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ids=["hangs up", "garbage", "short", "long header", "broken chunk"],
)  # fmt: skip
async def test_broken_http(answer: bytes) -> None:
    async with server(says(answer)) as peer:
        with pytest.raises((PeerUnreachable, ReplyInvalid)):
            await ask(peer)


async def test_plain_web_server() -> None:
    async with server(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")) as peer:
        with pytest.raises(ReplyUnsigned):
            await ask(peer)


async def test_redirect_is_not_followed() -> None:
    visited = []

    async def elsewhere(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        visited.append(True)

    async with server(elsewhere) as other:
        location = f"http://127.0.0.1:{other.port}/".encode()
        redirect = b"HTTP/1.1 307 No\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
        async with server(says(redirect)) as peer:
            with pytest.raises(ReplyUnsigned):
                await ask(peer)
    assert not visited


async def test_large_replies_at_once_are_bounded_and_small_ones_still_read() -> None:
    """Three peers drip what together is too much; a fourth answers within its share, in pieces."""
    hold = asyncio.Event()

    async def modest(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n")
        for _ in range(9):
            writer.write(b"x" * 10_000)
            await writer.drain()
            await asyncio.sleep(0.01)

    async def greedy(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + b"x" * 480_000)
        await writer.drain()
        await hold.wait()

    limits = Limits(replies_bytes_max=1_000_000, pool_max=10)  # a share of 100,000
    dendrite = Dendrite(ALICE, limits=limits)

    async def call(peer: Peer) -> str:
        with pytest.raises(CallError) as caught:
            await dendrite.call(peer, "echo", Question(), Answered, deadline_s=5)
        return type(caught.value).__name__

    async with server(greedy) as hostile, server(modest) as other:
        calls = [asyncio.ensure_future(call(hostile)) for _ in range(3)]
        done, _ = await asyncio.wait(calls, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result() for task in done] == ["ReplyMalformed"]
        assert await call(other) == "ReplyUnsigned", "it was read, and only then judged"
        hold.set()
        await asyncio.gather(*calls)
    await dendrite.close()
    assert dendrite._replies_bytes == 0


async def test_no_connection_in_time_is_not_a_missed_deadline() -> None:
    """A full backlog swallows what knocks: the peer is not reached, long before the deadline."""
    with socket.socket() as listener, contextlib.ExitStack() as crowd:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            filler = crowd.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        with pytest.raises(PeerUnreachable, match="no connection in time"):
            await ask(
                Peer(BOB.address, "127.0.0.1", port),
                deadline_s=30,
                limits=Limits(connect_s_max=0.2),
            )


async def test_cookies_are_not_kept() -> None:
    heads: list[bytes] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nConnection: close\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(meet, "127.0.0.1", 0)
    peer = Peer(BOB.address, "127.0.0.1", listener.sockets[0].getsockname()[1])
    dendrite = Dendrite(ALICE)
    for _ in range(2):
        with pytest.raises(ReplyInvalid):
            await dendrite.call(peer, "echo", Question(), Answered, deadline_s=5)
    await dendrite.close()
    listener.close()
    assert len(heads) == 2
    assert not any(b"cookie" in head.lower() for head in heads)
    assert not any(b"accept-encoding" in head.lower() for head in heads)


async def test_oversized_reply_is_stopped_while_streaming() -> None:
    sent = 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while sent < 100_000_000:
            writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            await writer.drain()
            sent += 65_536

    async with server(flood) as peer:
        with pytest.raises(ReplyMalformed, match="more than 100000 bytes"):
            await ask(peer, limits=Limits(reply_bytes_max=100_000))
    assert sent < 20_000_000


async def test_compressed_bomb_in_a_reply_is_not_unpacked() -> None:
    import gzip

    bomb = gzip.compress(b"\0" * 10_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with server(says(head + bomb)) as peer:
        with pytest.raises(ReplyUnsigned):  # read as it is, 10 KB, and not signed
            await ask(peer, limits=Limits(reply_bytes_max=100_000))


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    ],
    ids=["interim replies", "chunks of one byte"],
)
async def test_a_reply_that_is_mostly_overhead_is_cut_off(head: bytes, more: bytes) -> None:
    """Some megabytes a second of it would hold up all other calls, for as long as a call may take;
    two dozen peers together, for longer than any waits."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(more * 1_000)
            await writer.drain()
            await asyncio.sleep(0)

    async with server(behave) as peer:
        with pytest.raises(PeerUnreachable):
            await ask(peer, deadline_s=2)


async def test_what_comes_unasked_ends_an_idle_connection() -> None:
    """It would be parsed and kept for as long as the connection is: a gigabyte in some seconds."""
    ended = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await writer.drain()
        await asyncio.sleep(0.05)
        try:
            while True:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
                await writer.drain()
                await asyncio.sleep(0)
        finally:
            ended.set()

    async with server(behave) as peer:
        dendrite = Dendrite(ALICE)
        try:
            with pytest.raises(ReplyUnsigned):
                await dendrite.call(peer, "echo", Question(), Answered, deadline_s=5)
            await asyncio.wait_for(ended.wait(), 5)
        finally:
            await dendrite.close()


async def test_what_comes_after_a_large_body_is_not_taken_for_a_reply() -> None:
    """A body whose length was announced is read in large pieces: what follows it is not in them."""
    more = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" * 5_000
    ended = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000 + more)
        try:
            await reader.read()
            await reader.read()
        finally:
            ended.set()

    async with server(behave) as peer:
        dendrite = Dendrite(ALICE)
        with pytest.raises(ReplyUnsigned):
            await dendrite.call(peer, "echo", Question(), Answered, deadline_s=5)
        await asyncio.wait_for(ended.wait(), 5)
        await dendrite.close()


async def test_a_reply_in_ordinary_chunks_is_read() -> None:
    body = b"200\r\n" + b"x" * 512 + b"\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body * 2_000 + b"0\r\n\r\n"
    async with server(says(chunked)) as peer:
        with pytest.raises(ReplyUnsigned):
            await ask(peer)


async def test_slow_reply_ends_with_the_deadline() -> None:
    """It drips for as long as it is listened to."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with server(drip) as peer:
        with pytest.raises(DeadlineExceeded):
            await asyncio.wait_for(ask(peer, deadline_s=0.2), 30)


async def test_calls_wait_for_a_place_and_are_signed_only_then() -> None:
    """A nonce must not grow old in a queue: with a window of 1 s, the tenth of ten calls that wait
    two seconds for one connection is still fresh."""
    limits = Limits(max_age_s=1.0)

    async def slow(question: Question, _: object) -> Answered:
        await asyncio.sleep(0.22)
        return Answered(text=question.text)

    dendrite = Dendrite(ALICE, limits=Limits(pool_per_peer_max=1))
    async with serving(HttpWorld(), slow, limits=limits) as axon:
        peer = Peer(BOB.address, "127.0.0.1", axon.port)
        replies = await asyncio.gather(
            *(
                dendrite.call(peer, "echo", Question(text=str(n)), Answered, deadline_s=10)
                for n in range(10)
            )
        )
    await dendrite.close()
    assert [reply.message.text for reply in replies] == [str(n) for n in range(10)]


async def test_who_waits_for_a_slow_peer_does_not_keep_others_waiting() -> None:
    hold = asyncio.Event()

    async def holds(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await hold.wait()

    dendrite = Dendrite(ALICE, limits=Limits(pool_max=3, pool_per_peer_max=1))
    async with server(holds) as slow, serving(HttpWorld()) as axon:
        waiting = [
            asyncio.ensure_future(dendrite.call(slow, "echo", Question(), Answered, deadline_s=30))
            for _ in range(6)
        ]
        await asyncio.sleep(0)
        fast = Peer(BOB.address, "127.0.0.1", axon.port)
        reply = await dendrite.call(fast, "echo", Question(text="hi"), Answered, deadline_s=5)
        assert reply.message.text == "hi"
        for call in waiting:
            call.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        hold.set()
    await dendrite.close()


async def test_waiting_for_a_place_counts_against_the_deadline() -> None:
    hold = asyncio.Event()

    async def slow(_: Question, __: object) -> Answered:
        await hold.wait()
        return Answered(text="")

    dendrite = Dendrite(ALICE, limits=Limits(pool_max=1))
    async with serving(HttpWorld(), slow) as axon:
        peer = Peer(BOB.address, "127.0.0.1", axon.port)
        first = asyncio.ensure_future(
            dendrite.call(peer, "echo", Question(), Answered, deadline_s=5)
        )
        await asyncio.sleep(0)
        with pytest.raises(DeadlineExceeded):
            await dendrite.call(peer, "echo", Question(), Answered, deadline_s=0.1)
        assert not first.done(), "the place is still taken"
        hold.set()
        await first
    await dendrite.close()


async def test_a_foreign_server_verifies_our_calls_with_the_sdk() -> None:
    """Nothing of ours on the other side: raw bytes from a socket, and the SDK's own check."""
    found: list[str] = []

    async def foreign(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().rstrip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        body = await reader.readexactly(int(headers["Content-Length"]))
        store = http_auth.InMemoryNonceStore()
        for shown in (path, path + "&x=1", path):
            try:
                caller = http_auth.verify(
                    headers,
                    body,
                    method=method,
                    path=shown,
                    self_hotkey_ss58=BOB.address,
                    nonce_store=store,
                )
                found.append(caller.hotkey_ss58)
            except http_auth.AuthError as error:
                found.append(type(error).__name__)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    listener = await asyncio.start_server(foreign, "127.0.0.1", 0)
    with pytest.raises(ReplyUnsigned):
        await ask(Peer(BOB.address, "127.0.0.1", listener.sockets[0].getsockname()[1]))
    listener.close()
    assert found == [ALICE.address, "BadSignature", "ReplayedRequest"]


@pytest.mark.parametrize(
    ("host", "port"),
    [("", 80), ("a b", 80), ("127.0.0.1/x", 80), ("user@host", 80), ("[::1]", 80), ("0.0.0.0", 80),
     ("224.0.0.1", 80), ("h\r\nX: y", 80), ("127.0.0.1", 0), ("127.0.0.1", 65_536), ("::", 80),
     ("a..b", 80), ("a." + "b" * 64, 80), ("-a", 80), ("a.", 80), ("fe80::1%lo", 80),
     ("2606:4700::1111%x]@127.0.0.1:80", 80)],
)  # fmt: skip
async def test_a_target_that_cannot_be_called(host: str, port: int) -> None:
    with pytest.raises(CallError):
        await ask(Peer(BOB.address, host, port))


async def test_ipv6() -> None:
    dendrite = Dendrite(ALICE)
    async with serving(HttpWorld(), host="::1") as axon:
        peer = Peer(BOB.address, "::1", axon.port)
        reply = await dendrite.call(peer, "echo", Question(text="six"), Answered, deadline_s=5)
    await dendrite.close()
    assert reply.message.text == "six"
