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
    Ending,
    ModelCommitment,
    NumericPath,
    Piece,
    assemble,
    first_stop,
    noise_key,
)
from assay.scoring.inference.precision import PRECISIONS
from assay.wire.synapse import MessageInvalid, decode, encode

ROOT = bytes(range(32))
ASKED: dict[str, Any] = {
    "model": ROOT,
    "prompt": "def f(",
    "max_tokens": 8,
    "seed": 7,
    "temperature": 1.0,
    "miner": "5miner",
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
        ("miner", "x", ""),
        ("top_p", 0.0, 1.1),
        ("min_p", 1.0, -0.1),
        ("top_k", 0, -1),
        ("repetition_penalty", 0.1, 0.0),
        ("presence_penalty", -2.0, 2.1),
        ("frequency_penalty", 2.0, float("inf")),
        ("bias", {5: 100.0}, {5: 100.5}),
        ("bias", dict.fromkeys(range(300), 1.0), dict.fromkeys(range(301), 1.0)),
        ("stop", ["a"] * 4, ["a"] * 5),
        ("stop", ["a" * 256], [""]),
        ("logprobs", 20, 21),
        ("begun", [0] * TOKENS_MAX, [-1]),
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


def test_every_precision_has_a_path_of_its_own() -> None:
    paths = [NumericPath.of(precision) for precision in PRECISIONS]
    assert [path.precision for path in paths] == list(PRECISIONS)
    assert set(NumericPath) - set(paths) == {NumericPath.ENGINE}
    assert NumericPath.ENGINE.precision is None
    assert [int(path) for path in paths] == [1, 3, 4], "as published on chain"


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


def test_the_noise_key_binds_seed_model_and_miner() -> None:
    keys = {
        noise_key(seed, root, miner)
        for seed in (0, 1, SEED_MAX)
        for root in (ROOT, bytes(32))
        for miner in ("5miner", "5rival")
    }
    assert len(keys) == 12
    assert all(len(key) == 16 for key in keys)


def piece(tokens: list[int], text: str, end: bool = False) -> Piece:
    return Piece(
        tokens=tokens,
        text=text,
        end=Ending(finish="stop", queued_s=0.0, first_token_s=0.1, total_s=0.2, prompt_tokens=3)
        if end
        else None,
    )


def test_pieces_are_the_answer() -> None:
    whole = assemble([piece([1], "a"), piece([2, 3], ""), piece([], "bc", end=True)])
    assert (whole.text, whole.tokens, whole.finish) == ("abc", [1, 2, 3], "stop")
    assert (whole.prompt_tokens, whole.total_s) == (3, 0.2)


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [piece([1], "a")],
        [piece([1], "a", end=True), piece([2], "b", end=True)],
        [piece([1], "a", end=True), piece([2], "b")],
        [piece([], "", end=True)],
    ],
)
def test_pieces_that_are_no_answer_are_refused(pieces: list[Piece]) -> None:
    with pytest.raises(ValueError, match="answer"):
        assemble(pieces)


def test_the_first_of_several_stop_texts_counts() -> None:
    assert first_stop("abcabd", ["abd", "ca"]) == 2
    assert first_stop("abc", ["x"]) is None
    assert first_stop("abc", []) is None
