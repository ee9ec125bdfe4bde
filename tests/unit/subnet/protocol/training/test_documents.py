"""Manifests and seals have one form, and refuse all others."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.protocol.training.manifest import (
    AuditTerms,
    Codec,
    Data,
    Inner,
    Machine,
    Manifest,
    Outer,
)
from assay.protocol.training.schedule import Schedule
from assay.protocol.training.seal import BOUNDARIES_MAX, SEAL_BYTES_MAX, PeerSeal

MANIFEST = Manifest(
    version=2,
    name="stdlib-1",
    model=b"m" * 32,
    data=Data(corpus=b"c" * 32, context=128, batch=4, seed=1),
    inner=Inner(
        optimiser="adamw", steps=15, rate=2e-3, warmup=100, beta1=0.9, beta2=0.95, epsilon=1e-8,
        weight_decay=0.1, clip=1.0, boundaries=4,
    ),
    outer=Outer(rate=1.0, momentum=0.0, mean_of="senders", trim=0.0, norm_max=3.0),
    codec=Codec(form="coded", sent_ppm=10_000, levels=1, feedback_decay=0.9),
    machine=Machine(torch="2.15.0", device="cpu", instructions="AVX512", threads=1, dtype="fp32"),
    audit=AuditTerms(share=0.45, distance=0.0),
    schedule=Schedule(
        start=10, windows=6, train=40, upload=4, reveal=2, attest=2, evaluate=2, advance=2
    ),
)  # fmt: skip
SEAL = PeerSeal(
    run=b"r" * 32, window=3, hotkey="5Hot", state=b"s" * 32, cursor=2, steps=15,
    before=b"1" * 32, after=b"3" * 32, end=b"e" * 32,
    boundaries=[b"b" * 32], message=b"m" * 32, message_bytes=2_000, opened=b"o" * 32,
)  # fmt: skip


def test_a_manifest_and_a_seal_are_read_as_they_were_written() -> None:
    assert Manifest.parse(MANIFEST.pack()) == MANIFEST
    assert PeerSeal.parse(SEAL.pack()) == SEAL


def test_the_largest_seal_fits() -> None:
    full = msgspec.structs.replace(SEAL, boundaries=[b"b" * 32] * BOUNDARIES_MAX)
    assert len(full.pack()) <= SEAL_BYTES_MAX
    assert PeerSeal.parse(full.pack()) == full


@given(st.binary(max_size=300))
def test_other_bytes_are_refused(data: bytes) -> None:
    for kind in (Manifest, PeerSeal):
        with pytest.raises(ValueError, match=r"manifest|seal"):
            kind.parse(data)


@given(st.integers(0, len(SEAL.pack()) - 1), st.integers(1, 255))
def test_a_changed_byte_makes_another_seal_or_none(place: int, change: int) -> None:
    data = bytearray(SEAL.pack())
    data[place] ^= change
    try:
        found = PeerSeal.parse(bytes(data))
    except ValueError:
        return
    assert found != SEAL
    assert found.pack() == data


def test_another_form_of_the_same_manifest_is_refused() -> None:
    fields = msgspec.msgpack.decode(MANIFEST.pack())
    turned = msgspec.msgpack.encode(dict(reversed(fields.items())))
    assert msgspec.msgpack.decode(turned, type=Manifest) == MANIFEST
    with pytest.raises(ValueError, match="another form"):
        Manifest.parse(turned)


@pytest.mark.parametrize(
    ("part", "changes", "word"),
    [
        ("inner", {"boundaries": 15}, "on the way"),
        ("machine", {"device": "cuda"}, "GPU"),
        ("outer", {"mean_of": "senders", "trim": 0.1}, "trimmed"),
        ("inner", {"rate": float("nan")}, "rate"),
        ("inner", {"steps": 0}, "steps"),
        ("codec", {"sent_ppm": 0}, "sent_ppm"),
        ("codec", {"form": "../policy"}, "form"),
        ("data", {"corpus": b"short"}, "corpus"),
        ("audit", {"share": 0.0}, "share"),
        ("schedule", {"reveal": 0}, "reveal"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused_with_the_place(
    part: str, changes: dict[str, object], word: str
) -> None:
    changed = msgspec.structs.replace(
        MANIFEST, **{part: msgspec.structs.replace(getattr(MANIFEST, part), **changes)}
    )
    with pytest.raises(ValueError, match=word):
        Manifest.parse(changed.pack())


def test_what_is_not_understood_is_refused() -> None:
    fields = msgspec.msgpack.decode(MANIFEST.pack())
    for changed in ({**fields, "extra": 1}, {**fields, "version": 1}):
        with pytest.raises(ValueError, match=r"extra|version"):
            Manifest.parse(msgspec.msgpack.encode(changed))


def test_in_what_a_machine_differs_is_told_by_name() -> None:
    wanted = MANIFEST.machine
    assert wanted.difference(wanted) is None
    other = msgspec.structs.replace(wanted, torch="2.16.0", threads=2)
    told = other.difference(wanted)
    assert told is not None
    assert "torch 2.16.0 instead of 2.15.0, threads 2 instead of 1" in told
    assert "instructions" not in told
