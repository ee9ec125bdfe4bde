"""A client that asks for as much as it can: memory stays bounded and blocks go on."""

from __future__ import annotations

import asyncio
import json
import logging
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from loguru import logger

from assay.clock import ManualClock
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.rpc.subscriptions import Outbox, Shared
from assay.localnet.sealing import SealingMode
from tests.unit.subnet.localnet.rpc.rig import Rig, connections, hexed, post, rig, until
from tests.unit.subnet.localnet.toy_chain import SLOT_MS, extrinsic

LONG = 100_000
"""Bytes of the long value that is asked for over and over."""


class Slow:
    """Stands in for a runtime call that takes its whole budget of fuel: the clock moves by it."""

    def __init__(self, node: Rig, clock: ManualClock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self.calls = 0
        self.meanwhile: Callable[[], None] = lambda: None
        """What somebody does while a call runs."""
        node.chain.call = self.call  # type: ignore[method-assign]

    def call(
        self, method: str, args: bytes, at: bytes | None = None, *, share: float = 1.0
    ) -> bytes:
        self.calls += 1
        self._clock.advance(self._seconds)
        self.meanwhile()
        return b""


async def test_blocks_go_on_under_a_flood_of_expensive_calls() -> None:
    """Every connection gets a call in each turn of the loop; blocks must not wait for the turns."""
    floods, calls, each_s = 8, 6, 0.05
    clock = ManualClock()
    async with rig(mode=SealingMode.INTERVAL, clock=clock) as node:
        slow = Slow(node, clock, each_s)
        beat = asyncio.ensure_future(node.service.run())
        call = json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": "state_call", "params": ["x", "0x"]}
        )

        async def flood() -> None:
            async with node.socket() as client:
                for _ in range(calls):
                    await client.ws.send_str(call)
                for _ in range(calls):
                    await client.next()

        await asyncio.gather(*(flood() for _ in range(floods)))
        assert slow.calls == floods * calls
        beats = slow.calls * each_s / (SLOT_MS / 1e3)
        assert node.chain.head.number >= int(beats) - 1, "the last one may come a moment later"
        node.service.stop()
        await beat


@pytest.mark.parametrize("method", ["state_queryStorageAt", "state_queryStorage"])
async def test_one_long_value_asked_for_a_thousand_times_is_read_once(method: str) -> None:
    async with rig() as node, node.socket() as client:
        node.chain.values[b"long"] = bytes(LONG)
        keys = [hexed(b"long")] * 1_000
        head = hexed(node.chain.head.hash)
        tracemalloc.start()
        try:
            (told,) = await client.call(method, keys, head)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert told["changes"] == [[keys[0], hexed(bytes(LONG))]]
        assert peak < 20 * LONG


async def test_a_reply_that_would_be_too_long_is_not_put_together() -> None:
    async with rig(reply_bytes_max=3 * LONG) as node, node.socket() as client:
        head = hexed(node.chain.head.hash)
        for number in range(200):
            node.chain.values[b"long/%03d" % number] = bytes(LONG)
        keys = [hexed(b"long/%03d" % number) for number in range(200)]
        asked: list[tuple[str, Any]] = [
            ("state_queryStorageAt", [keys, head]),
            ("state_queryStorage", [keys, head]),
            ("state_getPairs", [hexed(b"long")]),
        ]
        for method, params in asked:
            tracemalloc.start()
            try:
                assert await client.code(method, *params) == -32008
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert peak < 20 * LONG, method


async def test_the_values_of_a_range_are_limited() -> None:
    async with rig(range_reads_max=4) as node, node.socket() as client:
        first = hexed(node.chain.head.hash)
        node.service.seal()
        two, three = ([hexed(bytes((n,))) for n in range(count)] for count in (2, 3))
        assert await client.call("state_queryStorage", two, first)
        assert await client.code("state_queryStorage", three, first) == 4003


async def test_the_bytes_read_for_a_range_are_limited() -> None:
    """A value that stays the same is read for each block and told once."""
    async with rig(range_bytes_max=3 * LONG) as node, node.socket() as client:
        node.chain.values[b"long"] = bytes(LONG)
        first = hexed(node.chain.head.hash)
        for _ in range(2):
            node.service.seal()
        assert len(await client.call("state_queryStorage", [hexed(b"long")], first)) == 1
        node.service.seal()
        assert await client.code("state_queryStorage", [hexed(b"long")], first) == 4003


async def test_the_keys_that_a_connection_watches_are_limited() -> None:
    async with rig(watched_keys_max=5, watched_key_bytes_max=3) as node, node.socket() as client:
        keys = [hexed(bytes((number,))) for number in range(6)]
        assert await client.code("state_subscribeStorage", keys) == -32006
        subscription = await client.call("state_subscribeStorage", keys[:4])
        await client.next()
        assert await client.code("state_subscribeStorage", keys[:2]) == -32006
        assert await client.call("state_unsubscribeStorage", subscription) is True
        await client.call("state_subscribeStorage", [*keys[:4], hexed(b"abc")])
        await client.next()
        assert await client.code("state_subscribeStorage", [hexed(b"abcd")]) == -32602
        assert len(node.hub) == 1


