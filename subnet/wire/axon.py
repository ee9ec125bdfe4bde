"""The axon over HTTP/1.1: a socket around ``dispatch``.

Adds connections to the server's half of a call: aiohttp's low-level server (no application, router
or middleware: one path, one method), bodies counted while they stream, caps on connections, time
limits for heads, bodies and idleness, and a stop that lets running requests finish. Budgets use
the TCP peer's address; no header can change it. Everything that a request means is decided in
``dispatch``; nothing is decided here but when to stop reading.

What is not HTTP gets a plain, unsigned 400 (there is no request that a signature could name) and
the connection is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

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
from assay.wire.interface import Method, Rep, Req
from assay.wire.limits import DEFAULT, Limits
from assay.wire.replay import CeilingStore
from assay.wire.replies import Headers, SignedReply
from assay.wire.stream_server import StreamedReply

_BACKLOG: Final = 512  # connections the kernel completes before we accept: a burst of validators
_LINGER_S: Final = 0.2  # to read on after a refusal, so that the reply is not lost to a reset
_FORCED_S: Final = 1.0  # what aiohttp waits for connections after ours were drained
_SERVER: Final = "assay"  # aiohttp would name its version and Python's to every stranger
_DESCRIPTORS_KEPT: Final = 128  # of the process's: files, the chain, our own calls
_WHOLE_BYTES_MAX: Final = 2**18  # larger replies go out in pieces of this size
_SWEEPS: Final = 4  # looks at half-sent heads within one head's time
_TCP_NOTSENT_LOWAT: Final[int | None] = getattr(socket, "TCP_NOTSENT_LOWAT", None)
_UNSENT_BYTES: Final = 2**17  # of a stream: one batch and a little; less would make it stutter
_SENDING_BYTES: Final = 2**17
"""The kernel's buffer of a connection that streams: what is on its way and what waits. Linux takes
twice of it, half for its own bookkeeping. A stream gets this much through in each round trip: 1.3
MB/s over 100 ms. Left to itself the kernel would let it grow to megabytes before a slow reader is
felt by the handler."""


class Axon:
    """A neuron's HTTP server. ``nonces`` is where the replay ceiling survives a crash: pass a
    ``CeilingFile`` outside of tests. The axon closes it when it stops. ``on_fault`` is told each
    exception that a handler raised."""

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
        self.dispatcher.attach(method)

    @property
    def port(self) -> int:
        return self._port

    async def start(self) -> None:
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
            await _invite_body(request)
            body = await self._body(request, ticket)
        except RequestRefused as refusal:
            connection.reply_since_s = self._clock.monotonic()
            return self._refused(request, head, refusal)
        except (ClientError, HttpProcessingError, ConnectionError):
            # A broken chunk or a half-closed connection: there is nobody left to answer.
            return _cut(request)
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
                return _cut(request)
            if len(reply.body) > _WHOLE_BYTES_MAX:
                return await self._large(request, reply)
            return _response(reply)
        finally:
            connection.is_serving = False

    async def _large(self, request: web.BaseRequest, reply: SignedReply) -> web.StreamResponse:
        """Send a large reply in pieces: in one, a copy of it would wait beside it to be read."""
        response = web.StreamResponse(status=reply.status, headers=_headers(reply.headers))
        response.content_length = len(reply.body)
        body = memoryview(reply.body)
        try:
            await response.prepare(request)
            for start in range(0, len(body), _WHOLE_BYTES_MAX):
                await response.write(body[start : start + _WHOLE_BYTES_MAX])
            await response.write_eof()
        except (ClientError, ConnectionError):
            return _cut(request)
        return response

    async def _stream(
        self, request: web.BaseRequest, connection: _Connection, reply: StreamedReply
    ) -> web.StreamResponse:
        """Send a stream as it is made; whoever hangs up, or does not read, ends its handler."""
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
            return _cut(request)
        finally:
            await reply.aclose()
        return response

    def _refused(
        self, request: web.BaseRequest, head: signing.RequestHead, refusal: RequestRefused
    ) -> web.Response:
        reply = self.dispatcher.refuse(head, refusal)
        if reply is None:
            return _cut(request)
        response = _response(reply)
        # The next try costs a new connection; an idle one is kept only for who was let in.
        response.force_close()
        return response

    async def _body(self, request: web.BaseRequest, ticket: Ticket) -> bytes:
        """The whole body; its bytes are counted against ``bodies_bytes_max`` until answered."""
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
        """Count ``more`` bytes of a body that takes ``whole`` so far. Where room has run out, one
        within its share still fits: large bodies, which need no signature yet, crowd out none."""
        limits = self._limits
        full = self._bodies_bytes + more > limits.bodies_bytes_max
        if full and whole > limits.bodies_bytes_max // limits.connections_max:
            raise RequestRefused(
                Code.OVERLOADED, "too many bodies are in flight", retry_after_s=1.0
            )
        self._bodies_bytes += more

    async def _sweep(self) -> None:
        """Close connections whose head has been on its way for too long, or whose reply has."""
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


async def _invite_body(request: web.BaseRequest) -> None:
    """Answer ``Expect: 100-continue`` of a head that was let in: its sender may wait for that.
    RequestRefused for any other expectation."""
    expected = request.headers.get("Expect")
    if expected is None:
        return
    if expected.strip().lower() != "100-continue":
        raise RequestRefused(Code.UNMET_EXPECTATION, "only 100-continue can be met")
    if request.version >= HttpVersion11 and not request.content.is_eof():
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _cut(request: web.BaseRequest) -> web.Response:
    """End the connection without a word; aiohttp finds the transport closed and writes nothing."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=400)


