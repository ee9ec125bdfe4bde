"""Write a model's folder anew with the weights of its linear layers as small integers.

In come a folder in the Hugging Face layout and a ``Scheme``; out comes another such folder, of
which ``packed`` computes and which other programs that know compressed-tensors read as well. All
else is copied as it is: embeddings, norms, biases, tokenizer. Of each row, or group, the scale is
chosen among a few that cut off the largest weights more or less, for the smallest squared error;
no data is looked at. The files are made beside the target and renamed when all are whole, so that
a folder with the target's name is never half a model.

This module measures nothing and loads no network: one file's tensors are in memory at a time.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.errors import UserError
from assay.files import raise_disk_error
from assay.models.layout import CONFIG, INDEX, Layout, read_layout
from assay.models.packed import PACKED, SCALE, SHAPE, pack
from assay.models.parameters import configuration, network_class, stored
from assay.models.quantised import FIELD, Scheme, describe
from assay.models.source import inference_extra_missing
from assay.models.tokens import refusing_folder

try:
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file
except ImportError:
    raise inference_extra_missing() from None

SHRINKS: Final = tuple(1.0 - 0.04 * step for step in range(11))
"""What the scale that reaches the largest weight is multiplied with, in turn. With four bits the
best of these leaves a fifth less squared error than the first; smaller ones are never the best."""
EXACT: Final = torch.float32
"""What weights are rounded from: every type that a model folder may hold is exact in it."""

Progress = Callable[[int, int], None]
"""Told how many tensors of how many are written."""


@dataclass(frozen=True, slots=True)
class Written:
    """What ``quantise`` has made."""

    folder: Path
    layers: int
    """Linear layers that are integers now."""
    numbers: int
    """Weights in these layers."""
    kept: int
    """Numbers that were copied as they were."""
    bytes_before: int
    """Of all files that make up the model."""
    bytes_after: int


def quantise(source: Path, target: Path, scheme: Scheme, *, progress: Progress) -> Written:
    """Write the model in ``source`` to the new folder ``target``, its linear layers stored by
    ``scheme``, and tell ``progress``. UserError for a folder that is no model, is quantised
    already, or has no linear layer whose rows ``scheme`` divides; if ``target`` is there already;
    or if the disk is full."""
    layout = read_layout(source)
    if layout.scheme is not None:
        raise UserError(
            f"The model in {source} is quantised already ({layout.scheme}).",
            "Quantise the model that it was made of.",
        )
    if os.path.lexists(target):
        raise UserError(f"{target} is there already.", "Name a new folder, or remove it.")
    with refusing_folder(source):
        tensors = stored(layout)
        layers = _linear_layers(layout) & {name.removesuffix(".weight") for name in tensors}
        fitting = {
            name for name in layers if tensors[f"{name}.weight"].shape[1] % (scheme.group or 1) == 0
        }
    if not fitting:
        raise UserError(
            f"The model in {source} has no linear layer to quantise by {scheme}.",
            "Choose a smaller --group-size." if layers else "Only linear layers are quantised.",
        )
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        beside.mkdir(parents=True)
        numbers, kept = _write(layout, beside, fitting, scheme, progress)
        os.rename(beside, target)
    except OSError as error:
        raise_disk_error(error, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    made = read_layout(target)
    return Written(target, len(fitting), numbers, kept, _bytes(layout), _bytes(made))


def rounded(weights: Any, scheme: Scheme) -> tuple[Any, Any]:
    """Return ``weights`` (rows, columns; fp32) as integers (rows, columns; int8) and their scales
    (rows, groups; bf16), by the scale with the least squared error of each group."""
    rows, columns = weights.shape
    groups = weights.view(rows, -1, scheme.group or columns)
    most = (1 << scheme.bits - 1) - 1
    reach = groups.abs().amax(dim=-1, keepdim=True) / most
    best = torch.full_like(reach, float("inf"))
    scales = torch.zeros_like(reach, dtype=torch.bfloat16)
    for shrink in SHRINKS:
        scale = (reach * shrink).bfloat16()
        error = (_integers(groups, scale, most) * scale.float() - groups).square()
        error = error.sum(dim=-1, keepdim=True)
        scales = torch.where(error < best, scale, scales)
        best = torch.minimum(error, best)
    integers = _integers(groups, scales, most).to(torch.int8)
    return integers.view(rows, columns), scales.view(rows, -1)


def _integers(groups: Any, scales: Any, most: int) -> Any:
    divisor = torch.where(scales == 0, 1.0, scales.float())
    return (groups / divisor).round().clamp(-most - 1, most)


def _linear_layers(layout: Layout) -> set[str]:
    """Return the names of the network's linear layers but the one that gives the logits, which is
    often the embedding as well."""
    config = configuration(layout)
    with torch.device("meta"):
        network = network_class(config)(config)
    out = network.get_output_embeddings()
    return {
        name
        for name, module in network.named_modules()
        if type(module) is torch.nn.Linear and module is not out
    }


def _write(
    layout: Layout, folder: Path, layers: set[str], scheme: Scheme, progress: Progress
) -> tuple[int, int]:
    total = len(stored(layout))
    done = numbers = kept = 0
    placed: dict[str, str] = {}
    for path in layout.parameters:
        made: dict[str, Any] = {}
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  it is no mapping
                tensor = file.get_tensor(name)
                layer = name.removesuffix(".weight")
                if name != layer and layer in layers:
                    integers, scales = rounded(tensor.to(EXACT), scheme)
                    made[layer + PACKED] = pack(integers, scheme.bits)
                    made[layer + SCALE] = scales
                    made[layer + SHAPE] = torch.tensor(tensor.shape)
                    numbers += tensor.numel()
                else:
                    made[name] = tensor
                    kept += tensor.numel()
                done += 1
                progress(done, total)
        placed |= dict.fromkeys(made, path.name)
        save_file(made, folder / path.name, metadata={"format": "pt"})
    for path in layout.others:
        shutil.copyfile(path, folder / path.name)
    config = dict(layout.config) | {FIELD: describe(scheme)}
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
    if layout.placed is not None:
        index = {"metadata": {}, "weight_map": dict(sorted(placed.items()))}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", "utf-8")
    return numbers, kept


def _bytes(layout: Layout) -> int:
    return sum(path.stat().st_size for path in layout.files)
