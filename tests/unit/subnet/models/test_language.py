"""The demo model on its numeric path: one answer for one seed, and replay agrees with it."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from assay.errors import UserError
from assay.models.root import model_root
from assay.models.source import DEMO, resolve
from assay.scoring.inference.agreement import TOLERANCE_FP32, compare, seeded_verdict
from assay.scoring.inference.sampling import GREEDY, Sampling
from tests.unit.subnet.models.numpy_llama import NumpyLlama

pytestmark = pytest.mark.inference
pytest.importorskip("torch")

from assay.lab.edited_copy import copy_changed  # noqa: E402
from assay.models.language import LanguageModel  # noqa: E402  after the check for torch

KEY = b"sixteen byte key"


@cache
def demo() -> LanguageModel:
    return LanguageModel.load(resolve(DEMO))


def prompt(text: str = "def main(argv):\n    import os\n    for name in ") -> list[int]:
    return demo().tokens.encode(text)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_seed_fixes_the_answer(temperature: float) -> None:
    first = demo().generate(prompt(), 16, Sampling(temperature), KEY)
    assert first == demo().generate(prompt(), 16, Sampling(temperature), KEY)
    assert len(first.tokens) == 16


def test_warm_answers_differ_by_seed() -> None:
    answers = {demo().generate(prompt(), 12, Sampling(), bytes([i]) * 16).tokens for i in range(3)}
    assert len(answers) == 3


def test_a_longer_answer_begins_with_the_shorter() -> None:
    short, long = (demo().generate(prompt(), n, Sampling(), KEY).tokens for n in (6, 12))
    assert long[:6] == short


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("length", [1, 40, 300])
def test_replay_in_one_pass_agrees_with_generation(temperature: float, length: int) -> None:
    ids = (prompt() * 30)[:length]
    made = demo().generate(ids, 24, Sampling(temperature), KEY)
    logits = demo().replay(ids, made.tokens)
    assert logits.shape == (len(made.tokens), demo().vocabulary)
    assert logits.dtype == np.float32
    agreement = compare(logits, np.array(made.tokens), Sampling(temperature), KEY)
    assert seeded_verdict(agreement)
    assert agreement.worst <= TOLERANCE_FP32 / 4


@pytest.mark.parametrize("length", [2, 90])
def test_replay_is_what_an_independent_forward_pass_computes(length: int) -> None:
    ids = (prompt() * 10)[:length]
    slow = NumpyLlama(resolve(DEMO)).logits(ids)
    answer = [*ids[1:], 0]
    fast = demo().replay(ids[:1], answer)
    np.testing.assert_allclose(fast, slow[: len(answer)], atol=TOLERANCE_FP32 / 8, rtol=0)


def test_text_comes_back_from_tokens() -> None:
    text = "class Stack:\n    def push(self, item):\n        self.items.append(item)\n"
    assert demo().tokens.decode(demo().tokens.encode(text)) == text
    assert demo().tokens.decode(demo().tokens.encode_answer(text)) == text


def test_an_empty_prompt_is_the_beginning_of_a_document() -> None:
    assert len(demo().tokens.encode("")) == 1


def test_the_end_of_text_stops() -> None:
    made = demo().generate(prompt(), 8, Sampling(), KEY)
    ended = LanguageModel(demo().network, demo().tokens)
    ended.ends = frozenset(made.tokens[3:4])
    stopped = ended.generate(prompt(), 8, Sampling(), KEY)
    assert stopped.finish == "stop"
    assert stopped.tokens == made.tokens[: made.tokens.index(made.tokens[3]) + 1]


def test_answers_that_take_turns_are_those_that_do_not() -> None:
    asked = [(prompt(), 0.0), (prompt("import "), 1.0), (prompt("class A:\n"), 0.7)]
    alone = [demo().generate(ids, 12, Sampling(warmth), KEY).tokens for ids, warmth in asked]
    streams = [demo().stream(ids, 12, Sampling(warmth), KEY) for ids, warmth in asked]
    turns = list(zip(*streams, strict=True))
    assert [tuple(tokens) for tokens in zip(*turns, strict=True)] == alone


def test_what_exceeds_the_context_is_refused() -> None:
    room = demo().context_tokens - len(prompt())
    with pytest.raises(ValueError, match="do not fit"):
        demo().generate(prompt(), room + 1, GREEDY, KEY)
    with pytest.raises(ValueError, match="do not fit"):
        demo().replay(prompt(), [1] * (room + 1))
    assert len(demo().replay(prompt(), [1] * room)) == room


def test_ids_outside_the_vocabulary_are_refused() -> None:
    with pytest.raises(ValueError, match="outside the vocabulary"):
        demo().replay(prompt(), [demo().vocabulary, 1])


def broken_copy(tmp_path: Path, name: str, body: bytes) -> Path:
    copy = tmp_path / "copy"
    shutil.copytree(resolve(DEMO), copy)
    (copy / name).write_bytes(body)
    return copy


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("model.safetensors", b"not weights"),
        ("config.json", b'{"model_type": "no-such-type"}'),
        ("tokenizer.json", b"{}"),
    ],
)
def test_a_damaged_folder_is_one_sentence(name: str, body: bytes, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be loaded"):
        LanguageModel.load(broken_copy(tmp_path, name, body))


def test_a_changed_copy_is_a_whole_model_with_another_root(tmp_path: Path) -> None:
    copy_changed(resolve(DEMO), tmp_path / "same", lambda _, values: values)
    copy_changed(resolve(DEMO), tmp_path / "other", lambda _, values: values * 1.5)
    same, other = (LanguageModel.load(tmp_path / name) for name in ("same", "other"))
    assert same.generate(prompt(), 8, GREEDY, KEY) == demo().generate(prompt(), 8, GREEDY, KEY)
    assert other.generate(prompt(), 8, GREEDY, KEY) != demo().generate(prompt(), 8, GREEDY, KEY)
    assert model_root(tmp_path / "other") != model_root(resolve(DEMO))


def test_what_an_answers_cache_takes() -> None:
    """By the numbers of the cache itself: ``use_cache`` keeps keys and values of every layer."""
    import torch

    with torch.inference_mode():
        kept = demo().network(input_ids=torch.tensor([prompt()]), use_cache=True).past_key_values
    numbers = sum(layer.keys.numel() + layer.values.numel() for layer in kept.layers)
    assert demo().cache_bytes * len(prompt()) == 4 * numbers * demo().context_tokens


def test_replays_on_several_threads_do_not_mix_their_states() -> None:
    """A hook on the network sees every pass: each replay must get its own."""
    ids = prompt()
    answers = [demo().generate(ids, 6 + n, Sampling(temperature=1.0), bytes([n]) * 16).tokens
               for n in range(4)]  # fmt: skip
    alone = [demo().replay_whole(ids, answer).hidden for answer in answers]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            again = pool.map(lambda answer: demo().replay_whole(ids, answer).hidden, answers)
            for before, now in zip(alone, again, strict=True):
                assert before is not None
                assert now is not None
                np.testing.assert_array_equal(now, before)
