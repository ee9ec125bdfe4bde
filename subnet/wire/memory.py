"""Axon and dendrite without sockets: a network within one process.

A ``MemoryNetwork`` of named places stands where sockets stand in ``axon`` and ``dendrite``: the
same bytes are signed, hashed, limited and judged as over HTTP, in the same order. Time is the
clock's, so a whole subnet runs under a clock that is moved by hand. A fault is put in from outside:
subclass ``MemoryNetwork`` and override ``carry`` to drop, delay, change or repeat what passes.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec

from assay.aio import bounded
from assay.clock import Clock, SystemClock
from assay.errors import Unavailable
from assay.types import Signer
from assay.wire import signing
from assay.wire.admission import Admission
from assay.wire.dispatch import Dispatcher
from assay.wire.errors import CallError, RequestRefused
from assay.wire.exchange import (
    Nonces,
    Sent,
    judge,
    no_stream,
    prepare,
    reader_of,
    too_large,
    too_late,
    unreachable,
)
from assay.wire.faults import OnFault
from assay.wire.interface import Method, Peer, Rep, Reply, Req
from assay.wire.limits import DEFAULT, Limits
from assay.wire.replay import CeilingStore
from assay.wire.replies import SignedReply
from assay.wire.stream_client import IDLE_S, ByteSource, ReplyStream
from assay.wire.stream_server import StreamedReply
from assay.wire.synapse import METHOD, Synapse

_FIRST_FREE_PORT = 20_000  # what port 0 gives: above the ports that people choose

RawHeaders = tuple[tuple[bytes, bytes], ...]


class RawRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it passes through the network."""

    method: str
    target: str
    headers: RawHeaders
    body: bytes
    source: str


class RawReply(msgspec.Struct, frozen=True, kw_only=True):
    """A reply as it passes back; ``chunks`` in place of a body if it is a stream."""

    status: int
    headers: RawHeaders
    body: bytes
    chunks: ByteSource | None = None


