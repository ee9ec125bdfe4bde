"""A Llama's forward pass in numpy and doubles, written from the architecture's description.

The slow twin of what transformers computes: RMS norm, rotary positions, grouped-query attention,
SiLU-gated feed-forward, tied embedding. It shares no code with torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open


class NumpyLlama:
    """Weights as doubles, and one forward pass over a whole text."""

    def __init__(self, folder: Path) -> None:
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        # Read through torch for bf16, which numpy has not; the arithmetic is all numpy's.
        self.weights: dict[str, np.ndarray] = {}
        with safe_open(folder / "model.safetensors", framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118  not a dict
                self.weights[name] = stored.get_tensor(name).double().numpy()

    def logits(self, ids: list[int]) -> np.ndarray:
        """Shape (len(ids), vocabulary)."""
        x = self.weights["model.embed_tokens.weight"][ids]
        for layer in range(self.config["num_hidden_layers"]):
            prefix = f"model.layers.{layer}."
            x = x + self._attention(self._norm(x, f"{prefix}input_layernorm"), prefix)
            x = x + self._feed_forward(self._norm(x, f"{prefix}post_attention_layernorm"), prefix)
        out: np.ndarray = self._norm(x, "model.norm") @ self.weights["model.embed_tokens.weight"].T
        return out

    def _norm(self, x: np.ndarray, name: str) -> np.ndarray:
        scale = np.sqrt((x**2).mean(-1, keepdims=True) + self.config["rms_norm_eps"])
        scaled: np.ndarray = x / scale * self.weights[f"{name}.weight"]
        return scaled

    def _linear(self, x: np.ndarray, name: str) -> np.ndarray:
        product: np.ndarray = x @ self.weights[f"{name}.weight"].T
        return product

    def _attention(self, x: np.ndarray, prefix: str) -> np.ndarray:
        heads, groups = self.config["num_attention_heads"], self.config["num_key_value_heads"]
        width, length = self.config["head_dim"], len(x)
        query, key, value = (
            self._linear(x, f"{prefix}self_attn.{part}_proj").reshape(length, -1, width)
            for part in "qkv"
        )
        query, key = self._rotate(query), self._rotate(key)
        out = np.empty((length, heads, width))
        later = np.triu(np.full((length, length), -np.inf), 1)
        for head in range(heads):
            group = head * groups // heads
            scores = query[:, head] @ key[:, group].T / np.sqrt(width) + later
            odds = np.exp(scores - scores.max(-1, keepdims=True))
            out[:, head] = odds / odds.sum(-1, keepdims=True) @ value[:, group]
        return self._linear(out.reshape(length, -1), f"{prefix}self_attn.o_proj")

    def _rotate(self, x: np.ndarray) -> np.ndarray:
        """Turn each pair (i, i + half) of a head by its position times its frequency."""
        half = x.shape[-1] // 2
        theta = self.config["rope_parameters"]["rope_theta"]
        angle = np.arange(len(x))[:, None] * theta ** (-np.arange(half) / half)
        cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
        first, second = x[..., :half], x[..., half:]
        return np.concatenate(
            [first * cosine - second * sine, second * cosine + first * sine], axis=-1
        )

    def _feed_forward(self, x: np.ndarray, prefix: str) -> np.ndarray:
        gate = self._linear(x, f"{prefix}mlp.gate_proj")
        up = self._linear(x, f"{prefix}mlp.up_proj")
        return self._linear(gate / (1 + np.exp(-gate)) * up, f"{prefix}mlp.down_proj")
