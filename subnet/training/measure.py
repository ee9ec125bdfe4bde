"""The loss of a model's numbers on sequences, without a step being taken.

In come a network, numbers and sequences; out comes the loss in nats a token, of all together or of
each. Which sequences
those are (held out, a peer's own), and what follows from a loss, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from assay.protocol.training.manifest import Machine
from assay.scoring.training.shapes import Floats
from assay.training.inner import Tokens, batch_loss, computing, row_losses
from assay.training.network import FlatNetwork

try:
    import torch
except ImportError:
    from assay.models.source import inference_extra_missing

    raise inference_extra_missing() from None


Losses = NDArray[np.float64]


def sequence_losses(
    network: FlatNetwork,
    machine: Machine,
    numbers: Floats,
    batches: Iterable[Tokens],
    told: Callable[[], None] = lambda: None,
) -> Losses:
    """Return the loss in nats a token of a ``network`` with these ``numbers`` on each row of
    ``batches``, which are sequences with the token after them.

    ``told()`` is called before each batch, and may raise to end. ValueError without a batch.
    """
    found: list[Losses] = []
    with computing(machine), torch.no_grad():
        network.put(numbers)
        for batch in batches:
            told()
            rows = np.asarray(batch, dtype=np.int64)
            found.append(row_losses(network, machine, rows).double().cpu().numpy())
    if not found:
        raise ValueError("a loss needs sequences")
    return np.concatenate(found)


def mean_loss(
    network: FlatNetwork,
    machine: Machine,
    numbers: Floats,
    batches: Iterable[Tokens],
    told: Callable[[], None] = lambda: None,
) -> float:
    """Return the mean loss in nats a token of a ``network`` with these ``numbers`` on all rows of
    ``batches``, which are sequences with the token after them.

    ``told()`` is called before each batch, and may raise to end. ValueError without a batch.
    """
    total, count = 0.0, 0
    with computing(machine), torch.no_grad():
        network.put(numbers)
        for batch in batches:
            told()
            rows = np.asarray(batch, dtype=np.int64)
            tokens = rows.shape[0] * (rows.shape[1] - 1)
            total += float(batch_loss(network, machine, rows)) * tokens
            count += tokens
    if not count:
        raise ValueError("a loss needs sequences")
    return total / count
