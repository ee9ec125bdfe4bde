"""The axon over HTTP/1.1: connections and bytes around ``dispatch``.

In come TCP connections; out go the replies that ``dispatch`` makes. The server is aiohttp's
low-level one, without application, router or middleware. This module counts bodies while they
arrive, bounds the number of connections and the time for heads, bodies and idleness, and lets
running requests finish when the axon stops. The source of a request is the address of the TCP peer;
no header can change that. This module decides when to stop reading, and nothing else: what a
request means, and whether it is served, is decided in ``dispatch``.

Bytes that are not HTTP are answered with an unsigned 400, because there is no request that a
signature could name; then the connection is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
import socket
from collections.abc import Awaitable, Callable
from typing import Final, cast

from aiohttp import HttpVersion11, web, web_protocol
from aiohttp.client_exceptions import ClientError
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict

from assay.clock import Clock, SystemClock
from assay.errors import Unavailable
from assay.metrics import NO_METRICS, Metrics
from assay.types import Signer
from assay.wire import signing
from assay.wire.admission import Admission
from assay.wire.connections import ConnectionTable
from assay.wire.dispatch import Dispatcher, Ticket
from assay.wire.errors import Code, RequestRefused
from assay.wire.faults import OnFault
from assay.wire.http_connection import CONTINUE, GuardedConnection, cut
from assay.wire.interface import Method, Rep, Req
from assay.wire.limits import DEFAULT, Limits
from assay.wire.replay import CeilingStore
from assay.wire.replies import Headers, SignedReply
from assay.wire.stream_server import StreamedReply

_BACKLOG: Final = 512  # connections the kernel completes before we accept: a burst of validators
_FORCED_S: Final = 1.0  # what aiohttp waits for connections after ours were drained
_SERVER: Final = "assay"  # aiohttp would name its version and Python's to every stranger
_DESCRIPTORS_KEPT: Final = 128  # of the process's: files, the chain, our own calls
_WHOLE_BYTES_MAX: Final = 2**18  # larger replies go out in pieces of this size
_SWEEPS: Final = 4  # looks at half-sent heads within one head's time
_TCP_NOTSENT_LOWAT: Final[int | None] = getattr(socket, "TCP_NOTSENT_LOWAT", None)
_UNSENT_BYTES: Final = 2**17  # of a stream: one batch and a little; less would make it stutter
_SENDING_BYTES: Final = 2**17
"""Size of the kernel's sending buffer of a connection that streams. Linux doubles the number for
its own bookkeeping. A stream sends at most this much in one round trip: 1.3 MB/s over 100 ms. By
default the kernel lets the buffer grow to megabytes, which a handler would fill for a reader that
does not read."""


class Axon:
    """A neuron's HTTP server for the methods that are attached to it."""

    def __init__(
        self,
        signer: Signer,
        *,
        clock: Clock | None = None,
        limits: Limits = DEFAULT,
        nonces: CeilingStore | None = None,
        admission: Admission | None = None,
        on_fault: OnFault | None = None,
        metrics: Metrics = NO_METRICS,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """Make an axon that answers in the name of ``signer``, at ``host`` and ``port``.

        ``nonces`` keeps the replay ceiling across a crash: a ``CeilingFile`` outside of tests. The
        axon closes ``nonces`` when it stops. ``admission`` says which callers are served, and how
        many requests of each; without it everybody is. ``on_fault`` is told each exception that a
        handler raises. ``port`` 0 asks for any free port.
        """
        self._clock = clock or SystemClock()
        self._limits = limits
        self._host = host
        self._port = port
        self.dispatcher = Dispatcher(
            signer,
            clock=self._clock,
            limits=limits,
            nonces=nonces,
            admission=admission,
            on_fault=on_fault,
            metrics=metrics,
        )
        self._metrics = metrics
        self._http: _Server | None = None
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._bodies_bytes = 0

    def attach(self, method: Method[Req, Rep]) -> None:
        """Serve ``method``; ValueError if it cannot be served, or its name is taken."""
        self.dispatcher.attach(method)

    @property
    def port(self) -> int:
        """The port on which the axon listens, known after ``start``."""
        return self._port

    async def start(self) -> None:
        """Listen; ``Unavailable`` if the address cannot be listened on."""
        loop = asyncio.get_running_loop()
        self._http = _Server(
            self._handle, self._limits, self._clock, self.dispatcher.admission, self._metrics
        )
        try:
            self._listener = await loop.create_server(
                self._http, self._host, self._port, backlog=_BACKLOG
            )
        except OSError as error:
            raise Unavailable(
                f"Cannot listen on {self._host}:{self._port}: {error.strerror or error}.",
                "Choose another port, or stop what uses this one.",
            ) from error
        self._port = self._listener.sockets[0].getsockname()[1]
        self._sweeper = asyncio.ensure_future(self._sweep())

    async def stop(self) -> None:
        """Accept no more requests, wait for the running ones within ``drain_s_max``, and close."""
        if self._listener is None or self._http is None or self._sweeper is None:
            return
        self._listener.close()
        await self.dispatcher.drain()
        self._http.pre_shutdown()
        await self._http.shutdown(_FORCED_S)
        self._sweeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._sweeper
        self._listener = self._http = self._sweeper = None
        self.dispatcher.close()

    # -- one request

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, _Connection)
        connection.head_since_s = None
        head = signing.parse_head(request.method, request.raw_path, request.raw_headers)
        try:
            ticket = self.dispatcher.open(head, connection.source)
            _invite_body(request)
            body = await self._body(request, ticket)
        except RequestRefused as refusal:
            connection.reply_since_s = self._clock.monotonic()
            return self._refused(request, head, refusal)
        except (ClientError, HttpProcessingError, ConnectionError):
            # A broken chunk or a half-closed connection: there is nobody left to answer.
            return cut(request)
        connection.is_serving = True
        try:
            try:
                reply = await self.dispatcher.answer(ticket, body)
            finally:
                self._bodies_bytes -= len(body)
                connection.reply_since_s = self._clock.monotonic()
            if isinstance(reply, StreamedReply):
                del body  # a stream may last for an hour
                return await self._stream(request, connection, reply)
            if reply is None:
                return cut(request)
            if len(reply.body) > _WHOLE_BYTES_MAX:
                return await self._large(request, reply)
            return _response(reply)
        finally:
            connection.is_serving = False

    async def _large(self, request: web.BaseRequest, reply: SignedReply) -> web.StreamResponse:
        """Send the large ``reply`` in pieces: sent at once it would be copied, and the copy would
        stay in memory until it is read."""
        response = web.StreamResponse(status=reply.status, headers=_headers(reply.headers))
        response.content_length = len(reply.body)
        body = memoryview(reply.body)
        try:
            await response.prepare(request)
            for start in range(0, len(body), _WHOLE_BYTES_MAX):
                await response.write(body[start : start + _WHOLE_BYTES_MAX])
            await response.write_eof()
        except (ClientError, ConnectionError):
            return cut(request)
        return response

    async def _stream(
        self, request: web.BaseRequest, connection: _Connection, reply: StreamedReply
    ) -> web.StreamResponse:
        """Send the frames of ``reply`` as they are made. A caller that closes the connection, or
        does not read for ``reply_s_max``, ends the handler."""
        response = web.StreamResponse(status=reply.status, headers=_headers(reply.headers))
        if request.version >= HttpVersion11:
            response.enable_chunked_encoding()  # before 1.1 the connection's end is the body's
        try:
            connection.keep_little_unsent()
            await response.prepare(request)
            while True:
                connection.reply_since_s = math.inf
                batch = await reply.read()
                connection.reply_since_s = self._clock.monotonic()
                if reply.is_over:
                    await response.write_eof(batch)
                    break
                await response.write(batch)
        except (ClientError, ConnectionError):
            return cut(request)
        finally:
            await reply.aclose()
        return response

    def _refused(
        self, request: web.BaseRequest, head: signing.RequestHead, refusal: RequestRefused
    ) -> web.Response:
        reply = self.dispatcher.refuse(head, refusal)
        if reply is None:
            return cut(request)
        response = _response(reply)
        # The next try costs a new connection; an idle one is kept only for who was let in.
        response.force_close()
        return response

    async def _body(self, request: web.BaseRequest, ticket: Ticket) -> bytes:
        """Return the whole body of ``request``. Its bytes count against ``bodies_bytes_max`` until
        the request is answered."""
        stream = request.content
        if stream.is_eof():
            body = stream.read_nowait(-1)
            self.dispatcher.check_size(len(body), ticket)
            self._hold(len(body), len(body))
            return body
        chunks = []
        size = 0
        try:
            async with asyncio.timeout(min(self._limits.body_s_max, ticket.budget_s)):
                while chunk := await stream.readany():
                    self.dispatcher.check_size(size + len(chunk), ticket)
                    self._hold(len(chunk), size + len(chunk))
                    size += len(chunk)
                    chunks.append(chunk)
        except BaseException as error:
            self._bodies_bytes -= size
            if isinstance(error, TimeoutError):
                raise RequestRefused(Code.TOO_SLOW, "the body took too long to arrive") from None
            raise
        return b"".join(chunks)

    def _hold(self, more: int, whole: int) -> None:
        """Count ``more`` bytes of a body that has ``whole`` bytes so far.

        RequestRefused if all bodies together have too many bytes and this body more than its share.
        Large bodies come before any signature was checked, and must not keep out small ones.
        """
        limits = self._limits
        full = self._bodies_bytes + more > limits.bodies_bytes_max
        if full and whole > limits.bodies_bytes_max // limits.connections_max:
            raise RequestRefused(
                Code.OVERLOADED, "too many bodies are in flight", retry_after_s=1.0
            )
        self._bodies_bytes += more

    async def _sweep(self) -> None:
        """Close each connection whose head takes longer than ``head_s_max`` to arrive, or whose
        reply waits longer than ``reply_s_max`` to be read. Never returns."""
        limits = self._limits
        while True:
            await self._clock.sleep(min(limits.head_s_max, limits.reply_s_max) / _SWEEPS)
            if self._http is not None:
                now_s = self._clock.monotonic()
                for connection in self._http.connections:
                    assert isinstance(connection, _Connection)
                    since_s = connection.head_since_s
                    if since_s is not None and since_s < now_s - limits.head_s_max:
                        connection.force_close()
                    elif connection.reply_since_s < now_s - limits.reply_s_max:
                        connection.abort_unsent()


