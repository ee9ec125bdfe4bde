"""A copy of a model folder with its parameters changed, one tensor at a time.

In come a folder and a function from a tensor's name and values to new values; out comes a whole
model folder with a root of its own. Tensors are shown as fp32 arrays, whatever type they are stored
in, and written back in that type; all other files are copied as they are. This module does not know
why anybody would change parameters.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.models.layout import PARAMETERS_SUFFIX, read_layout
from assay.models.source import inference_extra_missing

try:
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file
except ImportError:
    raise inference_extra_missing() from None

Change = Callable[[str, NDArray[np.float32]], NDArray[np.float32]]


def copy_changed(folder: Path, out: Path, change: Change) -> None:
    """Write to ``out`` the model of ``folder`` with ``change(name, values)`` for each tensor.

    Tensors that are not floating point stay as they are. Files are taken in canonical order and
    tensors by name, so that a ``change`` that draws random numbers gives the same copy again.
    """
    out.mkdir(parents=True, exist_ok=True)
    for path in read_layout(folder).files:
        if path.suffix != PARAMETERS_SUFFIX:
            shutil.copyfile(path, out / path.name)
            continue
        changed = {}
        with safe_open(path, framework="pt") as stored:
            metadata = stored.metadata()
            for name in sorted(stored.keys()):
                tensor = stored.get_tensor(name)
                if tensor.is_floating_point():
                    values = np.ascontiguousarray(change(name, tensor.float().numpy()))
                    tensor = torch.from_numpy(values).to(tensor.dtype)
                changed[name] = tensor
        save_file(changed, out / path.name, metadata=metadata)
