"""Finds where a model's most likely continuation goes in circles, and a loss that unlearns it.

Small models repeat themselves at temperature 0. Training on text alone does not cure that, because
text never shows what follows a circle. Here the model continues some beginnings by itself, and
tokens that prolong a circle are made less likely: the sequence-level unlikelihood loss of Welleck
et al. 2019 (https://arxiv.org/abs/1908.04319), with circles in the place of any repeated n-gram,
because code repeats n-grams with good reason. This module knows nothing of corpus or schedule.
"""

from __future__ import annotations

import torch
from transformers import LlamaForCausalLM

CIRCLE_TIMES = 3  # a stretch so often in a row is a circle; code may well have two equal lines
CIRCLE_TOKENS_MIN = 12  # shorter repetition is indentation, a row of dashes, closing brackets


def circle_positions(ids: list[int], times: int = CIRCLE_TIMES) -> set[int]:
    """Positions in ``ids`` of tokens that end or prolong ``times`` equal stretches in a row."""
    found: set[int] = set()
    for period in range(1, len(ids) // times + 1):
        least = max(CIRCLE_TOKENS_MIN, (times - 1) * period)  # tokens equal to one a period before
        run = 0
        for position in range(period, len(ids)):
            run = run + 1 if ids[position] == ids[position - period] else 0
            if run >= least:
                found.add(position)
    return found


@torch.no_grad()
def most_likely(model: LlamaForCausalLM, beginnings: torch.Tensor, tokens: int) -> torch.Tensor:
    """``beginnings``, rows of equal length, each continued by its ``tokens`` most likely tokens."""
    ids, new, past = beginnings, beginnings, None
    for _ in range(tokens):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(input_ids=new, past_key_values=past, use_cache=True)
        past, new = out.past_key_values, out.logits[:, -1:].argmax(-1)
        ids = torch.cat([ids, new], dim=1)
    return ids


def circle_loss(
    model: LlamaForCausalLM, beginnings: torch.Tensor, tokens: int
) -> torch.Tensor | None:
    """How likely the model finds the tokens that prolong its own circles, as a mean of
    -log(1 - p); None where its continuations of ``beginnings`` have no circle.

    A token counts from the second repetition on: one earlier than where a circle is complete.
    """
    ids = most_likely(model, beginnings, tokens)
    first = beginnings.shape[1]
    mask = torch.zeros(len(ids), ids.shape[1] - 1, dtype=torch.bool)
    for row, content in enumerate(ids.tolist()):
        for position in circle_positions(content, CIRCLE_TIMES - 1):
            mask[row, position - 1] = position >= first
    if not mask.any():
        return None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits[mask].float()
    others = logits.scatter(-1, ids[:, 1:][mask][:, None], -torch.inf)
    # log(1 - p) from the other tokens' logits: 1 - p itself would round to 0 and have no gradient.
    return (logits.logsumexp(-1) - others.logsumexp(-1)).mean()
