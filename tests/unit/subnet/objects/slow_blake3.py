"""BLAKE3 in derive_key mode, written out from its specification: slow, readable, our own library's
oracle. One chunk, one parent and one block at a time; nothing is shared with the fast path."""

from __future__ import annotations

IV = (
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
)  # fmt: skip
ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
START, END, PARENT, ROOT, CONTEXT, MATERIAL = 1, 2, 4, 8, 32, 64
WORD = 0xFFFFFFFF


def _rotated(word: int, bits: int) -> int:
    return (word >> bits | word << (32 - bits)) & WORD


def _mix(v: list[int], a: int, b: int, c: int, d: int, x: int, y: int) -> None:
    v[a] = (v[a] + v[b] + x) & WORD
    v[d] = _rotated(v[d] ^ v[a], 16)
    v[c] = (v[c] + v[d]) & WORD
    v[b] = _rotated(v[b] ^ v[c], 12)
    v[a] = (v[a] + v[b] + y) & WORD
    v[d] = _rotated(v[d] ^ v[a], 8)
    v[c] = (v[c] + v[d]) & WORD
    v[b] = _rotated(v[b] ^ v[c], 7)


def _compress(value: tuple[int, ...], block: bytes, counter: int, flags: int) -> tuple[int, ...]:
    padded = block.ljust(64, b"\0")
    m = [int.from_bytes(padded[i : i + 4], "little") for i in range(0, 64, 4)]
    v = [*value, *IV[:4], counter & WORD, counter >> 32, len(block), flags]
    for _ in range(7):
        for a, b, c, d, i in (
            (0, 4, 8, 12, 0), (1, 5, 9, 13, 2), (2, 6, 10, 14, 4), (3, 7, 11, 15, 6),
            (0, 5, 10, 15, 8), (1, 6, 11, 12, 10), (2, 7, 8, 13, 12), (3, 4, 9, 14, 14),
        ):  # fmt: skip
            _mix(v, a, b, c, d, m[i], m[i + 1])
        m = [m[i] for i in ORDER]
    return tuple(v[i] ^ v[i + 8] for i in range(8))


def _node(data: bytes, first: int, key: tuple[int, ...], flags: int, root: int) -> tuple[int, ...]:
    """The chaining value over ``data``, which starts at chunk number ``first`` of the input."""
    if len(data) <= 1024:
        value = key
        blocks = [data[i : i + 64] for i in range(0, len(data), 64)] or [b""]
        for number, block in enumerate(blocks):
            edge = START * (number == 0) | (END | root) * (number == len(blocks) - 1)
            value = _compress(value, block, first, flags | edge)
        return value
    left = 1024
    while left * 2 < len(data):
        left *= 2
    halves = (
        _node(data[:left], first, key, flags, 0)
        + _node(data[left:], first + left // 1024, key, flags, 0)
    )  # fmt: skip
    return _compress(key, _packed(halves), 0, flags | PARENT | root)


def _packed(words: tuple[int, ...]) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in words)


def derive_key(context: str, data: bytes) -> bytes:
    key = _node(context.encode(), 0, IV, CONTEXT, ROOT)
    return _packed(_node(data, 0, key, MATERIAL, ROOT))
