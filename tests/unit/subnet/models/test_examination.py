"""What a stranger's folder makes of the libraries happens to a child, and is one sentence."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.errors import UserError
from assay.models import examination
from assay.models.examination import CPU_S_MAX, ExaminationLimits, examine, look
from assay.models.source import DEMO, resolve
from tests.unit.subnet.models.folders import demo_copy, edit, sharded

pytestmark = pytest.mark.inference
pytest.importorskip("torch")

LIBRARIES_S_MAX = 40.0
"""Processor seconds that loading torch and transformers takes at the most."""


async def test_a_good_folder_passes(tmp_path: Path) -> None:
    await examine(sharded(tmp_path / "m"))


def config(**fields: object) -> Callable[[Path], None]:
    return lambda folder: edit(folder / "config.json", lambda content: content.update(fields))


def tokenizer(change: Callable[[Any], object]) -> Callable[[Path], None]:
    return lambda folder: edit(folder / "tokenizer.json", change)


def replacing(char: str, part: str) -> Callable[[Path], None]:
    """Thirty replacements, each of which doubles a character."""
    step = {"type": "Replace", "pattern": {"String": char}, "content": char * 2}
    steps = {"type": "Sequence", part + "s": [step] * 30}
    return tokenizer(lambda content: content.update({part: steps}))


def expression(content: Any) -> None:
    step = {"type": "Replace", "pattern": {"Regex": "x*"}, "content": "y" * 2000}
    content["normalizer"] = {"type": "Sequence", "normalizers": [step]}


def rotation(**fields: object) -> Callable[[Path], None]:
    return config(rope_parameters={"rope_type": "default", "rope_theta": 1e4} | fields)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (config(num_hidden_layers=10**6), "1000000 layers are named, and 56 tensors held"),
        (config(num_hidden_layers=10**400), "layers are named"),
        (config(num_hidden_layers="6"), "num_hidden_layers"),
        (config(hidden_size=-1), "hidden size"),
        (config(hidden_size="256"), "hidden_size"),
        (config(hidden_size=2**40), "its kind needs"),
        (config(num_attention_heads=0), "cannot be loaded"),
        (config(vocab_size=10**9), "its kind needs"),
        (config(vocab_size=1000), "its tokenizer makes the token"),
        (config(max_position_embeddings=10**12), "a context of 1000000000000"),
        (config(max_position_embeddings=1), "a context of 1 tokens"),
        (config(model_type="no-such-kind"), "knows no model_type 'no-such-kind'"),
        (config(model_type="vit"), "is not a causal language model"),
        (config(hidden_act="no such"), "no such"),
        (config(attn_implementation="kernels-community/x"), "cannot be loaded"),
        (rotation(rope_theta="many"), "cannot be loaded"),
        (replacing("a", "normalizer"), "replacements make one character very many"),
        (replacing("\u0101", "normalizer"), "replacements make one character very many"),
        (replacing("a", "decoder"), "replacements make one character very many"),
        (tokenizer(expression), "replacements make one character very many"),
        (tokenizer(lambda content: content.clear()), "cannot be loaded"),
        (lambda folder: (folder / "tokenizer.json").write_text("[" * 10**6), "is not JSON"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "cannot be loaded"),
    ],
)
def test_every_failure_is_one_sentence(
    change: Callable[[Path], object], cause: str, tmp_path: Path
) -> None:
    folder = demo_copy(tmp_path / "m")
    change(folder)
    began = time.process_time()
    with pytest.raises(UserError, match=cause) as told:
        look(folder)
    assert time.process_time() - began < CPU_S_MAX
    assert told.value.cause.count("\n") == 0 and len(told.value.cause) < 500
    assert told.value.cure


@pytest.mark.parametrize(
    ("change", "limits", "cause"),
    [
        (config(num_hidden_layers=10**6), ExaminationLimits(), "1000000 layers are named"),
        (config(num_labels=10**9), ExaminationLimits(memory_bytes=2**30), "MemoryError|to read"),
        (config(), ExaminationLimits(cpu_s=0), "takes more than 0 s of processor time to read"),
        (config(), ExaminationLimits(memory_bytes=2**20), "MemoryError|allocate|GiB to read"),
        (config(), ExaminationLimits(wait_s=0.5), "takes more than 0.5 s to read"),
    ],
)
async def test_a_child_is_told_of_and_ended(
    change: Callable[[Path], object], limits: ExaminationLimits, cause: str, tmp_path: Path
) -> None:
    folder = demo_copy(tmp_path / "m")
    change(folder)
    began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    with pytest.raises(UserError, match=cause) as told:
        await examine(folder, limits)
    taken = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - began
    assert taken < CPU_S_MAX + LIBRARIES_S_MAX
    assert "Traceback" not in told.value.cause
    assert not children()


async def test_who_gives_up_waiting_leaves_no_child_behind() -> None:
    task = asyncio.create_task(examine(resolve(DEMO)))
    while not children():  # noqa: ASYNC110  the child is another process
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not children()


def children() -> list[str]:
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()


@pytest.mark.parametrize(
    ("said", "code", "cause"),
    [
        (b"", -24, "processor time"),
        (b"", -9, "processor time"),
        (b"", -6, "GiB to read"),
        (b"", 1, "GiB to read"),
        (b"{}", 2, "GiB to read"),
        (b'{"cause": "So.", "cure": "Do."}', 2, "^So. Do.$"),
    ],
)
def test_a_childs_end_is_told(said: bytes, code: int, cause: str) -> None:
    with pytest.raises(UserError, match=cause):
        examination._judge(Path("/m"), ExaminationLimits(), said, code)


def test_a_good_end_says_nothing() -> None:
    examination._judge(Path("/m"), ExaminationLimits(), b"", 0)
