"""Small networks of several kinds with random weights, as transformers makes them."""

from __future__ import annotations

from typing import Any

VOCABULARY = 97
CONTEXT = 160


def network(kind: str, **changed: Any) -> Any:
    """A network of ``kind`` whose numbers follow from it alone."""
    import torch
    import transformers

    config = transformers.AutoConfig.for_model(
        kind,
        **{
            "vocab_size": VOCABULARY,
            "max_position_embeddings": CONTEXT,
            "hidden_size": 48,
            "intermediate_size": 80,
            "num_hidden_layers": 2,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "bos_token_id": 0,
            "eos_token_id": 0,
            "pad_token_id": 0,
        }
        | changed,
    )
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return transformers.AutoModelForCausalLM.from_config(config).eval()
