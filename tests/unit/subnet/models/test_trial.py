"""A model that does not generate what it replays is refused before anybody relies on it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from assay.errors import UserError
from assay.models.source import DEMO, resolve
from assay.scoring.inference.agreement import TOLERANCE_FP32
from tests.unit.subnet.models.folders import demo_copy, edit

pytestmark = pytest.mark.inference
pytest.importorskip("torch")

import torch  # noqa: E402  after the check for torch
import transformers  # noqa: E402

from assay.models.language import LanguageModel  # noqa: E402
from assay.models.trial import try_model  # noqa: E402

TINY = {"vocab_size": 4096, "hidden_size": 32, "num_hidden_layers": 2}
HEADS = {**TINY, "num_attention_heads": 2, "intermediate_size": 64}


def saved(path: Path, kind: str, **fields: object) -> Path:
    """A tiny model of a kind, with random parameters and the demo model's tokenizer."""
    torch.manual_seed(5)
    config = transformers.AutoConfig.for_model(kind, **fields)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = transformers.AutoModelForCausalLM.from_config(config)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        network.save_pretrained(path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (path / name).write_bytes((resolve(DEMO) / name).read_bytes())
    return path


def tried(folder: Path) -> None:
    try_model(LanguageModel.load(folder), tolerance=TOLERANCE_FP32)


def test_the_demo_model_passes() -> None:
    tried(resolve(DEMO))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("llama", {**HEADS, "max_position_embeddings": 64}),
        ("llama", {**HEADS, "max_position_embeddings": 2}),
        ("gpt2", {"vocab_size": 4096, "n_embd": 32, "n_layer": 2, "n_head": 2}),
        ("qwen3", {**HEADS, "head_dim": 16, "num_key_value_heads": 1}),
        ("mistral", {**HEADS, "num_key_value_heads": 1, "sliding_window": 8}),
        ("mixtral", {**HEADS, "num_key_value_heads": 1, "num_local_experts": 4}),
    ],
)
def test_kinds_with_an_attention_cache_pass(
    kind: str, fields: dict[str, object], tmp_path: Path
) -> None:
    tried(saved(tmp_path / "m", kind, **fields))


@pytest.mark.parametrize(
    ("kind", "fields", "cause"),
    [
        ("mamba", {**TINY, "state_size": 4}, "keeps no attention cache"),
        ("rwkv", {**TINY, "attention_hidden_size": 32}, "no attention cache|cannot be loaded"),
        ("bert", {**HEADS, "is_decoder": False}, "does not generate what it replays|fails at its"),
        ("llama", {**HEADS, "return_dict": False}, "fails at its first answers"),
    ],
)
def test_kinds_that_do_not_generate_what_they_replay_are_refused(
    kind: str, fields: dict[str, object], cause: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=cause):
        tried(saved(tmp_path / "m", kind, **fields))


def test_one_number_that_is_not_finite_is_found(tmp_path: Path) -> None:
    folder = demo_copy(tmp_path / "m")
    rope = {"rope_type": "default", "rope_theta": 0.0}
    edit(folder / "config.json", lambda content: content.update(rope_parameters=rope))
    with pytest.raises(UserError, match="not finite"):
        tried(folder)


class Forgetful:
    """Loses what it has seen, or draws a random number: wrapped around a true network."""

    def __init__(self, network: Any, *, cache: bool, noise: float) -> None:
        self.__dict__.update(network=network, cache=cache, noise=noise)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def __call__(self, **kwargs: Any) -> Any:
        if not self.cache:
            kwargs["past_key_values"] = None
        output = self.network(**kwargs)
        output.logits += self.noise * torch.randn_like(output.logits)
        return output


@pytest.mark.parametrize(
    ("cache", "noise", "cause"),
    [
        (True, 1e-5, None),
        (False, 0.0, "does not generate what it replays"),
        (True, 5.0, "differently each time"),
        (True, 0.05, "differently each time|does not generate what it replays"),
    ],
)
def test_a_model_that_forgets_or_wavers(cache: bool, noise: float, cause: str | None) -> None:
    torch.manual_seed(1)
    whole = LanguageModel.load(resolve(DEMO))
    model = LanguageModel(Forgetful(whole.network, cache=cache, noise=noise), whole.tokens)
    if cause is None:
        try_model(model, tolerance=TOLERANCE_FP32)
        return
    with pytest.raises(UserError, match=cause):
        try_model(model, tolerance=TOLERANCE_FP32)


def test_a_model_that_ends_at_once_is_tried_all_the_same() -> None:
    whole = LanguageModel.load(resolve(DEMO))
    model = LanguageModel(Forgetful(whole.network, cache=False, noise=0.0), whole.tokens)
    model.ends = frozenset(range(model.vocabulary))
    with pytest.raises(UserError, match="does not generate what it replays"):
        try_model(model, tolerance=TOLERANCE_FP32)
    assert len(model.ends) == model.vocabulary