def _response(reply: SignedReply) -> web.Response:
    return web.Response(status=reply.status, headers=_headers(reply.headers), body=reply.body)


def _headers(signed: Headers) -> CIMultiDict[str]:
    headers = CIMultiDict(signed)
    headers["Server"] = _SERVER
    return headers


def _invite_body(request: web.BaseRequest) -> None:
    """Answer the header ``Expect: 100-continue`` of ``request``: its sender may wait for that
    before it sends the body. RequestRefused for any other expectation."""
    expected = request.headers.get("Expect")
    if expected is None:
        return
    if expected.strip().lower() != "100-continue":
        raise RequestRefused(Code.UNMET_EXPECTATION, "only 100-continue can be met")
    if request.version >= HttpVersion11 and not request.content.is_eof():
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError
        request.transport.write(CONTINUE)


class _Server(web.Server):
    """aiohttp's low-level server, with a ``_Connection`` for each connection."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        limits: Limits,
        clock: Clock,
        admission: Admission,
        metrics: Metrics,
    ) -> None:
        super().__init__(handler, handler_cancellation=True)
        self.limits = limits
        self.clock = clock
        self.metrics = metrics
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        places = limits.connections_max
        if descriptors != resource.RLIM_INFINITY:
            # Before they run out: without any, the ceiling of nonces cannot be saved either.
            places = max(1, min(places, descriptors - _DESCRIPTORS_KEPT))
        self.table = ConnectionTable(
            limits, places, lambda source: admission.is_proven(source, clock.monotonic())
        )

    def __call__(self) -> web_protocol.RequestHandler:
        return _Connection(self, asyncio.get_running_loop())


class _Connection(GuardedConnection):
    """One connection: it gets a place in the connection table or is aborted, and knows since when
    a head or a reply has been under way."""

    __slots__ = (
        "_has_streamed", "_placed", "_server", "head_since_s", "is_serving", "reply_since_s",
        "source",
    )  # fmt: skip

    def __init__(self, server: _Server, loop: asyncio.AbstractEventLoop) -> None:
        limits = server.limits
        super().__init__(
            server,
            loop,
            idle_s_max=limits.idle_s_max,
            head_bytes_max=limits.head_bytes_max,
            headers_max=limits.headers_max,
        )
        self._server = server
        self._placed = False
        self._has_streamed = False
        self.is_serving = False
        self.source = ""
        self.head_since_s: float | None = None
        self.reply_since_s = float("inf")

    def keep_little_unsent(self) -> None:
        """Make the kernel's sending buffer small, for as long as the connection lasts. A handler
        then waits for a slow reader, and no megabytes of its stream wait in the kernel."""
        if self._has_streamed or self.transport is None:
            return
        self._has_streamed = True
        end = self.transport.get_extra_info("socket")
        if end is None:
            return
        with contextlib.suppress(OSError):  # a bound less, where a system has no such option
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENDING_BYTES)
            if _TCP_NOTSENT_LOWAT is not None:
                end.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _UNSENT_BYTES)

    def abort_unsent(self) -> None:
        """Abort the connection if part of a reply still waits to be read."""
        if self.transport is not None and self.transport.get_write_buffer_size():
            self.transport.abort()

    def drop(self) -> None:
        """Abort the connection, because another one gets its place."""
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self.source = str(peer[0]) if peer else "local"
        server = self._server
        kept = server.table.add(self)
        server.metrics.count("assay_axon_connections_total", outcome="kept" if kept else "refused")
        if not kept:
            cast(asyncio.Transport, transport).abort()  # uvloop's own is no subclass of it
            return
        self._placed = True
        server.metrics.show("assay_axon_open_connections", len(server.table))
        self.head_since_s = server.clock.monotonic()  # who connects has something to say
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        if not self._placed:
            return
        self._placed = False
        self._server.table.remove(self)
        self._server.metrics.show("assay_axon_open_connections", len(self._server.table))
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._placed:
            return
        if self.head_since_s is None and self._current_request is None:
            self.head_since_s = self._server.clock.monotonic()
        super().data_received(data)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer bytes that are not HTTP, without a line in the log: an attacker could fill the
        disk with such lines."""
        self.head_since_s = None
        response = web.Response(
            status=status,
            headers={"Server": _SERVER},
            text="not a request\n" if status == 400 else "",
        )
        response.force_close()
        return response
