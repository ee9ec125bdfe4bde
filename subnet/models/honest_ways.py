"""Honest ways to compute one answer that differ in their bits, to measure what must be tolerated.

Floating-point sums depend on their order, and the order on batch, threads, caches and kernels. A
miner may choose any of these and is honest. Each way draws an answer as it does, and keeps what it
drew from; ``spread`` compares that with a validator's replay. A way that changes no bit proves
nothing, so the number of differing logits is counted too.

Which instructions the libraries may use is settled when a process starts: ``ENVIRONMENTS`` has what
such a way needs there. This module judges nobody; ``calibration`` makes tolerances of what is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.models.drawing import Drawing, LastHidden
from assay.models.language import LanguageModel
from assay.models.slots import Span
from assay.models.source import inference_extra_missing
from assay.scoring.inference.sampling import Sampling, choose

try:
    import torch
except ImportError:
    raise inference_extra_missing() from None

Row = NDArray[np.float32]
Next = Callable[[Sequence[int]], Drawing]
"""What follows some tokens is drawn from; called with one token more each time."""

BATCH: Final = 8
"""Rows computed together by the batched variant: another tiling of every product."""
CHUNK: Final = 7
"""Tokens a step of a prefill in pieces; odd, so that no tile fits."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """An answer, with the logits and states that its tokens were drawn from, a row for each."""

    tokens: tuple[int, ...]
    logits: Row
    hidden: Row


@dataclass(frozen=True, slots=True)
class Spread:
    """How far a variant's logits lie from the judge's."""

    logits_max: float
    """Largest difference of any logit. No honest margin exceeds twice this."""
    differing: int
    """Logits that differ in at least one bit."""


def draw(variant: Next, prompt: Sequence[int], count: int, sampling: Sampling, key: bytes) -> Drawn:
    """Return ``count`` tokens after ``prompt``, drawn from what ``variant`` computes."""
    tokens: list[int] = []
    rows = []
    for position in range(count):
        rows.append(variant([*prompt, *tokens]))
        tokens.append(choose(rows[-1].logits, sampling, key, position, prompt, tokens))
    states = [row.hidden for row in rows if row.hidden is not None]
    hidden = np.stack(states) if states else np.zeros((count, 0), np.float32)
    return Drawn(tuple(tokens), np.stack([row.logits for row in rows]), hidden)


def spread(model: LanguageModel, prompt: Sequence[int], drawn: Drawn) -> Spread:
    """Return how far ``drawn`` lies from the judge's replay of the same tokens."""
    difference = np.abs(model.replay(prompt, drawn.tokens) - drawn.logits)
    return Spread(float(difference.max()), int(np.count_nonzero(difference)))


class _Cached:
    """A cache that is fed whatever is new, ``chunk`` tokens at a time and ``rows`` times over."""

    def __init__(self, model: LanguageModel, *, chunk: int = 2**30, rows: int = 1) -> None:
        self._network = model.network
        self._hidden = LastHidden(model.network)
        self._chunk = chunk
        self._rows = rows
        self._cache: Any = None
        self._seen: list[int] = []

    def __call__(self, ids: Sequence[int]) -> Drawing:
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
        return _last(output, self._hidden)


def _last(output: Any, hidden: LastHidden) -> Drawing:
    seen = hidden.take()
    state = None if seen is None else seen[-1, -1].float().numpy().copy()
    return Drawing(output.logits[-1, -1].float().numpy().copy(), state)


def _whole(model: LanguageModel) -> Next:
    hidden = LastHidden(model.network)

    def following(ids: Sequence[int]) -> Drawing:
        with torch.inference_mode():
            output = model.network(
                input_ids=torch.tensor([list(ids)]), use_cache=False, logits_to_keep=1
            )
            return _last(output, hidden)

    return following


def _by_rows(model: LanguageModel) -> Next:
    """As our own engine; as the cache where it cannot."""
    rows, held = model.by_rows(), list[int]()
    if rows is None:
        return _Cached(model)
    rows.reserve(0, model.context_tokens)

    def following(ids: Sequence[int]) -> Drawing:
        start = len(held) if held and list(ids[: len(held)]) == held else 0
        held[:] = ids
        return rows.run([Span(0, start, tuple(ids[start:]))])[0]

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
"""Names of the ways that any process has; the first is what ``LanguageModel.generate`` does."""
_OWN: Final[dict[str, tuple[_Setting, Callable[[LanguageModel], Next]]]] = {
    "our engine": (_plain, _by_rows),
    "AVX2": (_plain, _Cached),
    "SSE": (_eager, _Cached),
    "AVX-512 without AMX": (_plain, lambda model: _Cached(model, chunk=CHUNK)),
}
ENVIRONMENTS: Final[dict[str, dict[str, str]]] = {
    # On a busy machine threads that spin for each other take a second a token.
    "two threads": {"OMP_WAIT_POLICY": "PASSIVE"},
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "SSE": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    },
    "AVX-512 without AMX": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
}
"""What a way needs in the environment of its process."""
WAYS: Final = (*VARIANTS, *_OWN)
"""All ways. Each of the others needs a process of its own: our engine changes the network, and
instructions are chosen when the libraries are loaded."""


@contextmanager
def computing(model: LanguageModel, variant: str) -> Iterator[Next]:
    """Yield the way of ``variant`` to the next logits. Its settings hold inside, so replay outside
    of it."""
    setting, make = (_SETTINGS | _OWN)[variant]
    with setting(model):
        yield make(model)
