"""The dendrite over HTTP/1.1: a socket around ``exchange`` and ``stream_client``.

It makes, keeps and bounds connections: reuse, a deadline that is one budget for waiting,
connecting, sending and receiving, replies counted while they arrive. No redirects, no cookies, no
proxies from the environment, no content encodings, no look-up of our own address. Everything that
a reply means is decided in ``exchange``, everything that a frame means in ``stream``.

A call is sent once. Whether a broken connection had already carried it is unknowable, and not
every synapse may run twice, so retries are the caller's decision.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, Final, Self
from weakref import WeakValueDictionary

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from yarl import URL

from assay.clock import Clock, SystemClock
from assay.metrics import NO_METRICS, Metrics
from assay.types import Signer
from assay.wire.address_check import check_target
from assay.wire.errors import CallError, ReplyMalformed
from assay.wire.exchange import (
    Nonces,
    Sent,
    is_stream,
    judge,
    no_stream,
    prepare,
    reader_of,
    too_large,
    too_late,
    unreachable,
)
from assay.wire.interface import Peer, Reach, Rep, Reply
from assay.wire.limits import DEFAULT, Limits
from assay.wire.round_trip import network_s
from assay.wire.stream_client import IDLE_S, ReplyStream
from assay.wire.synapse import METHOD, Synapse

_WHOLE_BYTES_MAX: Final = 2**19  # larger bodies are handed over in pieces, see _payload
_PIECE_BYTES: Final = 2**14  # a millisecond's work at worst, and a usual reply is one
_OVERHEAD_SHARE: Final = 8  # of a body for its chunks' heads: 6 bytes each, and servers send KBs
_URLS_CACHED: Final = 1_024  # peers × synapses × deadlines of a round
_STREAM_RECEIVING_BYTES: Final = 2**16
"""Size of the kernel's receiving buffer of a connection for streams. Linux doubles the number for
its own bookkeeping. A stream receives at most this much in one round trip. By default the kernel
lets the buffer grow to megabytes for a caller that reads fast, and they fill when that caller
becomes slow."""
_STREAM_READING_BYTES: Final = 2**15
"""Size of aiohttp's buffer behind the kernel's. aiohttp stops reading at twice this size."""
_NO_HEADERS: Final = ("Accept", "Accept-Encoding", "User-Agent")


class Dendrite:
    """A neuron's HTTP client; it calls no peer beyond its ``reach``."""

    def __init__(
        self,
        signer: Signer,
        *,
        clock: Clock | None = None,
        limits: Limits = DEFAULT,
        reach: Reach = Reach.ANYWHERE,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self._signer = signer
        self._clock = clock or SystemClock()
        self._limits = limits
        self._reach = reach
        self._metrics = metrics
        self._nonces = Nonces()
        self._replies_bytes = 0
        self._session: aiohttp.ClientSession | None = None
        self._stream_session: aiohttp.ClientSession | None = None
        """The connections for streams: separate ones, because their small buffers would slow down
        large replies."""
        self._places = asyncio.Semaphore(limits.pool_max)
        self._places_by_peer: WeakValueDictionary[tuple[str, int], asyncio.Semaphore] = (
            WeakValueDictionary()
        )

    async def call(
        self,
        peer: Peer,
        name: str,
        request: Synapse,
        reply_type: type[Rep],
        *,
        deadline_s: float,
    ) -> Reply[Rep]:
        with _Call(peer, deadline_s, self._clock, self._metrics) as call:
            check_target(peer, self._reach)
            # The peer's place first: who waits for a slow peer must not keep others waiting.
            async with (
                asyncio.timeout(deadline_s),
                self._place(peer),
                self._places,
                self._send(call, name, request) as response,
            ):
                if is_stream(response.raw_headers):
                    response.close()
                    body = b""
                else:
                    body = await self._read(peer, response)
            latency_s = call.latency_s()
            reply = judge(
                call.sent, response.status, response.raw_headers, body, reply_type, latency_s
            )
            return replace(reply, network_s=getattr(response, "network_s", 0.0))

    @contextlib.asynccontextmanager
    async def stream(
        self,
        peer: Peer,
        name: str,
        request: Synapse,
        reply_type: type[Rep],
        *,
        deadline_s: float,
        idle_s: float = IDLE_S,
    ) -> AsyncIterator[ReplyStream[Rep]]:
        async with contextlib.AsyncExitStack() as stack:
            with _Call(peer, deadline_s, self._clock, self._metrics) as call:
                check_target(peer, self._reach)
                async with asyncio.timeout(deadline_s):
                    await stack.enter_async_context(self._place(peer))
                    await stack.enter_async_context(self._places)
                    response = await stack.enter_async_context(
                        self._send(call, name, request, idle_s)
                    )
                    headers = response.raw_headers
                    if not is_stream(headers):
                        body = await self._read(peer, response)
                        judge(call.sent, response.status, headers, body, reply_type, 0.0)
                        raise no_stream(peer)
                    reader = reader_of(call.sent, response.status, headers, self._limits)
            replies = ReplyStream[Rep](
                _Body(response),
                reader,
                call.sent,
                reply_type,
                clock=self._clock,
                signed_s=call.signed_s,
                deadline_s=deadline_s,
                left_s=call.left_s,
                idle_s=idle_s,
                network_s=getattr(response, "network_s", 0.0),
            )
            yield await stack.enter_async_context(contextlib.aclosing(replies))

    async def close(self) -> None:
        for session in (self._session, self._stream_session):
            if session is not None:
                await session.close()
        self._session = self._stream_session = None

    def _send(
        self, call: _Call, name: str, request: Synapse, idle_s: float | None = None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Sign one request and send it; the reply to it has its head read and its body not.

        Whoever calls this method holds both places: a nonce must not grow old in a queue.
        """
        peer = call.peer
        call.sent = prepare(
            self._signer,
            peer,
            name,
            request,
            nonce_ns=self._nonces.next(self._clock.now_ns()),
            budget_s=call.begin_signing(),
            idle_s=idle_s,
        )
        session = self._open_session() if idle_s is None else self._open_stream_session()
        return session.request(
            METHOD,
            _url(peer.host, peer.port, call.sent.target),
            data=_payload(call.sent.body),
            headers=call.sent.headers,
            allow_redirects=False,
        )

    async def _read(self, peer: Peer, response: aiohttp.ClientResponse) -> bytes:
        size_max = self._limits.reply_bytes_max
        stream = response.content
        if stream.is_eof() and stream.total_bytes <= size_max:
            return stream.read_nowait(-1)
        chunks = []
        size = 0
        try:
            while chunk := await stream.readany():
                size += len(chunk)
                self._replies_bytes += len(chunk)
                if size > size_max:
                    raise too_large(peer, size_max)
                if self._is_crowded_by(size):
                    raise ReplyMalformed(
                        peer.address,
                        f"answered {size} bytes where all replies together have no room left.",
                        "Make fewer large calls at once.",
                    )
                chunks.append(chunk)
        except ReplyMalformed:
            response.close()
            raise
        finally:
            self._replies_bytes -= size
        return b"".join(chunks)

    def _is_crowded_by(self, size: int) -> bool:
        """Whether room for replies has run out and this one takes more than its share: peers that
        send much cannot crowd out those that send little."""
        limits = self._limits
        share = limits.replies_bytes_max // limits.pool_max
        return self._replies_bytes > limits.replies_bytes_max and size > share

    def _place(self, peer: Peer) -> asyncio.Semaphore:
        key = (peer.host, peer.port)
        place = self._places_by_peer.get(key)
        if place is None:
            place = asyncio.Semaphore(self._limits.pool_per_peer_max)
            self._places_by_peer[key] = place
        return place

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = self._make_session(_Connector(self._limits))
        return self._session

    def _open_stream_session(self) -> aiohttp.ClientSession:
        if self._stream_session is None:
            connector = _Connector(self._limits, socket_factory=_stream_socket)
            self._stream_session = self._make_session(connector, read_bufsize=_STREAM_READING_BYTES)
        return self._stream_session

    def _make_session(self, connector: _Connector, **more: Any) -> aiohttp.ClientSession:
        limits = self._limits
        return aiohttp.ClientSession(
            connector=connector,
            response_class=_Response,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_s_max),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_NO_HEADERS,
            auto_decompress=False,
            max_line_size=limits.head_bytes_max,
            max_field_size=limits.head_bytes_max,
            max_headers=limits.headers_max,
            **more,
        )


class _Call:
    """One call: when it began and was signed, and what it sent.

    A ``with`` block of it raises every way a call can fail as a CallError that knows how long the
    call took.
    """

    def __init__(self, peer: Peer, deadline_s: float, clock: Clock, metrics: Metrics) -> None:
        self.peer = peer
        self.sent: Sent
        self.signed_s = math.nan
        self.left_s = deadline_s
        """Of the deadline, when the request was signed."""
        self._deadline_s = deadline_s
        self._clock = clock
        self._metrics = metrics
        self._began_s = clock.monotonic()

    def begin_signing(self) -> float:
        """From here latency counts; returns what is left of the deadline."""
        self.signed_s = self._clock.monotonic()
        self.left_s = self._deadline_s - (self.signed_s - self._began_s)
        return self.left_s

    def latency_s(self) -> float:
        return self._clock.monotonic() - self.signed_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, raised: BaseException | None, __: object) -> None:
        if raised is None:
            self._metrics.count("assay_dendrite_calls_total", outcome="reply")
            return
        error = self._told(raised)
        if error is None:
            return
        self._metrics.count("assay_dendrite_calls_total", outcome=error.kind)
        error.latency_s = None if math.isnan(self.signed_s) else self.latency_s()
        if error is not raised:
            raise error from None

    def _told(self, raised: BaseException) -> CallError | None:
        """What the caller is told of ``raised``; None: it is no failure of a call."""
        if isinstance(raised, CallError):
            return raised
        # A TimeoutError too, but not of the deadline.
        if isinstance(raised, aiohttp.ConnectionTimeoutError):
            return unreachable(self.peer, "no connection in time")
        if isinstance(raised, TimeoutError):
            return too_late(self.peer, self._deadline_s)
        if isinstance(raised, aiohttp.ClientError | OSError):
            return unreachable(self.peer, type(raised).__name__)
        return None


class _Body:
    """The body of a stream as it arrives: a ``ByteSource``."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def read(self) -> bytes:
        try:
            return await self._response.content.readany()
        except aiohttp.ClientError as error:
            raise ConnectionError(type(error).__name__) from None

    async def aclose(self) -> None:
        if not self._response.content.at_eof():
            self._response.close()  # the peer sees it, and ends its handler


class _Response(aiohttp.ClientResponse):
    """A response that knows how far away its peer is. The connection is asked while the response
    has it: a short one has given it back by the time that its head is read."""

    network_s = 0.0

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        protocol = connection.protocol
        if isinstance(protocol, _Connection):
            first = protocol.calls == 1
            self.network_s = network_s(protocol.transport, is_first_call=first)
        return await super().start(connection)


class _Connector(aiohttp.TCPConnector):
    """Makes our connections. It counts none: our semaphores do, so that signing can wait."""

    def __init__(self, limits: Limits, **more: Any) -> None:
        super().__init__(limit=0, keepalive_timeout=limits.reuse_s_max, **more)
        self._factory: Callable[[], ResponseHandler] = partial(  # type: ignore[assignment]
            _Connection, limits, asyncio.get_running_loop()
        )


def _stream_socket(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket for a connection that is used for streams, to ``address``. Its receiving
    buffer is made small before it connects, when the kernel tells the peer how much it may send
    ahead."""
    family, kind, protocol, _, _ = address
    end = socket.socket(family=family, type=kind, proto=protocol)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _STREAM_RECEIVING_BYTES)
    return end


class _Connection(ResponseHandler):
    """One connection: what a peer sends beside a body is counted, and also what it sends unasked.

    aiohttp makes a whole reply of each interim one (19 bytes) and keeps those that nobody reads: a
    hostile peer could hold up all other calls, or fill the memory through an idle connection.
    """

    def __init__(self, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._overhead_bytes_max = limits.overhead_bytes_max
        self._received_bytes = 0
        self._body_bytes = 0
        self.calls = 0
        """How many requests were sent on this connection."""

    def set_response_params(self, **params: Any) -> None:
        """A request is about to be sent."""
        self.calls += 1
        self._received_bytes = 0
        self._payload = None
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        # In pieces: one read holds thousands of what is to be refused after some hundreds. What
        # can only be a body, because its length was announced, is handed over whole.
        start = 0
        while start < len(data) or not data:
            piece = data[start : start + max(_PIECE_BYTES, self._body_left_bytes())]
            start += len(piece)
            if piece and self._has_answered():
                self._cut()
                return
            self._received_bytes += len(piece)
            super().data_received(piece)
            if self._is_mostly_overhead():
                self._cut()
            if not data or self.transport is None or self.transport.is_closing():
                return

    def feed_data(self, data: Any, size: int = 0) -> None:
        """A reply's head has come, and its body begins."""
        message, _ = data
        length = message.headers.get("Content-Length", "")
        self._body_bytes = int(length) if length.isdecimal() and not message.chunked else 0
        super().feed_data(data, size)

    def _body_left_bytes(self) -> int:
        """Of a body whose length was announced: how much is still to come."""
        payload = self._payload
        if payload is None or payload.is_eof():
            return 0
        return self._body_bytes - payload.total_bytes

    def _has_answered(self) -> bool:
        """Whether a whole body has come, after which nothing may until the next request."""
        payload = self._payload
        return payload is not None and payload.total_bytes > 0 and payload.is_eof()

    def _is_mostly_overhead(self) -> bool:
        body = self._payload.total_bytes if self._payload is not None else 0
        overhead = self._received_bytes - body
        return overhead > self._overhead_bytes_max + body // _OVERHEAD_SHARE

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()


def _payload(body: bytes) -> bytes | io.BytesIO:
    """Large bodies go out in pieces, so that one does not hold up every other call."""
    return body if len(body) <= _WHOLE_BYTES_MAX else io.BytesIO(body)


@lru_cache(maxsize=_URLS_CACHED)
def _url(host: str, port: int, target: str) -> URL:
    where = f"[{host}]" if ":" in host else host
    return URL(f"http://{where}:{port}{target}", encoded=True)
