"""What stands between a client's socket and the HTTP library: admission, refusal, counting.

``ClientProtocol`` is made for each connection that arrives. ``admit`` decides: either a protocol of
the HTTP library gets everything that follows, or the client is told in an HTTP answer why it has no
place. Once the connection has become a WebSocket, its bytes are counted as they arrive, before the
library sees them. This module changes no byte, keeps none, and knows one HTTP answer only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

from assay.localnet.rpc.connections import ClientConnection
from assay.localnet.rpc.frames import FrameCounter

_LINGER_S: Final = 1.0
"""How long a refused client may take to read its answer. Closing while its request lies unread
would reset the connection, and the answer would be lost."""

_REFUSED_AT_ONCE_MAX: Final = 64
"""Refused connections that linger. More are cut at once: they are a flood."""


class Refusals:
    """How many refused connections linger."""

    def __init__(self) -> None:
        self.lingering = 0


class ClientProtocol(asyncio.Protocol):
    """One connection. ``connection`` is its place; None until it has one."""

    def __init__(
        self,
        admit: Callable[[asyncio.Transport, ClientProtocol], asyncio.Protocol | str],
        leave: Callable[[ClientProtocol], None],
        refusals: Refusals,
    ) -> None:
        self.connection: ClientConnection | None = None
        self.inner: asyncio.Protocol | None = None
        """The HTTP library's protocol; None for a refused connection."""
        self.cut: asyncio.TimerHandle | None = None
        """What ends a connection that neither asks nor, where it has a reply, reads that."""
        self._admit = admit
        self._leave = leave
        self._refusals = refusals
        self._lingers = False
        self._frames: FrameCounter | None = None
        self._on_too_much: Callable[[], None] | None = None

    # -- coming and going

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        both_ways = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it
        admitted = self._admit(both_ways, self)
        if isinstance(admitted, str):
            self._refuse(both_ways, admitted)
        else:
            self.inner = admitted
            self.inner.connection_made(transport)

    def _refuse(self, transport: asyncio.Transport, why: str) -> None:
        if self._refusals.lingering >= _REFUSED_AT_ONCE_MAX:
            transport.abort()
            return
        self._refusals.lingering += 1
        self._lingers = True
        body = f"{why}\n".encode()
        transport.write(
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Retry-After: 5\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        if transport.can_write_eof():
            transport.write_eof()
        self.cut = asyncio.get_running_loop().call_later(_LINGER_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self.uncut()
        if self._lingers:
            self._refusals.lingering -= 1
        if self.inner is not None:
            self.inner.connection_lost(exc)
        self._leave(self)

    def uncut(self) -> None:
        """Do not end the connection after all."""
        if self.cut is not None:
            self.cut.cancel()
            self.cut = None

    # -- what is sent

    def count(self, frames: FrameCounter, early: bytes, on_too_much: Callable[[], None]) -> None:
        """Count what arrives from now on; ``early`` came behind the request to be a WebSocket.

        ``on_too_much`` is called once, when the client has sent too much. What it sends then is
        thrown away.
        """
        self._frames, self._on_too_much = frames, on_too_much
        if not frames.feed(early):
            self._above()

    def _above(self) -> None:
        told, self._on_too_much = self._on_too_much, None
        if told is not None:
            told()

    def data_received(self, data: bytes) -> None:
        if self.inner is None:
            return
        if self._frames is not None:
            if self._on_too_much is None:
                return
            if not self._frames.feed(data):
                self._above()
                return
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        return None if self.inner is None else self.inner.eof_received()

    def pause_writing(self) -> None:
        if self.inner is not None:
            self.inner.pause_writing()

    def resume_writing(self) -> None:
        if self.inner is not None:
            self.inner.resume_writing()
