"""Messages: what they say and cost, their bytes for ever, and what is refused."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from assay.scoring.training.codec import bytes_max, compress, estimate, extract
from assay.scoring.training.past import PublicPast
from assay.scoring.training.policy import PUBLISHED, SIGNED, CodecForm, CodecPolicy
from assay.scoring.training.refusal import DeltaRefused
from assay.scoring.training.shapes import Floats, ModelShape, TensorRole, TensorShape

SHAPE = ModelShape(
    (
        TensorShape.of("embedding", (256, 64), TensorRole.EMBEDDING),
        TensorShape.of("matrix", (96, 130), TensorRole.MATRIX),
        TensorShape.of("norm", (64,), TensorRole.VECTOR),
    )
)
NOTHING = np.zeros(SHAPE.size, dtype=np.float32)
NONE = PublicPast.none(SHAPE)
POLICIES = [PUBLISHED, SIGNED, replace(SIGNED, levels=2, sent_ppm=20_000)]
named = pytest.mark.parametrize("policy", POLICIES, ids=lambda p: f"{p.name}-{p.levels}")


def change(window: int = 0, structured: bool = True) -> Floats:
    """What a window may change: some rows and columns more than others, one leaning way."""
    raw = np.random.Philox(key=window).random_raw(SHAPE.size)
    values = ((raw >> np.uint64(40)).astype(np.float32) / 2**24 - 0.5) ** 3
    if structured:
        table = values[: 256 * 64].reshape(256, 64)
        table *= (1 + np.arange(256, dtype=np.float32) % 7)[:, None]
        table *= 1 + np.arange(64, dtype=np.float32) % 5
        table[:, ::2] += np.float32(0.25)
        values[256 * 64 :] *= 32
    return values


@named
def test_a_message_and_the_feedback_make_the_whole(policy: CodecPolicy) -> None:
    message, left = compress(change(), SHAPE, policy, change(1), NONE)
    said = extract(message, SHAPE, policy, NONE)
    wanted = change(1) * np.float32(policy.feedback_decay) + change()
    assert np.array_equal(wanted - said.dense(SHAPE), left)
    assert np.all(np.sign(said.values) == np.sign(wanted[said.places]))
    assert np.linalg.norm(left) < 0.95 * np.linalg.norm(wanted)
    assert bytes_max(SHAPE, policy) >= len(message)


def test_the_largest_of_the_model_are_sent() -> None:
    said = extract(compress(change(), SHAPE, SIGNED, NOTHING, NONE)[0], SHAPE, SIGNED, NONE)
    order = np.argsort(-np.abs(change()), kind="stable")
    assert sorted(order[: SIGNED.count(SHAPE)].tolist()) == said.places.tolist()


def test_the_values_that_lower_the_loss_most_are_sent() -> None:
    gradients = np.abs(change(2)) + np.float32(1e-9)
    wanted = change()
    wanted[:9] = 2.0**-100  # too small to be sent, whatever hangs on it
    gradients[:9] = 2.0**39
    message, _ = compress(wanted, SHAPE, SIGNED, NOTHING, NONE, gradients)
    said = extract(message, SHAPE, SIGNED, NONE)
    lowered = [abs(float(a)) * float(g) for a, g in zip(wanted[9:], gradients[9:], strict=True)]
    order = 9 + np.argsort(-np.array(lowered), kind="stable")
    assert sorted(order[: SIGNED.count(SHAPE)].tolist()) == said.places.tolist()


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_gradients_that_are_none_are_refused(wrong: float) -> None:
    gradients = np.ones(SHAPE.size, dtype=np.float32)
    gradients[3] = wrong
    with pytest.raises(ValueError, match="not finite"):
        compress(change(), SHAPE, SIGNED, NOTHING, NONE, gradients)
    with pytest.raises(ValueError, match="fp32 values are wanted"):
        compress(change(), SHAPE, SIGNED, NOTHING, NONE, gradients[:-1])


def test_a_role_with_more_weight_sends_more() -> None:
    heavier = replace(SIGNED, vector_weight=1000.0)
    said = extract(compress(change(), SHAPE, heavier, NOTHING, NONE)[0], SHAPE, heavier, NONE)
    assert np.count_nonzero(said.places >= SHAPE.starts[2]) > 40


def test_magnitudes_are_within_an_eighth_of_an_octave_of_the_mean() -> None:
    said = extract(compress(change(), SHAPE, SIGNED, NOTHING, NONE)[0], SHAPE, SIGNED, NONE)
    for number in (0, 1):
        inside = SHAPE.tensors_at(said.places) == number
        (magnitude,) = set(np.abs(said.values[inside]).tolist())
        mean = np.abs(change()[said.places[inside]]).mean()
        assert 2**-0.07 < magnitude / mean < 2**0.07


BYTES = {
    "sparseloco-2": (804, "c2457f6d995a9be7"),
    "signed-1": (318, "f1880b883dd0c26b"),
    "signed-2": (606, "54b76d6be5a36980"),
}


@named
def test_bytes_are_these_for_ever(policy: CodecPolicy) -> None:
    past = NONE
    for window in range(1, 4):
        message, _ = compress(change(window), SHAPE, policy, NOTHING, past)
        past = past.after(SHAPE, [extract(message, SHAPE, policy, past)])
    message, _ = compress(change(), SHAPE, policy, NOTHING, past)
    digest = hashlib.blake2b(message, digest_size=8).hexdigest()
    assert (len(message), digest) == BYTES[f"{policy.name}-{policy.levels}"]


def test_other_instructions_make_the_same_bytes() -> None:
    """The other process may use no wide vectors and no fused multiplications."""
    script = """
