"""Places for connections: who gets one, whose is given up, and what a refused client reads."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

import aiohttp
import pytest

from assay.clock import ManualClock
from assay.localnet.rpc.connections import ClientConnection, Connections
from assay.localnet.rpc.limits import RpcLimits
from tests.unit.subnet.localnet.rpc.rig import UPGRADE, WAIT_S, rig, until

MUCH_LATER_S = 1_000.0


class Hall:
    """Eight places."""

    def __init__(self) -> None:
        self.connections = Connections(RpcLimits(connections_max=8))
        self.evicted: list[str] = []

    def enter(self, address: str, now_s: float = 0.0, name: str = "") -> ClientConnection | None:
        return self.connections.admit(address, now_s, lambda: self.evicted.append(name or address))

    def fill(self, address: str, count: int, now_s: float = 0.0) -> list[ClientConnection]:
        made = [self.enter(address, now_s, f"{address} {n}") for n in range(count)]
        assert None not in made
        return [each for each in made if each is not None]


def busy(connection: ClientConnection) -> ClientConnection:
    connection.asked_s = 0.0
    connection.in_progress = 1
    return connection


def test_one_address_may_have_all_places_while_nobody_else_wants_one() -> None:
    hall = Hall()
    for connection in hall.fill("10.0.0.1", 8):
        busy(connection)
    assert hall.enter("10.0.0.1", MUCH_LATER_S) is None
    assert hall.enter("10.0.0.2") is not None
    assert hall.evicted == ["10.0.0.1 7"], "the youngest of the largest"
    assert len(hall.connections) == 8


def test_every_address_has_a_share() -> None:
    hall = Hall()
    for connection in hall.fill("10.0.0.1", 8):
        busy(connection)
    for _ in range(4):
        made = hall.enter("10.0.0.2")
        assert made is not None
        busy(made)
    assert hall.enter("10.0.0.2", MUCH_LATER_S) is None, "both have their share"
    assert hall.enter("10.0.0.3") is not None
    assert hall.enter("10.0.0.3") is not None
    assert hall.enter("10.0.0.3", 0.5) is None


def test_idle_ones_go_first_and_of_them_who_never_asked() -> None:
    hall = Hall()
    silent, late, early, asking, *_ = hall.fill("10.0.0.1", 8)
    for connection in hall.connections._open:
        busy(connection)
    silent.asked_s, silent.in_progress = None, 0
    late.asked_s, late.in_progress = 50.0, 0
    early.asked_s, early.in_progress = 10.0, 0
    asking.asked_s = 0.0
    for _ in range(3):
        newcomer = hall.enter("10.0.0.1", MUCH_LATER_S)
        assert newcomer is not None
        busy(newcomer)
    assert hall.evicted == [f"10.0.0.1 {n}" for n in (0, 2, 1)]
    assert hall.enter("10.0.0.1", MUCH_LATER_S) is None


@pytest.mark.parametrize("asked_s", [None, 0.0])
def test_who_has_just_come_or_asked_is_not_idle(asked_s: float | None) -> None:
    hall = Hall()
    for connection in hall.fill("10.0.0.1", 8):
        connection.asked_s = asked_s
    assert hall.enter("10.0.0.1", 0.9) is None
    assert hall.enter("10.0.0.1", 5.0) is not None


def test_a_place_is_free_once_its_connection_is_gone() -> None:
    hall = Hall()
    first, *_ = map(busy, hall.fill("10.0.0.1", 8))
    assert hall.enter("10.0.0.1", MUCH_LATER_S) is None
    for _ in range(2):
        hall.connections.leave(first)
    assert hall.enter("10.0.0.1", MUCH_LATER_S) is not None
    assert hall.connections.source_of("10.0.0.1").connections == 8


async def test_a_socket_that_asks_nothing_gives_its_place_to_one_that_does() -> None:
    clock = ManualClock()
    async with rig(connections_max=4, clock=clock) as node, node.socket() as following:
        await following.call("chain_subscribeNewHeads")
        await following.next()
        with ExitStack() as stack:
            for _ in range(3):
                made = socket.create_connection(("127.0.0.1", node.server.port))
                stack.enter_context(made)
            await until(lambda: len(node.server.connections) == 4)
            clock.advance(MUCH_LATER_S)
            async with node.socket() as late:
                assert await late.call("system_name") == "Assay"
                clock.advance(MUCH_LATER_S)
                async with node.socket() as later:
                    assert await later.call("system_name") == "Assay"
                    node.service.seal()
                    assert (await following.next())["method"] == "chain_newHead"


async def test_a_websocket_that_gives_up_its_place_is_told_so() -> None:
    clock = ManualClock()
    async with rig(connections_max=1, clock=clock) as node, node.socket() as idle:
        await idle.call("system_name")
        clock.advance(MUCH_LATER_S)
        async with node.socket() as late:
            assert await late.call("system_name") == "Assay"
            end = await idle.ws.receive(WAIT_S)
            assert (end.data, end.extra) == (1013, "its place is given to another")


async def refused(port: int, sent: bytes) -> bytes:
    """All that a refused client reads. A reset would be an error here."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    told = await asyncio.wait_for(reader.read(), WAIT_S)
    writer.close()
    await writer.wait_closed()
    return told


@pytest.mark.parametrize("sent", [UPGRADE, b"POST / HTTP/1.1\r\n\r\n" + bytes(10_000), b""])
async def test_a_refused_client_reads_why(sent: bytes) -> None:
    async with rig(connections_max=1) as node, node.socket() as first:
        await first.call("chain_subscribeNewHeads")
        await first.next()
        told = await refused(node.server.port, sent)
        assert told.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nRetry-After: " in told
        assert b"takes 1 connections and has as many, 1 of them from your address" in told
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with node.socket():
                pass
        assert caught.value.status == 503


async def test_a_flood_of_refused_connections_is_cut() -> None:
    async with rig(connections_max=1) as node, node.socket() as first:
        await first.call("chain_subscribeNewHeads")
        await first.next()
        with ExitStack() as stack:
            for _ in range(80):
                made = socket.create_connection(("127.0.0.1", node.server.port))
                stack.enter_context(made)
            refusals = node.server._refusals
            await until(lambda: refusals.lingering == 64)
            assert await first.call("system_name") == "Assay"
            assert refusals.lingering <= 64
        await until(lambda: refusals.lingering == 0)
