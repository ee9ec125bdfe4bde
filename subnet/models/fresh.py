"""A new model: a folder in the Hugging Face layout with random numbers, for a run that trains it.

In come a size, a seed and the folder of a model whose tokenizer is taken over; out comes the folder
of a Llama. The same arguments give the same bytes on one build of torch, and so the same root. How
the model is trained is not known here.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.files import new_folder
from assay.models.layout import CONFIG, GENERATION, WHOLE, read_layout
from assay.models.source import inference_extra_missing
from assay.models.tokens import Tokens

try:
    import torch
    import transformers
    from safetensors.torch import save_file
except ImportError:
    raise inference_extra_missing() from None


@dataclass(frozen=True, slots=True)
class FreshSize:
    """The dimensions of a new Llama, whose embedding is both its input and its output."""

    width: int
    layers: int
    heads: int
    key_heads: int
    feed_forward: int


SIZES: Final = {
    "0.2M": FreshSize(width=32, layers=4, heads=4, key_heads=2, feed_forward=88),
    "1M": FreshSize(width=96, layers=6, heads=6, key_heads=2, feed_forward=256),
    "9M": FreshSize(width=384, layers=5, heads=6, key_heads=2, feed_forward=1024),
    "100M": FreshSize(width=768, layers=14, heads=12, key_heads=4, feed_forward=2048),
}
"""By about how many numbers they have with the demo model's 4,096 tokens; each head has a width
that is a multiple of 8."""
DEVIATION: Final = 0.02
"""Of the random numbers: what Llama and GPT-2 were begun with."""
CONTEXT: Final = 512
"""The positions that a new model knows, as the demo model."""


def make_model(
    target: Path, size: str, tokenizer: Path, *, seed: int, context: int = CONTEXT
) -> Path:
    """Write a new model of ``size`` (a key of ``SIZES``) into the folder ``target``, with the
    tokenizer of the model in ``tokenizer``, and return ``target``. UserError if ``target`` is there
    already, or if the disk is full."""
    layout = read_layout(tokenizer)
    ends = sorted(Tokens.load(tokenizer).ends)
    with new_folder(target) as partial:
        network = _network(SIZES[size], int(layout.config["vocab_size"]), context, seed, ends)
        network.config.save_pretrained(partial)
        network.generation_config.save_pretrained(partial)
        tensors = {name: value.detach() for name, value in network.named_parameters()}
        save_file(tensors, partial / WHOLE, metadata={"format": "pt"})
        for path in layout.others:
            if path.name not in (CONFIG, GENERATION):
                shutil.copyfile(path, partial / path.name)
    return target


def _network(size: FreshSize, vocabulary: int, context: int, seed: int, ends: list[int]) -> Any:
    config = transformers.LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=size.width,
        intermediate_size=size.feed_forward,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.key_heads,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        initializer_range=DEVIATION,
        bos_token_id=ends[0] if ends else None,
        eos_token_id=ends[0] if ends else None,
        pad_token_id=None,
    )
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    try:
        return transformers.LlamaForCausalLM(config)
    finally:
        torch.set_rng_state(state)  # whoever drew from it before goes on as if nothing had been
