"""What clients have sent and the server still holds: counted over all connections. Pure, no socket.

Adds to the limit of one frame a limit of all frames together. A frame is held from its first byte
until it has been answered, however slowly it arrives and however many are unfinished: ``Intake`` is
the sum, ``Held`` the part of one connection or of one HTTP body. Whoever takes the sum above its
limit is refused, unless it holds no more than everybody may (``unmetered_bytes``): those who send
small requests are served while others fill all the room.

A WebSocket's library tells of a message once it is whole. So ``Metered`` stands between the
transport and the library's protocol and follows the headers of the frames that pass; it changes
nothing and keeps nothing. Until a connection becomes a WebSocket it only passes on: HTTP bodies are
counted where they are read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

_CHUNK_BYTES: Final = 64
"""What a piece of an unfinished frame costs beside its bytes: an object and its place in a list.
Frames may arrive byte by byte."""

# RFC 6455, 5.2: opcode in the first byte; mask bit and length in the second; a longer length and
# the mask after them.
_OPCODE: Final = 0x0F
_CONTROL: Final = 0x08
_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
_MASK_BYTES: Final = 4
_LONGER_LENGTH_BYTES: Final = {126: 2, 127: 8}


class Intake:
    """The sum over all connections of a server."""

    def __init__(self, *, bytes_max: int, unmetered_bytes: int) -> None:
        self.bytes_max = bytes_max
        self.unmetered_bytes = unmetered_bytes
        self.size_bytes = 0


class Held:
    """One holder's part of the sum."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._size_bytes = 0

    def add(self, size_bytes: int) -> bool:
        """Hold so much more. False if that is too much: the holder is to be refused then."""
        self._size_bytes += size_bytes
        intake = self._intake
        intake.size_bytes += size_bytes
        return intake.size_bytes <= intake.bytes_max or self._size_bytes <= intake.unmetered_bytes

    def drop(self, size_bytes: int) -> None:
        """So much was let go."""
        dropped = min(size_bytes, self._size_bytes)
        self._size_bytes -= dropped
        self._intake.size_bytes -= dropped

    def close(self) -> None:
        """All of it was."""
        self.drop(self._size_bytes)


class Frames:
    """Follows the frames of one WebSocket: their payloads are held until ``answered``."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._header = bytearray()
        self._header_bytes = 2
        self._left = 0
        self._is_data = False
        self._chunks_bytes = 0

    def feed(self, data: bytes) -> bool:
        """These bytes have come. False if they are too much."""
        at, end, fits = 0, len(data), True
        while at < end:
            if not self._left:
                at = self._read_header(data, at)
                continue
            taken = min(self._left, end - at)
            at += taken
            self._left -= taken
            if self._is_data:
                fits = self._held.add(taken) and fits
            if not self._left:
                self._held.drop(self._chunks_bytes)
                self._chunks_bytes = 0
        if self._left:
            self._chunks_bytes += _CHUNK_BYTES
            fits = self._held.add(_CHUNK_BYTES) and fits
        return fits

    def _read_header(self, data: bytes, at: int) -> int:
        """Take what there is of a frame's header from ``at`` on; where it ends."""
        header = self._header
        taken = min(self._header_bytes - len(header), len(data) - at)
        header += data[at : at + taken]
        if len(header) == 2:
            longer = _LONGER_LENGTH_BYTES.get(header[1] & _LENGTH, 0)
            self._header_bytes = 2 + longer + (_MASK_BYTES if header[1] & _MASKED else 0)
        if len(header) == self._header_bytes:
            length = header[1] & _LENGTH
            longer = _LONGER_LENGTH_BYTES.get(length, 0)
            self._left = int.from_bytes(header[2 : 2 + longer], "big") if longer else length
            self._is_data = not header[0] & _OPCODE & _CONTROL
            header.clear()
            self._header_bytes = 2
        return at + taken

    def answered(self, size_bytes: int) -> None:
        """A message of so many bytes is done with."""
        self._held.drop(size_bytes)


class Metered(asyncio.Protocol):
    """Passes everything on to ``inner``. As a WebSocket, what comes is counted before."""

    def __init__(self, inner: asyncio.Protocol) -> None:
        self._inner = inner
        self._frames: Frames | None = None
        self._refuse: Callable[[], None] | None = None

    def meter(self, frames: Frames, early: bytes, refuse: Callable[[], None]) -> None:
        """It is a WebSocket from here on; ``early`` came behind the request to be one.

        ``refuse`` is called once, when it sends too much. What it sends then is thrown away.
        """
        self._frames, self._refuse = frames, refuse
        if not frames.feed(early):
            self._above()

    def _above(self) -> None:
        refuse, self._refuse = self._refuse, None
        if refuse is not None:
            refuse()

    def data_received(self, data: bytes) -> None:
        if self._frames is not None:
            if self._refuse is None:
                return
            if not self._frames.feed(data):
                self._above()
                return
        self._inner.data_received(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()
