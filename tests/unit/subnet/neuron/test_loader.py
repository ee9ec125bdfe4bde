"""One loader for every task; what is not a whole task gets a cause and a cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import UserError
from assay.needs import task_names
from assay.neuron.loader import load_miner, load_validator
from assay.neuron.rounds import Rounds, Serving
from assay.neuron.task import MinerTask, ValidatorTask

ROOT = Path(__file__).resolve().parents[4]
EXAMPLE = ROOT / "examples" / "reverse.py"
WHOLE = EXAMPLE.read_text(encoding="utf-8")


def test_the_example_is_short_and_whole() -> None:
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= 60
    miner, validator = load_miner(str(EXAMPLE)), load_validator(str(EXAMPLE))
    assert issubclass(miner, MinerTask)
    assert issubclass(validator, ValidatorTask)
    assert miner is validator, "one file, one class, loaded once"


@pytest.mark.parametrize("name", task_names())
def test_every_named_task_has_both_halves_of_one_mind(name: str) -> None:
    miner, validator = load_miner(name), load_validator(name)
    assert miner.name == validator.name
    if issubclass(miner, Serving) and issubclass(validator, Rounds):
        assert (miner.request, miner.reply) == (validator.request, validator.reply)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "must define one whole task class"),
        ("x = 1 / 0", "ZeroDivisionError"),
        (
            "from assay.neuron import Task\nclass A(Task): pass",
            r"task.py:2 in A: the task class A lacks challenge, score, serve",
        ),
        (f"{WHOLE}\n\nclass Other(ReverseTask): pass\n", "found: ReverseTask, Other"),
        (
            WHOLE.replace('name = "reverse"', 'name = "../up"'),
            "plain slug",
        ),
        (WHOLE.replace('    name = "reverse"\n', ""), "lacks name"),
        (
            WHOLE.replace("reply = Reversed", "reply = str"),
            "not a Synapse",
        ),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, text: str, cause: str) -> None:
    file = tmp_path / "task.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=cause):
        load_miner(str(file))


def test_unknown_names_and_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No task is called 'nothing'"):
        load_validator("nothing")
    with pytest.raises(UserError, match="There is no task file"):
        load_miner(str(tmp_path / "absent.py"))


@pytest.mark.parametrize("reference", ["x" * 5_000, "x" * 5_000 + ".py", "/" + "x" * 300 + "/a.py"])
def test_a_reference_that_is_too_long_to_be_anything(reference: str) -> None:
    with pytest.raises(UserError, match=r"no task file|No task is called") as refused:
        load_miner(reference)
    assert len(refused.value.cause) < 400


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        ("async def serve", "def serve", r"task.py:\d+ in serve\(\): serve must be async"),
        ("async def score", "def score", r"task.py:\d+ in score\(\): score must be async"),
        ("def challenge", "async def challenge", r"challenge must not be async"),
        (
            ", request: Reverse, caller: Caller)",
            ", request: Reverse)",
            r"task.py:\d+ in serve\(\): serve takes .*called with \(request, caller\)",
        ),
        (
            "rng: random.Random, target: Target",
            "target: Target",
            r"challenge takes .*\(rng, target\)",
        ),
        (
            "    def challenge",
            "    def challenge(self) -> None: ...\n\n    def challenge",
            r"task.py:\d+ in challenge\(\): challenge is written twice in ReverseTask, at line",
        ),
        ("    text: Text\n", "    text: complex\n", "cannot be sent"),
        ('name = "reverse"', 'name = "reverse"\n    settings = int', "the settings of the task"),
    ],
)
def test_a_builders_slip_is_told_when_the_task_is_loaded(
    tmp_path: Path, before: str, after: str, cause: str
) -> None:
    file = tmp_path / "task.py"
    assert before in WHOLE
    file.write_text(WHOLE.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(UserError, match=cause):
        load_miner(str(file))


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("import random\n\nx = [\n1,\n", r"task.py:3: task.py failed while it was loaded: Syntax"),
        ("import random\n\nx = {}['a']\n", r"task.py:3: task.py failed while .*KeyError"),
        ("from nowhere_at_all import x", "ModuleNotFoundError"),
        ("from helper import broken", r"helper.py:2: task.py failed while .*ZeroDivision"),
    ],
)
def test_what_fails_while_it_is_loaded_is_told_with_its_line(
    tmp_path: Path, text: str, cause: str
) -> None:
    (tmp_path / "helper.py").write_text("# a neighbour\nbroken = 1 / 0\n")
    file = tmp_path / "task.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=cause):
        load_miner(str(file))
