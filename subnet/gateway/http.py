"""The gateway's HTTP server: connections and bytes around one handler.

In come TCP connections; out go the replies that the handler makes, whole or as they grow. This
module bounds what a stranger may hold: the number of connections, the time for a head, for a body
and for reading a reply, and the size of a body. Bodies that are compressed are refused: a kilobyte
can unfold to a gigabyte. It knows nothing of what is asked.

When the server stops, it takes no more connections, and lets running requests end for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from aiohttp import HttpVersion11, web, web_protocol
from aiohttp.client_exceptions import ClientError
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawRequestMessage

from assay.aio import IdleTimer, bounded
from assay.clock import Clock
from assay.errors import Unavailable
from assay.gateway.openai.errors import ApiError, too_large, unreadable_body
from assay.wire.http_connection import CONTINUE, GuardedConnection, cut

BODY_BYTES_MAX: Final = 2**21
"""The longest body: 2,048 messages whose texts have 65,536 characters together, escaped."""
CONNECTIONS_MAX: Final = 1_024
"""The usual limit of file descriptors; as many clients can be streamed to."""
HEAD_S_MAX: Final = 10.0
"""How long a head may take from a connection's start, or from its first byte. An honest head fits
into one packet."""
BODY_S_MAX: Final = 30.0
"""How long a body may take: 2 MiB at 560 kb/s."""
WRITE_S_MAX: Final = 60.0
"""How long a client may leave a piece of its reply unread."""
IDLE_S_MAX: Final = 75.0
"""How long a silent connection is kept for the next request."""
PROBE_S: Final = 1.0
"""How often it is tried whether a client that has ended its sending is there: for one that is not,
a miner works on for two of these times."""
HEAD_BYTES_MAX: Final = 8_190
HEADERS_MAX: Final = 100
DRAIN_S_MAX: Final = 30.0
"""How long running requests may go on after ``stop``: most answers take less. Whoever supervises
the process must wait longer before it kills."""
_CLOSE_S: Final = 0.2
"""How long aiohttp waits for connections after ours were drained."""
_END_S: Final = 2.0
"""How long requests that are cut off may take to count what they used."""
_SERVER: Final = "assay"

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request whose head was read. ``headers`` are found by any case."""

    method: str
    path: str
    headers: Headers
    read: Callable[[], Awaitable[bytes]]
    """Reads the body; ApiError if it is too large, too slow or encoded. Called once at most."""


@dataclass(slots=True)
class HttpReply:
    """A reply: a whole body, or one that grows."""

    status: int
    body: bytes | AsyncGenerator[bytes, None]
    headers: dict[str, str] = field(default_factory=dict)
    after: Callable[[], Awaitable[None]] | None = None
    """Called once when the reply is over: sent, cut off, or never begun."""


Handler = Callable[[HttpRequest], Awaitable[HttpReply]]


