"""A network's numbers as one flat array, and back.

In comes a network of transformers; out come its ``ModelShape``, which the codec and the state's
hash go by, and functions that take all numbers out and put others in. Parameters that are shared
(tied embeddings) are there once. What the numbers are trained for is not known here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from assay.models.layout import read_layout
from assay.models.parameters import load_network
from assay.models.tokens import refusing_folder
from assay.scoring.training.shapes import Floats, ModelShape, TensorRole, TensorShape

try:
    import torch
except ImportError:
    from assay.models.source import inference_extra_missing

    raise inference_extra_missing() from None


class FlatNetwork:
    """A network whose numbers are taken and put as one array, in the order of their names."""

    def __init__(self, network: Any) -> None:
        self.network = network.float().eval().requires_grad_(True)  # eval: without dropout
        named = sorted(network.named_parameters())  # each shared one under its first name alone
        self.parameters: dict[str, Any] = dict(named)
        embeddings = {
            id(layer.weight)
            for layer in (network.get_input_embeddings(), network.get_output_embeddings())
            if layer is not None
        }
        self.shape = ModelShape(
            tuple(
                TensorShape.of(name, tuple(tensor.shape), _role(tensor, embeddings))
                for name, tensor in named
            )
        )

    @classmethod
    def load(cls, folder: Path) -> FlatNetwork:
        """Return the network in ``folder``; UserError if it is no whole causal language model."""
        layout = read_layout(folder)
        with refusing_folder(folder):
            return cls(load_network(layout))

    def take(self) -> Floats:
        """Return a copy of all numbers."""
        return self.flat({name: tensor.detach() for name, tensor in self.parameters.items()})

    def put(self, numbers: Floats) -> None:
        """Set all numbers; ValueError for another count of them."""
        with torch.no_grad():
            for name, values in self.tensors(numbers).items():
                self.parameters[name].copy_(values)

    def flat(self, tensors: dict[str, Any]) -> Floats:
        """Return the numbers of ``tensors``, one for each parameter, as one array; those of a
        parameter that ``tensors`` lacks are zeros."""
        parts = [
            tensors[each.name].detach().reshape(-1).float().cpu().numpy()
            if each.name in tensors
            else np.zeros(each.size, np.float32)
            for each in self.shape.tensors
        ]
        return np.concatenate(parts)

    def tensors(self, numbers: Floats) -> dict[str, Any]:
        """Return ``numbers`` as a tensor for each parameter, copied; ValueError for another count
        of them."""
        if numbers.shape != (self.shape.size,):
            raise ValueError(f"the network has {self.shape.size} numbers, not {numbers.shape}")
        starts = self.shape.starts
        return {
            name: torch.from_numpy(numbers[starts[at] : starts[at + 1]].copy())
            .view(parameter.shape)
            .to(parameter.device)
            for at, (name, parameter) in enumerate(self.parameters.items())
        }


def _role(tensor: Any, embeddings: set[int]) -> TensorRole:
    if id(tensor) in embeddings:
        return TensorRole.EMBEDDING
    return TensorRole.MATRIX if tensor.ndim > 1 else TensorRole.VECTOR
