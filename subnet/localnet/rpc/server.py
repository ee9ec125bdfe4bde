"""The port: which requests there are, who may make them, and how the server begins and ends.

HTTP and WebSocket share one port. There are three kinds of requests: a WebSocket (everything,
``websocket.py``), a ``POST`` of JSON (calls, no subscriptions, ``http_post.py``), and ``GET
/health``. Who gets a connection is decided in ``connections.py``, whose call is next in
``fair_queue.py``.

Browsers: any web page can open a WebSocket to loopback, so a request that carries an ``Origin`` is
served only if the origin is known (loopback itself, polkadot.js apps, and what the user allows);
programs send none.
"""

from __future__ import annotations

import asyncio
import errno
import re
import socket
from collections.abc import Callable, Iterable
from typing import Final

from aiohttp import web
from loguru import logger

from assay.clock import Clock
from assay.errors import Unavailable, UserError
from assay.localnet.rpc.answers import FrameAnswerer, RpcCaller
from assay.localnet.rpc.connections import Connections
from assay.localnet.rpc.dispatch import RpcDispatcher
from assay.localnet.rpc.fair_queue import FairQueue
from assay.localnet.rpc.frames import IncomingBytes
from assay.localnet.rpc.http_post import HttpPost, json_response
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.rpc.protocol import ClientProtocol, Refusals
from assay.localnet.rpc.subscriptions import Hub
from assay.localnet.rpc.websocket import CLOSE_S, WebSockets
from assay.metrics import NO_METRICS, Metrics

_LOOPBACK_ORIGIN: Final = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
_KNOWN_ORIGINS: Final = frozenset({"https://polkadot.js.org"})
"""The explorer that people point at their own node; Substrate's nodes allow it as well."""

_HEADERS_MAX: Final = 64
_HEADER_BYTES_MAX: Final = 8_190
"""Of a request: a browser sends some twenty headers."""

_LIKELY_TAKEN_BYTES: Final = 32_768
"""What the kernel takes at once for a client that read what came before."""

_WARN_EVERY_S: Final = 1.0
"""How often at most the log hears of clients: 10 MB a day, whatever they do."""

_KEEPALIVE_S: Final = 75.0
"""How long an idle HTTP connection is kept; it counts against the limit of connections."""

_BACKLOG: Final = 128
"""Connections that the kernel holds while the chain is being opened or a block is built."""

_HEALTH: Final = b'{"jsonrpc":"2.0","id":null,"method":"system_health"}'


