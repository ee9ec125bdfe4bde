"""Clients that ask and do not read: they lose their connection, and nothing of them stays."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from aiohttp import WSMsgType

from tests.unit.subnet.localnet.rpc.rig import (
    UPGRADE,
    WAIT_S,
    Rig,
    connections,
    hexed,
    post,
    rig,
    until,
)

VALUE_BYTES = 200_000
CALLS = 200
"""Together far more than the kernel's buffers hold of what nobody reads."""

HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
MANY = 100_000
ASK = json.dumps(
    {"jsonrpc": "2.0", "id": 1, "method": "state_getStorage", "params": [hexed(b"long")]}
).encode()


def frame(text: bytes) -> bytes:
    """A client's text frame, with a mask of zeros."""
    assert len(text) < 126
    return struct.pack(">BB", 0x81, 0x80 | len(text)) + bytes(4) + text


@contextmanager
def silent(node: Rig) -> Iterator[socket.socket]:
    """A connection that nothing reads from."""
    node.chain.values[b"long"] = bytes(VALUE_BYTES)
    with socket.create_connection(("127.0.0.1", node.server.port)) as client:
        client.setblocking(False)
        yield client


async def stuck(node: Rig) -> None:
    """Wait until the kernel's buffers are full, so that what is unread stays what it is.

    Server and test share one event loop: between two looks, the server does all that it can.
    """
    seen: list[int] = []

    def holds() -> bool:
        seen.append(node.hub.unread.size_bytes)
        return seen[-1] > 0 and seen[-10:] == [seen[-1]] * 10

    await until(holds)


async def test_one_that_vanishes_leaves_its_place() -> None:
    async with rig(outbox_bytes_max=4 * VALUE_BYTES) as node:
        with silent(node) as client:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(client, UPGRADE + CALLS * frame(ASK))
            await connections(node, 1)
            await until(lambda: bool(node.server.websockets))
            await stuck(node)
        await connections(node, 0)
        assert not node.server.websockets


@pytest.mark.parametrize(
    "sent",
    [UPGRADE + CALLS * frame(ASK), CALLS * post(ASK), MANY * HEALTH],
    ids=["websocket", "post", "small replies"],
)
async def test_one_that_stays_is_cut_in_the_end(sent: bytes) -> None:
    async with rig(outbox_bytes_max=4 * VALUE_BYTES, send_s=0.3) as node:
        with silent(node) as client:
            await connections(node, 1)
            with suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(WAIT_S):
                    await asyncio.get_running_loop().sock_sendall(client, sent)
            await connections(node, 0)


async def test_whoever_asks_again_has_read_what_came_before() -> None:
    """A reply's minute must not end while the next one, which has its own, is on its way."""
    async with rig() as node:
        with silent(node) as client:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(client, post(ASK))
            await until(lambda: cuts(node) == 1)
            (first,) = timers(node)
            await loop.sock_sendall(client, CALLS * post(ASK))
            await until(first.cancelled)
            await until(lambda: cuts(node) == 1)


@pytest.mark.parametrize(
    "sent", [UPGRADE + CALLS * frame(ASK), CALLS * post(ASK)], ids=["websocket", "post"]
)
async def test_what_others_leave_unread_costs_nobody_an_ordinary_reply(sent: bytes) -> None:
    limits: dict[str, Any] = {
        "outbox_bytes_max": 4 * VALUE_BYTES,
        "outboxes_bytes_max": 2 * VALUE_BYTES + 1_000,
    }
    async with rig(**limits) as node, node.socket() as honest:
        node.chain.values |= {
            b"short": bytes(VALUE_BYTES // 4),
            b"longer": bytes(VALUE_BYTES * 3 // 2),
        }
        with silent(node) as client:
            await asyncio.get_running_loop().sock_sendall(client, sent)
            await stuck(node)
            assert node.hub.unread.size_bytes > 2 * VALUE_BYTES

            short = hexed(node.chain.values[b"short"])
            assert await honest.call("state_getStorage", hexed(b"short")) == short
            ask = {"jsonrpc": "2.0", "id": 1, "method": "state_getStorage"}
            status, reply = await node.post({**ask, "params": [hexed(b"short")]})
            assert (status, reply["result"]) == (200, short)

            status, reply = await node.post({**ask, "params": [hexed(b"longer")]})
            assert (status, "too much unread" in reply) == (503, True)
            await honest.ws.send_json({**ask, "params": [hexed(b"longer")]})
            end = await honest.ws.receive(WAIT_S)
            assert (end.data, end.extra) == (1013, "all clients together leave too much unread")


async def test_one_that_is_too_slow_is_told_so() -> None:
    async with rig(outbox_messages_max=4) as node, node.socket() as client:
        await client.call("chain_subscribeNewHeads")
        for _ in range(50):  # more than it can take, at once
            node.service.seal()
        while (end := await client.ws.receive(WAIT_S)).type is WSMsgType.TEXT:
            pass
        assert (end.data, end.extra) == (1013, "it reads too slowly")


def timers(node: Rig) -> list[asyncio.TimerHandle]:
    """What ends the connections that stay silent."""
    return [each.cut for each in node.server._protocols if each.cut is not None]


def cuts(node: Rig) -> int:
    """How many connections are about to be cut because of what they leave unread."""
    return sum(each.when() - asyncio.get_running_loop().time() > 30 for each in timers(node))


@pytest.mark.parametrize("sent", [UPGRADE + frame(ASK), post(ASK)])
async def test_one_that_reads_late_is_not_cut(sent: bytes) -> None:
    async with rig(send_s=0.3) as node:
        with silent(node) as client:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(client, sent)
            await asyncio.sleep(0.1)  # the client is late: nothing but time goes by
            read = 0
            while read < 2 * VALUE_BYTES:
                got = await asyncio.wait_for(loop.sock_recv(client, 65_536), WAIT_S)
                assert got
                read += len(got)
            ends_s = loop.time() + 0.4  # the time itself is what is tried: beyond ``send_s``
            await until(lambda: loop.time() > ends_s)
            await connections(node, 1)
