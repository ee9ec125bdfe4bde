"""The arithmetic of many answers in one pass, in which no answer's bits depend on the others.

In come spans: for some slots of the cache, the tokens that come next there. Out come, for each span
that wants them, the logits after its last token. A *row* is one token at one position of one slot,
and one pass of the network computes all rows at once, whoever's they are: tokens that are being
drawn, and pieces of prompts.

Whoever replays an answer finds nearly equal logits; here, on one machine, they must be equal to
the bit, because one draw in some ten thousand is so near a tie that the last bit decides it. So
**a row's bits are a function of the tokens up to it in its slot, and of nothing else**: not of
the other rows, its place among them, how a prompt was cut, or which slot it is. Three choices give
that (docs/decisions/batching.md has the measurement):

* A pass has one of a few numbers of rows, filled up with idle rows. A matrix product with one row
  is another kernel, with another order of sums, than one with sixteen; from sixteen on the
  kernels that were looked at add in one order, or change it once (bf16 beyond 32 rows). One kernel
  (``half_product``) has one order for any number of rows. ``Rows.of`` tries each number on the
  model at hand, and keeps those that agree with the first to the bit.
* Attention is computed for each row by itself, as one query against its slot's keys, also within a
  prompt. It reads a few keys more than the row has, up to one of the numbers that ``_keys_read``
  gives; those beyond the row are masked, so that they add exact zeros.
* All else in these networks (norms, rotations, activations) works row by row.

A *pass* computes all of it but the attention: ``LlamaPass`` for the kinds that it knows, where the
trial agrees, with products in half as many bytes if it can, and else ``ModulesPass``, for all kinds
of models that keep to transformers' attention interface.

This module knows no requests and no sampling. An instance serves one thread at a time.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

import numpy as np

from assay.models.drawing import Drawing, Floats
from assay.models.llama_pass import TILE, LlamaPass
from assay.models.modules_pass import ATTENTION, ModulesPass
from assay.models.row_attention import (
    KEYS_BLOCK,
    KEYS_TILE,
    RowAttention,
    attention,
    heads_first,
    keys_read,
    mask_beyond,
)
from assay.models.slots import Span
from assay.models.source import inference_extra_missing
from assay.models.sum_order import SumOrder

try:
    import torch
except ImportError:
    raise inference_extra_missing() from None

COUNTS: Final = (1, 4, 8, 12, 16, 32, 64, 96)
"""The numbers of rows that a pass may have, of those that are whole multiples of its tile, and
where the model's own trial agrees. Each number is tried for about two passes of it when an engine
starts; beyond 96 rows a pass gains little per row, and from 128 on some products with two threads
do sum in another order."""
TRIAL_TOKENS: Final = KEYS_TILE + 8
"""Of the text of the trial: it crosses a boundary of ``KEYS_TILE``."""
TRIAL_ALONE: Final = 16
"""How many of them, the last ones, have a pass to themselves: they lie on both sides of that
boundary. With more, an engine's start takes longer by a pass each; what bits a row has beside
others, all the ways of the trial show for the whole text."""
TRIAL_PIECES: Final = 8
"""Times the rows of a pass: so many of the last tokens are computed in pieces. With passes of few
rows, all of the text would take a pass for each of its tokens."""
TRIAL_KEYS: Final = (10, 100, 250, 300, 500, 700, 900, 2000)
"""Keys in the trial of the attention alone: less and more than half a block, in the first block and
in later ones. The cost is some hundred calls of the kernel, without the network."""
TRIAL_NOISE: Final = 2**16 + 1
"""Random numbers that the attention is tried with, over and over: their number is prime, so that no
two rows or slots hold the same ones."""
NEAR: Final = {2: 5e-2, 4: 1e-3}
"""How far, relative to the largest logit, a row may lie from what transformers computes alone, by
the bytes of a number. Rounding gives less than 1e-5 in fp32 and 2e-2 in bf16; attention of a kind
that is not computed here, more than 1e-1."""


class Pass(Protocol):
    """A pass of the rows of the tokens ``ids`` at ``positions`` through a network."""

    @property
    def tile(self) -> int:
        """Its number of rows is a multiple of this; with fewer, sums may have other orders."""
        ...

    @property
    def products(self) -> list[Any]:
        """Its products, each with its weights, for a trial of the order in which they add."""
        ...

    def __call__(
        self, ids: Any, positions: Any, wanted: Any, attention: RowAttention
    ) -> tuple[Any, Any]:
        """Return the logits after the rows ``wanted``, and the states that they are made of."""
        ...


class Rows:
    """A network, and a cache of keys and values in slots. Made by ``of``."""

    def __init__(self, network: Any, passed: Pass, context_tokens: int) -> None:
        self._network = network
        self._passed = passed
        self._context = context_tokens
        self._device = network.device
        self._dtype = network.dtype
        config = network.config.get_text_config()
        heads = int(config.num_attention_heads)
        size = int(getattr(config, "head_dim", None) or int(config.hidden_size) // heads)
        self._kept = (int(getattr(config, "num_key_value_heads", None) or heads), size)
        self._sharing = heads // self._kept[0]
        self._layers = int(config.num_hidden_layers)
        self._cache = [self._empty(0, 0) for _ in range(self._layers)]
        self._used: Counter[int] = Counter()
        """How many tokens each slot holds, counted from its beginning."""
        self.counts: tuple[int, ...] = (passed.tile,)
        """The numbers of rows that a pass may have."""

    @classmethod
    def of(cls, network: Any, context_tokens: int, vocabulary: int) -> Rows | None:
        """Return ``network`` by rows; None for a kind that cannot be computed so, to the bit.

        A short text is computed in several ways, which takes a few hundred passes.
        """
        if not _takes_rows(network, context_tokens):
            return None
        for passed in _passes(network):
            rows = cls._tried(network, passed, context_tokens, vocabulary)
            if rows is not None:
                return rows
        return None

    @classmethod
    def _tried(
        cls, network: Any, passed: Pass, context_tokens: int, vocabulary: int
    ) -> Rows | None:
        """Return ``network`` by rows in the way of ``passed``; None where the trial disagrees."""
        try:
            rows = cls(network, passed, context_tokens)
            rows.counts = rows._agreeing(vocabulary)
        except Exception:  # a kind of network with other names or shapes than those read here
            return None
        rows.forget()
        return rows if rows.counts and rows.counts[-1] >= TILE else None

    def forget(self) -> None:
        """Free the cache."""
        self._used.clear()
        self._cache = [self._empty(0, 0) for _ in range(self._layers)]

    def reserve(self, slot: int, tokens: int) -> None:
        """Make room for ``tokens`` in ``slot``. The cache grows by doubling and does not shrink."""
        slots, length = self._cache[-1].shape[:2]  # which grows last
        if slot < slots and tokens <= length:
            return
        if slot >= slots:
            slots = max(slot + 1, 2 * slots)
        if tokens > length:
            length = keys_read(max(tokens, min(2 * length, self._context)))
        for layer, old in enumerate(self._cache):
            # An attempt that ran out of memory may have left this layer larger than others.
            grown = self._empty(max(slots, old.shape[0]), max(length, old.shape[1]))
            grown[: old.shape[0], : old.shape[1]] = old
            self._cache[layer] = grown

    def copy(self, source: int, slot: int, tokens: int) -> None:
        """Give ``slot`` the first ``tokens`` of ``source``, and zeros after them."""
        for kept in self._cache:
            if source != slot:
                kept[slot, :tokens] = kept[source, :tokens]
            kept[slot, tokens : self._used[slot]] = 0.0
        self._used[slot] = tokens

    def move(self, source: int, slot: int) -> None:
        """Give ``slot`` all that ``source`` holds."""
        self.copy(source, slot, self._used[source])

    def run(self, spans: Sequence[Span]) -> list[Drawing]:
        """Compute ``spans``; return what follows each that is drawn from, in their order.

        No slot occurs twice, and each has room: ``reserve`` was called.
        """
        drawn: dict[int, Drawing] = {}
        for part in self._passes(spans):
            drawn.update(self._pass(part))
        return [drawn[span.slot] for span in spans if span.drawn_from]

    def _passes(self, spans: Sequence[Span]) -> Iterator[list[Span]]:
        """Cut ``spans`` into passes of as many rows as one may have. Within a pass, single tokens
        stand together and by slot, so that neighbours attend in one call."""
        part: list[Span] = []
        room = self.counts[-1]
        for span in sorted(spans, key=lambda span: (len(span.tokens) > 1, span.slot)):
            start, left = span.start, span.tokens
            while left:
                now, left = left[:room], left[room:]
                part.append(Span(span.slot, start, now, span.drawn_from and not left))
                start += len(now)
                room -= len(now)
                if not room:
                    yield part
                    part, room = [], self.counts[-1]
        if part:
            yield part

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _pass(self, spans: list[Span]) -> dict[int, Drawing]:
        for span in spans:
            self._used[span.slot] = max(self._used[span.slot], span.end)
        used = sum(len(span.tokens) for span in spans)
        idle = next(count for count in self.counts if count >= used) - used
        ids = [token for span in spans for token in span.tokens] + [0] * idle
        positions = [p for span in spans for p in range(span.start, span.end)] + [0] * idle
        ends = np.cumsum([len(span.tokens) for span in spans]) - 1
        wanted = [int(end) for span, end in zip(spans, ends, strict=True) if span.drawn_from]
        heads_rows = _up(len(wanted), self._passed.tile)
        kept, states = self._passed(
            torch.tensor(ids, device=self._device),
            torch.tensor(positions, device=self._device),
            torch.tensor(
                wanted + [0] * (heads_rows - len(wanted)), dtype=torch.long, device=self._device
            ),
            RowAttention(self._cache, spans, idle),
        )
        logits = kept[: len(wanted)].float().cpu().numpy()
        hidden = states[: len(wanted)].float().cpu().numpy()
        asked = [span.slot for span in spans if span.drawn_from]
        return {slot: Drawing(logits[i], hidden[i]) for i, slot in enumerate(asked)}

    def _empty(self, slots: int, length: int) -> Any:
        """Zeros, because masked keys are multiplied by zero, which does not make NaN vanish."""
        heads, size = self._kept
        shape = (slots, length, 2, heads, size)
        return torch.zeros(shape, device=self._device, dtype=self._dtype)

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _attends_alike(self) -> bool:
        """Return whether a row's attention has the same bits by itself and in company, and however
        many keys beyond its own are read."""
        heads, size = self._kept
        chance = torch.Generator().manual_seed(1)
        noise = torch.randn(TRIAL_NOISE, generator=chance).to(self._device, self._dtype)
        turns = itertools.count()

        def some(*shape: int) -> Any:
            # Drawn once, because drawing takes longer than the attention that is tried.
            numbers = math.prod(shape)
            repeated = noise.roll(next(turns) * TRIAL_KEYS[-1]).repeat(-(-numbers // TRIAL_NOISE))
            return repeated[:numbers].view(shape)

        for keys in {min(count, self._context) for count in TRIAL_KEYS}:
            query, key, value = some(self._sharing, size), some(keys, size), some(keys, size)
            seen = set()
            for beyond, rows in itertools.product((0, KEYS_TILE, KEYS_BLOCK, 1500), (1, 5, TILE)):
                read = keys_read(keys + beyond)
                queries = some(rows, heads, self._sharing, size)
                slots = some(1 if rows == 5 else rows, read, 2, heads, size)
                queries[-1, 0] = query
                slots[-1, :keys, 0, 0], slots[-1, :keys, 1, 0] = key, value
                positions = torch.full((rows,), keys - 1, device=self._device)
                mask = mask_beyond(positions, read, self._dtype)
                wide = heads_first(slots.expand(rows, -1, -1, -1, -1))
                attended = attention(queries, *wide, mask, 0.1)
                seen.add(attended[-1, 0].float().cpu().numpy().tobytes())
            if len(seen) > 1:
                return False
        return True

    def _agreeing(self, vocabulary: int) -> tuple[int, ...]:
        """Return the numbers of rows with which a text's logits are those of one row at a time."""
        if not self._attends_alike():
            return ()
        count = min(TRIAL_TOKENS, self._context - 1)
        text = tuple((7 * i * i + 3 * i + 1) % vocabulary for i in range(count))
        self.reserve(2 * TILE, count)
        last = len(text) - 1
        self.run([Span(0, 0, text[:-TRIAL_ALONE], drawn_from=False)])
        for at in range(max(0, len(text) - TRIAL_ALONE), last):
            self.run([Span(0, at, text[at : at + 1], drawn_from=False)])
        alone = self.run([Span(0, last, text[last:])])[0]
        plain = self._plain(text)
        near = NEAR[self._dtype.itemsize] * np.abs(plain).max()
        if np.abs(plain - alone.logits).max() > near:
            return ()
        agreeing: tuple[int, ...] = ()
        tile = self._passed.tile
        order = SumOrder(self._passed.products, tile)
        for rows in (count for count in COUNTS if count % tile == 0):
            self.counts = (rows,)
            if not order.is_same(rows, beyond=max(agreeing, default=0)):
                break
            if not all(_same(made, alone) for made in self._ways(text, rows, vocabulary)):
                break
            agreeing = (*agreeing, rows)
        return agreeing

    def _ways(self, text: tuple[int, ...], rows: int, vocabulary: int) -> Iterator[Drawing]:
        """Compute ``text`` in passes of ``rows`` rows: by itself, and in pieces among others."""
        yield self.run([Span(1, 0, text)])[0]
        last = len(text) - 1
        start = max(0, last - TRIAL_PIECES * rows)
        self.copy(1, 3, start)
        while start < last:
            # Others' tokens before and after this slot's.
            piece = text[start : min(start + max(1, rows // 2 - 1), last)]
            others = [Span(slot, start, (vocabulary - 1 - slot,)) for slot in (2, 5, 6)]
            self.run([*others[: rows - 1], Span(3, start, piece, drawn_from=False)])
            start += len(piece)
        for place in (4, TILE):
            self.copy(3, place, last)
            company = [Span(slot, last, (slot % vocabulary,)) for slot in range(5, 5 + TILE // 2)]
            yield self.run([Span(place, last, text[last:]), *company])[0]

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _plain(self, text: tuple[int, ...]) -> Floats:
        output = self._network(
            input_ids=torch.tensor([text], device=self._device), use_cache=False, logits_to_keep=1
        )
        last: Floats = output.logits[0, -1].float().cpu().numpy()
        return last


def _passes(network: Any) -> Iterator[Pass]:
    """Yield the ways to compute ``network``, the quickest first."""
    lean = LlamaPass.of(network)
    if lean is not None:
        halved = lean.halved()
        if halved is not None:
            yield halved
        yield lean
    yield ModulesPass(network)


def _takes_rows(network: Any, context_tokens: int) -> bool:
    """Return whether ``network``'s attention may be replaced by one over all that came before."""
    if not getattr(network, "_supports_attention_backend", False):
        return False
    config = network.config.get_text_config()
    if config._attn_implementation not in ("sdpa", ATTENTION):
        return False
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ())
    if window is not None and window < context_tokens and kinds != {"full_attention"}:
        return False
    return kinds <= {"full_attention", "sliding_attention"}


def _same(one: Drawing, other: Drawing) -> bool:
    """Return whether the logits are equal to the bit."""
    return one.logits.tobytes() == other.logits.tobytes()


def _up(number: int, tile: int) -> int:
    return -(-number // tile) * tile
