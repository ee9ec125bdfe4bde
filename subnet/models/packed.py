"""Linear layers whose weights stay quantised in memory, and the packing of their integers.

In come a layer's tensors as a file holds them (``X.weight_packed``, ``X.weight_scale``,
``X.weight_shape``) and the ``Scheme`` of the folder; out comes a ``PackedLinear``, which takes the
place of the linear layer ``X``. It computes in the precision of what it is given: the integers are
turned into numbers for each product, and thrown away. So a layer needs a quarter or an eighth of
the memory that it would need in fp32, and one product more than it would take.

The packing is the one of compressed-tensors: an integer i of n bits is stored as i + 2^(n-1), the
first one in the lowest bits of a 32-bit word. This module reads no files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from assay.models.quantised import Scheme
from assay.models.source import inference_extra_missing

try:
    import torch
    from torch.nn.functional import linear, pad
except ImportError:
    raise inference_extra_missing() from None

PACKED: Final = ".weight_packed"
SCALE: Final = ".weight_scale"
SHAPE: Final = ".weight_shape"
SUFFIXES: Final = (PACKED, SCALE, SHAPE)
WORD_BITS: Final = 32
_BYTE: Final = torch.uint8
SCALE_TYPES: Final = (torch.bfloat16, torch.float16)
"""Types of a scale. Each times an integer of 8 bits is an fp32 value; an fp32 scale's would be
rounded."""


def numbers_per_word(scheme: Scheme | None) -> int:
    """Return how many weights stand in one 32-bit word of a layer stored by ``scheme``."""
    return 1 if scheme is None else WORD_BITS // scheme.bits


def pack(integers: Any, bits: int) -> Any:
    """Return ``integers`` (rows, columns; int8) in words (rows, columns * bits / 32, rounded up;
    int32)."""
    columns = integers.shape[1]
    offset = (integers.to(torch.int16) + (1 << bits - 1)).to(torch.uint8)
    padded = -(-columns // WORD_BITS) * WORD_BITS
    offset = pad(offset, (0, padded - columns))
    if bits == 4:
        offset = offset[:, ::2] | (offset[:, 1::2] << 4)
    words = -(-columns * bits // WORD_BITS)
    return offset.contiguous().view(torch.int32)[:, :words].contiguous()


def unpack(words: Any, bits: int, columns: int) -> Any:
    """Return the integers (rows, ``columns``; int8) that ``pack`` put into ``words``."""
    offset = words.contiguous().view(_BYTE)
    if bits == 4:
        offset = torch.stack((offset & 15, offset >> 4), dim=-1).flatten(1)
    return (offset[:, :columns].to(torch.int16) - (1 << bits - 1)).to(torch.int8)


class PackedLinear(torch.nn.Module):
    """A linear layer with integers for weights."""

    def __init__(self, words: Any, scale: Any, columns: int, scheme: Scheme, bias: Any) -> None:
        super().__init__()
        self.out_features, self.in_features = words.shape[0], columns
        self._bits, self._grouped = scheme.bits, scheme.group is not None
        # Eight bits are kept as they are multiplied, four as bytes with two columns each.
        kept = unpack(words, 8, columns) if scheme.bits == 8 else words.contiguous().view(_BYTE)
        self.register_buffer("integers", kept, persistent=False)
        self.register_buffer("scale", scale, persistent=False)
        self.bias = bias

    def forward(self, given: Any) -> Any:
        """Return the layer's result (..., out) for ``given`` (..., in), in its precision."""
        kind = given.dtype
        numbers = self.integers.to(kind) if self._bits == 8 else self._halves(kind)
        if self._bits == 4:  # all even columns come before all odd ones
            given = pad(given, (0, numbers.shape[1] - self.in_features))
            given = given.unflatten(-1, (-1, 2)).transpose(-1, -2).flatten(-2)
        if self._grouped:
            return linear(given, self._scaled(numbers), self.bias)
        # One scale a row: it is cheaper to multiply the results than the weights.
        result = linear(given, numbers) * self.scale.to(kind).view(-1)
        return result if self.bias is None else result + self.bias

    def _halves(self, kind: Any) -> Any:
        """The weights (out, in padded) without their scales: even columns, then odd ones."""
        numbers = torch.empty(self.out_features, 2, self.integers.shape[1], dtype=kind)
        numbers[:, 0] = self.integers & 15
        numbers[:, 1] = self.integers >> 4
        return numbers.sub_(8).flatten(1)

    def _scaled(self, numbers: Any) -> Any:
        halves = 1 if self._bits == 8 else 2
        columns = self.scale.shape[1] * (self.in_features // self.scale.shape[1])
        groups = numbers.view(self.out_features, halves, -1)[..., : columns // halves]
        groups = groups.unflatten(-1, (self.scale.shape[1], -1))
        return groups.mul_(self.scale.to(numbers.dtype)[:, None, :, None]).flatten(1)


def fault(tensors: Mapping[str, Any], scheme: Scheme) -> str | None:
    """What is wrong with one layer's ``tensors``, by suffix, as a part of a sentence; None if they
    are a layer of ``scheme``."""
    if tensors.keys() != set(SUFFIXES):
        missing = sorted(set(SUFFIXES) - tensors.keys())
        return f"has no {missing[0][1:]}"
    words, scale, shape = (tensors[suffix] for suffix in SUFFIXES)
    if words.dtype != torch.int32 or words.ndim != 2:
        return "has packed weights that are no table of 32-bit words"
    if shape.dtype != torch.int64 or shape.shape != (2,):
        return "has a shape that is not two integers"
    rows, columns = shape.tolist()
    group = columns if scheme.group is None else scheme.group
    if rows < 1 or columns < 1 or words.shape != (rows, -(-columns * scheme.bits // WORD_BITS)):
        return "has packed weights that do not have its shape"
    if columns % group or scale.shape != (rows, columns // group):
        return "has not one scale for each group of its weights"
    if scale.dtype not in SCALE_TYPES:
        return "has scales that are neither bf16 nor fp16"
    if not bool((scale.float() * (1 << scheme.bits - 1)).isfinite().all()):
        return "has scales that are not finite, or too large for its weights"
    return None


def placeholder(tensors: Mapping[str, Any]) -> Any:
    """Return zeros of the shape of one layer's weights, which take the memory of one number: what
    a network is built with before ``put_in``."""
    return torch.zeros(()).expand(tensors[SHAPE].tolist())


def put_in(network: Any, layers: Mapping[str, Mapping[str, Any]], scheme: Scheme) -> str | None:
    """Replace the linear layers that ``layers`` names by packed ones, of tensors by suffix that
    have no ``fault``. Return the name of one that is no linear layer of ``network``, if any."""
    modules = dict(network.named_modules())
    for name, tensors in layers.items():
        module = modules.get(name)
        if not isinstance(module, torch.nn.Linear):
            return name
        words, scale, shape = (tensors[suffix] for suffix in SUFFIXES)
        packed = PackedLinear(words, scale, int(shape[1]), scheme, module.bias)
        parent, _, own = name.rpartition(".")
        setattr(modules[parent], own, packed)
    return None
