"""Properties of a trainer's messages: what goes in comes out, and no bytes do harm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.scoring.training.codec import bytes_max, compress, extract
from assay.scoring.training.past import PublicPast
from assay.scoring.training.policy import CodecForm, CodecPolicy
from assay.scoring.training.refusal import DeltaRefused
from assay.scoring.training.shapes import Floats, ModelShape, TensorRole, TensorShape


@dataclass(frozen=True)
class Case:
    shape: ModelShape
    policy: CodecPolicy
    past: PublicPast
    change: Floats
    feedback: Floats


@st.composite
def cases(draw: st.DrawFn) -> Case:
    tensors = draw(
        st.lists(
            st.one_of(st.tuples(st.integers(1, 200)), st.tuples(*[st.integers(1, 150)] * 2)),
            min_size=1,
            max_size=3,
        )
    )
    roles = list(TensorRole)
    shape = ModelShape(
        tuple(TensorShape.of(str(i), dims, roles[i % 3]) for i, dims in enumerate(tensors))
    )
    policy = CodecPolicy(
        "drawn",
        draw(st.sampled_from(CodecForm)),
        draw(st.sampled_from([1, 3_000, 15_625, 200_000, 1_000_000])),
        draw(st.integers(1, 2)),
        draw(st.sampled_from([0.0, 0.9, 1.0])),
        embedding_weight=draw(st.sampled_from([1.0, 0.01, 100.0])),
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    heavy = draw(st.booleans())

    def values() -> Floats:
        drawn = rng.standard_t(1.5, shape.size) if heavy else rng.integers(-2, 3, shape.size)
        return np.clip(drawn * 10.0 ** rng.integers(-9, 4), -1e9, 1e9).astype(np.float32)

    past = PublicPast.none(shape)
    for _ in range(draw(st.integers(0, 2))):
        message, _ = compress(values(), shape, policy, np.zeros(shape.size, np.float32), past)
        past = past.after(shape, [extract(message, shape, policy, past)])
    return Case(shape, policy, past, values(), values())


@settings(max_examples=150, deadline=None)
@given(cases())
def test_what_was_sent_and_what_was_left_out_make_what_was_wanted(case: Case) -> None:
    message, left = compress(case.change, case.shape, case.policy, case.feedback, case.past)
    again, _ = compress(case.change, case.shape, case.policy, case.feedback, case.past)
    assert message == again
    assert len(message) <= bytes_max(case.shape, case.policy)
    said = extract(message, case.shape, case.policy, case.past)
    wanted = case.feedback * np.float32(case.policy.feedback_decay) + case.change
    assert np.array_equal(wanted - said.dense(case.shape), left)
    assert np.all(np.diff(said.places) > 0)
    assert np.all(np.isfinite(said.values))
    assert np.all(said.values != 0)
    sent = wanted[said.places]
    assert np.all((np.sign(said.values) == np.sign(sent)) | (sent == 0))
    if case.policy.form is CodecForm.CODED:
        nonzero = np.count_nonzero(np.abs(wanted) >= 2.0**-80)
        assert said.places.size == min(case.policy.count(case.shape), nonzero)


@settings(max_examples=300, deadline=None)
@given(cases(), st.data())
def test_no_bytes_do_harm(case: Case, data: st.DataObject) -> None:
    message, _ = compress(case.change, case.shape, case.policy, case.feedback, case.past)
    broken = bytearray(message)
    kind = data.draw(st.sampled_from(["flip", "cut", "random", "splice"]))
    if kind == "flip":
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(broken) - 1))
            broken[at] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del broken[data.draw(st.integers(0, len(broken) - 1)) :]
    elif kind == "random":
        broken = bytearray([case.policy.form]) + data.draw(st.binary(max_size=200))
    else:
        at = data.draw(st.integers(0, len(broken)))
        broken[at:at] = data.draw(st.binary(min_size=1, max_size=20))
    try:
        said = extract(bytes(broken), case.shape, case.policy, case.past)
    except DeltaRefused:
        return
    assert kind != "cut"
    limit = case.policy.count(case.shape)
    if case.policy.form is CodecForm.CODED:
        assert said.places.size <= limit
    assert said.values.dtype == np.float32
    assert said.places.size == said.values.size
    assert np.all(np.diff(said.places) > 0)
    assert np.all((said.places >= 0) & (said.places < case.shape.size))
    assert np.all(np.isfinite(said.values) & (said.values != 0))
    assert np.all(np.abs(said.values) <= 2.0**40)
