"""A judge over models that a test has loaded."""

from __future__ import annotations

from assay.models.language import LanguageModel
from assay.models.opening import OpenedModel
from assay.scoring.inference.precision import TOLERANCES, Precision
from assay.validators.inference.answers import Judge
from assay.validators.inference.replays import Replays


def judge_of(
    models: LanguageModel | dict[Precision, LanguageModel],
    root: bytes,
    *,
    accept_engines: bool = False,
) -> Judge:
    """Return a judge that pays the precisions of ``models``; one model alone is that of fp32."""
    by = models if isinstance(models, dict) else {"fp32": models}
    replays = Replays(
        tuple(by), lambda precision: OpenedModel(by[precision], root, TOLERANCES[precision])
    )
    return Judge(replays, root, accept_engines=accept_engines)