class _Server(web.Server):
    """aiohttp's low-level server with our connections."""

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


class _Connection(web_protocol.RequestHandler):
    """One connection: has a place or is cut, and is watched while a head is on its way."""

    __slots__ = (
        "_has_streamed", "_placed", "_server", "head_since_s", "is_serving", "reply_since_s",
        "source",
    )  # fmt: skip

    def __init__(self, server: _Server, loop: asyncio.AbstractEventLoop) -> None:
        limits = server.limits
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=limits.idle_s_max,
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own way to have none
            max_line_size=limits.head_bytes_max,
            max_field_size=limits.head_bytes_max,
            max_headers=limits.headers_max,
            lingering_time=_LINGER_S,
            auto_decompress=False,
        )
        self._msg_queue_resume_size = 0  # read on when nothing waits any more
        self._server = server
        self._placed = False
        self._has_streamed = False
        self.is_serving = False
        self.source = ""
        self.head_since_s: float | None = None
        self.reply_since_s = float("inf")

    def keep_little_unsent(self) -> None:
        """Let the kernel keep little that was not read: a slow reader then holds up the handler,
        and megabytes of a stream do not wait in a socket. For as long as the connection lasts."""
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
        """Drop the connection if part of a reply still waits for its reader."""
        if self.transport is not None and self.transport.get_write_buffer_size():
            self.transport.abort()

    def drop(self) -> None:
        """Cut the connection: somebody else gets its place."""
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self.source = str(peer[0]) if peer else "local"
        server = self._server
        kept = server.table.add(self)
        server.metrics.count("assay_axon_connections_total", outcome="kept" if kept else "refused")
        if not kept:
            assert isinstance(transport, asyncio.Transport)
            transport.abort()
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
        if self._messages and self._current_request is not None and not self._buffer_paused:
            # Ours never send a request before the last one's reply: who does must wait, and holds
            # one read (256 KiB) of memory and not 32 requests with half a megabyte each.
            self._pause_reading_for_buffer()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is not HTTP: a plain answer, no log line an attacker could fill a disk with."""
        self.head_since_s = None
        response = web.Response(
            status=status,
            headers={"Server": _SERVER},
            text="not a request\n" if status == 400 else "",
        )
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """aiohttp's own tracebacks quote what was received; ``dispatch`` logs what matters."""
