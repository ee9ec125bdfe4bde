"""What may carry something sealed, and what may come out of it."""

from __future__ import annotations

import pytest

from assay.localnet.primitives.scale import ScaleError, compact, encode_bytes
from assay.localnet.shield.envelope import (
    Sealed,
    may_be_sealed,
    read_sealed,
    read_unsealed,
)

SIGNER = bytes(range(32))
_HEAD = b"\x84\x00" + SIGNER + b"\x01" + bytes(64) + b"\x00\x04\x00\x00"


def extrinsic(call: bytes, head: bytes = _HEAD) -> bytes:
    return encode_bytes(head + call)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 8_192])
def test_a_sealed_extrinsic_is_taken_for_one(length: int) -> None:
    assert may_be_sealed(extrinsic(b"\x1e\x01" + encode_bytes(bytes(length))))


@pytest.mark.parametrize(
    "call",
    [
        b"\x1e\x02" + encode_bytes(bytes(9)),
        b"\x1e\x01" + encode_bytes(bytes(9)) + b"\0",
        b"\x1e\x01" + encode_bytes(bytes(9))[:-1],
        b"\x1e\x01",
        b"\x00\x00" + encode_bytes(b"\x1e\x01" * 4_000),
    ],
    ids=["another call", "more behind", "cut", "nothing behind", "a remark full of them"],
)
def test_another_extrinsic_is_not(call: bytes) -> None:
    assert not may_be_sealed(extrinsic(call))


def test_two_bytes_by_chance_in_a_signature_do_not_hide_the_call() -> None:
    head = b"\x84\x00" + SIGNER + b"\x01" + b"\x1e\x01" * 32 + b"\x00\x04\x00\x00"
    assert may_be_sealed(extrinsic(b"\x1e\x01" + encode_bytes(bytes(700)), head))


def test_the_longest_extrinsic_of_all_costs_nothing() -> None:
    assert not may_be_sealed(b"\x1e\x01" * 2**21)


def test_the_runtimes_answer_is_read_whole_or_refused() -> None:
    answer = b"\1" + bytes(16) + encode_bytes(b"kem") + encode_bytes(b"rest") + bytes(24)
    assert read_sealed(answer) == Sealed(bytes(16), b"kem", b"rest", bytes(24))
    assert read_sealed(b"\0") is None
    for wrong in (b"", b"\2", b"\0\0", answer[:-1], answer + b"\0"):
        with pytest.raises(ScaleError):
            read_sealed(wrong)


def test_only_one_whole_signed_extrinsic_comes_out() -> None:
    text = extrinsic(b"\x00\x00\x04\x01")
    unsealed = read_unsealed(text)
    assert unsealed is not None
    assert (unsealed.extrinsic, unsealed.signer) == (text, SIGNER)
    bare = encode_bytes(b"\x04\x1e\x00" + bytes(80))
    bare_v5 = encode_bytes(b"\x05\x1e\x00" + bytes(80))
    general = encode_bytes(b"\x45\x00" + bytes(80))
    by_index = extrinsic(b"\0", b"\x84\x01" + bytes(80))
    wrong = (b"", b"\xff", text[:-1], text + b"\0", text * 2, compact(2**29) + text)
    for other in (bare, bare_v5, general, by_index, encode_bytes(_HEAD[:20]), *wrong):
        assert read_unsealed(other) is None, other[:8].hex()
