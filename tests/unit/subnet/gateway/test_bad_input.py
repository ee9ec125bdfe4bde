"""What strangers send: each gets an error in OpenAI's shape, or a closed connection."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from loguru import logger

from assay.gateway import server as server_module
from assay.gateway.http import BODY_BYTES_MAX, CONTINUE
from tests.unit.subnet.gateway.desks import Desk, desk
from tests.unit.subnet.gateway.miners import FakeMiner, key

CHAT = {"model": "demo", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}


async def raw(at: Desk, data: bytes, *, half_close: bool = False) -> bytes:
    """All that comes back for ``data`` until the gateway closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
    try:
        writer.write(data)
        if half_close:
            writer.write_eof()
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                return await reader.read()
        return b""
    finally:
        writer.close()


def request(
    at: Desk, body: bytes, *headers: str, path: str = "/v1/chat/completions", method: str = "POST",
    authorised: bool = True,
) -> bytes:  # fmt: skip
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *headers]
    if authorised:
        lines.append(f"Authorization: Bearer {at.key}")
    if not any(header.lower().startswith(("content-length", "transfer")) for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read(reply: bytes) -> tuple[int, dict[str, str], Any]:
    """Status, headers in lower case, and the error in the body if there is one."""
    head, _, body = reply.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    error = json.loads(body)["error"] if body.startswith(b'{"error"') else None
    return int(first.split()[1]), headers, error


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(
        tmp_path, FakeMiner(key(1)), head_s_max=0.3, body_s_max=0.3, connections_max=20
    ) as opened:
        yield opened


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/v1/nothing", "GET", 404, "unknown_url"),
        ("/v1/chat/completions", "GET", 405, "method_not_supported"),
        ("/v1/models", "POST", 405, "method_not_supported"),
        ("/../etc/passwd", "GET", 404, "unknown_url"),
        ("/v1/receipts/", "GET", 404, "receipt_not_found"),
    ],
)
async def test_addresses_that_are_none(
    at: Desk, path: str, method: str, status: int, code: str
) -> None:
    got, headers, error = read(await raw(at, request(at, b"", path=path, method=method)))
    assert (got, error["code"], error["type"]) == (status, code, "invalid_request_error")
    assert headers["x-request-id"].startswith("req-")
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic abc", "Bearer sk-wrong", "Bearer sk-assay-" + "0" * 52],
)
async def test_without_a_key_nothing_is_read(at: Desk, header: str) -> None:
    data = request(at, b"", f"Authorization: {header}", "Content-Length: 99999", authorised=False)
    status, headers, error = read(await raw(at, data))
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert error["code"] in ("missing_api_key", "invalid_api_key")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"user":' + b"[" * 60_000, b'{"model": "demo"']
)
async def test_bodies_that_are_not_json(at: Desk, body: bytes) -> None:
    status, _, error = read(await raw(at, request(at, body)))
    assert status == 400
    assert "could not parse the JSON body" in error["message"]


async def test_a_body_that_is_announced_too_large(at: Desk) -> None:
    data = request(at, b"x", f"Content-Length: {BODY_BYTES_MAX + 1}")
    status, _, error = read(await raw(at, data))
    assert (status, error["code"]) == (413, "request_too_large")


async def test_a_body_that_grows_too_large(at: Desk) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    data = request(at, b"", "Transfer-Encoding: chunked") + chunk * 40
    status, _, error = read(await raw(at, data))
    assert (status, error["code"]) == (413, "request_too_large")


async def test_a_compressed_bomb(at: Desk) -> None:
    bomb = gzip.compress(b"[" * 10_000_000)
    status, _, error = read(await raw(at, request(at, bomb, "Content-Encoding: gzip")))
    assert (status, error["code"]) == (415, "unsupported_encoding")


async def test_a_slow_body(at: Desk) -> None:
    status, _, error = read(await raw(at, request(at, b"{", "Content-Length: 100")))
    assert (status, error["code"]) == (408, "request_timeout")


