"""The pass of many rows through a network of Llama's architecture, with little beside the products.

In comes a network of transformers; out comes, for the rows of a pass, what ``rows`` needs. With a
small model nearly all time goes into what stands around the products: transformers' modules take
three calls where one does, and make the same masks in each layer. Here queries, keys and values are
one product, and so are the two halves of the gate.

The joined weights take the place of the modules' own, which become views of them, so the network
takes no more memory than before and computes as ever. In fp32 they are stored with a line for each
input, for which MKL's products of few rows take two thirds of the time.

Where ``half_product`` can, the pass computes by its products instead: ``halved``. They are a copy
in half as many bytes, so the network then takes half as much memory again.

Whether the result is that of transformers, and the same to the bit in any company, is tried by
``rows``, not promised here. Kinds that are not known here have ``ModulesPass``.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from assay.models.half_product import HalfProduct
from assay.models.row_attention import RowAttention
from assay.models.source import inference_extra_missing

try:
    import torch
    from torch.nn.functional import embedding, linear, rms_norm, silu
except ImportError:
    raise inference_extra_missing() from None

KINDS: Final = frozenset({"llama", "mistral", "qwen2"})
"""Kinds of models with these layers, as transformers calls them. They differ in their biases, and
in windows of attention, with which ``rows`` takes none of them."""
STATIC_ROTATIONS: Final = frozenset({"default", "linear", "llama3", "yarn"})
"""Kinds of rotation that follow from a row's position alone, and not from the longest in its
company."""
TILE: Final = 16
"""The smallest number of rows that plain products may have. With fewer, MKL takes kernels for one
row and for two to eight, whose sums differ from those for more in the last bits."""


class Product:
    """A product with the joined weights of ``layers``, which become views of them."""

    scale: Final = 1.0
    """What is left to multiply by, as with a ``HalfProduct``."""

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


AnyProduct = Product | HalfProduct


class _Norm:
    """The norm of Llama's kind, as ``module`` has it."""

    def __init__(self, module: Any) -> None:
        self._weight = module.weight.detach()
        self._epsilon = float(module.variance_epsilon)

    def scaled(self, scale: float) -> _Norm:
        """Return the norm that gives ``scale`` times as much, for a product that leaves it out."""
        other = copy.copy(self)
        other._weight = self._weight * scale
        return other

    def __call__(self, given: Any) -> Any:
        if given.dtype == torch.float32:
            return rms_norm(given, self._weight.shape, self._weight, self._epsilon)
        wide = given.float()
        scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + self._epsilon)
        return self._weight * (wide * scale).to(given.dtype)


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer's parameters."""

    before: _Norm
    asked: AnyProduct
    """Queries, keys and values."""
    attended: AnyProduct
    between: _Norm
    gated: AnyProduct
    lowered: AnyProduct

    @classmethod
    def of(cls, module: Any) -> _Layer:
        attention, gate = module.self_attn, module.mlp
        return cls(
            _Norm(module.input_layernorm),
            Product([attention.q_proj, attention.k_proj, attention.v_proj]),
            Product([attention.o_proj]),
            _Norm(module.post_attention_layernorm),
            Product([gate.gate_proj, gate.up_proj]),
            Product([gate.down_proj]),
        )

    def halved(self) -> _Layer | None:
        """Return this layer with all products in half as many bytes; None where one cannot be."""
        added = (self.attended, self.lowered)
        if any(isinstance(each, Product) and each.bias is not None for each in added):
            return None  # their scale is for the result, in which a bias is already
        halves = [_half(each) for each in (self.asked, self.attended, self.gated, self.lowered)]
        asked, attended, gated, lowered = halves
        if asked is None or attended is None or gated is None or lowered is None:
            return None
        return _Layer(
            self.before.scaled(asked.scale), asked, attended,
            self.between.scaled(gated.scale), gated, lowered,
        )  # fmt: skip


def _half(product: Any) -> HalfProduct | None:
    return HalfProduct.of(product.weight.detach(), product.bias)


class LlamaPass:
    """The pass through ``network``. Made by ``of``."""

    def __init__(self, network: Any) -> None:
        config, inner = network.config, network.model
        self.tile = TILE
        self._heads = int(config.num_attention_heads)
        self._kept = int(config.num_key_value_heads)
        self._size = int(inner.layers[0].self_attn.head_dim)
        self._embedding = inner.embed_tokens.weight.detach()
        self._rotation = inner.rotary_emb
        self._last = _Norm(inner.norm)
        self._output = network.lm_head
        self._output_scale = 1.0
        self._layers = [_Layer.of(layer) for layer in inner.layers]

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

    def halved(self) -> LlamaPass | None:
        """Return this pass by products in half as many bytes, of which each row has the same bits
        in any number of rows; None where a product of this network cannot be one of those."""
        output = _half(self._output)
        layers = [layer.halved() for layer in self._layers] if output is not None else []
        if output is None or None in layers:
            return None
        other = copy.copy(self)
        other.tile = 1
        other._output, other._output_scale = output, output.scale
        other._layers = [layer for layer in layers if layer is not None]
        return other

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
            attended = layer.attended(attended.flatten(1))
            states = torch.add(states, attended, alpha=layer.attended.scale)
            gate, raised = layer.gated(layer.between(states)).chunk(2, -1)
            lowered = layer.lowered(silu(gate).mul_(raised))
            states = torch.add(states, lowered, alpha=layer.lowered.scale)
        states = self._last(states[wanted])
        return self._output(states * self._output_scale), states
