"""Products with weights of half the bytes: no weight changes, and no row leans on others."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from tests.unit.subnet.models.small_networks import CONTEXT, VOCABULARY, network
from tests.unit.subnet.models.test_rows import alone, demo, together

pytestmark = pytest.mark.inference
torch = pytest.importorskip("torch")

from assay.models.half_product import INPUTS_MAX, HalfProduct  # noqa: E402
from assay.models.llama_pass import LlamaPass  # noqa: E402  after the check for torch
from assay.models.rows import Rows  # noqa: E402

ROW_BY_ROW = torch.backends.cpu.get_cpu_capability() == "AVX512"
"""Whether FBGEMM adds the sums of one row as it does in company: its kernel for AVX2 does not, and
there the trial in ``rows`` must not take it."""
ALONE = (1, 4, 8, 12, 16, 32)
TILES = (16, 32, 64, 96)


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def published(*shape: int, seed: int = 1) -> Any:
    """Weights as models have them: of bf16, some of them tiny."""
    chance = torch.Generator().manual_seed(seed)
    numbers = 0.5 + torch.rand(shape, generator=chance)
    signs = 2.0 * torch.randint(0, 2, shape, generator=chance) - 1.0
    sizes = 2.0 ** -torch.randint(0, 30, shape, generator=chance)
    return (signs * numbers * sizes).bfloat16().float()


def in_bf16(made: Any) -> Any:
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(parameter.bfloat16().float())
    return made


@pytest.mark.parametrize("largest", [1e-6, 1.0, 300.0])
def test_no_weight_changes_however_small_it_is(largest: float) -> None:
    weight = (published(70, 40) * largest).bfloat16().float()
    product = HalfProduct.of(weight)
    assert product is not None
    assert torch.equal(product(torch.eye(40)).T * product.scale, weight)


@pytest.mark.parametrize("shape", [(97, 48), (512, 256), (256, 704), (300, INPUTS_MAX)])
def test_a_product_is_near_the_exact_one_and_has_its_bits_in_any_number_of_rows(
    shape: tuple[int, int],
) -> None:
    weight, bias = published(*shape), torch.randn(shape[0])
    product = HalfProduct.of(weight, bias)
    assert product is not None
    given = torch.randn(96, shape[1], generator=torch.Generator().manual_seed(2))
    whole = product(given * product.scale)
    exact = given.double() @ weight.double().T + bias.double()
    sizes = given.double().abs() @ weight.double().abs().T
    assert ((whole - exact).abs() <= 1e-6 * (sizes + bias.abs())).all()
    parts = [product(given[96 - rows :] * product.scale) for rows in range(1, 97)]
    same = [torch.equal(part, whole[96 - rows :]) for rows, part in enumerate(parts, 1)]
    assert all(same) is ROW_BY_ROW, same


def test_weights_that_fp16_does_not_hold_are_left_alone() -> None:
    fine, wide = published(8, 8), published(8, 8)
    fine[0, 0] = 1.0 + 2.0**-12
    wide[0, 0] = 1e-20
    assert HalfProduct.of(published(8, 8)) is not None
    assert HalfProduct.of(fine) is None
    assert HalfProduct.of(wide) is None
    assert HalfProduct.of(torch.full((8, 8), float("inf"))) is None
    assert HalfProduct.of(published(8, 8).bfloat16()) is None
    assert HalfProduct.of(published(8, INPUTS_MAX + 1)) is None
    assert HalfProduct.of(torch.zeros(8, 8)) is not None


def test_several_threads_keep_their_own_products() -> None:
    torch.set_num_threads(2)
    assert HalfProduct.of(published(8, 8)) is None


@pytest.mark.parametrize(
    ("kind", "changed", "tile"),
    [
        ("llama", {}, 1),
        ("llama", {"tie_word_embeddings": True}, 1),
        ("qwen2", {}, 1),  # its queries, keys and values have biases
        ("llama", {"attention_bias": True}, 16),  # and these have one behind the scale
    ],
)
def test_a_published_model_is_computed_so_to_the_bit_in_any_company(
    kind: str, changed: dict[str, Any], tile: int
) -> None:
    made = network(kind, **changed)
    with torch.no_grad():
        for part in made.modules():
            if getattr(part, "bias", None) is not None:
                part.bias.normal_(generator=torch.Generator().manual_seed(1))
    rows = Rows.of(in_bf16(made), CONTEXT, VOCABULARY)
    assert rows is not None
    assert type(rows._passed) is LlamaPass
    assert rows._passed.tile == (tile if ROW_BY_ROW else 16)
    text = [(7 * i * i + i) % VOCABULARY for i in range(90)]
    wanted = alone(rows, text)
    with torch.inference_mode():
        plain = made(input_ids=torch.tensor([text]), use_cache=False).logits[0].numpy()
    rowwise = np.stack([np.frombuffer(row, dtype=np.float32) for row in wanted])
    np.testing.assert_allclose(rowwise, plain, atol=1e-5)
    (seen,) = together(rows, [text], random.Random(1), CONTEXT)
    assert all(wanted[at] == row for at, row in seen.items())


def test_the_model_that_is_shipped_is_computed_one_row_at_a_time() -> None:
    """If this fails with a new torch, it has the kernel no longer: an answer alone takes twice as
    long."""
    _, rows = demo()
    assert rows.counts[0] == (1 if ROW_BY_ROW else 16)


def test_products_that_fail_the_trial_give_way_to_plain_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain, most = HalfProduct.__call__, 32

    def leaning(self: HalfProduct, given: Any) -> Any:
        return plain(self, given) * (1 + 1e-6 * (given.shape[-2] > most))

    monkeypatch.setattr(HalfProduct, "__call__", leaning)
    made = in_bf16(network("llama"))
    rows = Rows.of(made, CONTEXT, VOCABULARY)
    assert rows is not None
    assert rows.counts == (ALONE if ROW_BY_ROW else TILES)
    most = 12  # an engine computes sixteen together at the least
    rows = Rows.of(made, CONTEXT, VOCABULARY)
    assert rows is not None
    assert rows.counts == TILES
    monkeypatch.setattr(HalfProduct, "__call__", lambda self, given: 1.1 * plain(self, given))
    rows = Rows.of(made, CONTEXT, VOCABULARY)
    assert rows is not None
    assert rows.counts == TILES
