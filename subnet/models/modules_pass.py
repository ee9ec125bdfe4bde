"""The pass of many rows through transformers' own modules, for all kinds that let us attend.

In comes a network of transformers; out comes, for the rows of a pass, what ``rows`` needs. The
modules compute everything but the attention, which they let us replace.
"""

from __future__ import annotations

from typing import Any, Final

from assay.models.drawing import LastHidden
from assay.models.llama_pass import TILE
from assay.models.row_attention import RowAttention
from assay.models.source import inference_extra_missing

try:
    import torch
    import transformers
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
except ImportError:
    raise inference_extra_missing() from None

ATTENTION: Final = "assay_rows"
"""The name under which transformers finds ``_attend``."""


class ModulesPass:
    """The pass through ``network``."""

    tile: Final = TILE

    def __init__(self, network: Any) -> None:
        network.set_attn_implementation(ATTENTION)
        self._network = network
        self._hidden = LastHidden(network)

    @property
    def products(self) -> list[Any]:
        """All products of this pass, for a trial of the order in which they add."""
        return [part for part in self._network.modules() if isinstance(part, torch.nn.Linear)]

    def __call__(
        self, ids: Any, positions: Any, wanted: Any, attention: RowAttention
    ) -> tuple[Any, Any]:
        """Return the logits after the rows ``wanted``, and the states that they are made of. The
        rows are the tokens ``ids`` at ``positions``."""
        output = self._network(
            input_ids=ids[None],
            position_ids=positions[None],
            # Of four dimensions, hence not looked at; without one, transformers would make one.
            attention_mask=torch.zeros(1, 1, 1, 1, device=ids.device),
            use_cache=False,
            logits_to_keep=wanted,
            rows=attention,
        )
        return output.logits[0], self._hidden.take()[0]


def _attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    scaling: float | None = None,
    rows: RowAttention | None = None,
    **others: Any,
) -> tuple[Any, None]:
    """The attention of a pass by rows; without ``rows``, what transformers does by itself. The
    shapes are (1, heads, rows, size); the result's is (1, rows, heads, size)."""
    if rows is None:
        plain: tuple[Any, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **others
        )
        return plain
    if scaling is None:
        scaling = query.shape[-1] ** -0.5
    queries = query[0].transpose(0, 1).contiguous()
    kept = torch.stack((key[0], value[0])).permute(2, 0, 1, 3)
    return rows.attend(module.layer_idx, queries, kept, scaling)[None], None


transformers.AttentionInterface.register(ATTENTION, _attend)
ALL_MASK_ATTENTION_FUNCTIONS.register(ATTENTION, sdpa_mask)