@pytest.mark.parametrize("data", [b"", b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"])
async def test_a_slow_head(at: Desk, data: bytes) -> None:
    assert await raw(at, data) == b""


async def test_a_half_closed_connection(at: Desk) -> None:
    body = json.dumps(CHAT).encode()
    reply = await raw(at, request(at, body[:20], f"Content-Length: {len(body)}"), half_close=True)
    assert not reply.startswith(b"HTTP/1.1 200")
    assert at.gateway._open.total() == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_a_client_that_only_ends_its_sending_gets_its_reply(
    at: Desk, stream: bool, version: str
) -> None:
    """As scripts around netcat do; the connection is closed behind the reply."""
    [miner] = at.subnet.miners
    miner.waits = asyncio.Event()
    data = request(at, json.dumps(CHAT | {"stream": stream}).encode())
    data = data.replace(b"HTTP/1.1", f"HTTP/{version}".encode()).replace(b"close", b"keep-alive")
    reading = asyncio.ensure_future(raw(at, data, half_close=True))
    await miner.noticed.acquire()
    miner.waits.set()
    reply = (await reading).removeprefix(CONTINUE)
    assert reply.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
    assert b"finish_reason" in reply
    assert miner.cancelled == 0


async def test_a_client_that_has_gone_is_noticed_before_its_reply(at: Desk) -> None:
    [miner] = at.subnet.miners
    miner.waits = asyncio.Event()
    _, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
    writer.write(request(at, json.dumps(CHAT).encode()))
    await miner.noticed.acquire()
    writer.close()
    async with asyncio.timeout(5):
        await miner.left.wait()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 500 + b"\r\n",
    ],
)
async def test_what_is_not_http(at: Desk, data: bytes) -> None:
    status, _, error = read(await raw(at, data))
    assert status == 400
    assert error["message"] == "This is not an HTTP request that can be read."


async def test_connections_have_a_bound_and_places_come_back(at: Desk) -> None:
    held = [await asyncio.open_connection("127.0.0.1", at.server.port) for _ in range(20)]
    await asyncio.sleep(0)
    assert await raw(at, request(at, b"", path="/health", method="GET")) == b""
    for _, writer in held:
        writer.close()
        await writer.wait_closed()
    async with asyncio.timeout(5):
        while not await raw(at, request(at, b"", path="/health", method="GET")):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_all_places_taken(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "REQUESTS_MAX", 0)
    status, headers, error = read(await raw(at, request(at, json.dumps(CHAT).encode())))
    assert (status, error["type"], headers["retry-after"]) == (503, "server_error", "1")
    monkeypatch.undo()
    monkeypatch.setattr(server_module, "PER_KEY_MAX", 0)
    status, headers, error = read(await raw(at, request(at, json.dumps(CHAT).encode())))
    assert (status, error["code"], headers["retry-after"]) == (429, "rate_limit_exceeded", "1")


async def test_a_browser_may_ask_from_any_page(at: Desk) -> None:
    data = request(
        at, b"", "Origin: https://example.org", "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: authorization, content-type, x-stainless-os",
        method="OPTIONS", authorised=False,
    )  # fmt: skip
    status, headers, _ = read(await raw(at, data))
    assert (status, headers["access-control-allow-origin"]) == (204, "*")
    assert headers["access-control-allow-headers"].startswith("authorization, content-type")
    assert "POST" in headers["access-control-allow-methods"]
    _, headers, _ = read(await raw(at, request(at, b"", authorised=False)))
    assert headers["access-control-allow-origin"] == "*", "an error is readable too"
    assert "x-assay-receipt" in headers["access-control-expose-headers"]


async def test_a_header_that_cannot_be_one_is_not_repeated(at: Desk) -> None:
    data = request(
        at, b"", "Access-Control-Request-Headers: a;b=<script>", method="OPTIONS", authorised=False
    )
    assert b"script" not in await raw(at, data)


