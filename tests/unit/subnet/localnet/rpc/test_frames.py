"""What clients send is held within one sum, however they cut it up; what was answered is let go."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

import aiohttp
import pytest

from assay.localnet.rpc.call_budget import Source, Sources
from assay.localnet.rpc.frames import FrameCounter, HeldBytes, IncomingBytes
from assay.localnet.rpc.limits import RpcLimits
from tests.unit.subnet.localnet.rpc.rig import UPGRADE, WAIT_S, Rig, hexed, rig, until

LONG = 1_000_000


def source(address: str = "10.0.0.1") -> Source:
    return Sources(RpcLimits()).of(address)


def head_of(size: int, *, opcode: int = 1, fin: bool = True) -> bytes:
    """A client frame's header, with a mask of zeros."""
    first = opcode | (0x80 if fin else 0)
    if size < 126:
        return struct.pack(">BB", first, 0x80 | size) + bytes(4)
    if size < 65_536:
        return struct.pack(">BBH", first, 0x80 | 126, size) + bytes(4)
    return struct.pack(">BBQ", first, 0x80 | 127, size) + bytes(4)


@contextmanager
def connected(node: Rig) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", node.server.port)) as client:
        client.setblocking(False)
        yield client


async def send(client: socket.socket, data: bytes) -> None:
    await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(client, data), WAIT_S)


def holds(node: Rig, size: int) -> bool:
    return node.server.incoming.size_bytes >= size


async def last_words(client: socket.socket) -> bytes:
    """All that it is told until the server hangs up."""
    told = b""
    loop = asyncio.get_running_loop()
    while got := await asyncio.wait_for(loop.sock_recv(client, 65_536), WAIT_S):
        told += got
    return told


@pytest.mark.parametrize("seed", range(20))
def test_frames_are_followed_wherever_they_are_cut(seed: int) -> None:
    rng = random.Random(seed)
    incoming = IncomingBytes(bytes_max=10**9, unmetered_bytes=0)
    frames = FrameCounter(HeldBytes(incoming, source()))
    stream, sizes = bytearray(), []
    for _ in range(30):
        opcode = rng.choice((0, 1, 2, 8, 9, 10))
        size = rng.choice((0, 1, 125) if opcode > 7 else (0, 1, 125, 126, 300, 65_535, 65_536))
        stream += head_of(size, opcode=opcode, fin=rng.random() < 0.5) + rng.randbytes(size)
        sizes.append(0 if opcode > 7 else size)
    at = 0
    while at < len(stream):
        size = rng.choice((1, 3, 50, 4_000))
        assert frames.feed(bytes(stream[at : at + size]))
        at += size
    assert incoming.size_bytes == sum(sizes)
    for size in sizes:
        frames.answered(size)
    assert incoming.size_bytes == 0


def test_a_frame_that_comes_byte_by_byte_costs_more_until_it_is_whole() -> None:
    incoming = IncomingBytes(bytes_max=4_000, unmetered_bytes=0)
    frames = FrameCounter(HeldBytes(incoming, source()))
    assert frames.feed(head_of(200))
    assert all(frames.feed(b"x") for _ in range(20))
    assert incoming.size_bytes > 1_000
    assert frames.feed(bytes(180))
    assert incoming.size_bytes == 200


def test_whoever_holds_little_is_served_while_others_fill_the_room() -> None:
    incoming = IncomingBytes(bytes_max=100, unmetered_bytes=10)
    hogs = [HeldBytes(incoming, source(f"10.0.0.{number}")) for number in (1, 2)]
    small = HeldBytes(incoming, source("10.0.0.3"))
    assert all(hog.add(50) for hog in hogs)
    assert small.add(10)
    assert not small.add(1)
    assert not hogs[0].add(1)
    for held in (*hogs, small):
        held.close()
    assert incoming.size_bytes == 0


