"""The tensors that a model's safetensors files hold, and a network made of exactly these.

In comes a ``Layout``; out comes a network of which each parameter was read from the files, in fp32,
where every value is exact, or rounded to the nearest number of bf16 or fp16.
Nothing but these files is opened: transformers is given the configuration and the tensors, never
the folder. A tensor that is missing, left over, there twice, of another shape or of a type that
fp32 does not hold exactly is refused by name, because in its place transformers would draw random
numbers, or leave it out, with no more than a warning. Weights of linear layers may be quantised, in
the one form of ``quantised``; they stay so in memory.

This module knows no tokens and generates nothing.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.errors import UserError
from assay.models.layout import (
    CONFIG,
    GENERATION,
    TEXT_BYTES_MAX,
    Layout,
    listed,
    parse_json,
    read_object,
)
from assay.models.packed import SUFFIXES, fault, placeholder, put_in
from assay.models.quantised import FIELD
from assay.models.source import inference_extra_missing
from assay.scoring.inference.precision import Precision

try:
    import torch
    import transformers
    from safetensors import safe_open
except ImportError:
    raise inference_extra_missing() from None

DTYPES: Final[Mapping[Precision, torch.dtype]] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
HEADER_BYTES_MAX: Final = 2**25
"""Of the list of tensors in one file: a hundred thousand tensors take twelve megabytes."""
EXACT_TYPES: Final = frozenset({"F32", "F16", "BF16"})
"""Types whose every value is an fp32 value. Of 64 bits some would be rounded, of integers and 8-bit
floats the scale stands elsewhere."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One tensor in a file, not read yet."""

    path: Path
    dtype: str
    shape: tuple[int, ...]

    @property
    def numbers(self) -> int:
        """The number of numbers in this tensor."""
        count = 1
        for size in self.shape:
            count *= size
        return count


def stored(layout: Layout) -> dict[str, Stored]:
    """Return each tensor that the model's files hold, by name; UserError if files and index differ.

    ValueError or SafetensorError for a file that is damaged or of another format.
    """
    found: dict[str, Stored] = {}
    for path in layout.parameters:
        header = _header(path)
        with safe_open(path, framework="pt") as file:  # refuses gaps, overlaps, a wrong length
            for name in file.keys():  # noqa: SIM118  it is no mapping
                if name in found:
                    raise UserError(
                        f"The tensor {name[:120]} is in {found[name].path.name} and again in "
                        f"{path.name}.",
                        "Fetch the model again.",
                    )
                shape = tuple(file.get_slice(name).get_shape())
                found[name] = Stored(path, str(header[name]["dtype"]), shape)
    if layout.placed is not None:
        _check_index(layout.folder, layout.placed, found)
    return found


def _header(path: Path) -> Mapping[str, Any]:
    """Return a safetensors file's own list of its tensors; UserError if a name stands there
    twice."""
    with path.open("rb") as stream:
        size = struct.unpack("<Q", stream.read(8).ljust(8, b"\xff"))[0]
        if size > HEADER_BYTES_MAX:
            raise ValueError(f"{path.name} is not a safetensors file")
        header = parse_json(path, stream.read(size))
    if not isinstance(header, dict):
        raise ValueError(f"{path.name} is not a safetensors file")
    return header


def _check_index(folder: Path, placed: Mapping[str, str], found: Mapping[str, Stored]) -> None:
    wrong = [name for name, shard in placed.items() if found.get(name, _NOWHERE).path.name != shard]
    if wrong:
        raise UserError(
            f"In {folder} these tensors are not in the files that the index names: "
            f"{listed(sorted(wrong))}.",
            "Fetch the model again.",
        )
    if extra := sorted(found.keys() - placed.keys()):
        raise UserError(
            f"In {folder} these tensors are in files but not in the index: {listed(extra)}.",
            "Fetch the model again.",
        )


_NOWHERE: Final = Stored(Path(), "", ())


def configuration(layout: Layout) -> Any:
    """Return transformers' configuration of the model, without what it says of quantised weights;
    ValueError for a kind that transformers does not know."""
    kind = layout.config["model_type"]
    if kind not in transformers.CONFIG_MAPPING:
        raise ValueError(f"transformers knows no model_type {kind[:80]!r}")
    told = {name: value for name, value in layout.config.items() if name != FIELD}
    return transformers.CONFIG_MAPPING[kind].from_dict(told)


def network_class(config: Any) -> Any:
    """Return the class of causal language models for ``config``; ValueError if there is none."""
    if type(config) not in transformers.MODEL_FOR_CAUSAL_LM_MAPPING:
        raise ValueError(f"a {config.model_type} is not a causal language model")
    found = transformers.MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    if not isinstance(found, tuple):
        return found
    named = {kind.__name__: kind for kind in found}
    return named.get((config.architectures or [""])[0], found[0])


