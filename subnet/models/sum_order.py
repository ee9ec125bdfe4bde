"""Does a network's products add in one order, however many rows they have? A trial that shows it.

In come the linear layers of a pass; out comes, for a number of rows, whether each of them gives one
row the same result as in a product of few rows. Kernels choose by the number of rows how they cut a
sum, and in bf16 the rounding of the result hides nearly every other order: of some ten thousand
results one differs, so a text of a few dozen tokens seldom shows it.

The rows tried here are made for it. The products of a row with one line of a layer's weights cancel
in pairs, each pair to exactly zero and the pairs of very different sizes, so that all that is left
is what the additions lost on their way: another order, another result, without fail.

This module knows no attention, no cache and no tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from assay.models.source import inference_extra_missing

try:
    import torch
except ImportError:
    raise inference_extra_missing() from None

LINES: Final = 16
"""Lines of a layer's weights that are tried, spread over all: kernels cut these in tiles too."""
SIZES: Final = 8
"""Pairs differ in size by up to two to the power of this. In fp16 more would overflow."""


class SumOrder:
    """The linear layers ``products``, one of each shape, with rows that show their order."""

    def __init__(self, products: Iterable[Any], few: int) -> None:
        """``few`` is the number of rows that others are compared with."""
        self._few = few
        self._chance = torch.Generator().manual_seed(1)
        layers = {(layer.in_features, layer.out_features): layer for layer in products}
        self._tried = [
            (layer, [(line, self._cancelling(layer.weight[line])) for line in _spread(layer)])
            for layer in layers.values()
        ]
        self._expected = list(self._results(few))

    def is_same(self, rows: int, beyond: int = 0) -> bool:
        """Return whether products of ``rows`` rows, and of fewer multiples of the few, add as those
        of the few do. Those of up to ``beyond`` rows are not tried: somebody has."""
        counts = range(beyond + self._few, rows + 1, self._few)
        return all(list(self._results(count)) == self._expected for count in counts)

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _results(self, rows: int) -> Iterator[float]:
        """Yield what each row comes to, at a place that chance draws among ``rows`` rows."""
        for layer, lines in self._tried:
            for begin in range(0, len(lines), rows):
                part = lines[begin : begin + rows]
                places = torch.randperm(rows, generator=self._chance)[: len(part)].tolist()
                others = torch.randn(1, rows, layer.in_features, generator=self._chance)
                given = others.to(part[0][1].device, part[0][1].dtype)
                given[0, places] = torch.stack([row for _, row in part])
                made = layer(given)[0, places, [line for line, _ in part]]
                yield from made.tolist()

    def _cancelling(self, weights: Any) -> Any:
        """Return a row of which the products with ``weights`` cancel in pairs."""
        half = len(weights) // 2
        order = torch.randperm(len(weights), generator=self._chance).to(weights.device)
        one, other = order[:half], order[half : 2 * half]
        sizes = 2.0 ** torch.randint(0, SIZES, (half,), generator=self._chance)
        factor = sizes.to(weights.device, weights.dtype)  # powers of two: exact
        row = torch.zeros_like(weights)
        row[one], row[other] = weights[other] * factor, -weights[one] * factor
        return row


def _spread(layer: Any) -> range:
    return range(0, layer.out_features, max(1, layer.out_features // LINES))
