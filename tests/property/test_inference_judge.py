"""Whatever a miner sends, the judge finds something, and verifies the one right answer alone."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.models.root import model_root
from assay.models.source import DEMO, resolve
from assay.protocol.inference import (
    Complete,
    Completion,
    ModelCommitment,
    NumericPath,
    noise_key,
)
from assay.scoring.inference.fingerprint import pack, project
from assay.scoring.inference.sampling import Sampling
from assay.validators.inference.answers import Judge
from assay.wire.synapse import decode, encode
from tests.unit.validators.inference.judges import judge_of

pytestmark = pytest.mark.inference
pytest.importorskip("torch")

from assay.models.language import LanguageModel  # noqa: E402  after the check for torch

TOKENS = 6


@cache
def world() -> tuple[LanguageModel, Judge, Complete, Completion]:
    folder = resolve(DEMO)
    root, model = model_root(folder), LanguageModel.load(folder)
    request = Complete(
        model=root,
        prompt="def f(x):\n    return ",
        max_tokens=TOKENS,
        seed=1,
        temperature=1.0,
        miner="5miner",
    )
    prompt, key = model.tokens.encode(request.prompt), noise_key(1, root, request.miner)
    made = model.generate(prompt, TOKENS, Sampling(), key)
    hidden = model.replay_whole(prompt, made.tokens).hidden
    assert hidden is not None
    right = Completion(
        text=model.tokens.decode(made.tokens),
        tokens=list(made.tokens),
        finish=made.finish,
        queued_s=0.0,
        first_token_s=0.0,
        total_s=0.0,
        fingerprint=pack(project(hidden, root), made.tokens, key),
    )
    return model, judge_of(model, root, accept_engines=True), request, right


token = st.integers(0, 4095) | st.integers(0, 2**24) | st.just(0)
replies = st.builds(
    Completion,
    text=st.text(max_size=60),
    tokens=st.lists(token, min_size=1, max_size=TOKENS + 2),
    finish=st.sampled_from(["length", "stop"]),
    queued_s=st.just(0.0),
    first_token_s=st.just(0.0),
    total_s=st.just(0.0),
)


@settings(max_examples=150, deadline=None)
@given(reply=replies, consistent=st.booleans(), path=st.sampled_from(list(NumericPath)))
def test_any_reply_gets_a_finding(reply: Completion, consistent: bool, path: NumericPath) -> None:
    model, judge, request, right = world()
    reply = decode(Completion, encode(reply))
    if consistent and max(reply.tokens) < model.vocabulary:
        # Get past the cheap checks as often as not: text and end as the tokens have them.
        ended = model.is_end(reply.tokens[-1])
        fields = {
            "text": model.tokens.decode(reply.tokens),
            "finish": "stop" if ended else "length",
        }
        reply = Completion(
            tokens=reply.tokens,
            queued_s=0.0,
            first_token_s=0.0,
            total_s=0.0,
            **fields,  # type: ignore[arg-type]
        )
    finding = judge.examine(request, reply, ModelCommitment(request.model, path))
    assert finding.reasons
    assert not (finding.verified and finding.convicted)
    if path is NumericPath.SEEDED_FP32:
        assert finding.verified == (
            (reply.tokens, reply.text, reply.fingerprint)
            == (right.tokens, right.text, right.fingerprint)
        )


def test_the_right_answer_is_verified() -> None:
    _, judge, request, right = world()
    assert judge.examine(
        request, right, ModelCommitment(request.model, NumericPath.SEEDED_FP32)
    ).verified
