"""The demo model's run survives being killed at any step, and ends when it is told to."""

from __future__ import annotations

import importlib
import signal
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import numpy as np
import torch

from scripts.demo_model_corpus import TRAINED_ON, Corpus
from tests.tidy.sources import ROOT

pytestmark = pytest.mark.inference

VOCABULARY = 64
SMALL = {
    "LAYERS": 1, "WIDTH": 32, "FEED_FORWARD": 64, "HEADS": 2, "KEY_HEADS": 1, "CONTEXT": 80,
    "BATCH": 4, "MICRO_BATCH": 2, "WARMUP_STEPS": 2, "GREEDY_TOKENS": 16, "CHECKPOINT_EVERY_S": 0.0,
}  # fmt: skip


class Killed(Exception):
    pass


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The script as a module, with a model that trains in a moment."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    module = importlib.import_module("train_demo_model")
    for name, value in SMALL.items():
        monkeypatch.setattr(module, name, value)
    before = signal.getsignal(signal.SIGTERM)
    yield module
    signal.signal(signal.SIGTERM, before)


def corpus() -> Corpus:
    rng = np.random.default_rng(1)
    stream = rng.integers(0, VOCABULARY, 2_000).astype(np.uint16)
    return Corpus(dict.fromkeys(TRAINED_ON, stream), stream, 1, {}, [])


def run(recipe: Any, folder: Path, **options: Any) -> tuple[dict[str, torch.Tensor], Any]:
    folder.mkdir(exist_ok=True)
    args = Namespace(
        **{"steps": 0, "budget_minutes": 1e9, "decay_now": False, "seed": 5, "threads": 1}
        | {"eager": True}
        | options
    )
    model = recipe.build_model(args.seed, VOCABULARY)
    progress = recipe.train(args, corpus(), model, folder / "checkpoint.safetensors")
    return model.state_dict(), progress


def killed_at(recipe: Any, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Let the next run die as it begins ``step``; the run after that gets through."""
    batch, left = recipe.batch, [step]

    def dies(*args: Any) -> torch.Tensor:
        if left and args[-1] == left[0]:
            left.clear()
            raise Killed
        drawn: torch.Tensor = batch(*args)
        return drawn

    monkeypatch.setattr(recipe, "batch", dies)


_whole: dict[str, torch.Tensor] = {}
"""What a run that nobody kills ends with, computed once: it takes seconds."""


@pytest.mark.parametrize("step", [1, 7, 8, 9])
def test_a_run_killed_at_a_step_ends_with_the_same_bits(
    recipe: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: int
) -> None:
    if not _whole:
        _whole.update(run(recipe, tmp_path / "whole", steps=10)[0])
    killed_at(recipe, monkeypatch, step)
    with pytest.raises(Killed):
        run(recipe, tmp_path / "killed", steps=10)
    resumed, progress = run(recipe, tmp_path / "killed", steps=10)
    assert progress.step == 10
    assert all(torch.equal(_whole[name], resumed[name]) for name in _whole)


def test_a_run_told_to_end_takes_a_fifth_of_its_steps_for_it(
    recipe: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    killed_at(recipe, monkeypatch, 12)
    with pytest.raises(Killed):
        run(recipe, tmp_path)
    _, progress = run(recipe, tmp_path, decay_now=True)
    assert (progress.decay_from, progress.step) == (12, 15)
    _, progress = run(recipe, tmp_path)
    assert progress.step == 15, "the run is over: nothing more is trained"
    (tmp_path / "checkpoint.safetensors").unlink()
    (tmp_path / "stable.safetensors").rename(tmp_path / "checkpoint.safetensors")
    killed_at(recipe, monkeypatch, 13)
    with pytest.raises(Killed):
        run(recipe, tmp_path)  # from the state before the fall, at the full rate


def test_the_rate_goes_up_stays_and_falls_to_nothing(recipe: Any) -> None:
    progress = recipe.Progress()
    rates = []
    for progress.step in range(8):
        rates.append(progress.factor())
    progress.step = 8
    progress.begin_decay()
    for progress.step in range(8, 12):
        rates.append(progress.factor())
    assert rates[:8] == [0.5, *7 * [1.0]]
    assert rates[8:10] == pytest.approx([1.0, 1 - 0.5**0.5])
    assert rates[10:] == [0.0, 0.0]
