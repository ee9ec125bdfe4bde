"""One form of quantised weights is read; every other one is refused before anything is loaded."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from assay.errors import UserError
from assay.models.quantised import FIELD, Scheme, describe, scheme_of

LLM_COMPRESSOR: dict[str, Any] = {
    "config_groups": {
        "group_0": {
            "format": "pack-quantized",
            "input_activations": None,
            "output_activations": None,
            "targets": ["Linear"],
            "weights": {
                "actorder": None,
                "block_structure": None,
                "dynamic": False,
                "group_size": 128,
                "num_bits": 4,
                "observer": "minmax",
                "observer_kwargs": {},
                "strategy": "group",
                "symmetric": True,
                "type": "int",
            },
        }
    },
    "format": "pack-quantized",
    "global_compression_ratio": None,
    "ignore": ["lm_head"],
    "kv_cache_scheme": None,
    "quant_method": "compressed-tensors",
    "quantization_status": "compressed",
    "sparsity_config": {},
    "transform_config": {},
    "version": "0.12.2",
}
"""The fields that LLM Compressor writes for W4A16, whose models stand on the Hugging Face hub."""


@pytest.mark.parametrize("scheme", [Scheme(4), Scheme(8), Scheme(4, 32), Scheme(8, 128)])
def test_what_is_written_is_read(scheme: Scheme) -> None:
    assert scheme_of({FIELD: describe(scheme)}) == scheme


def test_what_others_write_is_read() -> None:
    assert scheme_of({FIELD: LLM_COMPRESSOR}) == Scheme(4, 128)


@pytest.mark.parametrize("told", [None, {}])
def test_a_model_that_is_not_quantised_has_no_scheme(told: object) -> None:
    assert scheme_of({FIELD: told}) is None
    assert scheme_of({}) is None


def changed(path: str, value: object) -> dict[str, Any]:
    told = copy.deepcopy(LLM_COMPRESSOR)
    at: Any = told
    *outer, last = path.split(".")
    for name in outer:
        at = at[name]
    at[last] = value
    return told


WEIGHTS = "config_groups.group_0.weights"


@pytest.mark.parametrize(
    "told",
    [
        "gptq",
        [],
        {"quant_method": "fp8"},
        changed("quant_method", "gptq"),
        changed("format", "int-quantized"),
        changed("kv_cache_scheme", {"num_bits": 8}),
        changed("sparsity_config", {"format": "sparse-24"}),
        changed("transform_config", {"config_groups": {}}) | {"transform_config": {"R1": {}}},
        changed("config_groups", {}),
        changed("config_groups", {"a": {}, "b": {}}),
        changed("config_groups.group_0.targets", ["re:.*mlp.*"]),
        changed("config_groups.group_0.input_activations", {"num_bits": 8}),
        changed(f"{WEIGHTS}.num_bits", 3),
        changed(f"{WEIGHTS}.num_bits", True),
        changed(f"{WEIGHTS}.num_bits", 4.0),
        changed(f"{WEIGHTS}.symmetric", False),
        changed(f"{WEIGHTS}.type", "float"),
        changed(f"{WEIGHTS}.actorder", "group"),
        changed(f"{WEIGHTS}.strategy", "tensor"),
        changed(f"{WEIGHTS}.strategy", "channel"),
        changed(f"{WEIGHTS}.group_size", 0),
        changed(f"{WEIGHTS}.group_size", 33),
        changed(f"{WEIGHTS}.group_size", None),
    ],
)
def test_every_other_form_is_refused(told: object) -> None:
    with pytest.raises(UserError, match="quantised"):
        scheme_of({FIELD: told} if told else {FIELD: [1]})
