"""An entropy coder over integers: range asymmetric numeral systems.

Jarek Duda, "Asymmetric numeral systems" (arXiv 1311.2540), in the form with a state of 32 bits that
takes and gives words of 16. A symbol that has ``frequency`` of the ``2**bits`` slots costs
``bits - log2(frequency)`` bits. The writer goes through the symbols backwards, so that the reader
goes forwards; both know all frequencies beforehand. There are only integers here, and what the
symbols mean is not known.

A stream is the writer's last state, 4 bytes, and the words in the order in which the reader takes
them, 2 bytes each, all little-endian. The reader must end in the writer's first state and with no
word left; a stream that does not is refused, which is a check of 16 bits as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.scoring.training.refusal import DeltaRefused

STATE_MIN: Final = 1 << 16
"""The state lies in [2**16, 2**32), so that one word each time keeps it there."""
BITS_MAX: Final = 16
"""Slots are at most as many as a word has values: else one word would not be enough."""

LONGER: Final = 48
"""The symbol of a gap that is longer: at a quarter of a chosen place a block, one gap in 160 000
(e**-12), at an eighth one in 400. Each symbol costs a slot of 16,384 in every table."""

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class FrequencyTable:
    """Symbols 0, 1, 2… with their frequencies, which sum to ``2**bits``; none is zero."""

    frequencies: tuple[int, ...]
    bits: int

    def __post_init__(self) -> None:
        if sum(self.frequencies) != 1 << self.bits or min(self.frequencies) < 1:
            raise ValueError(f"frequencies are positive and sum to 2**{self.bits}")

    @property
    def starts(self) -> Integers:
        """The first slot of each symbol."""
        ends = np.cumsum(np.array(self.frequencies, dtype=np.int64))
        return np.concatenate([[0], ends[:-1]])

    def slots(self) -> bytes:
        """Return the symbol of each slot."""
        symbols = np.arange(len(self.frequencies), dtype=np.uint8)
        return np.repeat(symbols, self.frequencies).tobytes()


class StreamWriter:
    """Symbols are added in the reader's order, and written by ``finish``."""

    def __init__(self) -> None:
        self._starts: list[Integers] = []
        self._frequencies: list[Integers] = []
        self._bits: list[Integers] = []

    def symbols(self, table: FrequencyTable, symbols: Integers) -> None:
        """Add ``symbols``, all of one ``table``."""
        self._add(
            table.starts[symbols],
            np.array(table.frequencies, dtype=np.int64)[symbols],
            np.full(len(symbols), table.bits, dtype=np.int64),
        )

    def raw(self, numbers: Integers, bits: int) -> None:
        """Add ``numbers`` below ``2**bits``, each of which costs ``bits`` bits."""
        for low in range(0, bits, BITS_MAX):
            width = min(BITS_MAX, bits - low)
            self._add(
                (numbers >> low) & ((1 << width) - 1),
                np.ones(len(numbers), dtype=np.int64),
                np.full(len(numbers), width, dtype=np.int64),
            )

    def _add(self, starts: Integers, frequencies: Integers, bits: Integers) -> None:
        self._starts.append(starts)
        self._frequencies.append(frequencies)
        self._bits.append(bits)

    def finish(self) -> bytes:
        """Return the stream of all symbols that were added."""
        starts, frequencies, widths = (
            np.concatenate([*parts, np.empty(0, dtype=np.int64)])[::-1].tolist()
            for parts in (self._starts, self._frequencies, self._bits)
        )
        state = STATE_MIN
        words: list[int] = []
        for start, frequency, bits in zip(starts, frequencies, widths, strict=True):
            if state >= frequency << (32 - bits):
                words.append(state & 0xFFFF)
                state >>= 16
            state = ((state // frequency) << bits) + state % frequency + start
        return state.to_bytes(4, "little") + np.array(words[::-1], dtype="<u2").tobytes()


class StreamReader:
    """Reads the symbols of ``stream``; DeltaRefused as soon as there is none left."""

    def __init__(self, stream: bytes) -> None:
        if len(stream) < 4 or len(stream) % 2:
            raise DeltaRefused(f"a stream has 4 bytes and words of 2, not {len(stream)} bytes")
        self._state = int.from_bytes(stream[:4], "little")
        if self._state < STATE_MIN:
            raise DeltaRefused("a stream begins with a state of 2**16 or more")
        self._words: list[int] = np.frombuffer(stream, dtype="<u2", offset=4).tolist()
        self._words.reverse()

    def symbols(self, table: FrequencyTable, count: int) -> Integers:
        """Return the next ``count`` symbols of ``table``."""
        slots, bits, mask = table.slots(), table.bits, (1 << table.bits) - 1
        frequencies, starts = table.frequencies, table.starts.tolist()
        state, words, symbols = self._state, self._words, bytearray()
        try:
            for _ in range(count):
                slot = state & mask
                symbol = slots[slot]
                symbols.append(symbol)
                state = frequencies[symbol] * (state >> bits) + slot - starts[symbol]
                if state < STATE_MIN:
                    state = state << 16 | words.pop()
        except IndexError:
            raise DeltaRefused("the stream ends within its symbols") from None
        self._state = state
        return np.frombuffer(symbols, dtype=np.uint8).astype(np.int64)

    def raw(self, bits: int, count: int) -> Integers:
        """Return the next ``count`` numbers of ``bits`` bits."""
        numbers = np.zeros(count, dtype=np.int64)
        for low in range(0, bits, BITS_MAX):
            numbers |= self._raw_words(min(BITS_MAX, bits - low), count) << low
        return numbers

    def _raw_words(self, width: int, count: int) -> Integers:
        state, words, mask = self._state, self._words, (1 << width) - 1
        numbers: list[int] = []
        try:
            for _ in range(count):
                numbers.append(state & mask)
                state >>= width
                if state < STATE_MIN:
                    state = state << 16 | words.pop()
        except IndexError:
            raise DeltaRefused("the stream ends within its numbers") from None
        self._state = state
        return np.array(numbers, dtype=np.int64)

    def finish(self) -> None:
        """Return if the stream is read to its end; DeltaRefused otherwise."""
        if self._words or self._state != STATE_MIN:
            raise DeltaRefused("the stream does not end where its symbols do")


def yes_or_no(part: int) -> FrequencyTable:
    """Return the table of no (0) and yes (1), whose yes has ``part + 1/2`` of 64 parts."""
    yes = (2 * part + 1) << 5
    return FrequencyTable(((1 << 12) - yes, yes), 12)


def geometric(count: int, places: int) -> tuple[FrequencyTable, int]:
    """Return the table for gaps between ``count`` chosen of ``places`` places, and how many low
    bits of a gap are written raw.

    The gap shifted by those bits is the symbol; the table's last symbol, ``LONGER``, says that the
    gap is longer by as many blocks, and a symbol for the rest follows. A block of places that share
    their high bits holds at most a quarter of a chosen one on average, which makes the raw bits
    nearly even. ValueError unless 0 < ``count`` <= ``places``.
    """
    if not 0 < count <= places:
        raise ValueError(f"{count} of {places} places cannot be chosen")
    low_bits = max(0, (places // (4 * count)).bit_length() - 1)
    kept = ((places - count) << 48) // places
    for _ in range(low_bits):
        kept = kept * kept >> 48
    bits, left = 14, 1 << 48
    free = (1 << bits) - LONGER - 1
    frequencies = []
    for _ in range(LONGER):
        following = left * kept >> 48
        frequencies.append(1 + ((left - following) * free >> 48))
        left = following
    frequencies.append((1 << bits) - sum(frequencies))
    return FrequencyTable(tuple(frequencies), bits), low_bits
