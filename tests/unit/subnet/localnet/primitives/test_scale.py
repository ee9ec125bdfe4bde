"""SCALE: the examples of its own documentation, and inputs that lie about their lengths."""

from __future__ import annotations

import pytest

from assay.localnet.primitives.scale import (
    Reader,
    ScaleError,
    compact,
    decode_compact,
    encode_bytes,
)


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, "00"),
        (1, "04"),
        (42, "a8"),
        (63, "fc"),
        (64, "0101"),
        (69, "1501"),
        (16_383, "fdff"),
        (16_384, "02000100"),
        (65_535, "feff0300"),
        (1_073_741_823, "feffffff"),
        (1_073_741_824, "0300000040"),
        (100_000_000_000_000, "0b00407a10f35a"),
        (2**64 - 1, "13ffffffffffffffff"),
    ],
)
def test_compact_integers(number: int, encoded: str) -> None:
    assert compact(number).hex() == encoded
    assert decode_compact(bytes.fromhex(encoded)) == (number, len(encoded) // 2)


@pytest.mark.parametrize("cut", ["", "01", "02ff", "020001", "03000000", "0b00407a10f3"])
def test_a_cut_compact_integer(cut: str) -> None:
    with pytest.raises(ScaleError, match="cut off"):
        decode_compact(bytes.fromhex(cut))


def test_a_number_that_no_compact_integer_holds() -> None:
    assert decode_compact(compact(2**536 - 1))[0] == 2**536 - 1
    with pytest.raises(ScaleError):
        compact(2**536)


def test_a_reader_takes_values_in_order() -> None:
    reader = Reader(encode_bytes(b"abc") + b"\x01\x05\x00" + encode_bytes("é".encode()))
    assert reader.bytes() == b"abc"
    assert reader.option()
    assert reader.uint(2) == 5
    assert reader.text() == "é"
    reader.end()
    with pytest.raises(ScaleError, match="1 bytes are expected, 0 are left"):
        reader.uint(1)


@pytest.mark.parametrize(
    "read",
    [
        lambda: Reader(b"\x10abc").bytes(),
        lambda: Reader(b"\x02").option(),
        lambda: Reader(b"\x08\xff\xff").text(),
        lambda: Reader(b"\x08aa").items(2),
        lambda: Reader(b"a").end(),
    ],
)
def test_what_is_wrong_is_refused(read: object) -> None:
    assert callable(read)
    with pytest.raises(ScaleError):
        read()