async def test_the_page_is_one_file_that_may_load_nothing_else(at: Desk) -> None:
    reply = await raw(at, request(at, b"", path="/", method="GET", authorised=False))
    status, headers, _ = read(reply)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    page = reply.partition(b"\r\n\r\n")[2]
    for outside in (b"http://", b"https://", b"//cdn", b" src=", b"@import", b"url("):
        assert outside not in page
    assert len(page) < 16_000


async def test_no_prompt_key_or_seed_in_the_log(at: Desk) -> None:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="TRACE")
    try:
        said = CHAT | {"messages": [{"role": "user", "content": "SECRETPROMPT"}], "seed": 987654321}
        await raw(at, request(at, json.dumps(said).encode()))
        await raw(at, request(at, json.dumps(said | {"stop": 7}).encode()))
        await raw(at, request(at, b"SECRETPROMPT"))
    finally:
        logger.remove(sink)
    log = "".join(lines)
    assert "/v1/chat/completions" in log
    for secret in ("SECRETPROMPT", at.key[18:], "987654321"):
        assert secret not in log


async def test_a_gateway_that_ends_lets_answers_end(tmp_path: Path) -> None:
    gate = asyncio.Event()
    miner = FakeMiner(key(1), waits=gate)
    async with desk(tmp_path, miner) as at:
        asked = asyncio.ensure_future(raw(at, request(at, json.dumps(CHAT).encode())))
        await miner.noticed.acquire()
        waiting = asyncio.open_connection("127.0.0.1", at.server.port)
        reader, writer = await waiting
        at.gateway.drain()
        writer.write(request(at, json.dumps(CHAT).encode()))
        status, headers, _ = read(await reader.read())
        assert (status, headers["retry-after"]) == (503, "1")
        writer.close()
        stopping = asyncio.ensure_future(at.server.stop(5.0))
        await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", at.server.port)
        gate.set()
        await stopping
        assert read(await asked)[0] == 200


async def test_requests_sent_ahead_wait_unread(tmp_path: Path) -> None:
    """Thirty requests of 60 KB behind one that runs: they stay in the sender's hands."""
    miner = FakeMiner(key(1), waits=asyncio.Event())
    async with desk(tmp_path, miner) as at:
        long = CHAT | {"messages": [{"role": "user", "content": "x" * 60_000}]}
        one, many = (
            request(at, json.dumps(chat).encode()).replace(b"Connection: close\r\n", b"")
            for chat in (CHAT, long)
        )
        _, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
        writer.write(one)
        await miner.noticed.acquire()
        writer.write(many * 30)
        await asyncio.sleep(0.3)  # a defenceless gateway reads all of it in this time
        (connection,) = at.server._http.connections
        assert len(connection._messages) <= 5  # what one read of 256 KiB brings
        writer.close()


async def test_a_gateway_that_ends_waits_for_no_answer_for_ever(tmp_path: Path) -> None:
    miner = FakeMiner(key(1), waits=asyncio.Event())
    async with desk(tmp_path, miner) as at:
        asked = asyncio.ensure_future(raw(at, request(at, json.dumps(CHAT).encode())))
        await miner.noticed.acquire()
        await at.server.stop(0.05)
        assert await asked == b""
        assert at.gateway._open.total() == 0
    assert miner.cancelled == 1


def test_it_runs_on_the_loop_that_commands_use(tmp_path: Path) -> None:
    """uvloop's connections are not asyncio's own classes."""

    async def answered() -> bytes:
        async with desk(tmp_path, FakeMiner(key(1)), connections_max=1) as at:
            first = await raw(at, request(at, json.dumps(CHAT).encode()))
            _, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
            await asyncio.sleep(0)
            assert await raw(at, b"GET / HTTP/1.1\r\n\r\n") == b"", "there is no place"
            writer.close()
            return first

    assert uvloop.run(answered()).startswith(b"HTTP/1.1 200")
