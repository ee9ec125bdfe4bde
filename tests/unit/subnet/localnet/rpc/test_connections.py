"""Connections: who may connect, how many, for how long, and how the server takes its leave."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from assay.errors import Unavailable, UserError
from assay.localnet.errors import ChainDamaged, StorageFailed
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.rpc.server import bind
from tests.unit.subnet.localnet.rpc.rig import WAIT_S, connections, rig


async def test_connections_are_limited_and_free_again() -> None:
    async with rig(connections_max=2) as node:
        async with node.socket() as first, node.socket():
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                async with node.socket():
                    pass
            assert caught.value.status == 503
            assert await first.call("system_name") == "Assay"
        await connections(node, 0)
        async with node.socket() as again:
            assert await again.call("system_name") == "Assay"


async def test_a_client_that_reads_late_gets_every_reply_in_order() -> None:
    async with rig(outbox_messages_max=8, slice_s=0.0) as node, node.socket() as client:
        for number in range(300):
            call = {"jsonrpc": "2.0", "id": number, "method": "rpc_methods"}
            await client.ws.send_str(json.dumps(call))
        assert [(await client.next())["id"] for _ in range(300)] == list(range(300))


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"\x16\x03\x01\x00\xff" * 20 + b"\r\n\r\n"])
async def test_bytes_that_are_no_http_get_400(sent: bytes) -> None:
    async with rig() as node, node.socket() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
        writer.write(sent)
        assert b" 400 " in await asyncio.wait_for(reader.readline(), WAIT_S)
        writer.close()
        await writer.wait_closed()
        assert await client.call("system_name") == "Assay"


async def test_a_connection_that_asks_for_nothing_is_closed() -> None:
    async with rig(first_request_s=0.05) as node, node.socket() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
        assert await asyncio.wait_for(reader.read(), WAIT_S) == b""
        writer.close()
        await writer.wait_closed()
        assert await client.call("system_name") == "Assay", "one that has asked is not"


async def test_a_body_that_does_not_come_gets_408() -> None:
    async with rig(body_s=0.05) as node:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
        head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 10\r\n\r\n{{".encode())
        answer = await asyncio.wait_for(reader.readline(), WAIT_S)
        assert b" 408 " in answer
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("origin", "served"),
    [
        ("http://localhost:3000", True),
        ("http://127.0.0.1", True),
        ("https://[::1]:8443", True),
        ("https://polkadot.js.org", True),
        ("https://allowed.example", True),
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://localhost:3000.evil.example", False),
        ("null", False),
        ("", False),
    ],
)
async def test_only_known_origins_are_served(origin: str, served: bool) -> None:
    async with rig(origins=("https://allowed.example",)) as node:
        status, _ = await node.post(
            {"jsonrpc": "2.0", "id": 1, "method": "system_name"}, Origin=origin
        )
        assert status == (200 if served else 403)
        if served:
            async with node.socket(Origin=origin) as client:
                assert await client.call("system_name") == "Assay"
        else:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                async with node.socket(Origin=origin):
                    pass
            assert caught.value.status == 403


async def test_plain_http_has_health_and_asks_for_json() -> None:
    async with rig() as node:
        async with node.http.get(node.url + "health") as answer:
            assert (await answer.json())["result"]["isSyncing"] is False
        async with node.http.get(node.url) as answer:
            assert answer.status == 405
        async with node.http.options(node.url, headers={"Origin": "http://localhost"}) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost"
        status, _ = await node.post(b"{}", **{"Content-Type": "text/plain"})
        assert status == 415


def posting(length: int, *more: str) -> bytes:
    lines = ["POST / HTTP/1.1", "Host: x", "Content-Type: application/json", *more]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()


async def test_who_asks_before_sending_a_body_is_told_to_go_on() -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "system_name"}).encode()
    async with rig() as node:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
        for _ in range(2):
            writer.write(posting(len(body), "Expect: 100-Continue"))
            told = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_S)
            assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body)
            assert b" 200 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_S)
            assert b"Assay" in await asyncio.wait_for(reader.readuntil(b"}"), WAIT_S)
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (posting(RpcLimits().frame_bytes_max + 1, "Expect: 100-continue"), b" 413 "),
        (posting(10, "Expect: a miracle"), b" 417 "),
        (posting(10, "Expect: 100-continue").replace(b"/json", b"/plain"), b" 415 "),
        (posting(10, "Expect: 100-continue", "Origin: https://evil.example"), b" 403 "),
    ],
    ids=["too long", "something else", "no JSON", "another page"],
)
async def test_who_asks_before_sending_a_body_that_is_not_taken_is_told_at_once(
    head: bytes, status: bytes
) -> None:
    async with rig() as node:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
        writer.write(head)
        assert status in await asyncio.wait_for(reader.readline(), WAIT_S)
        writer.close()
        await writer.wait_closed()


async def test_a_port_in_use_names_cause_and_cure() -> None:
    async with rig() as node:
        with pytest.raises(Unavailable) as caught:
            bind("127.0.0.1", node.server.port)
        assert str(node.server.port) in caught.value.cause
        assert "--port" in caught.value.cure


@pytest.mark.parametrize("host", ["203.0.113.7", "nonsense", "localhost:80", ""])
def test_an_address_that_is_not_ours_names_cause_and_cure(host: str) -> None:
    with pytest.raises(UserError) as caught:
        bind(host, 0)
    assert "--rpc-address" in caught.value.cure


async def test_stopping_says_so_to_clients() -> None:
    async with rig() as node, node.socket() as client:
        stopping = asyncio.ensure_future(node.server.stop())
        assert await client.closed_with() == 1001
        await stopping


@pytest.mark.parametrize("fault", [StorageFailed, ChainDamaged])
async def test_a_failed_disk_reaches_whoever_runs_the_node(fault: type[UserError]) -> None:
    async with rig() as node, node.socket() as client:
        node.chain.build_fault = fault("The disk is full.", "Free some space.")
        call = {"jsonrpc": "2.0", "id": 1, "method": "dev_newBlock", "params": []}
        await client.ws.send_str(json.dumps(call))
        await client.closed_with()
        assert [type(error) for error in node.fatal] == [fault]
