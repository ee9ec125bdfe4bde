"""SCALE, as far as the host needs it: compact integers, byte strings, and a bounded reader.

The runtime encodes its own types; the host only opens envelopes (headers, extrinsics, results of
entry points). ``Reader`` never reads past its end and never believes a length: a malformed input
raises ``ScaleError``, whatever it holds. It knows nothing of what the values mean.
"""

from __future__ import annotations

from assay.errors import AssayError


class ScaleError(AssayError):
    """The bytes are not what they should be."""


def compact(number: int) -> bytes:
    """A non-negative integer in SCALE's compact form."""
    if number < 1 << 6:
        return bytes((number << 2,))
    if number < 1 << 14:
        return (number << 2 | 1).to_bytes(2, "little")
    if number < 1 << 30:
        return (number << 2 | 2).to_bytes(4, "little")
    size = (number.bit_length() + 7) // 8
    if size > 67:
        raise ScaleError(f"a compact integer has at most 67 bytes, not {size}")
    return bytes((size - 4 << 2 | 3,)) + number.to_bytes(size, "little")


def encode_bytes(data: bytes) -> bytes:
    """A byte string: its compact length, then itself."""
    return compact(len(data)) + data


def decode_compact(data: bytes | memoryview, at: int = 0) -> tuple[int, int]:
    """The compact integer at ``at`` and the position after it."""
    try:
        first = data[at]
    except IndexError:
        raise ScaleError("a compact integer is cut off") from None
    mode = first & 3
    size = (1, 2, 4)[mode] if mode < 3 else 0
    if mode == 3:
        size = (first >> 2) + 4
        at += 1
    end = at + size
    if end > len(data):
        raise ScaleError("a compact integer is cut off")
    number = int.from_bytes(data[at:end], "little")
    return (number if mode == 3 else number >> 2), end


class Reader:
    """Takes values off a byte string, front to back."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def position(self) -> int:
        return self._at

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        end = self._at + size
        if end > len(self._data):
            raise ScaleError(f"{size} bytes are expected, {self.left} are left")
        out = self._data[self._at : end]
        self._at = end
        return out

    def uint(self, size: int) -> int:
        """A little-endian unsigned integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little")

    def compact(self) -> int:
        number, self._at = decode_compact(self._data, self._at)
        return number

    def bytes(self) -> bytes:
        """A byte string with its compact length."""
        return self.take(self.compact())

    def text(self) -> str:
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            raise ScaleError("a text is not UTF-8") from None

    def option(self) -> bool:
        """Whether an ``Option`` holds a value (which follows)."""
        tag = self.uint(1)
        if tag > 1:
            raise ScaleError(f"an Option begins with 0 or 1, not {tag}")
        return tag == 1

    def items(self, size_min: int = 1) -> int:
        """A ``Vec``'s length, believed only if that many items of ``size_min`` bytes can follow."""
        count = self.compact()
        if count * size_min > self.left:
            raise ScaleError(f"{count} items cannot fit into {self.left} bytes")
        return count

    def end(self) -> None:
        """Raise unless everything was read."""
        if self.left:
            raise ScaleError(f"{self.left} bytes are left over")