class MemoryNetwork:
    """Places by host and port. Override ``carry`` for faults."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, int], MemoryAxon] = {}

    def open(self, axon: MemoryAxon, host: str, port: int) -> int:
        if port == 0:
            port = _FIRST_FREE_PORT
            while (host, port) in self._places:
                port += 1
        if (host, port) in self._places:
            raise Unavailable(
                f"Cannot listen on {host}:{port}: it is taken.", "Choose another port."
            )
        self._places[host, port] = axon
        return port

    def shut(self, host: str, port: int) -> None:
        self._places.pop((host, port), None)

    async def carry(self, host: str, port: int, request: RawRequest) -> RawReply:
        """Bring a request to its place and the reply back; ConnectionError if there is none."""
        axon = self._places.get((host, port))
        if axon is None:
            raise ConnectionRefusedError
        return await axon.receive(request)


class MemoryAxon:
    """An ``AnyAxon`` in a ``MemoryNetwork``."""

    def __init__(
        self,
        signer: Signer,
        network: MemoryNetwork,
        *,
        clock: Clock | None = None,
        limits: Limits = DEFAULT,
        nonces: CeilingStore | None = None,
        admission: Admission | None = None,
        on_fault: OnFault | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._network = network
        self._clock = clock or SystemClock()
        self._host = host
        self._port = port
        self._open = False
        self.dispatcher = Dispatcher(
            signer,
            clock=self._clock,
            limits=limits,
            nonces=nonces,
            admission=admission,
            on_fault=on_fault,
        )

    def attach(self, method: Method[Req, Rep]) -> None:
        self.dispatcher.attach(method)

    @property
    def port(self) -> int:
        return self._port

    async def start(self) -> None:
        self._port = self._network.open(self, self._host, self._port)
        self._open = True

    async def stop(self) -> None:
        if not self._open:
            return
        self._open = False
        self._network.shut(self._host, self._port)
        await self.dispatcher.drain()
        self.dispatcher.close()

    async def receive(self, request: RawRequest) -> RawReply:
        """One request from the network; ConnectionError where HTTP would cut the connection."""
        head = signing.parse_head(request.method, request.target, request.headers)
        try:
            ticket = self.dispatcher.open(head, request.source)
            self.dispatcher.check_size(len(request.body), ticket)
        except RequestRefused as refusal:
            refused = self.dispatcher.refuse(head, refusal)
            if refused is None:
                raise ConnectionResetError from None
            return _raw(refused)
        answer = await self.dispatcher.answer(ticket, request.body)
        if answer is None:
            raise ConnectionResetError
        if isinstance(answer, StreamedReply):
            headers = raw_headers(answer.headers)
            return RawReply(status=answer.status, headers=headers, body=b"", chunks=answer)
        return _raw(answer)


class MemoryDendrite:
    """An ``AnyDendrite`` in a ``MemoryNetwork``; ``source`` is its network address."""

    def __init__(
        self,
        signer: Signer,
        network: MemoryNetwork,
        *,
        clock: Clock | None = None,
        limits: Limits = DEFAULT,
        source: str = "127.0.0.1",
    ) -> None:
        self._signer = signer
        self._network = network
        self._clock = clock or SystemClock()
        self._limits = limits
        self._source = source
        self._nonces = Nonces()

    async def call(
        self,
        peer: Peer,
        name: str,
        request: Synapse,
        reply_type: type[Rep],
        *,
        deadline_s: float,
    ) -> Reply[Rep]:
        signed_s = self._clock.monotonic()
        try:
            sent, reply = await self._send(peer, name, request, deadline_s, None)
            if reply.chunks is not None:
                await reply.chunks.aclose()
            if len(reply.body) > self._limits.reply_bytes_max:
                raise too_large(peer, self._limits.reply_bytes_max)
            latency_s = self._clock.monotonic() - signed_s
            return judge(sent, reply.status, reply.headers, reply.body, reply_type, latency_s)
        except CallError as error:
            error.latency_s = self._clock.monotonic() - signed_s
            raise

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
        signed_s = self._clock.monotonic()
        try:
            sent, reply = await self._send(peer, name, request, deadline_s, idle_s)
            if reply.chunks is None:
                judge(sent, reply.status, reply.headers, reply.body, reply_type, 0.0)
                raise no_stream(peer)
        except CallError as error:
            error.latency_s = self._clock.monotonic() - signed_s
            raise
        async with contextlib.aclosing(reply.chunks) as chunks:
            replies = ReplyStream[Rep](
                chunks,
                reader_of(sent, reply.status, reply.headers, self._limits),
                sent,
                reply_type,
                clock=self._clock,
                signed_s=signed_s,
                deadline_s=deadline_s,
                left_s=deadline_s,
                idle_s=idle_s,
            )
            async with contextlib.aclosing(replies):
                yield replies

    async def _send(
        self, peer: Peer, name: str, request: Synapse, deadline_s: float, idle_s: float | None
    ) -> tuple[Sent, RawReply]:
        sent = prepare(
            self._signer,
            peer,
            name,
            request,
            nonce_ns=self._nonces.next(self._clock.now_ns()),
            budget_s=deadline_s,
            idle_s=idle_s,
        )
        raw = RawRequest(
            method=METHOD,
            target=sent.target,
            headers=raw_headers(tuple(sent.headers.items())),
            body=sent.body,
            source=self._source,
        )
        try:
            reply = await bounded(
                self._clock, deadline_s, self._network.carry(peer.host, peer.port, raw)
            )
        except TimeoutError:
            raise too_late(peer, deadline_s) from None
        except ConnectionError as error:
            raise unreachable(peer, type(error).__name__) from None
        return sent, reply

    async def close(self) -> None:
        """Nothing to let go of."""


def _raw(reply: SignedReply) -> RawReply:
    return RawReply(status=reply.status, headers=raw_headers(reply.headers), body=reply.body)


def raw_headers(headers: tuple[tuple[str, str], ...]) -> RawHeaders:
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
