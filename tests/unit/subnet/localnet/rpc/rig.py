"""An RPC server over a toy chain, sealed by hand, with a client that knows the protocol.

Real sockets on loopback, no runtime: what the RPC does is seen apart from what a chain does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp

from assay.clock import Clock, ManualClock
from assay.localnet.pool import TransactionPool
from assay.localnet.rpc.dispatch import RpcDispatcher
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.rpc.methods import registry
from assay.localnet.rpc.node import RpcNode
from assay.localnet.rpc.server import RpcServer, bind
from assay.localnet.rpc.subscriptions import Hub
from assay.localnet.sealing import Sealing, SealingMode
from assay.localnet.service import Service
from assay.metrics import NO_METRICS, Metrics
from tests.unit.subnet.localnet.toy_chain import SLOT_MS, ToyChain

WAIT_S = 5.0
_POLL_S = 0.01

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def post(text: bytes) -> bytes:
    """An HTTP request with a body, as bytes on a socket."""
    head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + text


async def until(holds: Callable[[], bool]) -> None:
    """Wait for it, but not for ever."""
    for _ in range(int(WAIT_S / _POLL_S)):
        if holds():
            return
        await asyncio.sleep(_POLL_S)
    raise AssertionError("it did not come about")


async def connections(node: Rig, count: int) -> None:
    """Wait until the server has so many."""
    web = node.server._web
    assert web is not None
    await until(lambda: len(web.connections) == count)


class Rig:
    """A server over a toy chain, sealed by hand, or at a beat that ``service.run`` keeps."""

    def __init__(
        self,
        limits: RpcLimits,
        origins: tuple[str, ...],
        mode: SealingMode = SealingMode.MANUAL,
        clock: Clock | None = None,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        clock = clock or ManualClock()
        self.chain = ToyChain()
        self.pool = TransactionPool(self.chain, head_number=0)
        sealing = Sealing(mode, interval_s=SLOT_MS / 1e3, now_s=clock.monotonic())
        self.service = Service(self.chain, self.pool, sealing, clock, metrics)
        self.hub = Hub(self.chain, limits)
        self.service.on_block(self.hub.tell_block)
        self.service.on_events(self.hub.tell_events)
        self.fatal: list[Exception] = []
        methods = registry(dev_methods=True)
        node = RpcNode(
            backend=self.chain,
            pool=self.pool,
            service=self.service,
            hub=self.hub,
            limits=limits,
            methods=methods.names,
            clock=clock,
        )
        self.server = RpcServer(
            RpcDispatcher(methods, node, metrics),
            self.hub,
            limits,
            clock,
            block_is_due=self.service.block_is_due,
            origins=origins,
            on_fatal=self.fatal.append,
            metrics=metrics,
        )
        self.http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/"

    @asynccontextmanager
    async def socket(self, **headers: str) -> AsyncIterator[Socket]:
        async with self.http.ws_connect(self.url, headers=headers, max_msg_size=0) as ws:
            yield Socket(ws)

    async def post(self, body: Any, **headers: str) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **headers}
        async with self.http.post(self.url, data=data, headers=sent) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith(("{", "[")) else text


class Socket:
    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.last_id = 0

    async def next(self) -> Any:
        message = await self.ws.receive(WAIT_S)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def ask(self, method: str, *params: Any) -> Any:
        self.last_id += 1
        call = {"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}
        await self.ws.send_str(json.dumps(call))
        reply = await self.next()
        assert reply["id"] == self.last_id
        return reply

    async def call(self, method: str, *params: Any) -> Any:
        reply = await self.ask(method, *params)
        assert "error" not in reply, reply
        return reply["result"]

    async def code(self, method: str, *params: Any) -> int:
        return int((await self.ask(method, *params))["error"]["code"])

    async def closed_with(self) -> int | None:
        for _ in range(100_000):
            message = await self.ws.receive(WAIT_S)
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                break
            if message.type is aiohttp.WSMsgType.ERROR:
                break
        return self.ws.close_code


@asynccontextmanager
async def rig(
    origins: tuple[str, ...] = (),
    mode: SealingMode = SealingMode.MANUAL,
    clock: Clock | None = None,
    metrics: Metrics = NO_METRICS,
    **limits: Any,
) -> AsyncIterator[Rig]:
    made = Rig(replace(RpcLimits(), **limits), origins, mode, clock, metrics)
    await made.server.start(bind("127.0.0.1", 0))
    made.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT_S))
    try:
        yield made
    finally:
        await made.http.close()
        await made.server.stop()
