"""A run's model as a standard folder: configuration and tokenizer of the model that the run started
from, the state's numbers in fp32, and where the model comes from.

In come a network and numbers; out comes a folder that loads as any model does, and its root. Who
contributed is told by the caller.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from assay.files import new_folder
from assay.models.layout import INDEX, WHOLE, read_layout
from assay.models.parameters import stored
from assay.models.root import model_root
from assay.scoring.training.shapes import Floats
from assay.training.lineage import LINEAGE, Lineage
from assay.training.network import FlatNetwork

try:
    from safetensors.torch import save_file
except ImportError:
    from assay.models.source import inference_extra_missing

    raise inference_extra_missing() from None


def export_model(
    network: FlatNetwork, model: Path, numbers: Floats, lineage: Lineage, into: Path
) -> bytes:
    """Write the model in the folder ``model``, with ``numbers`` in place of its own, and
    ``lineage`` into the folder ``into``; return its root.

    ``into`` appears whole or not at all. UserError if it is there already.
    """
    layout = read_layout(model)
    with new_folder(into) as partial:
        for path in layout.others:
            if path.name not in (INDEX, LINEAGE):
                shutil.copyfile(path, partial / path.name)
        network.put(numbers)
        save_file(_tensors(network, set(stored(layout))), partial / WHOLE, {"format": "pt"})
        (partial / LINEAGE).write_bytes(lineage.pack())
    return model_root(into)


def _tensors(network: FlatNetwork, names: set[str]) -> dict[str, Any]:
    """The network's tensors under the ``names`` that the first model's files have; under the
    network's own names where those differ."""
    held = network.network.state_dict()
    wanted = names if names <= held.keys() else network.parameters.keys()
    return {name: held[name].detach().contiguous().cpu() for name in sorted(wanted)}