class HttpServer:
    """Serves one handler on one port."""

    def __init__(
        self,
        handler: Handler,
        *,
        clock: Clock,
        connections_max: int = CONNECTIONS_MAX,
        head_s_max: float = HEAD_S_MAX,
        body_s_max: float = BODY_S_MAX,
        write_s_max: float = WRITE_S_MAX,
    ) -> None:
        self._handler = handler
        self._clock = clock
        self._body_s_max = body_s_max
        self._write_s_max = write_s_max
        self._http = _Server(self._handle, connections_max, head_s_max)
        self._listener: asyncio.Server | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen at ``host`` and ``port`` (0: any). Unavailable if that cannot be."""
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(self._http, host, port)
        except OSError as error:
            raise Unavailable(
                f"Cannot listen on {host}:{port}: {error.strerror or error}.",
                "Choose another --port, or stop what uses this one.",
            ) from error
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self, drain_s: float = DRAIN_S_MAX) -> None:
        """Take no more connections, let running requests end for ``drain_s``, cut the rest."""
        if self._listener is None:
            return
        self._listener.close()
        self._listener = None
        if self._running:
            with contextlib.suppress(TimeoutError):
                await bounded(self._clock, drain_s, asyncio.shield(asyncio.wait({*self._running})))
        self._http.pre_shutdown()
        await self._http.shutdown(_CLOSE_S)
        if self._running:  # cancelled by now, and telling their miners so
            with contextlib.suppress(TimeoutError):
                await bounded(self._clock, _END_S, asyncio.wait({*self._running}))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, _Connection)
        connection.head_is_here()
        connection.is_replying = False
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            reply = await self._handler(
                HttpRequest(
                    request.method, request.path, request.headers, lambda: self._body(request)
                )
            )
            connection.is_replying = True
            try:
                return await self._send(request, reply)
            finally:
                if reply.after is not None:
                    await reply.after()
        except (ClientError, HttpProcessingError, ConnectionError, TimeoutError):
            return cut(request)
        finally:
            self._running.discard(task)

    async def _send(self, request: web.BaseRequest, reply: HttpReply) -> web.StreamResponse:
        headers = {"Server": _SERVER} | reply.headers
        if isinstance(reply.body, bytes):
            response = web.Response(status=reply.status, headers=headers, body=reply.body)
            if reply.status >= 400 and not request.content.is_eof():
                response.force_close()  # what is left of the body is not worth reading
            if self._listener is None:
                response.force_close()
            return response
        streamed = web.StreamResponse(status=reply.status, headers=headers)
        if request.version >= HttpVersion11:
            streamed.enable_chunked_encoding()
        timer = IdleTimer(self._clock)
        async with contextlib.aclosing(reply.body) as parts:
            await streamed.prepare(request)
            try:
                async for part in parts:
                    if part:
                        await timer.bounded(self._write_s_max, streamed.write(part))
            finally:
                timer.close()
        await streamed.write_eof()
        return streamed

    async def _body(self, request: web.BaseRequest) -> bytes:
        if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise ApiError(
                415, "The request's body is compressed. Please send it as it is.",
                code="unsupported_encoding",
            )  # fmt: skip
        if (request.content_length or 0) > BODY_BYTES_MAX:
            raise too_large(BODY_BYTES_MAX)
        expected = request.headers.get("Expect", "").strip().lower()
        if expected == "100-continue" and request.transport is not None:
            request.transport.write(CONTINUE)
        chunks, size = [], 0
        try:
            async with asyncio.timeout(self._body_s_max):
                while chunk := await request.content.readany():
                    size += len(chunk)
                    if size > BODY_BYTES_MAX:
                        raise too_large(BODY_BYTES_MAX)
                    chunks.append(chunk)
        except TimeoutError:
            raise ApiError(
                408, "The request's body took too long to arrive.", code="request_timeout"
            ) from None
        except (HttpProcessingError, web.RequestPayloadError):
            raise unreadable_body() from None
        return b"".join(chunks)


class _Server(web.Server):
    """aiohttp's low-level server, with a bounded number of connections."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        connections_max: int,
        head_s_max: float,
    ) -> None:
        super().__init__(handler, handler_cancellation=True)
        self.connections_max = connections_max
        self.head_s_max = head_s_max
        self.placed = 0

    def __call__(self) -> web_protocol.RequestHandler:
        return _Connection(self, asyncio.get_running_loop())


class _Connection(GuardedConnection):
    """One connection, which is closed if a head takes too long to arrive."""

    __slots__ = ("_head_timer", "_host", "_newest", "_placed", "is_replying")

    def __init__(self, server: _Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop,
            idle_s_max=IDLE_S_MAX,
            head_bytes_max=HEAD_BYTES_MAX,
            headers_max=HEADERS_MAX,
        )
        self._host = server
        self._placed = False
        self.is_replying = False
        """Whether a reply is being sent: nothing may come between its parts."""
        self._newest: tuple[Any, Any] = (None, None)
        """The head and the body of the request that came last. aiohttp has it nowhere between
        taking it from its queue and the first step of its task."""
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._host.placed >= self._host.connections_max:
            cast(asyncio.Transport, transport).abort()  # uvloop's own is no subclass of it
            return
        self._host.placed += 1
        self._placed = True
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._placed:
            self._placed = False
            self._host.placed -= 1
            self.head_is_here()
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._placed:
            return
        if self._head_timer is None and self._current_request is None:
            self._expect_head()
        super().data_received(data)
        if self._messages:
            self._newest = self._messages[-1]

    def eof_received(self) -> bool | None:  # type: ignore[override]  # asyncio's own type
        """Keep the connection for the reply to a whole request, and for nothing behind it.

        A client that only ends its sending looks like one that has gone. Interim replies, which
        every client of HTTP/1.1 passes over, tell them apart: the system of the second answers them
        with a reset, which the next write meets, and which ends the request. Within a reply there
        can be none; a client that ends its sending then has gone.
        """
        head, body = self._newest
        waits = self._waiter is not None and not self._messages
        if waits or self.is_replying or not isinstance(head, RawRequestMessage):
            return None
        if not body.is_eof():
            return None
        self.close()  # once the reply is sent
        if head.version >= HttpVersion11:
            self._loop.call_later(PROBE_S, self._probe)
        return True

    def _probe(self) -> None:
        if not self.is_replying and self.transport is not None and not self.transport.is_closing():
            self.transport.write(CONTINUE)
            self._loop.call_later(PROBE_S, self._probe)

    def head_is_here(self) -> None:
        """Stop waiting for a head."""
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _expect_head(self) -> None:
        self._head_timer = self._loop.call_later(self._host.head_s_max, self.force_close)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer bytes that are not HTTP, without a line in the log."""
        self.head_is_here()
        error = ApiError(status, "This is not an HTTP request that can be read.")
        response = web.Response(
            status=status,
            headers={"Server": _SERVER, "Content-Type": "application/json"},
            body=error.body,
        )
        response.force_close()
        return response
