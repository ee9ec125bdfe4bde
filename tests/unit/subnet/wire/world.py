"""Three keys, two messages, and ways to say the wrong thing on purpose."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256
from typing import Annotated, Any

import msgspec

from assay.clock import SystemClock
from assay.types import Signer
from assay.wire import keys, signing
from assay.wire.axon import Axon
from assay.wire.dendrite import Dendrite
from assay.wire.interface import AnyAxon, AnyDendrite, Caller, Method, Peer
from assay.wire.keys import SeedSigner
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork, RawReply, RawRequest
from assay.wire.synapse import CONTENT_TYPE, Refusal, Synapse, encode

ALICE = SeedSigner(b"\x01" * 32)  # calls
BOB = SeedSigner(b"\x02" * 32)  # serves
MALLORY = SeedSigner(b"\x03" * 32)  # does neither well

CLOCK = SystemClock()


class Question(Synapse):
    text: Annotated[str, msgspec.Meta(max_length=2_000_000)] = ""
    number: int = 0


class Answered(Synapse):
    text: str


async def echo(question: Question, _: Caller) -> Answered:
    return Answered(text=question.text)


class Count(Synapse):
    """Asks for the numbers below ``to``, in replies of ``bytes_each`` bytes more."""

    to: int = 10
    bytes_each: int = 0


class Counted(Synapse):
    number: int
    filling: bytes = b""


async def count(request: Count, _: Caller) -> AsyncIterator[Counted]:
    for number in range(request.to):
        yield Counted(number=number, filling=bytes(request.bytes_each))


def counting(handler: Any = count, **limits: Any) -> Method[Count, Counted]:
    """The method ``count`` of the tests of streams."""
    return Method("count", Count, Counted, handler, stream=True, **limits)


def signed(
    signer: Signer = ALICE,
    *,
    receiver: str | None = BOB.address,
    message: Synapse | None = None,
    body: bytes | None = None,
    method: str = "POST",
    target: str = "/v1/echo?budget_ms=5000",
    nonce_ns: int | None = None,
    source: str = "127.0.0.1",
) -> RawRequest:
    """A request as an honest client of btauth/1 makes it; every part can be chosen."""
    if body is None:
        body = encode(message if message is not None else Question(text="hello"))
    # A clock half a second ahead, which is allowed: the request is younger than an axon that is
    # started after it was made, and need not be refused for that.
    nonce = CLOCK.now_ns() + 500_000_000 if nonce_ns is None else nonce_ns
    payload = signing.request_payload(
        method,
        target,
        sha256(body).hexdigest(),
        nonce,
        signer.address,
        receiver or signing.NO_RECEIVER,
    )
    headers = {
        "Content-Type": CONTENT_TYPE,
        signing.H_VERSION: "1",
        signing.H_HOTKEY: signer.address,
        signing.H_NONCE: str(nonce),
        signing.H_SIGNATURE: "0x" + signer.sign(payload).hex(),
    }
    if receiver is not None:
        headers[signing.H_RECEIVER] = receiver
    return RawRequest(
        method=method,
        target=target,
        headers=tuple((k.encode(), v.encode()) for k, v in headers.items()),
        body=body,
        source=source,
    )


def with_header(request: RawRequest, name: str, value: str | None) -> RawRequest:
    """The request with one header replaced (None: left out)."""
    headers = tuple((n, v) for n, v in request.headers if n.decode().lower() != name.lower())
    if value is not None:
        headers += ((name.encode(), value.encode("utf-8", "surrogateescape")),)
    return msgspec.structs.replace(request, headers=headers)


def refusal_in(reply: RawReply, request: RawRequest, axon: Signer = BOB) -> Refusal:
    """The refusal in a reply, after its signature was found good for exactly this request."""
    headers = tuple((n.decode().lower(), v.decode("latin-1")) for n, v in reply.headers)
    by_name = dict(headers)
    assert reply.status >= 400
    head = signing.parse_head(request.method, request.target, request.headers)
    scope = by_name["x-assay-scope"]
    body_hash = sha256(request.body).hexdigest() if scope == "full" else signing.UNREAD_BODY
    payload = signing.reply_payload(
        scope=scope,
        request_hash=signing.request_hash(head, body_hash),
        status=reply.status,
        headers=tuple(h for h in headers if h[0] != "x-assay-signature"),
        body=reply.body,
        sender=axon.address,
        receiver=head.hotkey or signing.NO_RECEIVER,
    )
    signature = bytes.fromhex(by_name["x-assay-signature"].removeprefix("0x"))
    assert keys.verify(signature, payload, axon.public_key), "the refusal is not signed"
    if reply.status in (429, 503):
        assert int(by_name["retry-after"]) >= 1
    return msgspec.msgpack.decode(reply.body, type=Refusal)


Mutation = Callable[[RawRequest, RawReply], RawReply]
Alteration = Callable[[bytes], tuple[bytes, bool]]
"""From the body of a stream: the bytes to pass on, and whether the connection ends properly."""


class HttpWorld:
    """Real sockets on the loopback."""

    name = "http"

    async def axon(self, signer: Signer = BOB, **options: Any) -> AnyAxon:
        return Axon(signer, **options)

    def dendrite(self, signer: Signer = ALICE, **options: Any) -> AnyDendrite:
        return Dendrite(signer, **options)

    async def send(self, axon: AnyAxon, request: RawRequest) -> RawReply:
        """One raw request over a connection of its own."""
        return await http_send(axon.port, request)

    @contextlib.asynccontextmanager
    async def between(self, axon: AnyAxon, mutate: Mutation) -> AsyncIterator[Peer]:
        """A place that looks like the axon's, where a stranger changes the replies."""

        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await _read_request(reader)
            reply = mutate(request, await self.send(axon, request))
            writer.write(_reply_bytes(reply))
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(meet, "127.0.0.1", 0)
        try:
            yield Peer(BOB.address, "127.0.0.1", server.sockets[0].getsockname()[1])
        finally:
            server.close()

    @contextlib.asynccontextmanager
    async def altering(self, axon: AnyAxon, alter: Alteration) -> AsyncIterator[Peer]:
        """A place that looks like the axon's, where a stranger changes a stream's bytes."""

        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await _read_request(reader)
            head, body = await http_stream(axon.port, request)
            changed, properly = alter(body)
            writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            for start in range(0, len(changed), 1_000):
                piece = changed[start : start + 1_000]
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            writer.write(b"0\r\n\r\n" if properly else b"")
            with contextlib.suppress(ConnectionError):
                await writer.drain()
                writer.close()
                await writer.wait_closed()

        server = await asyncio.start_server(meet, "127.0.0.1", 0)
        try:
            yield Peer(BOB.address, "127.0.0.1", server.sockets[0].getsockname()[1])
        finally:
            server.close()


