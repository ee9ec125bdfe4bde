"""Answers computed together: to the bit what each is by itself, whatever the company."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import numpy as np
import pytest

from assay.models.drawing import Drawing
from assay.models.slots import Span
from assay.models.source import DEMO, resolve
from assay.scoring.inference.precision import Precision
from tests.unit.subnet.models.small_networks import CONTEXT, VOCABULARY, network

pytestmark = pytest.mark.inference
torch = pytest.importorskip("torch")

from assay.models import rows as rows_module  # noqa: E402
from assay.models.language import LanguageModel  # noqa: E402  after the check for torch
from assay.models.llama_pass import TILE, LlamaPass  # noqa: E402
from assay.models.modules_pass import ModulesPass  # noqa: E402
from assay.models.rows import Rows  # noqa: E402
from assay.models.sum_order import SumOrder  # noqa: E402

SLOTS = 24


@cache
def demo(precision: Precision = "fp32") -> tuple[LanguageModel, Rows]:
    model = LanguageModel.load(resolve(DEMO), precision=precision)
    rows = model.by_rows()
    assert rows is not None
    return model, rows


@cache
def small(kind: str) -> tuple[Any, Rows]:
    made = network(kind)
    rows = Rows.of(made, CONTEXT, VOCABULARY)
    assert rows is not None, kind
    return made, rows


def bits(drawings: list[Drawing]) -> list[bytes]:
    return [drawing.logits.tobytes() for drawing in drawings]


def alone(rows: Rows, tokens: list[int]) -> list[bytes]:
    """What follows each of ``tokens``, computed one at a time with nothing beside it."""
    rows.forget()
    rows.reserve(0, len(tokens))
    return [bits(rows.run([Span(0, at, (token,))]))[0] for at, token in enumerate(tokens)]


def together(
    rows: Rows, texts: list[list[int]], chance: random.Random, length: int
) -> list[dict[int, bytes]]:
    """What follows some of each text's tokens, all computed together in pieces and slots that
    ``chance`` draws, with others coming and going beside them."""
    rows.forget()
    for slot in range(SLOTS):
        rows.reserve(slot, length)
    slots = chance.sample(range(SLOTS), len(texts))
    others = [slot for slot in range(SLOTS) if slot not in slots]
    done = [0] * len(texts)
    seen: list[dict[int, bytes]] = [{} for _ in texts]
    while any(at < len(text) for at, text in zip(done, texts, strict=True)):
        spans, whose = [], {}
        for number, (slot, text) in enumerate(zip(slots, texts, strict=True)):
            size = min(chance.choice([0, 1, 1, 1, 2, 7, 30]), len(text) - done[number])
            if size:
                piece = text[done[number] : done[number] + size]
                spans.append(Span(slot, done[number], tuple(piece)))
                done[number] += size
                whose[slot] = number
        for slot in chance.sample(others, chance.randrange(len(others))):
            size = chance.choice([1, 1, 1, 3])
            tokens = tuple(chance.randrange(VOCABULARY) for _ in range(size))
            spans.append(Span(slot, chance.randrange(length - size), tokens, chance.random() < 0.5))
        chance.shuffle(spans)
        drawn = rows.run(spans)
        for span, drawing in zip([s for s in spans if s.drawn_from], drawn, strict=True):
            if span.slot in whose:
                seen[whose[span.slot]][span.end - 1] = drawing.logits.tobytes()
    return seen


@pytest.mark.parametrize(
    ("precision", "seed"), [("fp32", 0), ("fp32", 1), ("bf16", 0), ("fp16", 0)]
)
def test_company_place_and_pieces_change_no_bit_of_the_demo_model(
    precision: Precision, seed: int
) -> None:
    model, rows = demo(precision)
    chance = random.Random(seed)
    texts = [
        [chance.randrange(model.vocabulary) for _ in range(length)]
        for length in (chance.randrange(1, 60), chance.randrange(60, 250), 400)
    ]
    expected = [alone(rows, text) for text in texts]
    for seen, wanted in zip(together(rows, texts, chance, 500), expected, strict=True):
        assert seen
        assert all(wanted[at] == row for at, row in seen.items())


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "mistral", "olmo2", "phi3"])
def test_several_kinds_are_computed_by_rows_as_by_themselves(kind: str) -> None:
    made, rows = small(kind)
    chance = random.Random(kind)
    texts = [[chance.randrange(VOCABULARY) for _ in range(length)] for length in (150, 66, 5, 1)]
    expected = [alone(rows, text) for text in texts]
    for text, seen, wanted in zip(
        texts, together(rows, texts, chance, CONTEXT), expected, strict=True
    ):
        assert all(wanted[at] == row for at, row in seen.items())
        with torch.inference_mode():
            plain = made(input_ids=torch.tensor([text]), use_cache=False).logits[0].numpy()
        rowwise = np.stack([np.frombuffer(row, dtype=np.float32) for row in wanted])
        np.testing.assert_allclose(rowwise, plain, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "changed", "passed"),
    [
        ("llama", {}, LlamaPass),
        ("llama", {"attention_bias": True, "mlp_bias": True}, LlamaPass),
        ("mistral", {"sliding_window": None}, LlamaPass),
        ("qwen2", {}, LlamaPass),
        ("qwen3", {}, ModulesPass),  # norms within its attention
        ("llama", {"hidden_act": "gelu"}, ModulesPass),
    ],
)
def test_kinds_of_llamas_architecture_have_a_pass_of_their_own(
    kind: str, changed: dict[str, Any], passed: type
) -> None:
    made = network(kind, **changed)
    with torch.no_grad():
        for part in made.modules():
            if getattr(part, "bias", None) is not None:
                part.bias.normal_(generator=torch.Generator().manual_seed(1))
    text = [(7 * i * i + i) % VOCABULARY for i in range(90)]
    with torch.inference_mode():
        plain = made(input_ids=torch.tensor([text]), use_cache=False).logits[0].numpy()
    rows = Rows.of(made, CONTEXT, VOCABULARY)
    assert rows is not None
    assert type(rows._passed) is passed
    wanted = alone(rows, text)
    rowwise = np.stack([np.frombuffer(row, dtype=np.float32) for row in wanted])
    np.testing.assert_allclose(rowwise, plain, atol=1e-5)
    (seen,) = together(rows, [text], random.Random(1), CONTEXT)
    assert all(wanted[at] == row for at, row in seen.items())


def test_a_pass_of_its_own_takes_no_second_memory_and_leaves_the_network_as_it_was() -> None:
    before, made = network("qwen2"), network("qwen2")
    assert Rows.of(made, CONTEXT, VOCABULARY) is not None
    attention = made.model.layers[0].self_attn
    whole = attention.q_proj.weight.untyped_storage()
    assert attention.v_proj.weight.untyped_storage().data_ptr() == whole.data_ptr()
    for name, value in before.state_dict().items():
        assert torch.equal(made.state_dict()[name], value)
    text = torch.tensor([[(7 * i) % VOCABULARY for i in range(100)]])
    with torch.inference_mode():
        logits = [each(input_ids=text, use_cache=False).logits for each in (before, made)]
    torch.testing.assert_close(logits[1], logits[0])


@pytest.mark.parametrize("wrong", ["leans", "differs", "breaks"])
def test_a_pass_of_its_own_that_the_trial_refuses_is_not_used(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = LlamaPass.__call__

    def worse(self: LlamaPass, *given: Any) -> tuple[Any, Any]:
        if wrong == "breaks":
            raise RuntimeError("on this machine")
        logits, states = plain(self, *given)
        return logits * 1.1 if wrong == "differs" else logits + 1e-6 * logits.mean(), states

    monkeypatch.setattr(LlamaPass, "__call__", worse)
    rows = Rows.of(network("llama"), CONTEXT, VOCABULARY)
    assert rows is not None
    assert type(rows._passed) is ModulesPass


def test_a_rotation_that_leans_on_the_longest_row_has_no_pass_of_its_own() -> None:
    changing = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10_000.0}
    assert LlamaPass.of(network("llama", rope_parameters=changing)) is None
    static = {"rope_type": "linear", "factor": 2.0, "rope_theta": 10_000.0}
    assert LlamaPass.of(network("llama", rope_parameters=static)) is not None


def test_a_text_of_several_blocks_of_keys_has_the_same_bits_in_pieces() -> None:
    long = 1300
    rows = Rows.of(network("llama", max_position_embeddings=long), long, VOCABULARY)
    assert rows is not None
    text = [(7 * i * i + i) % VOCABULARY for i in range(long)]
    wanted = alone(rows, text)
    for seed in range(3):
        (seen,) = together(rows, [text], random.Random(seed), long)
        assert len(seen) > 50
        assert all(wanted[at] == row for at, row in seen.items())


def test_attention_that_adds_in_another_order_for_more_keys_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As torch's kernel does on this or another processor, where reading any multiple of 64 keys
    was not the same to the bit."""
    plain = rows_module.attention

    def leaning(queries: Any, keys: Any, values: Any, mask: Any, scaling: float) -> Any:
        return plain(queries, keys, values, mask, scaling) * (1 + 1e-7 * (keys.shape[2] > 300))

    made = network("llama")
    assert Rows.of(made, CONTEXT, VOCABULARY) is not None
    monkeypatch.setattr(rows_module, "attention", leaning)
    assert Rows.of(made, CONTEXT, VOCABULARY) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_products_that_add_in_another_order_are_not_taken_however_seldom_it_shows(
    dtype: Any,
) -> None:
    """In bf16 the result is rounded, so that a text of the trial has the same bits all the same."""

    class EvenThenOdd(torch.nn.Linear):
        """A sum that no kernel cuts so: some cut sums of 256 in the middle themselves."""

        def forward(self, given: Any) -> Any:
            if given.shape[1] <= 2 * TILE:
                return super().forward(given)
            whole, weights = given.float(), self.weight.float()
            even, odd = (whole[..., at::2] @ weights[:, at::2].T for at in (0, 1))
            return (even + odd).to(given.dtype)

    def order(kind: Any) -> SumOrder:
        torch.manual_seed(2)
        return SumOrder([kind(256, 64, bias=False, dtype=dtype)], TILE)

    assert order(EvenThenOdd).is_same(2 * TILE)
    assert not order(EvenThenOdd).is_same(3 * TILE)