class RpcServer:
    """Serves one dispatcher. ``on_fatal`` hears of a failure after which the node must stop.

    ``block_is_due`` tells whether the event loop should be left to whoever makes the block.
    """

    def __init__(
        self,
        dispatcher: RpcDispatcher,
        hub: Hub,
        limits: RpcLimits,
        clock: Clock,
        *,
        origins: Iterable[str] = (),
        block_is_due: Callable[[], bool],
        on_fatal: Callable[[Exception], None],
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self._metrics = metrics
        self._hub = hub
        self._limits = limits
        self._clock = clock
        self._origins = _KNOWN_ORIGINS | set(origins)
        self.incoming = IncomingBytes(
            bytes_max=limits.incoming_bytes_max, unmetered_bytes=limits.incoming_unmetered_bytes
        )
        self.connections = Connections(limits)
        self._queue = FairQueue(limits, clock, block_is_due=block_is_due)
        self._answerer = FrameAnswerer(dispatcher, self._queue, limits, clock, on_fatal=on_fatal)
        self._posts = HttpPost(self._answerer, self.incoming, limits)
        self.websockets = WebSockets(self._answerer, hub, self.incoming, limits, warn=self._warn)
        self._refusals = Refusals()
        self._warn_again_s = 0.0
        self._listener: asyncio.Server | None = None
        self._web: web.Server | None = None
        self._protocols: set[ClientProtocol] = set()
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
        self._listener = await loop.create_server(
            lambda: ClientProtocol(self._admit, self._left, self._refusals), sock=listener
        )

    async def stop(self) -> None:
        """Close the port, then the connections (1001, going away), within a bounded time."""
        if self._listener is not None:
            self._listener.close()
        for protocol in self._protocols:
            protocol.uncut()
        await self.websockets.close_all()
        if self._web is not None:
            await self._web.shutdown(CLOSE_S)
        self._queue.close()

    # -- connections -------------------------------------------------------------------------

    def _admit(
        self, transport: asyncio.Transport, protocol: ClientProtocol
    ) -> asyncio.Protocol | str:
        """The HTTP protocol for a connection that was just made, or why it has no place."""
        assert self._web is not None
        peer = transport.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else None
        connection = self.connections.admit(address, self._clock.monotonic(), transport.abort)
        kept = connection is not None
        self._metrics.count("assay_rpc_connections_total", outcome="kept" if kept else "refused")
        if connection is None:
            most = self._limits.connections_max
            own = self.connections.source_of(address).connections
            self._warn(f"connections beyond {most} are refused")
            return (
                f"This node takes {most} connections and has as many, {own} of them from your "
                "address. Close some that you do not need, or try again later."
            )
        protocol.connection = connection
        self._protocols.add(protocol)
        self._metrics.show("assay_rpc_open_connections", len(self._protocols))
        handler = self._web()
        self._cut_in(protocol, self._limits.first_request_s, handler.force_close)
        return handler

    def _left(self, protocol: ClientProtocol) -> None:
        """A connection is gone, or was refused."""
        self._protocols.discard(protocol)
        self._metrics.show("assay_rpc_open_connections", len(self._protocols))
        if protocol.connection is not None:
            self.connections.leave(protocol.connection)

    def _cut_in(self, protocol: ClientProtocol, after_s: float, cut: Callable[[], None]) -> None:
        protocol.uncut()
        protocol.cut = asyncio.get_running_loop().call_later(after_s, cut)

    def _warn(self, text: str) -> None:
        """Tell the log of a client's doing, which may be repeated a thousand times a second."""
        now_s = self._clock.monotonic()
        if now_s >= self._warn_again_s:
            self._warn_again_s = now_s + _WARN_EVERY_S
            logger.warning(text)

    # -- one request -------------------------------------------------------------------------

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        protocol = transport.get_protocol() if transport is not None else None
        if transport is None or not isinstance(protocol, ClientProtocol):
            return web.Response(status=400)  # gone: nobody will read this
        connection = protocol.connection
        assert connection is not None
        protocol.uncut()
        origin = request.headers.get("Origin")
        if origin is not None and not self._allowed(origin):
            return web.Response(status=403, text="this origin is not allowed\n")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.websockets.serve(request, protocol, connection)
        with connection.asking(self._clock.monotonic()):
            caller = RpcCaller(connection, transport.is_closing)
            response = await self._serve_http(request, caller, origin)
            size_bytes = response.content_length or 0
            if size_bytes <= _LIKELY_TAKEN_BYTES and not transport.get_write_buffer_size():
                return response
            self._cut_in(protocol, self._limits.send_s, lambda: _cut_unread(transport))
            return await self._send(request, response, size_bytes)

    async def _serve_http(
        self, request: web.BaseRequest, caller: RpcCaller, origin: str | None
    ) -> web.Response:
        cors = {} if origin is None else {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        if request.method == "POST":
            return await self._posts.serve(request, caller, cors)
        if request.method == "OPTIONS":
            allowed = {
                "Access-Control-Allow-Methods": "POST",
                "Access-Control-Allow-Headers": "content-type",
            }
            return web.Response(status=204, headers={**cors, **allowed})
        if request.method == "GET" and request.path == "/health":
            result = await self._answerer.answer(_HEALTH, caller)
            return json_response(result.reply or b"", cors)
        return web.Response(
            status=405, headers={"Allow": "POST, OPTIONS"}, text="POST JSON-RPC, or a WebSocket\n"
        )

    def _allowed(self, origin: str) -> bool:
        known = self._origins
        return origin in known or "*" in known or _LOOPBACK_ORIGIN.fullmatch(origin) is not None

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


def _cut_unread(transport: asyncio.Transport) -> None:
    """Part with a client that leaves its reply unread: its connection counts for ever else.

    Not called for one that has asked again since: that reply has a time of its own.
    """
    if transport.get_write_buffer_size():
        transport.abort()


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
