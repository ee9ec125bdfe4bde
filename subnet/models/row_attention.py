"""Attention of one pass of many rows: each row by itself, over the keys of its own slot.

In come the queries, keys and values of a pass, layer by layer; the keys and values are kept in the
cache, and out comes what each row attends to. A *cache* is one tensor a layer, of the shape (slots,
tokens, 2, heads, size): for each token its keys, then its values. A row is one query against its
slot's keys, whatever other rows the pass has, and the number of keys that are read is one of a few
(``rows`` says why). Rows that lie side by side attend in one call.

This module knows no network: it is told whose rows they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from assay.models.slots import Span
from assay.models.source import inference_extra_missing

try:
    import torch
except ImportError:
    raise inference_extra_missing() from None

KEYS_TILE: Final = 64
"""Attention reads keys up to a multiple of this: a multiple of every vector's length, and small
beside a usual prompt."""
KEYS_BLOCK: Final = 512
"""torch's kernel works on as many keys at a time. MKL sums the values of up to half a block in one
piece, and cuts more in two equal halves: so a block has up to half of its keys, or all."""


class RowAttention:
    """What the attention of one pass needs: whose rows they are, and where their keys lie."""

    def __init__(self, cache: Sequence[Any], spans: Sequence[Span], idle: int) -> None:
        """The rows of ``spans``, in their order, and ``idle`` ones after them, which attend to
        nothing and leave the cache as it is."""
        self._cache = cache
        self._idle = idle
        device, dtype = cache[0].device, cache[0].dtype
        slots = [span.slot for span in spans for _ in span.tokens]
        positions = [place for span in spans for place in range(span.start, span.end)]
        self._slots = torch.tensor(slots, device=device)
        self._positions = torch.tensor(positions, device=device)
        self._groups = [_Group(part, at, self._positions, dtype) for at, part in _neighbours(spans)]

    def attend(self, layer: int, queries: Any, kept: Any, scaling: float) -> Any:
        """Keep ``kept`` (rows, 2, heads of the keys, size), the rows' keys and values, and return
        the attention of each row, of the shape of ``queries`` (rows, heads, size)."""
        rows, heads, size = queries.shape
        cache = self._cache[layer]
        cache[self._slots, self._positions] = kept[: rows - self._idle]
        # Queries that share keys stand together: (rows, heads of the keys, sharing, size).
        shared = queries.unflatten(1, (cache.shape[3], -1))
        attended = [
            attention(shared[group.rows], *group.of(cache), group.mask, scaling)
            for group in self._groups
        ]
        if self._idle:
            attended.append(torch.zeros_like(shared[rows - self._idle :]))
        whole = attended[0] if len(attended) == 1 else torch.cat(attended)
        return whole.reshape(rows, heads, size)


class _Group:
    """Rows that attend in one call: those of one slot, or one row of each of some neighbours."""

    def __init__(self, spans: Sequence[Span], at: int, positions: Any, dtype: Any) -> None:
        count = sum(len(span.tokens) for span in spans)
        self.rows = slice(at, at + count)
        self._slots = slice(spans[0].slot, spans[0].slot + len(spans))
        self._count = count
        self._length = keys_read(max(span.end for span in spans))
        self.mask = mask_beyond(positions[self.rows], self._length, dtype)

    def of(self, cache: Any) -> tuple[Any, Any]:
        """Return these rows' keys and values in ``cache``, without copying them."""
        kept = cache[self._slots, : self._length].expand(self._count, -1, -1, -1, -1)
        return heads_first(kept)


def heads_first(kept: Any) -> tuple[Any, Any]:
    """Return keys and values as the kernel wants them, (slots, heads, tokens, size), of a part of a
    cache."""
    keys, values = kept.transpose(1, 3).unbind(2)
    return keys, values


def attention(queries: Any, keys: Any, values: Any, mask: Any, scaling: float) -> Any:
    """The kernel: (rows, heads of the keys, queries that share keys, size) for the queries, and
    their number of keys in their stead for keys and values."""
    return torch.nn.functional.scaled_dot_product_attention(
        queries, keys, values, attn_mask=mask, scale=scaling
    )


def mask_beyond(positions: Any, keys: int, dtype: Any) -> Any:
    """What is added to the scores: rows at ``positions`` see no keys beyond their own."""
    beyond = torch.arange(keys, device=positions.device) > positions[:, None]
    mask = torch.zeros(len(positions), 1, 1, keys, device=positions.device, dtype=dtype)
    return mask.masked_fill_(beyond[:, None, None], float("-inf"))


def keys_read(keys: int) -> int:
    """Return how many keys attention reads where a row has ``keys``."""
    whole, rest = divmod(keys, KEYS_BLOCK)
    read = -(-rest // KEYS_TILE) * KEYS_TILE if rest <= KEYS_BLOCK // 2 else KEYS_BLOCK
    return whole * KEYS_BLOCK + read


def _neighbours(spans: Sequence[Span]) -> Iterator[tuple[int, Sequence[Span]]]:
    """Yield the groups of ``spans``, each with the number of its first row."""
    at = begin = 0
    for end in range(1, len(spans) + 1):
        group = spans[begin:end]
        last = group[-1]
        if (
            end < len(spans)
            and len(spans[end].tokens) == len(last.tokens) == 1
            and spans[end].slot == last.slot + 1
        ):
            continue
        yield at, group
        at += sum(len(span.tokens) for span in group)
        begin = end
