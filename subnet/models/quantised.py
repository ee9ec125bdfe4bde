"""What a configuration says of quantised weights: the one form of them that is computed here.

The form is the one that the library compressed-tensors calls ``pack-quantized``, for weights
alone: the folder is a standard one, which transformers and vLLM read as well. Each row of a linear
layer's weights, or each group of numbers in a row, is integers of 4 or 8 bits times one scale. In
comes ``config.json``; out comes a ``Scheme``, or a UserError for any other form. A product of such
an integer and a scale in bf16 is an fp32 value, so a quantised folder describes one exact model.

This module imports no torch; ``packed`` computes with such weights and ``quantise`` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from assay.errors import UserError

FIELD: Final = "quantization_config"
METHOD: Final = "compressed-tensors"
FORMAT: Final = "pack-quantized"
BITS: Final = (4, 8)
GROUP_MIN: Final = 16
"""Numbers that share a scale, at least: with fewer the scales take more room than they save."""
GROUP_MAX: Final = 65_536


@dataclass(frozen=True, slots=True)
class Scheme:
    """How the weights of linear layers are stored."""

    bits: int
    """Of each integer: 4 or 8."""
    group: int | None = None
    """How many numbers of a row share a scale; None: all of the row."""

    def __str__(self) -> str:
        shared = "row" if self.group is None else f"{self.group} numbers"
        return f"int{self.bits}, a scale for each {shared}"


def describe(scheme: Scheme) -> dict[str, Any]:
    """Return the ``quantization_config`` of a folder whose linear layers are stored by
    ``scheme``."""
    return {
        "quant_method": METHOD,
        "format": FORMAT,
        "quantization_status": "compressed",
        "config_groups": {
            "group_0": {
                "targets": ["Linear"],
                "weights": {
                    "num_bits": scheme.bits,
                    "type": "int",
                    "symmetric": True,
                    "dynamic": False,
                    "strategy": "channel" if scheme.group is None else "group",
                    "group_size": scheme.group,
                },
                "input_activations": None,
                "output_activations": None,
            }
        },
        "ignore": ["lm_head"],
    }


def scheme_of(config: Mapping[str, Any]) -> Scheme | None:
    """Return how the weights of a model with this ``config`` are stored; None if they are not
    quantised. UserError for a form that is not computed here."""
    told = config.get(FIELD)
    if not told:
        return None
    scheme = _parse(told)
    if scheme is None:
        raise UserError(
            "The model's quantization_config describes quantised weights of a form that is not"
            " computed here.",
            f"Give the model in bf16, fp16 or fp32 (assay model quantise makes {METHOD}'s"
            f" {FORMAT} of it, with integers of 4 or 8 bits).",
        )
    return scheme


def _parse(told: object) -> Scheme | None:
    if not isinstance(told, Mapping):
        return None
    groups = told.get("config_groups")
    if not isinstance(groups, Mapping) or len(groups) != 1:
        return None
    (group,) = groups.values()
    if not isinstance(group, Mapping) or not isinstance(group.get("weights"), Mapping):
        return None
    weights = group["weights"]
    fixed = (
        told.get("quant_method") == METHOD
        and told.get("format") == FORMAT
        and group.get("format") in (None, FORMAT)
        and group.get("targets") == ["Linear"]
        and weights.get("type") == "int"
        and weights.get("symmetric") is True
        # Orders of columns other than the stored one need further tensors.
        and weights.get("actorder") in (None, "weight", "static")
    )
    others = (
        *(told.get(name) for name in ("kv_cache_scheme", "sparsity_config", "transform_config")),
        *(group.get(name) for name in ("input_activations", "output_activations")),
        *(weights.get(name) for name in ("dynamic", "block_structure")),
    )
    bits, size = weights.get("num_bits"), weights.get("group_size")
    if not fixed or any(others) or type(bits) is not int or bits not in BITS:
        return None
    match weights.get("strategy"):
        case "channel" if size is None:
            return Scheme(bits)
        case "group" if type(size) is int and GROUP_MIN <= size <= GROUP_MAX and size % 2 == 0:
            return Scheme(bits, size)
    return None
