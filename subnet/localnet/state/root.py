"""The slow, readable twin of ``trie``: the Merkle root of a map, computed directly.

This is the specification as a recursion over sorted keys, with nothing remembered and nothing
shared. Property tests compare the fast trie with it, and ``verify`` recomputes the head's root with
it. It takes time in proportion to the whole state, so nothing else calls it. Nibbles are tuples of
small integers; node kinds and lengths are written out from the specification again, on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

Nibbles = tuple[int, ...]


def slow_root(pairs: Mapping[bytes, bytes], version: int) -> bytes:
    """The root of ``pairs`` when every value was written under state ``version``."""
    if not pairs:
        return _hash(b"\x00")
    rows = sorted((_nibbles(key), value) for key, value in pairs.items())
    return _hash(_encode(rows, 0, version))


def _hash(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()


def _nibbles(key: bytes) -> Nibbles:
    return tuple(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _length(number: int) -> bytes:
    """SCALE's compact integer for the lengths that occur here."""
    if number < 64:
        return bytes([number * 4])
    if number < 2**14:
        return (number * 4 + 1).to_bytes(2, "little")
    if number < 2**30:
        return (number * 4 + 2).to_bytes(4, "little")
    raise ValueError("a value of a gigabyte is no storage value")


def _encode(rows: Sequence[tuple[Nibbles, bytes]], depth: int, version: int) -> bytes:
    """The node that holds ``rows``, which share their first ``depth`` nibbles."""
    first, last = rows[0][0], rows[-1][0]
    end = depth
    while end < min(len(first), len(last)) and first[end] == last[end]:
        end += 1
    value = rows[0][1] if len(first) == end else None
    below: dict[int, list[tuple[Nibbles, bytes]]] = {}
    for row in rows if value is None else rows[1:]:
        below.setdefault(row[0][end], []).append(row)

    hashed = value is not None and version == 1 and len(value) >= 33
    out = _header(end - depth, value is not None, hashed, bool(below))
    partial = first[depth:end]
    if len(partial) % 2:
        partial = (0, *partial)
    out += bytes(16 * high + low for high, low in zip(partial[::2], partial[1::2], strict=True))
    if below:
        out += sum(2**nibble for nibble in below).to_bytes(2, "little")
    if value is not None:
        out += _hash(value) if hashed else _length(len(value)) + value
    for nibble in sorted(below):
        child = _encode(below[nibble], end + 1, version)
        reference = child if len(child) < 32 else _hash(child)
        out += _length(len(reference)) + reference
    return out


def _header(nibbles: int, has_value: bool, hashed: bool, has_children: bool) -> bytes:
    """01 leaf, 10 branch, 11 branch with value, 001 and 0001 the same two with a hashed value."""
    if not has_children:
        first, room = (0b0010_0000, 31) if hashed else (0b0100_0000, 63)
    elif not has_value:
        first, room = 0b1000_0000, 63
    else:
        first, room = (0b0001_0000, 15) if hashed else (0b1100_0000, 63)
    if nibbles < room:
        return bytes([first + nibbles])
    more = nibbles - room
    return bytes([first + room]) + b"\xff" * (more // 255) + bytes([more % 255])
