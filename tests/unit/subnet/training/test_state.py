"""A state's hash: as the tree in the module's text, and another one for any change."""

from __future__ import annotations

import dataclasses
import struct

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from assay.scoring.training.past import PublicPast
from assay.scoring.training.shapes import ModelShape, TensorRole, TensorShape
from assay.training.state import TrainingState, array_root

SHAPE = ModelShape(
    (
        TensorShape("a.weight", 130, 150, TensorRole.MATRIX),
        TensorShape("b.norm", 1, 4, TensorRole.VECTOR),
    )
)
MODEL = np.arange(SHAPE.size, dtype=np.float32) / 7


def state() -> TrainingState:
    return TrainingState.first(SHAPE, MODEL)


def by_hand(sections: list[tuple[str, str, bytes, int]]) -> bytes:
    """The tree, written from the module's text alone."""
    level = []
    for name, kind, data, count in sections:
        head = (
            struct.pack("<H", len(name)) + name.encode()
            + struct.pack("<B", len(kind)) + kind.encode() + struct.pack("<Q", count)
        )  # fmt: skip
        chunks = [data[at : at + 65_536] for at in range(0, len(data), 65_536)] or [b""]
        level += [
            blake3(
                head + struct.pack("<Q", number) + chunk,
                derive_key_context="assay 2026 training state leaf v1",
            ).digest()
            for number, chunk in enumerate(chunks)
        ]
    while len(level) > 1:
        rest = level[len(level) - len(level) % 2 :]
        level = [
            blake3(
                level[at] + level[at + 1], derive_key_context="assay 2026 training state node v1"
            ).digest()
            for at in range(0, len(level) - 1, 2)
        ] + rest
    return level[0]


def test_the_hash_is_that_of_the_written_tree() -> None:
    empty = b"\x95\xc4\x20" + bytes(32) + b"\x00\x00\x00\x90"  # msgpack: nobody in no window
    book = blake3(empty, derive_key_context="assay 2026 training lineage book v1").digest()
    head = struct.pack("<QQ", 0, 0) + book
    for name, rows, columns in (("a.weight", 130, 150), ("b.norm", 1, 4)):
        head += struct.pack("<H", len(name)) + name.encode() + struct.pack("<QQ", rows, columns)
    zeros = bytes(4 * SHAPE.size)
    expected = by_hand(
        [
            ("head", "u1", head, len(head)),
            ("model", "f4", struct.pack(f"<{SHAPE.size}f", *MODEL.tolist()), SHAPE.size),
            ("momentum", "f4", zeros, SHAPE.size),
            ("rows", "i8", bytes(8 * 131), 131),
            ("columns", "i8", bytes(8 * 154), 154),
            ("leans", "i8", bytes(8 * 154), 154),
        ]
    )
    assert state().root == expected


@given(st.integers(0, SHAPE.size - 1), st.integers(0, 31))
def test_one_bit_makes_another_hash(place: int, bit: int) -> None:
    changed = MODEL.copy()
    changed.view(np.uint32)[place] ^= np.uint32(1 << bit)
    assert array_root("model", changed) != array_root("model", MODEL)


def test_everything_counts() -> None:
    first = state()
    past = PublicPast.none(SHAPE)
    others = [
        dataclasses.replace(first, window=1, lineage=first.lineage.after(None)),
        dataclasses.replace(first, window=1, lineage=first.lineage.after({})),
        dataclasses.replace(first, window=1, lineage=first.lineage.after({"5A": 1})),
        dataclasses.replace(first, window=1, lineage=first.lineage.after({"5A": 2})),
        dataclasses.replace(first, cursor=1),
        dataclasses.replace(first, momentum=MODEL),
        *(
            dataclasses.replace(first, past=dataclasses.replace(past, **{name: counts + 1}))
            for name, counts in (
                ("rows", past.rows),
                ("columns", past.columns),
                ("leans", past.leans),
            )
        ),
        TrainingState.first(
            ModelShape((dataclasses.replace(SHAPE.tensors[0], rows=150, columns=130),
                        SHAPE.tensors[1])), MODEL,
        ),
    ]  # fmt: skip
    assert len({first.root, *(other.root for other in others)}) == len(others) + 1
    assert array_root("a", MODEL) != array_root("b", MODEL)
    assert array_root("a", MODEL) != array_root("a", MODEL.view(np.uint32))
    assert array_root("a", MODEL[:0]) != array_root("a", MODEL[:1])


def test_what_is_no_state_is_refused() -> None:
    first = state()
    wrong = MODEL.copy()
    wrong[3] = np.nan
    for changes, word in (
        ({"model": wrong}, "finite"),
        ({"window": 1}, "lineage"),
        ({"momentum": MODEL[:-1]}, "momentum"),
        ({"model": MODEL.astype(np.float64)}, "fp32"),
        ({"shape": ModelShape(SHAPE.tensors[::-1])}, "sorted"),
    ):
        with pytest.raises(ValueError, match=word):
            dataclasses.replace(first, **changes)  # type: ignore[arg-type]
