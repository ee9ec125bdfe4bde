"""From what a person gave as ``--model`` to a model that can be relied on: each step in its order.

In comes a reference; out comes the model, or its tokenizer alone, and the root. The folder is found
and listed, examined in a child process, hashed, loaded, and tried, and the first step that fails
ends the opening with one UserError. Miners and validators open a model by this one way, so that
what one of them takes the other takes too. Nothing is published here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.models.examination import examine
from assay.models.root import model_root
from assay.models.source import is_demo, resolve

if TYPE_CHECKING:
    from assay.models.language import LanguageModel
    from assay.models.tokens import Tokens


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model that passed its trial."""

    model: LanguageModel
    root: bytes


async def open_model(reference: str, *, threads: int, tolerance: float) -> OpenedModel:
    """Return the model that ``reference`` names, loaded and tried; UserError if it fails.

    ``threads`` compute one answer; ``tolerance`` is the rounding, in logits, that validators allow.
    """
    folder, root = await _found(reference)
    return OpenedModel(await asyncio.to_thread(_load, folder, threads, tolerance), root)


async def open_tokens(reference: str) -> tuple[Tokens, bytes]:
    """Return the tokenizer and the root of the model that ``reference`` names; UserError if the
    folder is not whole. A miner whose engine computes elsewhere needs no more."""
    folder, root = await _found(reference)
    from assay.models.tokens import Tokens

    return await asyncio.to_thread(Tokens.load, folder), root


async def _found(reference: str) -> tuple[Path, bytes]:
    folder = await asyncio.to_thread(resolve, reference)
    if not is_demo(folder):  # it ships with this program and is no stranger's
        await examine(folder)
    return folder, await asyncio.to_thread(model_root, folder)


def _load(folder: Path, threads: int, tolerance: float) -> LanguageModel:
    # Here, not above: they bring torch.
    from assay.models.language import LanguageModel
    from assay.models.trial import try_model

    model = LanguageModel.load(folder, threads=threads)
    try_model(model, tolerance=tolerance)
    return model