def test_a_copied_beginning_is_the_computed_one() -> None:
    _, rows = small("llama")
    text = [(7 * i) % VOCABULARY for i in range(90)]
    wanted = alone(rows, text)
    rows.reserve(3, len(text))
    rows.run([Span(3, 0, tuple(text[:40] + [1] * 40))])
    rows.copy(3, 1, 40)
    rows.move(3, 2)
    assert bits(rows.run([Span(1, 40, tuple(text[40:]))])) == wanted[-1:]
    rows.copy(2, 2, 40)
    assert bits(rows.run([Span(2, 40, tuple(text[40:]))])) == wanted[-1:]


def test_what_a_slot_held_before_changes_nothing_even_if_it_was_no_number() -> None:
    _, rows = small("llama")
    text = [3, 1, 4, 1, 5]
    wanted = alone(rows, text)
    rows.reserve(1, 64)
    rows.run([Span(1, 0, tuple(range(60)))])
    for kept in rows._cache:
        kept[1, :60] = float("nan")
    rows.copy(1, 1, 0)
    assert bits(rows.run([Span(1, 0, tuple(text))])) == wanted[-1:]


def test_more_rows_than_a_pass_has_are_computed_in_several() -> None:
    _, rows = small("llama")
    text = [(5 * i + 1) % VOCABULARY for i in range(CONTEXT - 1)]
    wanted = alone(rows, text)
    rows.reserve(SLOTS, CONTEXT)
    counts, rows.counts = rows.counts, (TILE,)
    try:
        spans = [Span(slot, 0, tuple(text[: 100 + slot])) for slot in range(SLOTS)]
        assert bits(rows.run(spans)) == [wanted[99 + slot] for slot in range(SLOTS)]
    finally:
        rows.counts = counts


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("mistral", {"sliding_window": 32}),  # attention that forgets
        ("gemma2", {"sliding_window": 32}),  # and one that caps its scores
        ("mamba", {}),  # none at all
        ("gpt2", {"n_layer": 2, "n_head": 6, "n_embd": 48, "n_positions": CONTEXT}),
    ],
)
def test_other_kinds_are_left_alone_or_are_exact(kind: str, changed: dict[str, Any]) -> None:
    made = network(kind, **changed)
    text = torch.tensor([[(7 * i) % VOCABULARY for i in range(100)]])
    with torch.inference_mode():
        before = made(input_ids=text, use_cache=False).logits[0].numpy()
    rows = Rows.of(made, CONTEXT, VOCABULARY)
    with torch.inference_mode():
        after = made(input_ids=text, use_cache=False).logits[0].numpy()
    assert before.tobytes() == after.tobytes()
    if kind != "gpt2":
        assert rows is None
    elif rows is not None:
        wanted = alone(rows, text[0].tolist())
        np.testing.assert_allclose(
            np.frombuffer(wanted[-1], dtype=np.float32), before[-1], atol=1e-5
        )


def test_a_network_whose_rows_lean_on_their_neighbours_is_not_computed_by_rows() -> None:
    made = network("llama")

    class Leaning(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Any) -> Any:
            return self.inner(x) + 1e-6 * x.mean()

    made.model.layers[1].mlp = Leaning(made.model.layers[1].mlp)
    assert Rows.of(made, CONTEXT, VOCABULARY) is None
