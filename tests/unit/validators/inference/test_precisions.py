"""Declared precisions before the judge: replayed on their own path, and told apart where they can.

Answers are computed by the miner's own engine, each in the precision that it declares or in
another.
"""

from __future__ import annotations

import asyncio
import time
from functools import cache

import pytest

from assay.clock import SystemClock
from assay.miners.inference.answers import answer
from assay.miners.inference.outage import EngineOutage
from assay.miners.inference.requests import admit
from assay.models.root import model_root
from assay.models.source import DEMO, resolve
from assay.neuron import Caller
from assay.protocol.inference import Complete, Completion, ModelCommitment, NumericPath
from assay.scoring.inference.precision import PRECISIONS, TOLERANCES, Precision, Tolerance
from assay.types import Ss58
from assay.validators.inference.replays import Replays
from assay.validators.inference.settings import ValidatorSettings
from assay.wire.interface import Membership
from tests.unit.validators.inference.judges import judge_of

pytestmark = pytest.mark.inference
pytest.importorskip("torch")

from assay.models.language import LanguageModel  # noqa: E402  after the check for torch
from assay.models.local_engine import LocalEngine  # noqa: E402
from assay.models.opening import FoundModel, OpenedModel  # noqa: E402

ROOT = model_root(resolve(DEMO))
CALLER = Caller(Ss58("5v"), bytes(32), Membership.PERMIT, "127.0.0.1", 1, bytes(32), 60.0)
PROMPTS = (
    "import os\n\ndef walk(folder):\n    ",
    "class Reader:\n    def __init__(self, path):\n        self.",
    "x = [1, 2]\n" * 25,
)


@cache
def demo(precision: Precision) -> LanguageModel:
    return LanguageModel.load(resolve(DEMO), precision=precision)


@cache
def requests() -> tuple[Complete, ...]:
    return tuple(
        Complete(
            model=ROOT, prompt=prompt, max_tokens=24, seed=seed, temperature=1.0, miner="5miner"
        )
        for seed, prompt in enumerate(PROMPTS)
    )


@cache
def answers(precision: Precision) -> tuple[Completion, ...]:
    """What an engine in ``precision`` answers, all requests at once."""

    async def made() -> tuple[Completion, ...]:
        engine = LocalEngine(demo(precision), ROOT, monotonic=time.monotonic)
        outage = EngineOutage(SystemClock())
        asks = [
            admit(request, ROOT, miner=request.miner, permit=True, seeded=True)
            for request in requests()
        ]
        try:
            return tuple(
                await asyncio.gather(*(answer(engine, ask, CALLER, outage) for ask in asks))
            )
        finally:
            await engine.close()

    return asyncio.run(made())


def convicted(computed: Precision, declared: Precision) -> int:
    """How many answers ``computed`` in one precision are convicted where another is declared."""
    judge = judge_of({precision: demo(precision) for precision in PRECISIONS}, ROOT)
    commitment = ModelCommitment(ROOT, NumericPath.of(declared))
    findings = [
        judge.examine(request, reply, commitment)
        for request, reply in zip(requests(), answers(computed), strict=True)
    ]
    assert all(finding.verified != finding.convicted for finding in findings)
    return sum(finding.convicted for finding in findings)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_answer_computed_as_declared_is_verified(precision: Precision) -> None:
    assert convicted(precision, precision) == 0


@pytest.mark.parametrize("computed", ["bf16", "fp16"])
def test_no_coarser_precision_passes_for_fp32(computed: Precision) -> None:
    assert convicted(computed, "fp32") == len(PROMPTS)


def test_what_is_computed_more_finely_than_declared_is_rounding() -> None:
    """It costs more and deceives nobody; no fingerprint could tell it from another kernel."""
    assert convicted("fp32", "fp16") == convicted("fp16", "bf16") == 0


def test_a_precision_that_is_not_paid_is_neither_judged_nor_loaded() -> None:
    opened = []

    def open_model(precision: Precision) -> OpenedModel:
        opened.append(precision)
        return OpenedModel(demo(precision), ROOT, TOLERANCES[precision])

    replays = Replays(("fp32", "bf16"), open_model)
    assert not opened
    assert replays.first is replays.at("fp32") is replays.at("fp32")
    assert opened == ["fp32"], "one model for each precision that is served"
    with pytest.raises(LookupError):
        replays.at("fp16")
    commitment = ModelCommitment(ROOT, NumericPath.SEEDED_BF16)
    objection = judge_of(demo("fp32"), ROOT).objection(commitment)
    assert objection == "computes in bf16; this validator pays fp32 only"


def test_parameters_are_rounded_to_the_declared_precision_and_positions_are_not() -> None:
    for precision, bits in (("bf16", 16), ("fp16", 16), ("fp32", 32)):
        network = demo(precision).network
        assert {8 * parameter.dtype.itemsize for parameter in network.parameters()} == {bits}
        assert network.model.rotary_emb.inv_freq.dtype.itemsize == 4
    assert demo("bf16").cache_bytes * 2 == demo("fp32").cache_bytes


def test_an_operators_tolerance_scales_that_of_the_states() -> None:
    found = FoundModel(resolve(DEMO), ROOT)
    assert found.tolerance("fp32") == TOLERANCES["fp32"]
    assert found.tolerance("fp32", 5e-3) == Tolerance(5e-3, pytest.approx(2.5e-4))
    assert found.tolerance("fp32", 5e-5) == Tolerance(5e-5, TOLERANCES["fp32"].distance)


def test_settings_say_what_is_paid() -> None:
    assert ValidatorSettings().pay_precision == ("fp32",)
    with pytest.raises(ValueError, match="twice"):
        ValidatorSettings(pay_precision=("fp32", "fp32"))
    with pytest.raises(ValueError, match="one --tolerance"):
        ValidatorSettings(pay_precision=("fp32", "fp16"), tolerance=1e-3)
    assert ValidatorSettings(pay_precision=("fp32", "fp16")).tolerance is None


def test_a_precision_in_which_a_lie_pays_is_not_paid() -> None:
    with pytest.raises(ValueError, match=r"in bf16, .* let the probation be at least 750"):
        ValidatorSettings(pay_precision=("fp32", "bf16"))
    settings = ValidatorSettings(pay_precision=("bf16",), probation=750)
    assert settings.checked_terms("bf16", TOLERANCES["bf16"]).honest_pays
    with pytest.raises(ValueError, match="no probation is long enough"):
        settings.checked_terms("bf16", Tolerance(1.0, 0.5))
