"""What the runtime answers about transactions, byte for byte, as Substrate encodes it."""

from __future__ import annotations

import pytest

from assay.localnet.blocks.genesis import merge
from assay.localnet.blocks.validity import (
    ValidTransaction,
    apply_refusal,
    decode_validity,
    dispatch_failed,
)
from assay.localnet.errors import (
    BadGenesis,
    InvalidTransaction,
    TransactionRefused,
    UnknownTransaction,
)
from assay.localnet.primitives.scale import ScaleError


def test_a_valid_transaction() -> None:
    encoded = (
        b"\x00"
        + (7).to_bytes(8, "little")
        + b"\x04"
        + b"\x08ab"
        + b"\x08"
        + b"\x04c"
        + b"\x04d"
        + (64).to_bytes(8, "little")
        + b"\x01"
    )
    assert decode_validity(encoded) == ValidTransaction(7, (b"ab",), (b"c", b"d"), 64, True)
    with pytest.raises(ScaleError):
        decode_validity(encoded[:-1])


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (b"\x00\x00", "Call", None),
        (b"\x00\x01", "Payment", None),
        (b"\x00\x03", "Stale", None),
        (b"\x00\x04", "BadProof", None),
        (b"\x00\x06", "ExhaustsResources", None),
        (b"\x00\x07\x2a", "Custom", 42),
        (b"\x00\x0a", "BadSigner", None),
        (b"\x01\x00", "CannotLookup", None),
        (b"\x01\x02\x07", "Custom", 7),
    ],
)
def test_refusals_have_their_names(error: bytes, kind: str, code: int | None) -> None:
    with pytest.raises(TransactionRefused) as caught:
        decode_validity(b"\x01" + error)
    expected = InvalidTransaction if error[0] == 0 else UnknownTransaction
    assert type(caught.value) is expected
    assert (caught.value.kind, caught.value.custom_code) == (kind, code)
    same = apply_refusal(b"\x01" + error)
    assert same is not None and (same.kind, same.custom_code) == (kind, code)


def test_an_unknown_refusal_is_not_taken_for_another() -> None:
    for error in (b"\x00\x2a", b"\x02\x00", b"\x00"):
        with pytest.raises(ScaleError):
            decode_validity(b"\x01" + error)


def test_a_failed_dispatch_is_in_the_block() -> None:
    assert apply_refusal(b"\x00\x00") is None
    assert apply_refusal(b"\x00\x01\x03\x07\x01") is None
    assert not dispatch_failed(b"\x00\x00")
    assert dispatch_failed(b"\x00\x01\x03\x07\x01")
    assert dispatch_failed(b"\x01\x00\x02")


# The examples of RFC 7396, appendix A.
@pytest.mark.parametrize(
    ("base", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_json_merge_patch(base: object, patch: object, merged: object) -> None:
    assert merge(base, patch) == merged


def test_a_bottomless_patch_is_refused() -> None:
    patch: dict[str, object] = {}
    for _ in range(100):
        patch = {"a": patch}
    with pytest.raises(BadGenesis, match="nested"):
        merge({}, patch)