class MemoryWorld:
    """The same without sockets."""

    name = "memory"

    def __init__(self) -> None:
        self.network = MemoryNetwork()

    async def axon(self, signer: Signer = BOB, **options: Any) -> AnyAxon:
        return MemoryAxon(signer, self.network, **options)

    def dendrite(self, signer: Signer = ALICE, **options: Any) -> AnyDendrite:
        return MemoryDendrite(signer, self.network, **options)

    async def send(self, axon: AnyAxon, request: RawRequest) -> RawReply:
        return await self.network.carry("127.0.0.1", axon.port, request)

    @contextlib.asynccontextmanager
    async def between(self, axon: AnyAxon, mutate: Mutation) -> AsyncIterator[Peer]:
        honest = self.network.carry

        async def carry(host: str, port: int, request: RawRequest) -> RawReply:
            return mutate(request, await honest(host, port, request))

        self.network.carry = carry  # type: ignore[method-assign]
        yield Peer(BOB.address, "127.0.0.1", axon.port)
        self.network.carry = honest  # type: ignore[method-assign]

    @contextlib.asynccontextmanager
    async def altering(self, axon: AnyAxon, alter: Alteration) -> AsyncIterator[Peer]:
        honest = self.network.carry

        async def carry(host: str, port: int, request: RawRequest) -> RawReply:
            reply = await honest(host, port, request)
            assert reply.chunks is not None
            body = b""
            while piece := await reply.chunks.read():
                body += piece
            await reply.chunks.aclose()
            return msgspec.structs.replace(reply, chunks=_Said(*alter(body)))

        self.network.carry = carry  # type: ignore[method-assign]
        yield Peer(BOB.address, "127.0.0.1", axon.port)
        self.network.carry = honest  # type: ignore[method-assign]


