"""A continuation that goes in circles is told from one that repeats a line."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from scripts.demo_model_circles import circle_loss, circle_positions, most_likely

pytestmark = pytest.mark.inference

AHEAD = list(range(100, 120))
STRETCH = [1, 2, 3, 4, 5, 6, 7]


def test_text_without_repetition_has_no_circle() -> None:
    assert circle_positions(list(range(200))) == set()


def test_twice_is_a_repetition_and_thrice_is_a_circle() -> None:
    assert circle_positions([*AHEAD, *STRETCH, *STRETCH, 50]) == set()
    assert circle_positions([*AHEAD, *STRETCH, *STRETCH, *STRETCH, 50]) == {40}


def test_each_token_that_prolongs_a_circle_is_found() -> None:
    assert circle_positions([*AHEAD, *4 * STRETCH]) == set(range(40, 48))


def test_a_short_row_of_one_token_is_none() -> None:
    assert circle_positions([*AHEAD, *12 * [5]]) == set()
    assert circle_positions([*AHEAD, *13 * [5]]) == {32}


def test_a_step_down_the_loss_makes_the_circle_less_likely() -> None:
    torch.manual_seed(3)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=64, num_attention_heads=2, **sizes))
    with torch.no_grad():  # each token is followed by itself
        model.lm_head.weight.copy_(model.model.embed_tokens.weight.mul_(50))
    beginnings = torch.tensor([[7, 7, 7, 7], [9, 3, 5, 3]])
    continued = most_likely(model, beginnings, 40)
    assert continued.shape == (2, 44)
    assert (continued[:, :4] == beginnings).all()
    before = circle_loss(model, beginnings, 40)
    assert before is not None
    before.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= 1e-3 * parameter.grad
    after = circle_loss(model, beginnings, 40)
    assert after is None or after < before
