"""What clients have sent and the server still holds, counted over all connections.

Beside the limit of one frame there is a limit of all frames together, and of one source's. A frame
is held from its first byte until it has been answered, however slowly it arrives and however many
are unfinished: ``IncomingBytes`` is the sum, ``HeldBytes`` the part of one connection or of one
HTTP body. Whoever takes the sum above its limit is refused, unless it holds no more than everybody
may (``unmetered_bytes``): those who send small requests are served while others fill all the room.

A WebSocket's library tells of a message once it is whole, so ``FrameCounter`` follows the headers
of the frames as their bytes arrive. Nothing here knows a socket or keeps any of the bytes.
"""

from __future__ import annotations

from typing import Final

from assay.localnet.rpc.call_budget import Source

_PIECE_BYTES: Final = 64
"""What a piece of an unfinished frame costs beside its bytes: an object and its place in a list.
Frames may arrive byte by byte."""

_SOURCE_SHARE: Final = 0.5
"""Of the sum, what one source may hold: the rest is left to other addresses."""

# RFC 6455, 5.2: opcode in the first byte; mask bit and length in the second; a longer length and
# the mask after them.
_OPCODE: Final = 0x0F
_CONTROL: Final = 0x08
_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
_MASK_BYTES: Final = 4
_LONGER_LENGTH_BYTES: Final = {126: 2, 127: 8}


class IncomingBytes:
    """The sum over all connections of a server."""

    def __init__(self, *, bytes_max: int, unmetered_bytes: int) -> None:
        self.bytes_max = bytes_max
        self.source_bytes_max = int(bytes_max * _SOURCE_SHARE)
        self.unmetered_bytes = unmetered_bytes
        self.size_bytes = 0


class HeldBytes:
    """The part of the sum that one connection, or one HTTP body, from ``source`` holds."""

    def __init__(self, incoming: IncomingBytes, source: Source) -> None:
        self._incoming = incoming
        self._source = source
        self._size_bytes = 0

    def add(self, size_bytes: int) -> bool:
        """Hold ``size_bytes`` more. False if that is too much, so that the holder is refused."""
        incoming, source = self._incoming, self._source
        self._size_bytes += size_bytes
        incoming.size_bytes += size_bytes
        source.held_bytes += size_bytes
        return self._size_bytes <= incoming.unmetered_bytes or (
            incoming.size_bytes <= incoming.bytes_max
            and source.held_bytes <= incoming.source_bytes_max
        )

    def drop(self, size_bytes: int) -> None:
        """Hold ``size_bytes`` less, down to nothing."""
        dropped = min(size_bytes, self._size_bytes)
        self._size_bytes -= dropped
        self._incoming.size_bytes -= dropped
        self._source.held_bytes -= dropped

    def close(self) -> None:
        """Release every byte that this holder still counts."""
        self.drop(self._size_bytes)


class FrameCounter:
    """Follows the frames of one WebSocket: their payloads are held until ``answered``."""

    def __init__(self, held: HeldBytes) -> None:
        self._held = held
        self._header = bytearray()
        self._header_bytes = 2
        self._left = 0
        self._is_data = False
        self._pieces_bytes = 0

    def feed(self, data: bytes) -> bool:
        """Count ``data``, which has just arrived; False if the connection holds too much now."""
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
                self._held.drop(self._pieces_bytes)
                self._pieces_bytes = 0
        if self._left:
            self._pieces_bytes += _PIECE_BYTES
            fits = self._held.add(_PIECE_BYTES) and fits
        return fits

    def _read_header(self, data: bytes, at: int) -> int:
        """Take what ``data`` has of a frame's header from ``at`` on; returns where that ends."""
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
        """Release a message of ``size_bytes``, which has been answered."""
        self._held.drop(size_bytes)