def load_network(layout: Layout, precision: Precision = "fp32") -> Any:
    """Return the network in ``layout``, in ``precision`` and in evaluation mode.

    UserError if the files do not hold exactly the tensors that the configuration's kind needs, or
    numbers that are too large for ``precision``.
    What transformers raises for a configuration that it cannot take passes through.
    """
    config = configuration(layout)
    tensors = stored(layout)
    with ExitStack() as files:
        opened = {
            path: files.enter_context(safe_open(path, framework="pt")) for path in layout.parameters
        }
        given = {name: opened[one.path].get_tensor(name) for name, one in tensors.items()}
        layers = _take_packed(layout, given)
        network, report = network_class(config).from_pretrained(
            None,
            config=config,
            state_dict=given,
            dtype=DTYPES[precision],
            ignore_mismatched_sizes=True,  # they are told, and refused below
            output_loading_info=True,
        )
    _check_report(layout.folder, report)
    _check_types(layout.folder, network, {name: tensors[name] for name in given if name in tensors})
    _check_ends_tied(layout.folder, network)
    if layout.scheme is not None and (wrong := put_in(network, layers, layout.scheme)):
        raise UserError(
            f"The model in {layout.folder} has packed weights for {wrong[:120]}, which is no linear"
            " layer.",
            "Quantise the model again.",
        )
    _check_finite(layout.folder, network, precision)
    generation = layout.folder / GENERATION
    if generation in layout.others:  # transformers reads it from the folder, which it is not given
        ends = read_object(generation, TEXT_BYTES_MAX).get("eos_token_id")
        network.generation_config.eos_token_id = ends
    return network.eval().requires_grad_(False)


def _take_packed(layout: Layout, given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Move the tensors of quantised layers out of ``given``, and put zeros of their layers' shapes
    in their place; return the tensors by layer and suffix. UserError if they are no layer's."""
    layers: dict[str, dict[str, Any]] = {}
    if layout.scheme is None:
        return layers  # tensors with such names are told as ones that the kind does not know
    for name in [name for name in given if name.endswith(SUFFIXES)]:
        layer, _, own = name.rpartition(".")
        layers.setdefault(layer, {})[f".{own}"] = given.pop(name)
    for layer, tensors in layers.items():
        if f"{layer}.weight" in given:
            wrong: str | None = "has its weights twice, packed and plain"
        else:
            wrong = fault(tensors, layout.scheme)
        if wrong is not None:
            raise UserError(
                f"In the model in {layout.folder} the layer {layer[:120]} {wrong}.",
                "Fetch the model again, or quantise it again.",
            )
        given[f"{layer}.weight"] = placeholder(tensors)
    return layers


def _check_report(folder: Path, report: Mapping[str, Any]) -> None:
    if missing := sorted(report["missing_keys"]):
        raise UserError(
            f"The model in {folder} lacks tensors that its kind needs: {listed(missing)}.",
            "Fetch the model again, or correct its config.json.",
        )
    if mismatched := sorted(report["mismatched_keys"]):
        shown = [f"{name} {list(held)} instead of {list(due)}" for name, held, due in mismatched]
        raise UserError(
            f"The model in {folder} has tensors of another shape: {listed(shown)}.",
            "Fetch the model again, or correct its config.json.",
        )
    if extra := sorted(report["unexpected_keys"]):
        raise UserError(
            f"The model in {folder} has tensors that its kind does not know: {listed(extra)}.",
            "Fetch the model again, or correct its config.json.",
        )
    if told := list(report["error_msgs"]):
        raise ValueError(str(told[0]))


def _check_types(folder: Path, network: Any, tensors: Mapping[str, Stored]) -> None:
    """Refuse a tensor that fp32 does not hold exactly, unless the network keeps it as it is."""
    kept = {name for name, value in network.state_dict().items() if not value.is_floating_point()}
    # Such as the masks that old checkpoints hold: no number of theirs is computed with.
    left_out = [re.compile(rule) for rule in network._keys_to_ignore_on_load_unexpected or ()]
    wrong = [
        f"{name} ({one.dtype})"
        for name, one in tensors.items()
        if one.dtype not in EXACT_TYPES
        and name not in kept
        and not any(rule.search(name) for rule in left_out)
    ]
    if wrong:
        raise UserError(
            f"The model in {folder} has tensors of a type that is not computed exactly here: "
            f"{listed(sorted(wrong))}.",
            "Give the model in bf16, fp16 or fp32.",
        )


def _check_ends_tied(folder: Path, network: Any) -> None:
    """Refuse two embeddings of different values where the configuration says that they are one:
    one engine takes the second, another leaves it out."""
    if not getattr(network.config.get_text_config(), "tie_word_embeddings", False):
        return
    into, out = network.get_input_embeddings(), network.get_output_embeddings()
    if into is not None and out is not None and out.weight is not into.weight:
        raise UserError(
            f"The model in {folder} has two embeddings, and its {CONFIG} says that they are one "
            "(tie_word_embeddings).",
            f"Correct {CONFIG}, or remove the second one.",
        )


def _check_finite(folder: Path, network: Any, precision: Precision) -> None:
    wrong = [
        name
        for name, value in network.state_dict().items()
        if value.is_floating_point()
        and value.numel()
        and not all(bool(end.isfinite()) for end in value.aminmax())
    ]
    if wrong:
        raise UserError(
            f"The model in {folder} has numbers that are not finite in {listed(wrong)}.",
            "Fetch the model again: it was damaged, or its training came to grief."
            if precision == "fp32"
            else f"Some may be too large for {precision}: try --precision fp32.",
        )
