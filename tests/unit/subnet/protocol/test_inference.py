"""The messages' bounds, and the commitment as bytes that a stranger may have published."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.protocol.inference import (
    PROMPT_CHARS_MAX,
    SEED_MAX,
    TOKENS_MAX,
    Complete,
    Completion,
    ModelCommitment,
    NumericPath,
    noise_key,
)
from assay.wire.synapse import MessageInvalid, decode, encode

ROOT = bytes(range(32))
ASKED: dict[str, Any] = {
    "model": ROOT,
    "prompt": "def f(",
    "max_tokens": 8,
    "seed": 7,
    "temperature": 1.0,
}
ANSWERED: dict[str, Any] = {
    "text": "x)",
    "tokens": [1, 2],
    "finish": "length",
    "queued_s": 0.0,
    "first_token_s": 0.1,
    "total_s": 0.2,
}


def test_messages_survive_the_wire() -> None:
    assert decode(Complete, encode(Complete(**ASKED))) == Complete(**ASKED)
    assert decode(Completion, encode(Completion(**ANSWERED))) == Completion(**ANSWERED)


@pytest.mark.parametrize(
    ("field", "most", "beyond"),
    [
        ("model", ROOT, ROOT + b"x"),
        ("prompt", "x" * PROMPT_CHARS_MAX, "x" * (PROMPT_CHARS_MAX + 1)),
        ("max_tokens", TOKENS_MAX, TOKENS_MAX + 1),
        ("max_tokens", 1, 0),
        ("seed", SEED_MAX, -1),
        ("temperature", 2.0, 2.01),
        ("temperature", 0.0, -0.1),
        ("temperature", 1.0, float("nan")),
    ],
)
def test_a_request_is_bounded(field: str, most: object, beyond: object) -> None:
    decode(Complete, encode(Complete(**{**ASKED, field: most})))
    with pytest.raises(MessageInvalid):
        decode(Complete, encode(Complete(**{**ASKED, field: beyond})))


@pytest.mark.parametrize(
    ("field", "beyond"),
    [
        ("tokens", []),
        ("tokens", [0] * (TOKENS_MAX + 1)),
        ("tokens", [-1]),
        ("tokens", [2**40]),
        ("finish", "tired"),
        ("total_s", float("inf")),
        ("total_s", -1.0),
    ],
)
def test_a_reply_is_bounded(field: str, beyond: object) -> None:
    with pytest.raises(MessageInvalid):
        decode(Completion, encode(Completion(**{**ANSWERED, field: beyond})))


@pytest.mark.parametrize("path", list(NumericPath))
def test_a_commitment_survives_the_chain(path: NumericPath) -> None:
    packed = ModelCommitment(ROOT, path).pack()
    assert len(packed) <= 128
    assert ModelCommitment.parse(packed) == ModelCommitment(ROOT, path)


@given(st.binary(max_size=128))
def test_whatever_else_was_published_is_no_commitment(data: bytes) -> None:
    parsed = ModelCommitment.parse(data)
    assert parsed is None or parsed.pack() == data


def test_no_commitment_and_a_foreign_path_are_none() -> None:
    packed = bytearray(ModelCommitment(ROOT, NumericPath.ENGINE).pack())
    packed[-33] = 99
    assert ModelCommitment.parse(bytes(packed)) is None
    assert ModelCommitment.parse(None) is None
    assert ModelCommitment.parse(ModelCommitment(ROOT, NumericPath.ENGINE).pack()[:-1]) is None


def test_a_root_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32"):
        ModelCommitment(b"short", NumericPath.ENGINE).pack()


def test_the_noise_key_binds_seed_and_model() -> None:
    keys = {noise_key(seed, root) for seed in (0, 1, SEED_MAX) for root in (ROOT, bytes(32))}
    assert len(keys) == 6
    assert all(len(key) == 16 for key in keys)
