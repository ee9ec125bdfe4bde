"""Honest ways to compute one answer that differ in their bits, to measure what must be tolerated.

Floating-point sums depend on their order, and the order on batch, threads, caches and kernels. A
miner may choose any of these and is honest. Each variant draws an answer in its own way and keeps
the logits from which it drew; ``spread`` compares them with a validator's replay. A variant that
changes no bit proves nothing, so the number of differing logits is counted too.

This module judges nobody. A person reads the figures that ``scripts/bench/verify`` prints and sets
``TOLERANCE_FP32`` in ``assay.scoring.inference.agreement``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.models.language import LanguageModel
from assay.models.source import inference_extra_missing
from assay.scoring.inference.sampling import Sampling, choose

try:
    import torch
except ImportError:
    raise inference_extra_missing() from None

Row = NDArray[np.float32]
Next = Callable[[Sequence[int]], Row]
"""Logits that follow some tokens; called with one token more each time."""

BATCH: Final = 8
"""Rows computed together by the batched variant: another tiling of every product."""
CHUNK: Final = 7
"""Tokens a step of a prefill in pieces; odd, so that no tile fits."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """An answer and the logits that its tokens were drawn from."""

    tokens: tuple[int, ...]
    logits: Row


@dataclass(frozen=True, slots=True)
class Spread:
    """How far a variant's logits lie from the judge's."""

    logits_max: float
    """Largest difference of any logit. No honest margin exceeds twice this."""
    differing: int
    """Logits that differ in at least one bit."""


def draw(variant: Next, prompt: Sequence[int], count: int, sampling: Sampling, key: bytes) -> Drawn:
    """``count`` tokens after ``prompt``, drawn from what ``variant`` computes."""
    tokens: list[int] = []
    rows = []
    for position in range(count):
        rows.append(variant([*prompt, *tokens]))
        tokens.append(choose(rows[-1], sampling, key, position, prompt, tokens))
    return Drawn(tuple(tokens), np.stack(rows))


def spread(model: LanguageModel, prompt: Sequence[int], drawn: Drawn) -> Spread:
    """``drawn`` beside the judge's replay of the same tokens."""
    difference = np.abs(model.replay(prompt, drawn.tokens) - drawn.logits)
    return Spread(float(difference.max()), int(np.count_nonzero(difference)))


class _Cached:
    """A cache that is fed whatever is new, ``chunk`` tokens at a time and ``rows`` times over."""

    def __init__(self, model: LanguageModel, *, chunk: int = 2**30, rows: int = 1) -> None:
        self._network = model.network
        self._chunk = chunk
        self._rows = rows
        self._cache: Any = None
        self._seen: list[int] = []

    def __call__(self, ids: Sequence[int]) -> Row:
        if list(ids[: len(self._seen)]) != self._seen or not self._seen:
            self._cache, self._seen = None, []
        fresh = list(ids[len(self._seen) :])
        with torch.inference_mode():
            for start in range(0, len(fresh), self._chunk):
                part = fresh[start : start + self._chunk]
                output = self._network(
                    input_ids=torch.tensor([part] * self._rows),
                    past_key_values=self._cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
                self._cache = output.past_key_values
        self._seen = list(ids)
        return _last(output)


def _last(output: Any) -> Row:
    row: Row = output.logits[-1, -1].float().numpy().copy()
    return row


def _whole(model: LanguageModel) -> Next:
    def following(ids: Sequence[int]) -> Row:
        with torch.inference_mode():
            return _last(
                model.network(
                    input_ids=torch.tensor([list(ids)]), use_cache=False, logits_to_keep=1
                )
            )

    return following


@contextmanager
def _plain(_: LanguageModel) -> Iterator[None]:
    yield


@contextmanager
def _eager(model: LanguageModel) -> Iterator[None]:
    """Attention as plain matrix products instead of the fused kernel."""
    before = model.network.config._attn_implementation
    model.network.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.network.set_attn_implementation(before)


@contextmanager
def _two_threads(_: LanguageModel) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _no_onednn(_: LanguageModel) -> Iterator[None]:
    """Products by the plain BLAS instead of oneDNN."""
    with torch.backends.mkldnn.flags(enabled=False):
        yield


_Setting = Callable[[LanguageModel], AbstractContextManager[None]]
_SETTINGS: Final[dict[str, tuple[_Setting, Callable[[LanguageModel], Next]]]] = {
    "cache": (_plain, _Cached),
    "no cache": (_plain, _whole),
    "batch of 8": (_plain, lambda model: _Cached(model, rows=BATCH)),
    "prefill in pieces": (_plain, lambda model: _Cached(model, chunk=CHUNK)),
    "plain attention": (_eager, _Cached),
    "two threads": (_two_threads, lambda model: _Cached(model, rows=BATCH)),
    "without oneDNN": (_no_onednn, _Cached),
}
VARIANTS: Final = tuple(_SETTINGS)
"""Names of the variants; the first is what ``LanguageModel.generate`` does."""


@contextmanager
def computing(model: LanguageModel, variant: str) -> Iterator[Next]:
    """The variant's way to the next logits. Its settings hold inside, so replay outside of it."""
    setting, make = _SETTINGS[variant]
    with setting(model):
        yield make(model)
