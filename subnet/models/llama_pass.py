"""The pass of many rows through a network of Llama's architecture, with little beside the products.

In comes a network of transformers; out comes, for the rows of a pass, what ``rows`` needs. With a
small model nearly all time goes into what stands around the products: transformers' modules take
three calls where one does, and make the same masks in each layer. Here queries, keys and values are
one product, and so are the two halves of the gate.

The joined weights take the place of the modules' own, which become views of them, so the network
takes no more memory than before and computes as ever. In fp32 they are stored with a line for each
input, for which MKL's products of few rows take two thirds of the time.

Whether the result is that of transformers, and the same to the bit in any company, is tried by
``rows``, not promised here. Kinds that are not known here have ``ModulesPass``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from assay.models.row_attention import RowAttention
from assay.models.source import inference_extra_missing

try:
    import torch
    from torch.nn.functional import embedding, linear, silu
except ImportError:
    raise inference_extra_missing() from None

KINDS: Final = frozenset({"llama", "mistral", "qwen2"})
"""Kinds of models with these layers, as transformers calls them. They differ in their biases, and
in windows of attention, with which ``rows`` takes none of them."""
STATIC_ROTATIONS: Final = frozenset({"default", "linear", "llama3", "yarn"})
"""Kinds of rotation that follow from a row's position alone, and not from the longest in its
company."""


class Product:
    """A product with the joined weights of ``layers``, which become views of them."""

    def __init__(self, layers: Sequence[Any]) -> None:
        """ValueError for layers that are not all plain linear ones."""
        biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
        if any(type(layer) is not torch.nn.Linear for layer in layers):
            raise ValueError("no plain linear layers")
        if biases and len(biases) < len(layers):
            raise ValueError("some have a bias, and some have none")
        self.weight = torch.cat([layer.weight.detach() for layer in layers])
        if self.weight.dtype == torch.float32:
            self.weight = self.weight.t().contiguous().t()
        self.bias = torch.cat(biases) if biases else None
        self.out_features, self.in_features = self.weight.shape
        parts = self.weight.split([layer.out_features for layer in layers])
        for layer, part in zip(layers, parts, strict=True):
            layer.weight.data = part

    def __call__(self, given: Any) -> Any:
        """Return the products (rows, out) of ``given`` (rows, in)."""
        return linear(given, self.weight, self.bias)


class _Norm:
    """The norm of Llama's kind, as ``module`` has it."""

    def __init__(self, module: Any) -> None:
        self._weight = module.weight.detach()
        self._epsilon = float(module.variance_epsilon)

    def __call__(self, given: Any) -> Any:
        wide = given.float()
        scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + self._epsilon)
        return self._weight * (wide * scale).to(given.dtype)


class _Layer:
    """One layer's parameters."""

    def __init__(self, module: Any) -> None:
        attention, gate = module.self_attn, module.mlp
        self.before, self.between = (
            _Norm(module.input_layernorm),
            _Norm(module.post_attention_layernorm),
        )
        self.asked = Product([attention.q_proj, attention.k_proj, attention.v_proj])
        self.attended = Product([attention.o_proj])
        self.gated = Product([gate.gate_proj, gate.up_proj])
        self.lowered = Product([gate.down_proj])


class LlamaPass:
    """The pass through ``network``. Made by ``of``."""

    def __init__(self, network: Any) -> None:
        config, inner = network.config, network.model
        self._heads = int(config.num_attention_heads)
        self._kept = int(config.num_key_value_heads)
        self._size = int(inner.layers[0].self_attn.head_dim)
        self._embedding = inner.embed_tokens.weight.detach()
        self._rotation = inner.rotary_emb
        self._last = _Norm(inner.norm)
        self._output = network.lm_head
        self._layers = [_Layer(layer) for layer in inner.layers]

    @classmethod
    def of(cls, network: Any) -> LlamaPass | None:
        """Return the pass through ``network``; None for another architecture."""
        config = network.config
        if config.model_type not in KINDS or config.hidden_act != "silu":
            return None
        try:
            if network.model.rotary_emb.rope_type not in STATIC_ROTATIONS:
                return None
            return cls(network)
        except (AttributeError, ValueError):  # modules that somebody has replaced, such as packed
            return None

    @property
    def products(self) -> list[Any]:
        """All products of this pass, for a trial of the order in which they add."""
        inner = [
            product
            for layer in self._layers
            for product in (layer.asked, layer.attended, layer.gated, layer.lowered)
        ]
        return [*inner, self._output]

    def __call__(
        self, ids: Any, positions: Any, wanted: Any, attention: RowAttention
    ) -> tuple[Any, Any]:
        """Return the logits after the rows ``wanted``, and the states that they are made of. The
        rows are the tokens ``ids`` at ``positions``."""
        rows, half = len(ids), self._size // 2
        states = embedding(ids, self._embedding)
        cosines, sines = (part[0, :, None] for part in self._rotation(states, positions[None]))
        # A rotation takes the other half of a vector, the second one with its sign changed.
        sines = torch.cat((-sines[..., :half], sines[..., half:]), -1)
        turned = self._heads + self._kept
        for number, layer in enumerate(self._layers):
            asked = layer.asked(layer.before(states)).view(rows, turned + self._kept, self._size)
            turning = asked[:, :turned]
            asked[:, :turned] = torch.addcmul(turning * cosines, turning.roll(half, -1), sines)
            kept = asked[:, self._heads :].unflatten(1, (2, self._kept))
            attended = attention.attend(number, asked[:, : self._heads], kept, self._size**-0.5)
            states = states + layer.attended(attended.flatten(1))
            gate, raised = layer.gated(layer.between(states)).chunk(2, -1)
            states = states + layer.lowered(silu(gate) * raised)
        states = self._last(states[wanted])
        return self._output(states), states
