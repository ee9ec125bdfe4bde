"""The sockets: HTTP and WebSocket on one port. The only file here that imports aiohttp.

Adds transport to ``dispatch``: a bounded number of connections, of bytes that come and of bytes
that nobody reads, of time for a body, and turns between connections. Three kinds of requests: a
WebSocket (everything), a ``POST`` of JSON (calls, no subscriptions), ``GET /health``.

Browsers: any web page can open a WebSocket to loopback, so a request that carries an ``Origin`` is
served only if the origin is known (loopback itself, polkadot.js apps, and what the user allows);
programs send none. One WebSocket has two tasks: the reader answers in order, the writer sends what
the outbox holds at the client's own pace.
"""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import time
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web
from loguru import logger

from assay.errors import Unavailable, UserError
from assay.localnet.rpc.dispatch import Answer, Dispatcher
from assay.localnet.rpc.envelope import failure, read_frame
from assay.localnet.rpc.errors import RpcError, batch_reply_too_big
from assay.localnet.rpc.intake import Frames, Held, Intake, Metered
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.rpc.subscriptions import Hub, Session

_LOOPBACK_ORIGIN: Final = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
_KNOWN_ORIGINS: Final = frozenset({"https://polkadot.js.org"})
"""The explorer that people point at their own node; Substrate's nodes allow it as well."""

_CLOSE_S: Final = 2.0
"""How long a connection may take to close before it is cut."""

_HEADERS_MAX: Final = 64
_HEADER_BYTES_MAX: Final = 8_190
"""Of a request: a browser sends some twenty headers."""

_LIKELY_TAKEN_BYTES: Final = 32_768
"""So much the kernel takes at once for a client that read what came before."""

_WARN_EVERY_S: Final = 1.0
"""So often at most the log hears of clients: 10 MB a day, whatever they do."""

_KEEPALIVE_S: Final = 75.0
"""An idle HTTP connection is kept so long; it counts against the limit of connections."""

_BACKLOG: Final = 128
"""Connections that the kernel holds while the chain is being opened or a block is built."""

_REFUSAL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 21\r\n\r\n"
    b"too many connections\n"
)