from tests.unit.scoring.training.test_codec import NONE, POLICIES, SHAPE, change, compress
print(*(compress(change(), SHAPE, policy, change(1), NONE)[0].hex() for policy in POLICIES))
"""
    wide = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    plain = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(wide)}
    command = [sys.executable, "-W", "ignore", "-c", script]
    ran = subprocess.run(
        command, env=plain, capture_output=True, text=True, check=True, timeout=120
    )
    own = [compress(change(), SHAPE, policy, change(1), NONE)[0].hex() for policy in POLICIES]
    assert ran.stdout.split() == own


def test_the_published_form_has_its_published_ratio() -> None:
    shape = ModelShape((TensorShape.of("matrix", (1024, 1024), TensorRole.MATRIX),))
    assert estimate(shape, PUBLISHED) == bytes_max(shape, PUBLISHED) == 1 + 4 + 256 * 64 * 14 // 8
    assert 146.2 < 4 * shape.size / estimate(shape, PUBLISHED) < 146.3


def test_an_estimate_is_what_values_without_structure_cost() -> None:
    for policy in POLICIES:
        message, _ = compress(change(structured=False), SHAPE, policy, NOTHING, NONE)
        assert abs(len(message) / estimate(SHAPE, policy) - 1) < 0.05


def test_what_both_sides_know_makes_messages_shorter() -> None:
    past, policy = NONE, replace(SIGNED, sent_ppm=50_000)
    for window in range(1, 6):
        message, _ = compress(change(window), SHAPE, policy, NOTHING, past)
        past = past.after(SHAPE, [extract(message, SHAPE, policy, past)] * 4)
    known, _ = compress(change(), SHAPE, policy, NOTHING, past)
    unknown, _ = compress(change(), SHAPE, policy, NOTHING, NONE)
    assert len(known) < 0.9 * len(unknown)


def test_two_identical_windows_differ_where_their_past_does() -> None:
    message, _ = compress(change(), SHAPE, SIGNED, NOTHING, NONE)
    past = NONE.after(SHAPE, [extract(message, SHAPE, SIGNED, NONE)])
    other, _ = compress(change(), SHAPE, SIGNED, NOTHING, past)
    said, again = extract(message, SHAPE, SIGNED, NONE), extract(other, SHAPE, SIGNED, past)
    assert np.array_equal(said.places, again.places)
    assert np.array_equal(said.values, again.values)


@named
def test_nothing_to_say_is_said(policy: CodecPolicy) -> None:
    message, left = compress(NOTHING, SHAPE, policy, NOTHING, NONE)
    assert extract(message, SHAPE, policy, NONE).places.size == 0
    assert not left.any()


@named
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 2.0**42, 3e38])
def test_a_change_that_diverged_is_refused(policy: CodecPolicy, bad: float) -> None:
    broken = change()
    broken[77] = bad
    for own, feedback in ((broken, NOTHING), (NOTHING, broken)):
        with pytest.raises(ValueError, match="not finite, or are beyond"):
            compress(own, SHAPE, policy, feedback, NONE)


def test_arrays_of_another_size_or_type_are_refused() -> None:
    for wrong in (NOTHING[1:], NOTHING.astype(np.float64), NOTHING.reshape(1, -1)):
        with pytest.raises(ValueError, match="fp32 values are wanted"):
            compress(wrong, SHAPE, SIGNED, NOTHING, NONE)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="fp32 values are wanted"):
            compress(NOTHING, SHAPE, SIGNED, wrong, NONE)  # type: ignore[arg-type]


@named
def test_a_message_that_is_cut_or_longer_is_refused(policy: CodecPolicy) -> None:
    message, _ = compress(change(), SHAPE, policy, NOTHING, NONE)
    for wrong in (*(message[:n] for n in range(len(message))), message + b"\0", message + b"\0\0"):
        with pytest.raises(DeltaRefused):
            extract(wrong, SHAPE, policy, NONE)


@named
def test_a_message_of_another_form_is_refused(policy: CodecPolicy) -> None:
    message, _ = compress(change(), SHAPE, policy, NOTHING, NONE)
    for form in set(range(256)) - {policy.form}:
        with pytest.raises(DeltaRefused, match="not of the form"):
            extract(bytes([form]) + message[1:], SHAPE, policy, NONE)


def test_a_bomb_is_refused_by_its_length() -> None:
    for policy in POLICIES:
        bomb = bytes([policy.form]) + b"\xff" * bytes_max(SHAPE, policy)
        with pytest.raises(DeltaRefused):
            extract(bomb, SHAPE, policy, NONE)


def test_more_values_than_the_policy_sends_are_refused() -> None:
    many, _ = compress(change(), SHAPE, replace(SIGNED, sent_ppm=10_100), NOTHING, NONE)
    with pytest.raises(DeltaRefused, match="more values"):
        extract(many, SHAPE, SIGNED, NONE)


def test_magnitudes_beyond_the_bound_are_refused() -> None:
    message, _ = compress(change(), SHAPE, SIGNED, NOTHING, NONE)
    assert (
        extract(message[:1] + bytes([169]) + message[2:], SHAPE, SIGNED, NONE).values.max() > 2**39
    )
    with pytest.raises(DeltaRefused, match="beyond"):
        extract(message[:1] + bytes([170]) + message[2:], SHAPE, SIGNED, NONE)
    packed = bytearray(compress(change(), SHAPE, PUBLISHED, NOTHING, NONE)[0])
    for high in (0x7F, 0xFF, 0x80):
        packed[2] = high
        with pytest.raises(DeltaRefused, match="magnitude"):
            extract(bytes(packed), SHAPE, PUBLISHED, NONE)


def test_policies_out_of_bounds_are_refused() -> None:
    for wrong in (
        {"sent_ppm": 0},
        {"sent_ppm": 1_000_001},
        {"levels": 3},
        {"feedback_decay": 1.5},
        {"vector_weight": 0.0},
        {"matrix_weight": float("nan")},
    ):
        with pytest.raises(ValueError, match=r"million|magnitudes|decay|weights"):
            replace(SIGNED, **wrong)
    assert CodecPolicy("x", CodecForm.CODED, 1, 1, 0.0).count(SHAPE) == 1