def test_one_source_fills_half_of_the_room_however_many_connections_it_has() -> None:
    incoming = IncomingBytes(bytes_max=100, unmetered_bytes=10)
    sources = Sources(RpcLimits())
    hogs = [HeldBytes(incoming, sources.of("10.0.0.1")) for _ in range(4)]
    other = HeldBytes(incoming, sources.of("10.0.0.2"))
    assert hogs[0].add(25)
    assert hogs[1].add(25)
    assert not hogs[2].add(11)
    hogs[2].close()
    assert hogs[3].add(10), "little is served even then"
    assert other.add(40)
    hogs[1].close()
    assert hogs[2].add(15)


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("fin", [True, False], ids=["one frame", "fragments"])
async def test_unfinished_frames_of_all_connections_are_bounded(early: bool, fin: bool) -> None:
    """Each is far below the limit of one frame; the one that takes the sum above it is closed.

    All come from one address, which has half of the sum.
    """
    room = 4 * LONG + LONG // 2
    piece = head_of(LONG, fin=False) + bytes(LONG) + head_of(2 * LONG, opcode=0)
    unfinished = head_of(2 * LONG) + bytes(LONG) if fin else piece
    limits: dict[str, Any] = {"incoming_bytes_max": 2 * room, "incoming_unmetered_bytes": 1_000}
    async with rig(**limits) as node, node.socket() as honest:
        with ExitStack() as stack:
            clients = [stack.enter_context(connected(node)) for _ in range(5)]
            tracemalloc.start()
            try:
                for number, client in enumerate(clients):
                    await send(client, UPGRADE + (unfinished[:5_000] if early else b""))
                    if not early:
                        await asyncio.get_running_loop().sock_recv(client, 65_536)
                    await send(client, unfinished[5_000 if early else 0 :])
                    if number < 4:
                        await until(partial(holds, node, (number + 1) * LONG))
                told = await last_words(clients[4])
                held = tracemalloc.get_traced_memory()[0]
            finally:
                tracemalloc.stop()
            assert struct.pack(">H", aiohttp.WSCloseCode.TRY_AGAIN_LATER) + b"too much" in told
            assert held < room + LONG
            assert await honest.call("system_name") == "Assay", "small requests are served"
            assert len(node.server.websockets) == 5
        await until(lambda: node.server.incoming.size_bytes == 0)


async def test_too_much_behind_the_request_to_be_a_websocket_ends_it() -> None:
    """There is no WebSocket yet that could say why."""
    limits: dict[str, Any] = {"incoming_bytes_max": 1_000, "incoming_unmetered_bytes": 1_000}
    async with rig(**limits) as node, node.socket() as honest:
        with connected(node) as client:
            await send(client, UPGRADE + head_of(LONG) + bytes(50_000))
            with suppress(ConnectionError):
                await last_words(client)
        await until(lambda: len(node.server.websockets) == 1)
        assert await honest.call("system_name") == "Assay"
        assert node.server.incoming.size_bytes == 0


async def test_bodies_of_all_connections_are_bounded() -> None:
    limits: dict[str, Any] = {"incoming_bytes_max": 2 * LONG, "incoming_unmetered_bytes": 1_000}
    async with rig(**limits) as node:
        head = (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Connection: close\r\nContent-Length: {LONG}\r\n\r\n"
        ).encode()
        with connected(node) as first, connected(node) as second:
            await send(first, head + bytes(LONG * 3 // 4))
            await until(lambda: node.server.incoming.size_bytes == LONG * 3 // 4)
            await send(second, head + bytes(LONG // 2))
            loop = asyncio.get_running_loop()
            assert b" 503 " in await asyncio.wait_for(loop.sock_recv(second, 65_536), WAIT_S)
            status, reply = await node.post({"jsonrpc": "2.0", "id": 1, "method": "system_name"})
            assert (status, reply["result"]) == (200, "Assay")
        await until(lambda: node.server.incoming.size_bytes == 0)


async def test_no_long_question_or_answer_stays_with_an_idle_connection() -> None:
    async with rig() as node, node.socket() as first, node.socket() as second:
        node.chain.values[b"long"] = bytes(LONG)
        tracemalloc.start()
        try:
            await first.call("state_getStorage", hexed(b"long"))
            assert await second.code("state_getStorage", hexed(bytes(LONG)) + "x") == -32602
            await until(lambda: node.server.incoming.size_bytes == 0)
            held = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert held < LONG
        assert node.hub.unread.size_bytes == 0


async def test_replies_that_nobody_reads_are_bounded_over_http_too() -> None:
    size = 12 * LONG  # the kernel's buffers take some four million of what nobody reads
    async with rig(outboxes_bytes_max=5 * size // 2) as node:
        node.chain.values[b"long"] = bytes(size // 2)
        ask = {"jsonrpc": "2.0", "id": 1, "method": "state_getStorage", "params": [hexed(b"long")]}
        body = json.dumps(ask).encode()
        head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        head += f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        with connected(node) as first, connected(node) as second, connected(node) as third:
            for client in (first, second):
                await send(client, head.encode() + body)
            await until(lambda: node.hub.unread.size_bytes > 2 * size)
            await send(third, head.encode() + body)
            assert b" 503 " in await last_words(third)
            assert len(await last_words(first)) > size
        await until(lambda: node.hub.unread.size_bytes == 0)
