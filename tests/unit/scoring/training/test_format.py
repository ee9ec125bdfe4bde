"""A second reader of the coded form, written from docs/reference/training-codec.md alone.

It takes symbol by symbol and place by place, with Python's numbers, and must read what our reader
reads. The rounding of fp32 is numpy's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.scoring.training.codec import compress, extract
from assay.scoring.training.past import PublicPast
from assay.scoring.training.policy import SIGNED, CodecPolicy
from assay.scoring.training.shapes import ModelShape, TensorRole, TensorShape

SHAPE = ModelShape(
    (
        TensorShape.of("embedding", (120, 24), TensorRole.EMBEDDING),
        TensorShape.of("norm", (24,), TensorRole.VECTOR),
        TensorShape.of("matrix", (24, 40), TensorRole.MATRIX),
    )
)
TABLES = [(t.rows, t.columns) for t in SHAPE.tensors]
PLACES = [
    (t, r, c)
    for t, (rows, columns) in enumerate(TABLES)
    for r in range(rows)
    for c in range(columns)
]


class Stream:
    def __init__(self, data: bytes) -> None:
        self.x = int.from_bytes(data[:4], "little")
        self.words = [int.from_bytes(data[i : i + 2], "little") for i in range(4, len(data), 2)]

    def symbol(self, slots: list[int], bits: int) -> int:
        """Read a symbol, whose table gives the slots of each."""
        slot, s, c = self.x % 2**bits, 0, 0
        while c + slots[s] <= slot:
            c, s = c + slots[s], s + 1
        self._go(slots[s] * (self.x // 2**bits) + slot - c)
        return s

    def numbers(self, bits: int, count: int) -> list[int]:
        found, low = [0] * count, 0
        while low < bits:
            width = min(16, bits - low)
            for i in range(count):
                found[i] += self.x % 2**width << low
                self._go(self.x // 2**width)
            low += width
        return found

    def _go(self, x: int) -> None:
        self.x = x if x >= 2**16 else x * 2**16 + self.words.pop(0)

    def yes(self, count: int) -> list[bool]:
        if not count:
            return []
        (p,) = self.numbers(6, 1)
        return [self.symbol([4096 - 64 * p - 32, 64 * p + 32], 12) == 1 for _ in range(count)]

    def ranks(self, k: int, n: int) -> list[int]:
        b = max([b for b in range(40) if 4 * k * 2**b <= n], default=0)
        q = (n - k) * 2**48 // n
        for _ in range(b):
            q = q * q // 2**48
        slots, t = [], 2**48
        for _ in range(48):
            slots.append(1 + (t - t * q // 2**48) * 16335 // 2**48)
            t = t * q // 2**48
        slots.append(2**14 - sum(slots))
        high = []
        for _ in range(k):
            part = 0
            while (s := self.symbol(slots, 14)) == 48:
                part += 48
            high.append(part + s)
        ranks, last = [], -1
        for part, low in zip(high, self.numbers(b, k), strict=True):
            last += part * 2**b + low + 1
            ranks.append(last)
        return ranks


class Past:
    """Sums by row and column, in loops."""

    def __init__(self) -> None:
        self.rows = [[0] * rows for rows, _ in TABLES]
        self.columns = [[0] * columns for _, columns in TABLES]
        self.leans = [[0] * columns for _, columns in TABLES]

    def window(self, messages: list[dict[int, float]]) -> None:
        for sums in (self.rows, self.columns, self.leans):
            for line in sums:
                line[:] = [n - n // 4 for n in line]
        for message in messages:
            for place, value in message.items():
                t, r, c = PLACES[place]
                self.rows[t][r] += 256
                self.columns[t][c] += 256
                self.leans[t][c] += 256 if value > 0 else -256

    def place_classes(self) -> list[int]:
        every = max(1, sum(map(sum, self.rows)))
        bits = []
        for t, r, c in PLACES:
            rows, columns = TABLES[t]
            a = sum(self.rows[t]) / (rows * columns) + 0.02 * (every / len(PLACES))
            by_row = np.float32((self.rows[t][r] / columns + 0.1 * a) / a)
            by_column = np.float32(self.columns[t][c] / rows + 0.2 * a)
            bits.append(int((by_row * by_column).view(np.int32)) // 2**22)
        return [max(0, 15 - (max(bits) - b)) for b in bits]

    def column(self, place: int) -> tuple[int, bool]:
        t, _, c = PLACES[place]
        lean = self.leans[t][c]
        z = float(lean) * float(lean) / (256 * max(self.columns[t][c], 1))
        return sum(z >= bound for bound in (0.1, 1.0, 4.0)), lean >= 0


def read(message: bytes, policy: CodecPolicy, past: Past) -> dict[int, float]:
    assert message[0] == 2
    e, stream = message[1] - 128, Stream(message[2:])
    falling = (65536, 60097, 55109, 50535, 46341, 42495, 38968, 35734)
    codes = stream.numbers(6, len(TABLES) * policy.levels)
    sizes = [falling[(k - 1) % 8] * 2.0 ** (e - 16 - (k - 1) // 8) if k else 0.0 for k in codes]
    chosen: list[int] = []
    classes = past.place_classes()
    for number in range(16):
        members = [place for place, own in enumerate(classes) if own == number]
        if members:
            (length,) = stream.numbers(6, 1)
            count = length and 2 ** (length - 1) + stream.numbers(length - 1, 1)[0]
            if count:
                chosen += [members[rank] for rank in stream.ranks(count, len(members))]
    chosen.sort()
    plus = {}
    for level in range(4):
        own = [place for place in chosen if past.column(place)[0] == level]
        for place, agrees in zip(own, stream.yes(len(own)), strict=True):
            plus[place] = agrees == past.column(place)[1]
    upper = stream.yes(len(chosen)) if policy.levels == 2 else [False] * len(chosen)
    assert (stream.x, stream.words) == (2**16, [])
    return {
        place: sizes[PLACES[place][0] * policy.levels + up] * (1 if plus[place] else -1)
        for place, up in zip(chosen, upper, strict=True)
    }


@pytest.mark.parametrize("policy", [SIGNED, replace(SIGNED, levels=2, sent_ppm=60_000)])
def test_another_reader_reads_the_same_over_windows(policy: CodecPolicy) -> None:
    rng = np.random.default_rng(11)
    own, past = PublicPast.none(SHAPE), Past()
    spread = np.exp(rng.normal(0, 1, SHAPE.size)).astype(np.float32)
    lean = rng.normal(0, 0.5, SHAPE.size).astype(np.float32)
    feedback = [np.zeros(SHAPE.size, dtype=np.float32)] * 2
    for _ in range(4):
        said, read_by_other = [], []
        for peer in range(2):
            noise = rng.normal(0, 1, SHAPE.size).astype(np.float32)
            change = (noise + lean) * spread * np.float32(1e-3)
            message, feedback[peer] = compress(change, SHAPE, policy, feedback[peer], own)
            said.append(extract(message, SHAPE, policy, own))
            read_by_other.append(read(message, policy, past))
        for update, other in zip(said, read_by_other, strict=True):
            assert dict(zip(update.places.tolist(), update.values.tolist(), strict=True)) == other
        own = own.after(SHAPE, said)
        past.window(read_by_other)
