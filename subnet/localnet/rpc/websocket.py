"""One WebSocket: a reader that answers frames in order, a writer that sends at the client's pace.

In comes an HTTP request to become a WebSocket, with its connection. The reader takes one message
after the other, so a client that asks much waits for its own answers. Replies and notifications
wait in the subscriber's outbox, and the writer sends what that holds. A client that does not read
loses its connection; none holds up the chain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from assay.localnet.rpc.answers import FrameAnswerer, RpcCaller
from assay.localnet.rpc.connections import ClientConnection
from assay.localnet.rpc.frames import FrameCounter, HeldBytes, IncomingBytes
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.rpc.protocol import ClientProtocol
from assay.localnet.rpc.subscriptions import Hub, Subscriber

CLOSE_S: Final = 2.0
"""How long a connection may take to close before it is cut."""


class WebSockets:
    """The WebSockets of one server. ``warn`` tells the log of what a client did."""

    def __init__(
        self,
        answerer: FrameAnswerer,
        hub: Hub,
        incoming: IncomingBytes,
        limits: RpcLimits,
        *,
        warn: Callable[[str], None],
    ) -> None:
        self._answerer = answerer
        self._hub = hub
        self._incoming = incoming
        self._limits = limits
        self._warn = warn
        self._open: set[web.WebSocketResponse] = set()
        self._dropping: set[asyncio.Future[None]] = set()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    async def close_all(self) -> None:
        """Tell all clients that the server goes away (1001), within a bounded time."""
        closing = [close(ws, WSCloseCode.GOING_AWAY, "shutting down") for ws in self._open]
        await asyncio.gather(*closing, return_exceptions=True)

    async def serve(
        self, request: web.BaseRequest, protocol: ClientProtocol, connection: ClientConnection
    ) -> web.StreamResponse:
        """Make a WebSocket of ``request`` and serve it to its end."""
        transport = request.transport
        if transport is None:
            return web.Response(status=400)  # gone: nobody will read this
        ws = web.WebSocketResponse(
            max_msg_size=self._limits.frame_bytes_max,
            heartbeat=self._limits.heartbeat_s,
            compress=False,
            decode_text=False,
        )
        held = HeldBytes(self._incoming, connection.source)
        frames = FrameCounter(held)
        early = request.protocol._message_tail  # what came behind the request
        protocol.count(frames, early, lambda: self._drop(ws, transport, "too much comes at once"))
        connection.evict = lambda: self._drop(ws, transport, "its place is given to another")
        try:
            await ws.prepare(request)
        except ConnectionError:  # gone before it was answered: nobody will read this
            held.close()
            return web.Response(status=400)
        self._open.add(ws)
        subscriber = self._hub.join(on_lost=lambda why: self._drop(ws, transport, why))
        connection.subscriber = subscriber
        caller = RpcCaller(connection, transport.is_closing, subscriber)
        writer = asyncio.ensure_future(self._write(ws, subscriber, transport))
        try:
            await self._read(ws, caller, subscriber, frames)
        finally:
            held.close()
            self._hub.leave(subscriber)
            self._open.discard(ws)
            writer.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await writer
        return ws

    async def _read(
        self,
        ws: web.WebSocketResponse,
        caller: RpcCaller,
        subscriber: Subscriber,
        frames: FrameCounter,
    ) -> None:
        async for message in ws:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            with caller.connection.asking(self._answerer.now_s()):
                result = await self._answerer.answer(message.data, caller)
                if result.reply is not None:
                    await subscriber.outbox.room()
                    subscriber.notify(result.reply)
                for note in result.then:
                    subscriber.notify(note)
            frames.answered(len(message.data))
            del message, result  # or they would be kept until the next one comes
            if subscriber.outbox.closed:
                break

    async def _write(
        self, ws: web.WebSocketResponse, subscriber: Subscriber, transport: asyncio.Transport
    ) -> None:
        """Send what the outbox holds; cut a client that takes too long to read a message."""
        try:
            while (message := await subscriber.outbox.take()) is not None:
                async with asyncio.timeout(self._limits.send_s):
                    await ws.send_frame(message, WSMsgType.TEXT)
                del message  # or it would be kept until there is another
                subscriber.outbox.sent()
        except TimeoutError:
            self._warn("a client reads nothing; its connection is cut")
            transport.abort()
        except ConnectionError:
            pass  # it is gone
        finally:
            subscriber.outbox.close()  # the reader may wait for room, which nobody makes any more

    def _drop(self, ws: web.WebSocketResponse, transport: asyncio.Transport, reason: str) -> None:
        """Part with a client; its socket may be full, so it is cut in the end."""
        self._warn(f"a client's connection is closed: {reason}")

        async def ending() -> None:
            await close(ws, WSCloseCode.TRY_AGAIN_LATER, reason)
            transport.abort()

        task = asyncio.ensure_future(ending())
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)


async def close(ws: web.WebSocketResponse, code: int, reason: str) -> None:
    """Close a WebSocket with ``code`` and ``reason``, within a bounded time."""
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(CLOSE_S):
            await ws.close(code=code, message=reason.encode())
