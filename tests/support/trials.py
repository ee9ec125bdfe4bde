"""The trials of a model once a process, for tests that are about something else.

A miner tries its model when it starts, and its engine tries by how many rows it may compute: 3 s of
processor time, whatever the test asks of the miner then. ``remember_trials`` lets each model be
tried as ever the first time, and gives the same verdict of the same parameters, configuration and
threads afterwards. What the trials find is tested without this, by ``test_trial`` and
``test_rows``.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

_row_counts: dict[bytes, tuple[int, ...]] = {}
_passed: set[tuple[bytes, float]] = set()


def remember_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try no model twice, until the test ends."""
    from assay.models import trial
    from assay.models.rows import Rows

    agreeing, try_model = Rows._agreeing, trial.try_model

    def agreeing_once(rows: Rows, vocabulary: int) -> tuple[int, ...]:
        key = _digest(rows._network) + type(rows._passed).__name__.encode()
        if key not in _row_counts:
            _row_counts[key] = agreeing(rows, vocabulary)
        return _row_counts[key]

    def try_once(model: Any, *, tolerance: float) -> None:
        key = _digest(model.network), tolerance
        if key not in _passed:
            try_model(model, tolerance=tolerance)
            _passed.add(key)

    monkeypatch.setattr(Rows, "_agreeing", agreeing_once)
    monkeypatch.setattr(trial, "try_model", try_once)


def _digest(network: Any) -> bytes:
    """Everything that a trial's result follows from, on one machine."""
    import torch

    kind = f"{type(network)} {torch.get_num_threads()} {network.config.to_json_string()}"
    digest = hashlib.blake2b(kind.encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.contiguous().view(torch.uint8).numpy())
    return digest.digest()
