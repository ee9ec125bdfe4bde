"""The entropy coder: what it costs, against a coder of one big number, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.scoring.training.rans import (
    LONGER,
    FrequencyTable,
    StreamReader,
    StreamWriter,
    geometric,
    yes_or_no,
)
from assay.scoring.training.refusal import DeltaRefused


def slow_read(stream: bytes, tables: list[FrequencyTable]) -> list[int]:
    """Read one symbol of each of ``tables`` as the paper says it, slot by slot."""
    state = int.from_bytes(stream[:4], "little")
    words = [int.from_bytes(stream[i : i + 2], "little") for i in range(4, len(stream), 2)]
    symbols = []
    for table in tables:
        slot, start, symbol = state % 2**table.bits, 0, 0
        while start + table.frequencies[symbol] <= slot:
            start += table.frequencies[symbol]
            symbol += 1
        symbols.append(symbol)
        state = table.frequencies[symbol] * (state // 2**table.bits) + slot - start
        if state < 2**16:
            state = state * 2**16 + words.pop(0)
    assert (state, words) == (2**16, [])
    return symbols


def test_another_reader_reads_the_same() -> None:
    rng = np.random.default_rng(1)
    table, flag = FrequencyTable((1, 2, 5, 4088), 12), yes_or_no(3)
    symbols, flags = rng.integers(0, 4, 100), rng.integers(0, 2, 100)
    writer = StreamWriter()
    writer.symbols(table, symbols)
    writer.symbols(flag, flags)
    stream = writer.finish()
    assert slow_read(stream, [table] * 100 + [flag] * 100) == [*symbols, *flags]


def test_a_symbol_costs_what_its_frequency_says() -> None:
    table = FrequencyTable((64, 4032), 12)
    symbols = (np.arange(64_000) % 64 == 0).astype(np.int64) ^ 1
    writer = StreamWriter()
    writer.symbols(table, symbols)
    entropy = 64_000 * (math.log2(64) / 64 + 63 / 64 * math.log2(64 / 63)) / 8
    assert entropy < len(writer.finish()) < entropy * 1.001 + 4


@pytest.mark.parametrize("bits", [0, 1, 12, 16, 17, 35])
def test_numbers_of_any_length_come_back(bits: int) -> None:
    numbers = np.array([0, (1 << bits) - 1, (1 << bits) // 3], dtype=np.int64)
    writer = StreamWriter()
    writer.raw(numbers, bits)
    stream = writer.finish()
    assert len(stream) <= 6 + 3 * bits / 8
    reader = StreamReader(stream)
    assert reader.raw(bits, 3).tolist() == numbers.tolist()
    reader.finish()


@pytest.mark.parametrize(
    ("count", "places"), [(1, 1), (5, 5), (1, 2), (1, 10**6), (10**4, 10**6), (1, 1 << 34), (3, 4)]
)
def test_a_gap_costs_what_chance_says(count: int, places: int) -> None:
    table, low_bits = geometric(count, places)
    assert sum(table.frequencies) == 1 << table.bits
    part = count / places
    cost, chance = 0.0, 1.0
    for frequency in table.frequencies[:LONGER]:
        following = chance * (1 - part) ** (1 << low_bits)
        cost += (chance - following) * (table.bits - math.log2(frequency) + low_bits)
        chance = following
    ideal = -math.log2(part) - ((1 - part) / part * math.log2(1 - part) if part < 1 else 0)
    assert chance < 0.003
    assert cost < (ideal + 0.03) * 1.01


def test_a_stream_that_is_none_is_refused() -> None:
    writer = StreamWriter()
    writer.raw(np.arange(100), 7)
    stream = writer.finish()
    for wrong in (b"", stream[:3], stream[:-1], b"\0\0\0\0" + stream[4:]):
        with pytest.raises(DeltaRefused):
            StreamReader(wrong)
    short = StreamReader(stream[:-2])
    with pytest.raises(DeltaRefused, match="ends within"):
        short.raw(7, 100)
    long = StreamReader(stream + b"\0\0")
    assert long.raw(7, 100).tolist() == list(range(100))
    with pytest.raises(DeltaRefused, match="does not end"):
        long.finish()
    empty = StreamReader(stream[:4])
    with pytest.raises(DeltaRefused, match="ends within"):
        empty.symbols(yes_or_no(1), 1000)


def test_tables_have_no_symbol_that_cannot_be_written() -> None:
    for frequencies in ((0, 4096), (4095,), (4097,)):
        with pytest.raises(ValueError, match="frequencies"):
            FrequencyTable(frequencies, 12)
    for count, places in ((0, 5), (6, 5)):
        with pytest.raises(ValueError, match="cannot be chosen"):
            geometric(count, places)