async def test_what_all_connections_subscribe_to_is_limited() -> None:
    limits: dict[str, Any] = {"subscriptions_of_all_max": 3, "watched_of_all_bytes_max": 1_200}
    async with rig(**limits) as node, node.socket() as first, node.socket() as second:
        one, two = [hexed(b"1")], [hexed(b"2"), hexed(b"3")]
        assert await second.code("state_subscribeStorage", [*one, *two]) == -32006, "bytes"
        watching = await first.call("state_subscribeStorage", two)
        await first.next()
        assert await second.code("state_subscribeStorage", one) == -32006, "bytes of both"
        for client in (first, second):
            await client.call("chain_subscribeNewHeads")
            await client.next()
        waiting = hexed(extrinsic(1, 0))
        for method, params in [
            ("chain_subscribeNewHeads", []),
            ("author_submitAndWatchExtrinsic", [waiting]),
        ]:
            assert await second.code(method, *params) == -32006
        assert not node.pool.pending(), "what cannot be watched is not taken"
        assert await first.call("state_unsubscribeStorage", watching)
        await second.call("state_subscribeStorage", two)


async def test_first_values_count_in_a_batch_as_replies_do() -> None:
    """A subscription answers with an id, and then tells all it watches: a batch of them is long."""
    async with rig(reply_bytes_max=4 * LONG) as node, node.socket() as client:
        node.chain.values[b"long"] = bytes(LONG)
        keys = [hexed(b"long")]
        batch = [
            {"jsonrpc": "2.0", "id": n, "method": "state_subscribeStorage", "params": [keys]}
            for n in range(100)
        ]
        tracemalloc.start()
        try:
            await client.ws.send_str(json.dumps(batch))
            assert (await client.next())["error"]["code"] == -32011
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 20 * LONG


async def test_the_log_hears_of_clients_once_in_a_while() -> None:
    told: list[str] = []
    sink = logger.add(told.append, level="WARNING")
    try:
        async with rig(outbox_messages_max=2) as node:
            for _ in range(8):
                async with node.socket() as client:
                    await client.call("chain_subscribeNewHeads")
                    for _ in range(10):
                        node.service.seal()
                    assert await client.closed_with() == 1013
    finally:
        logger.remove(sink)
    assert 1 <= len(told) < 4
    assert "reads too slowly" in told[0]


async def test_a_body_that_ends_too_early_is_no_error_of_ours() -> None:
    """Each was a traceback in the log."""
    told: list[str] = []
    sink = logger.add(told.append, level="WARNING")
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("aiohttp").addHandler(handler)
    try:
        async with rig() as node:
            _, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
            writer.write(post(b"{}" * 100)[:-1])
            await writer.drain()
            await until(lambda: node.server.incoming.size_bytes > 0)
            writer.transport.abort()
            await connections(node, 0)
    finally:
        logging.getLogger("aiohttp").removeHandler(handler)
        logger.remove(sink)
    assert told == []


async def test_a_batch_of_someone_who_left_is_not_worked_off() -> None:
    clock = ManualClock()
    async with rig(clock=clock) as node, node.socket() as honest:
        slow = Slow(node, clock, 0.02)
        call = {"jsonrpc": "2.0", "id": 1, "method": "state_call", "params": ["x", "0x"]}
        body = json.dumps([call] * 200).encode()
        _, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
        slow.meanwhile = writer.close
        writer.write(post(body))
        await until(lambda: slow.calls > 0)
        await writer.wait_closed()
        await connections(node, 1)
        await honest.call("system_name")
        seen = slow.calls
        for _ in range(10):
            await honest.call("system_name")
        assert slow.calls == seen < 200


async def test_connections_that_come_and_go_leave_nothing() -> None:
    async with rig(connections_max=4) as node, node.socket() as client:
        for _ in range(30):
            _, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
            writer.close()
            await writer.wait_closed()
            await client.call("system_name")
        assert len(node.server.connections) == 1
        assert len(node.server._protocols) == 1


async def test_what_waits_in_an_outbox_is_counted_until_it_is_sent() -> None:
    outbox = Outbox(RpcLimits(outbox_messages_max=4), Shared())
    for number in range(4):
        assert outbox.offer(bytes((number,)))
    assert await outbox.take() == b"\0"
    assert outbox.offer(b"x")
    assert not outbox.offer(b"y"), "three were not sent yet"
    outbox.close()
    assert [await outbox.take() for _ in range(5)] == [b"\1", b"\2", b"\3", b"x", None]


async def test_all_outboxes_together_are_bounded() -> None:
    limits, shared = RpcLimits(outboxes_bytes_max=10, outbox_unmetered_bytes=0), Shared()
    first, second = Outbox(limits, shared), Outbox(limits, shared)
    assert first.offer(bytes(6))
    assert not second.offer(bytes(5))
    assert second.offer(bytes(4))
    assert await first.take() == bytes(6)
    assert not second.offer(bytes(6)), "a client that does not read has it in its socket's buffer"
    first.sent()
    assert second.offer(bytes(6))
    second.abandon()
    second.sent()
    assert (shared.size_bytes, await second.take()) == (0, None)
    assert first.offer(bytes(10))
    await first.take()
    first.abandon()
    first.sent()
    assert shared.size_bytes == 0


async def test_what_a_lost_connection_held_is_free_again() -> None:
    async with rig(outbox_messages_max=4) as node:
        async with node.socket() as client:
            await client.call("chain_subscribeNewHeads")
            for _ in range(50):  # more than it can take, at once
                node.service.seal()
            assert await client.closed_with() == 1013
        await until(lambda: len(node.server.websockets) == 0)
        assert node.hub._shared.size_bytes == 0
