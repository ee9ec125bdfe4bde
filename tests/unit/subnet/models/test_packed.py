"""Packed layers compute what the plain ones of their numbers compute."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.models.quantised import Scheme

pytestmark = pytest.mark.inference
pytest.importorskip("torch")

import torch  # noqa: E402  after the check for torch

from assay.models.packed import (  # noqa: E402
    PACKED,
    SCALE,
    SHAPE,
    PackedLinear,
    fault,
    numbers_per_word,
    pack,
    placeholder,
    put_in,
    unpack,
)
from assay.models.quantise import rounded  # noqa: E402

SCHEMES = [Scheme(8), Scheme(4), Scheme(8, 16), Scheme(4, 16), Scheme(4, 32)]


def some(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("columns", [1, 7, 8, 31, 32, 33, 100])
def test_integers_are_packed_as_compressed_tensors_packs_them(bits: int, columns: int) -> None:
    from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32

    most = 1 << bits - 1
    integers = torch.randint(
        -most, most, (5, columns), dtype=torch.int8, generator=torch.Generator().manual_seed(1)
    )
    assert torch.equal(pack(integers, bits), pack_to_int32(integers, bits))
    assert torch.equal(unpack(pack(integers, bits), bits, columns), integers)


@settings(max_examples=30, deadline=None)
@given(
    scheme=st.sampled_from(SCHEMES),
    rows=st.integers(1, 9),
    out=st.integers(1, 20),
    groups=st.integers(1, 5),
    odd=st.integers(0, 15),
    has_bias=st.booleans(),
)
def test_a_packed_layer_is_the_layer_of_its_numbers(
    scheme: Scheme, rows: int, out: int, groups: int, odd: int, has_bias: bool
) -> None:
    columns = groups * scheme.group if scheme.group else 16 * groups + odd
    integers, scales = rounded(some(out, columns), scheme)
    numbers = integers.float().view(out, scales.shape[1], -1) * scales.float()[..., None]
    bias = torch.nn.Parameter(some(out, seed=2)) if has_bias else None
    layer = PackedLinear(pack(integers, scheme.bits), scales, columns, scheme, bias)
    given_ = some(1, rows, columns, seed=3)
    plain = torch.nn.functional.linear(given_, numbers.view(out, columns), bias)
    assert layer(given_).shape == (1, rows, out)
    assert torch.allclose(layer(given_), plain, rtol=1e-5, atol=1e-4)
    if not has_bias:  # a network in bf16 has its biases in bf16
        assert layer(given_.bfloat16()).dtype == torch.bfloat16


def test_a_packed_layer_holds_no_more_than_its_file() -> None:
    for scheme, bytes_per_weight in ((Scheme(8), 1), (Scheme(4), 0.5)):
        integers, scales = rounded(some(64, 256), scheme)
        layer = PackedLinear(pack(integers, scheme.bits), scales, 256, scheme, None)
        held = sum(kept.numel() * kept.element_size() for kept in layer.buffers())
        assert held == 64 * 256 * bytes_per_weight + 64 * 2


@pytest.mark.parametrize(("scheme", "error"), [(Scheme(8), 0.0075), (Scheme(4, 32), 0.09)])
def test_rounding_costs_what_its_bits_allow(scheme: Scheme, error: float) -> None:
    """A uniform error of half a step: about range / 2^bits / sqrt(12), with a range of some six
    standard deviations for a row and four for thirty-two numbers."""
    weights = some(128, 256)
    integers, scales = rounded(weights, scheme)
    numbers = integers.float().view(128, scales.shape[1], -1) * scales.float()[..., None]
    assert (numbers.view(128, 256) - weights).square().mean().sqrt() < error


def test_a_better_scale_than_the_largest_weights_is_found() -> None:
    weights = some(64, 512)
    integers, scales = rounded(weights, Scheme(4))
    made = (integers.float() * scales.float() - weights).square().sum()
    plain = (weights.abs().amax(1, keepdim=True) / 7).bfloat16().float()
    usual = ((weights / plain).round().clamp(-8, 7) * plain - weights).square().sum()
    assert made < 0.85 * usual


def test_rows_of_zeros_stay_zeros() -> None:
    integers, scales = rounded(torch.zeros(3, 32), Scheme(4, 16))
    assert not integers.any()
    assert not scales.any()


def tensors(scheme: Scheme) -> dict[str, torch.Tensor]:
    integers, scales = rounded(some(6, 64), scheme)
    return {PACKED: pack(integers, scheme.bits), SCALE: scales, SHAPE: torch.tensor([6, 64])}


@pytest.mark.parametrize("scheme", [Scheme(8), Scheme(4, 16)])
def test_each_fault_of_a_layer_is_told(scheme: Scheme) -> None:
    good = tensors(scheme)
    assert fault(good, scheme) is None
    wrong: dict[str, dict[str, torch.Tensor]] = {
        "has no weight_scale": {PACKED: good[PACKED], SHAPE: good[SHAPE]},
        "no table of 32-bit words": good | {PACKED: good[PACKED].long()},
        "not two integers": good | {SHAPE: torch.tensor([6])},
        "do not have its shape": good | {SHAPE: torch.tensor([6, 2**40])},
        "not one scale for each": good | {SCALE: good[SCALE][:5]},
        "neither bf16 nor fp16": good | {SCALE: good[SCALE].float()},
        "not finite": good | {SCALE: torch.full_like(good[SCALE], float("inf"))},
        "too large": good | {SCALE: torch.full_like(good[SCALE], 3e38)},
    }
    for words, changed in wrong.items():
        assert words in (fault(changed, scheme) or ""), words


def test_only_linear_layers_are_replaced() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(64, 6, bias=False), torch.nn.LayerNorm(6))
    network[0].weight.data = placeholder(tensors(Scheme(8)))
    assert put_in(network, {"1": tensors(Scheme(8))}, Scheme(8)) == "1"
    assert put_in(network, {"2": tensors(Scheme(8))}, Scheme(8)) == "2"
    assert put_in(network, {"0": tensors(Scheme(8))}, Scheme(8)) is None
    assert isinstance(network[0], PackedLinear)
    assert network[0](some(2, 64)).abs().max() > 0


def test_words_hold_as_many_weights_as_they_have_bits_for() -> None:
    assert [numbers_per_word(s) for s in (None, Scheme(8), Scheme(4))] == [1, 4, 8]