class _Said:
    """A stream's body that is known from the start."""

    def __init__(self, body: bytes, properly: bool) -> None:
        self._pieces = [body[start : start + 1_000] for start in range(0, len(body), 1_000)]
        self._properly = properly

    async def read(self) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        if not self._properly:
            raise ConnectionResetError
        return b""

    async def aclose(self) -> None:
        self._pieces.clear()


World = HttpWorld | MemoryWorld


@contextlib.asynccontextmanager
async def serving(
    world: World, handler: Callable[..., Awaitable[Any]] = echo, **options: Any
) -> AsyncIterator[AnyAxon]:
    """A started axon of Bob's with ``echo`` attached."""
    axon = await world.axon(**options)
    axon.attach(Method(name="echo", request=Question, reply=Answered, handler=handler))
    await axon.start()
    try:
        yield axon
    finally:
        await axon.stop()


async def http_send(port: int, request: RawRequest) -> RawReply:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request_bytes(request))
        await writer.drain()
        return await read_reply(reader)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def http_stream(port: int, request: RawRequest) -> tuple[bytes, bytes]:
    """One raw request whose reply is a stream: the head as it came, and the body without chunks."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request_bytes(request))
        await writer.drain()
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert b"Transfer-Encoding: chunked" in head
        body = b""
        while True:
            size = int(await asyncio.wait_for(reader.readuntil(b"\r\n"), 10), 16)
            body += (await asyncio.wait_for(reader.readexactly(size + 2), 10))[:-2]
            if not size:
                return head, body
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def request_bytes(request: RawRequest) -> bytes:
    lines = [f"{request.method} {request.target} HTTP/1.1".encode(), b"Host: test"]
    lines += [name + b": " + value for name, value in request.headers]
    lines.append(b"Content-Length: %d" % len(request.body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + request.body


async def read_reply(reader: asyncio.StreamReader) -> RawReply:
    """The next reply on a connection; ConnectionError if it was cut."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError(error.partial) from None
    status, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = [line.split(": ", 1) for line in lines]
    length = next(int(v) for n, v in headers if n.lower() == "content-length")
    return RawReply(
        status=int(status.split()[1]),
        headers=tuple((n.encode("latin-1"), v.encode("latin-1")) for n, v in headers),
        body=await asyncio.wait_for(reader.readexactly(length), 10),
    )


async def _read_request(reader: asyncio.StreamReader) -> RawRequest:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = [line.split(": ", 1) for line in lines]
    length = next(int(v) for n, v in headers if n.lower() == "content-length")
    method, target, _ = first.split(" ")
    return RawRequest(
        method=method,
        target=target,
        headers=tuple(
            (n.encode(), v.encode())
            for n, v in headers
            if n.lower() not in ("content-length", "host")
        ),
        body=await reader.readexactly(length),
        source="127.0.0.1",
    )


def _reply_bytes(reply: RawReply) -> bytes:
    lines = [b"HTTP/1.1 %d Whatever" % reply.status]
    lines += [n + b": " + v for n, v in reply.headers if n.lower() != b"content-length"]
    lines += [b"Connection: close", b"Content-Length: %d" % len(reply.body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + reply.body
