"""From what a person gave as ``--model`` to a model that can be relied on: each step in its order.

In comes a reference; out comes the model in one precision, or its tokenizer alone, and the root.
The folder is found and listed, examined in a child process, hashed, loaded, and tried, and the
first step that fails ends the opening with one UserError. Miners and validators open a model by
this one way, so that what one of them takes the other takes too. Nothing is published here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import UserError
from assay.models.calibration import FILE, PathCalibration, read_calibration
from assay.models.examination import examine
from assay.models.root import model_root
from assay.models.source import is_demo, resolve
from assay.scoring.inference.precision import TOLERANCES, Precision, Tolerance

if TYPE_CHECKING:
    from assay.models.language import LanguageModel
    from assay.models.tokens import Tokens


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model's folder, examined and hashed, of which nothing is loaded yet."""

    folder: Path
    root: bytes
    calibration: Mapping[Precision, PathCalibration] = field(default_factory=dict)
    """What was measured of it, by precision; nothing where it was not calibrated."""

    def tolerance(self, precision: Precision, logits: float | None = None) -> Tolerance:
        """Return how far an honest answer in ``precision`` may lie from a replay. ``logits`` is
        what an operator allows instead of what is known of the model."""
        measured = self.calibration.get(precision)
        known = TOLERANCES[precision] if measured is None else measured.tolerance
        return known if logits is None else known.scaled_to(logits)

    def open(self, precision: Precision, *, threads: int, tolerance: Tolerance) -> OpenedModel:
        """Return the model in ``precision``, loaded and tried; UserError if it fails, or if its
        files are no longer those that were hashed. This takes seconds of processor time."""
        # Here, not above: they bring torch.
        from assay.models.language import LanguageModel
        from assay.models.trial import try_model

        model = LanguageModel.load(self.folder, threads=threads, precision=precision)
        if model_root(self.folder) != self.root:
            raise UserError(
                f"The files in {self.folder} have changed while the model was read.",
                "Start again, and leave the folder as it is meanwhile.",
            )
        try_model(model, tolerance=tolerance.logits)
        return OpenedModel(model, self.root, tolerance)


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model that passed its trial, and how far an answer of it may lie from its replay."""

    model: LanguageModel
    root: bytes
    tolerance: Tolerance


async def find_model(reference: str) -> FoundModel:
    """Return the model that ``reference`` names, examined; UserError if its folder is not whole."""
    folder = await asyncio.to_thread(resolve, reference)
    if not is_demo(folder):  # it ships with this program and is no stranger's
        await examine(folder)
    root = await asyncio.to_thread(model_root, folder)
    return FoundModel(folder, root, read_calibration(folder / FILE, root))


async def open_model(
    reference: str,
    *,
    threads: int,
    tolerance: float | None = None,
    precision: Precision = "fp32",
) -> OpenedModel:
    """Return the model that ``reference`` names, loaded in ``precision`` and tried; UserError if it
    fails.

    ``threads`` compute one answer; ``tolerance`` is the rounding, in logits, that validators allow,
    by default what is known of the model.
    """
    found = await find_model(reference)
    allowed = found.tolerance(precision, tolerance)
    return await asyncio.to_thread(
        lambda: found.open(precision, threads=threads, tolerance=allowed)
    )


async def open_tokens(reference: str) -> tuple[Tokens, bytes]:
    """Return the tokenizer and the root of the model that ``reference`` names; UserError if the
    folder is not whole. A miner whose engine computes elsewhere needs no more."""
    found = await find_model(reference)
    from assay.models.tokens import Tokens

    return await asyncio.to_thread(Tokens.load, found.folder), found.root