class _Refuse(asyncio.Protocol):
    """What a connection above the limit meets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(_REFUSAL)
        transport.close()


class RpcServer:
    """Serves one dispatcher. ``on_fatal`` hears of a failure after which the node must stop."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        hub: Hub,
        limits: RpcLimits,
        *,
        origins: Iterable[str] = (),
        on_fatal: Callable[[Exception], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._hub = hub
        self._limits = limits
        self._origins = _KNOWN_ORIGINS | set(origins)
        self._on_fatal = on_fatal
        self._intake = Intake(
            bytes_max=limits.incoming_bytes_max, unmetered_bytes=limits.incoming_unmetered_bytes
        )
        self._sockets: set[web.WebSocketResponse] = set()
        self._dropping: set[asyncio.Future[None]] = set()
        self._silent: dict[web.RequestHandler, asyncio.TimerHandle] = {}
        """What ends a connection that neither asks nor, where it has a reply, reads it."""
        self._warn_again_s = 0.0
        self._listener: asyncio.Server | None = None
        self._web: web.Server | None = None
        self.port = 0

    # -- life --------------------------------------------------------------------------------

    async def start(self, listener: socket.socket) -> None:
        """Serve a bound socket (``bind`` makes one), which belongs to the server from now on."""
        # Bodies are never decompressed: a small one could unfold to any size.
        self._web = web.Server(
            self._serve,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=_KEEPALIVE_S,
            max_headers=_HEADERS_MAX,
            max_line_size=_HEADER_BYTES_MAX,
            max_field_size=_HEADER_BYTES_MAX,
        )
        loop = asyncio.get_running_loop()
        self.port = listener.getsockname()[1]
        self._listener = await loop.create_server(self._accept, sock=listener)

    def _accept(self) -> asyncio.Protocol:
        assert self._web is not None
        connections = self._web.connections
        if len(connections) >= self._limits.connections_max:
            self._warn(f"connections beyond {self._limits.connections_max} are refused")
            return _Refuse()
        if len(self._silent) >= 2 * self._limits.connections_max:
            self._forget_gone(set(connections))
        handler = self._web()
        loop = asyncio.get_running_loop()
        cut = loop.call_later(self._limits.first_request_s, self._cut, handler)
        self._silent[handler] = cut
        return Metered(handler)

    def _forget_gone(self, connected: Set[web.RequestHandler]) -> None:
        """Connections that ended without a request must not pile up until their cut."""
        for handler in [one for one in self._silent if one not in connected]:
            self._silent.pop(handler).cancel()

    def _cut(self, handler: web.RequestHandler) -> None:
        """Close a connection on which no request has come."""
        self._silent.pop(handler, None)
        handler.force_close()

    def _cut_unread(self, handler: web.RequestHandler) -> None:
        """Part with a client that leaves its reply unread: its connection counts for ever else.

        Not called for one that has asked again since: that reply has a time of its own.
        """
        self._silent.pop(handler, None)
        transport = handler.transport
        if transport is not None and transport.get_write_buffer_size():
            transport.abort()

    async def stop(self) -> None:
        """Close the port, then the connections (1001, going away), within a bounded time."""
        if self._listener is not None:
            self._listener.close()
        for cut in self._silent.values():
            cut.cancel()
        closing = [self._close(ws, WSCloseCode.GOING_AWAY, "shutting down") for ws in self._sockets]
        await asyncio.gather(*closing, return_exceptions=True)
        if self._web is not None:
            await self._web.shutdown(_CLOSE_S)

    @staticmethod
    async def _close(ws: web.WebSocketResponse, code: int, reason: str) -> None:
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_CLOSE_S):
                await ws.close(code=code, message=reason.encode())

    def _warn(self, text: str) -> None:
        """Tell of a client's doing, which it may repeat a thousand times a second."""
        now_s = time.monotonic()
        if now_s >= self._warn_again_s:
            self._warn_again_s = now_s + _WARN_EVERY_S
            logger.warning(text)

    # -- one request -------------------------------------------------------------------------

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if (cut := self._silent.pop(request.protocol, None)) is not None:
            cut.cancel()
        origin = request.headers.get("Origin")
        if origin is not None and not self._allowed(origin):
            return web.Response(status=403, text="this origin is not allowed\n")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_websocket(request)
        response = await self._serve_http(request, origin)
        transport = request.transport
        size_bytes = response.content_length or 0
        if transport is None or (
            size_bytes <= _LIKELY_TAKEN_BYTES and not transport.get_write_buffer_size()
        ):
            return response
        loop = asyncio.get_running_loop()
        cut = loop.call_later(self._limits.send_s, self._cut_unread, request.protocol)
        self._silent[request.protocol] = cut
        return await self._send(request, response, size_bytes)

    async def _send(
        self, request: web.BaseRequest, response: web.Response, size_bytes: int
    ) -> web.Response:
        """Send a long reply here, so that it counts as unread for as long as it is."""
        unread = self._hub.unread
        if not unread.admits(size_bytes, 0, self._limits):
            return web.Response(status=503, text="clients leave too much unread; try again later\n")
        unread.size_bytes += size_bytes
        try:
            await response.prepare(request)
            await response.write_eof()
        except ConnectionError:
            pass  # it is gone; who called us meets it again
        finally:
            unread.size_bytes -= size_bytes
        return response

    async def _serve_http(self, request: web.BaseRequest, origin: str | None) -> web.Response:
        cors = {} if origin is None else {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        if request.method == "POST":
            return await self._serve_post(request, cors)
        if request.method == "OPTIONS":
            allowed = {
                "Access-Control-Allow-Methods": "POST",
                "Access-Control-Allow-Headers": "content-type",
            }
            return web.Response(status=204, headers={**cors, **allowed})
        if request.method == "GET" and request.path == "/health":
            call = b'{"jsonrpc":"2.0","id":null,"method":"system_health"}'
            return _json(self._call(call, None).reply or b"", cors)
        return web.Response(
            status=405, headers={"Allow": "POST, OPTIONS"}, text="POST JSON-RPC, or a WebSocket\n"
        )

    def _allowed(self, origin: str) -> bool:
        known = self._origins
        return origin in known or "*" in known or _LOOPBACK_ORIGIN.fullmatch(origin) is not None

    async def _serve_post(self, request: web.BaseRequest, cors: dict[str, str]) -> web.Response:
        if request.content_type != "application/json":
            # A page's plain form can be posted anywhere without asking; JSON cannot.
            return web.Response(status=415, text="Content-Type must be application/json\n")
        held = Held(self._intake)
        try:
            async with asyncio.timeout(self._limits.body_s):
                body = await self._read_body(request, held)
            if not isinstance(body, bytes):
                return body
            reply, _ = await self._answer(body, None, request.transport)
        except TimeoutError:
            return web.Response(status=408, text="the body took too long\n")
        except ConnectionError:  # gone before it was all there: nobody will read this
            return web.Response(status=400)
        finally:
            held.close()
        if reply is None:
            return web.Response(status=204, headers=cors)
        return _json(reply, cors)

    async def _read_body(self, request: web.BaseRequest, held: Held) -> bytes | web.Response:
        """The body, or what to say of one that is not taken."""
        body = bytearray()
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > self._limits.frame_bytes_max:
                return web.Response(status=413, text="the body is too large\n")
            if not held.add(len(chunk)):
                return web.Response(status=503, text="too much comes at once; try again later\n")
        return bytes(body)

    # -- one frame ---------------------------------------------------------------------------

    async def _answer(
        self, data: bytes, session: Session | None, transport: asyncio.Transport | None
    ) -> tuple[bytes | None, Sequence[bytes]]:
        """A frame's reply (None: nothing to say), and what to send after it.

        A batch ends early where nobody is left to hear of it, or where its answers are too long.
        """
        try:
            frame = read_frame(
                data,
                batch_calls_max=self._limits.batch_calls_max,
                values_max=self._limits.frame_values_max,
            )
        except RpcError as error:
            return failure(None, error), ()
        if not frame.batch:
            answer = self._call(frame.calls[0], session)
            return answer.reply, answer.then
        replies: list[bytes] = []
        then: list[bytes] = []
        size_bytes = 0
        turn_ends = time.monotonic() + self._limits.slice_s
        for call in frame.calls:
            if transport is None or transport.is_closing():
                return None, ()
            answer = self._call(call, session)
            then += answer.then
            size_bytes += sum(map(len, answer.then))
            if answer.reply is not None:
                replies.append(answer.reply)
                size_bytes += len(answer.reply) + 1
            if size_bytes > self._limits.reply_bytes_max:
                return failure(None, batch_reply_too_big(self._limits.reply_bytes_max)), then
            if time.monotonic() > turn_ends:
                await asyncio.sleep(0)
                turn_ends = time.monotonic() + self._limits.slice_s
        return (b"[" + b",".join(replies) + b"]" if replies else None), then

    def _call(self, call: bytes, session: Session | None) -> Answer:
        try:
            return self._dispatcher.answer(call, session)
        except Exception as error:  # what a client can cause was answered
            self._on_fatal(error)
            raise

    # -- one WebSocket -----------------------------------------------------------------------

    async def _serve_websocket(self, request: web.BaseRequest) -> web.StreamResponse:
        ws = web.WebSocketResponse(
            max_msg_size=self._limits.frame_bytes_max,
            heartbeat=self._limits.heartbeat_s,
            compress=False,
            decode_text=False,
        )
        held = Held(self._intake)
        frames = Frames(held)
        self._meter(ws, request, frames)
        try:
            await ws.prepare(request)
        except ConnectionError:  # gone before it was answered: nobody will read this
            held.close()
            return web.Response(status=400)
        self._sockets.add(ws)
        session = self._hub.join(on_lost=lambda why: self._drop(ws, request.transport, why))
        writer = asyncio.ensure_future(self._write(ws, session, request.transport))
        try:
            await self._read(ws, session, request.transport, frames)
        finally:
            held.close()
            self._hub.leave(session)
            self._sockets.discard(ws)
            writer.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await writer
        return ws

    def _meter(self, ws: web.WebSocketResponse, request: web.BaseRequest, frames: Frames) -> None:
        """Count from here on what comes, beginning with what came behind the request."""
        transport = request.transport
        if transport is None:
            return
        metered = transport.get_protocol()
        assert isinstance(metered, Metered)
        early = request.protocol._message_tail
        metered.meter(frames, early, lambda: self._drop(ws, transport, "too much comes at once"))

    async def _read(
        self,
        ws: web.WebSocketResponse,
        session: Session,
        transport: asyncio.Transport | None,
        frames: Frames,
    ) -> None:
        turn_ends = time.monotonic() + self._limits.slice_s
        async for message in ws:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            await self._reply(message.data, session, transport)
            frames.answered(len(message.data))
            del message  # or it would be kept until the next one comes
            if session.outbox.closed:
                break
            # Frames that have arrived already come without a pause: give others their turn.
            if time.monotonic() > turn_ends:
                await asyncio.sleep(0)
                turn_ends = time.monotonic() + self._limits.slice_s

    async def _reply(
        self, data: bytes, session: Session, transport: asyncio.Transport | None
    ) -> None:
        reply, then = await self._answer(data, session, transport)
        if reply is not None:
            await session.outbox.room()
            session.notify(reply)
        for note in then:
            session.notify(note)

    async def _write(
        self,
        ws: web.WebSocketResponse,
        session: Session,
        transport: asyncio.Transport | None,
    ) -> None:
        """Send what the outbox holds; cut a client that takes too long to read a message."""
        try:
            while (message := await session.outbox.take()) is not None:
                async with asyncio.timeout(self._limits.send_s):
                    await ws.send_frame(message, WSMsgType.TEXT)
                del message  # or it would be kept until there is another
                session.outbox.sent()
        except TimeoutError:
            self._warn("a client reads nothing; its connection is cut")
            if transport is not None:
                transport.abort()
        except ConnectionError:
            pass  # it is gone
        finally:
            session.outbox.close()  # the reader may wait for room, which nobody makes any more

    def _drop(
        self, ws: web.WebSocketResponse, transport: asyncio.Transport | None, reason: str
    ) -> None:
        """Part with a client; its socket may be full, so it is cut in the end."""
        self._warn(f"a client's connection is closed: {reason}")

        async def close() -> None:
            await self._close(ws, WSCloseCode.TRY_AGAIN_LATER, reason)
            if transport is not None:
                transport.abort()

        task = asyncio.ensure_future(close())
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)


def bind(host: str, port: int) -> socket.socket:
    """Take an address without listening yet. UserError if it cannot be had."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICHOST
        )[0]
        bound = socket.socket(family, kind)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        # Another process's listener may share the address until one of the two listens.
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise _cannot_listen(host, port, error) from error
    return bound


def _json(body: bytes, headers: dict[str, str]) -> web.Response:
    return web.Response(body=body, content_type="application/json", headers=headers)


def _cannot_listen(host: str, port: int, error: OSError) -> UserError:
    if error.errno == errno.EADDRINUSE:
        return Unavailable(
            f"Port {port} on {host} is in use by another process.",
            "Stop that process, or choose another port with --port (0: any free one).",
        )
    if error.errno == errno.EACCES:
        return UserError(
            f"Port {port} may not be used by this account.", "Choose a port above 1023 with --port."
        )
    return UserError(
        f"{host}:{port} is no address of this machine ({error.strerror or error}).",
        "Give --rpc-address an address of this machine: 127.0.0.1, or 0.0.0.0 for all of them.",
    )
