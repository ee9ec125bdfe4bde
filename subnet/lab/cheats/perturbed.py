"""Perturbed weights: the committed root is the true model's, what answers is another one.

It stands for every cheaper stand-in of the same architecture: a quantised, pruned or badly tuned
copy. It hopes that a validator looks at the text, which reads just as well. It does all it can to
agree: it uses the true root, and so the sampler's true key. It needs a task that serves a model.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.errors import UserError
from assay.miners.inference import InferenceMiner
from assay.miners.inference.settings import MinerSettings
from assay.models.engine import Engine
from assay.models.root import model_root
from assay.models.source import resolve
from assay.neuron import MinerTask, TaskContext

NOISE: Final = 0.05
"""Of each tensor's standard deviation: less than rounding to 4 bits does. The text stays fluent."""


class Perturbed(InferenceMiner):
    """Serves a noisy copy under the true model's root."""

    def __init__(self, noise: float = NOISE, seed: int = 0) -> None:
        super().__init__()
        self._noise = noise
        self._seed = seed

    async def open_engine(self, context: TaskContext) -> Engine:
        assert isinstance(context.settings, MinerSettings)
        true = resolve(context.settings.model)
        copy = context.state_dir / "perturbed"
        await asyncio.to_thread(self._spoil, true, copy)
        # The copy is our own: examining it as a stranger's folder would keep the cheat away from
        # the first rounds.
        from assay.models.language import LanguageModel
        from assay.models.local_engine import LocalEngine

        model = await asyncio.to_thread(LanguageModel.load, copy, threads=context.settings.threads)
        root = await asyncio.to_thread(model_root, true)
        return LocalEngine(model, root, monotonic=context.clock.monotonic)

    def _spoil(self, true: Path, copy: Path) -> None:
        from assay.lab.edited_copy import copy_changed

        generator = np.random.default_rng(self._seed)

        def change(_: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
            noise = generator.standard_normal(values.shape, dtype=np.float32)
            changed: NDArray[np.float32] = values + np.float32(self._noise) * values.std() * noise
            return changed

        copy_changed(true, copy, change)


def wrap_perturbed(honest: MinerTask) -> MinerTask:
    """A perturbed miner in place of ``honest``; UserError if that serves no model."""
    if not isinstance(honest, InferenceMiner):
        raise UserError(
            f"The task {honest.name} serves no model whose weights could be perturbed.",
            "Use --cheat cached or --cheat garbage with it.",
        )
    return Perturbed()
