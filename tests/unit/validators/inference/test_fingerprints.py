"""Fingerprints on the demo model: every honest way of computing is near, every other far.

States are what goes into the output layer, taken there by a hook, so that this does not depend on
how an engine hands them over.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import pytest

from assay.models.root import model_root
from assay.models.source import DEMO, resolve
from assay.scoring.inference.fingerprint import TOLERANCE_FP32, distance, pack, project
from assay.scoring.inference.sampling import Sampling

pytestmark = [pytest.mark.inference, pytest.mark.slow]
torch = pytest.importorskip("torch")

from assay.models import honest_ways  # noqa: E402  after the check for torch
from assay.models.language import LanguageModel  # noqa: E402

ROOT, KEY = model_root(resolve(DEMO)), bytes(16)
PROMPTS = (
    "import os\n\ndef walk(folder):\n    ",
    "class Reader:\n    def __init__(self, path):\n        self.",
    "x = [1, 2]\n" * 25,
)
COUNT = 12


@cache
def demo() -> LanguageModel:
    return LanguageModel.load(resolve(DEMO))


@contextmanager
def states_of(network: Any) -> Iterator[list[np.ndarray]]:
    """All inputs of the output layer while the block runs, each (tokens, width)."""
    seen: list[np.ndarray] = []

    def keep(_: Any, given: tuple[Any, ...]) -> None:
        seen.append(given[0][-1].float().numpy().copy())

    hook = network.get_output_embeddings().register_forward_pre_hook(keep)
    try:
        yield seen
    finally:
        hook.remove()


def replayed(network: Any, ids: Sequence[int], answer: Sequence[int]) -> np.ndarray:
    """The states from which each token of ``answer`` was drawn, in one pass."""
    with states_of(network) as seen, torch.inference_mode():
        network(
            input_ids=torch.tensor([[*ids, *answer[:-1]]]),
            use_cache=False,
            logits_to_keep=len(answer),
        )
    return seen[-1][-len(answer) :]


def apart(mine: np.ndarray, own: np.ndarray, answer: Sequence[int]) -> float:
    """The worst distance over all tokens of an answer, not the two that a validator looks at."""
    return max(
        distance(
            pack(project(mine[n : n + 1], ROOT), answer[n : n + 1], KEY),
            own[n : n + 1],
            answer[n : n + 1],
            ROOT,
            KEY,
        )
        for n in range(len(answer))
    )


@pytest.mark.parametrize("prompt", PROMPTS, ids=["short", "middle", "long"])
@pytest.mark.parametrize("variant", honest_ways.VARIANTS)
def test_honest_computing_is_near(variant: str, prompt: str) -> None:
    ids = demo().tokens.encode(prompt)
    count = 3 if variant == "two threads" else COUNT
    with honest_ways.computing(demo(), variant) as following, states_of(demo().network) as seen:
        mine, tokens = [], list[int]()
        for _ in range(count):
            tokens.append(int(following([*ids, *tokens]).logits.argmax()))
            mine.append(seen[-1][-1])
    own = replayed(demo().network, ids, tokens)
    # A quarter of what is tolerated, so that another machine has room.
    assert apart(np.stack(mine), own, tokens) <= TOLERANCE_FP32 / 4


def rounded_to_int8(network: Any) -> Any:
    """Weights of each linear layer in 127 steps by row."""
    for module in network.modules():
        if isinstance(module, torch.nn.Linear):
            weight = module.weight.data
            step = weight.abs().amax(dim=1, keepdim=True) / 127
            module.weight.data = (weight / step).round() * step
    return network


CHANGED: dict[str, Callable[[Any], Any]] = {
    "fp16": lambda network: network.to(torch.float16),
    "bf16": lambda network: network.to(torch.bfloat16),
    "int8": rounded_to_int8,
}


@pytest.mark.parametrize("prompt", PROMPTS, ids=["short", "middle", "long"])
@pytest.mark.parametrize("change", CHANGED)
def test_every_token_of_another_precision_is_far(change: str, prompt: str) -> None:
    """All tokens are the true model's: the case in which tokens tell nothing."""
    ids = demo().tokens.encode(prompt)
    answer = demo().generate(ids, COUNT, Sampling(), KEY).tokens
    own = replayed(demo().network, ids, answer)
    network = CHANGED[change](copy.deepcopy(demo().network))
    mine = replayed(network, ids, answer)
    nearest = min(
        apart(mine[n : n + 1], own[n : n + 1], answer[n : n + 1]) for n in range(len(answer))
    )
    assert nearest > 4 * TOLERANCE_FP32
