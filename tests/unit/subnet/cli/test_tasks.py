"""A task's own options become its typed settings, and a run's are shared out to its halves."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from assay.cli.main import main
from assay.cli.tasks import settings_of, share_out
from assay.errors import UserError
from assay.neuron import TaskSettings
from examples.reverse import ReverseTask


class Options(TaskSettings):
    model: str = Field("demo", description="which one")
    batch_size: int = Field(4, ge=1)
    fast: bool = False


class Configured(ReverseTask):
    settings = Options


class OtherOptions(TaskSettings):
    model: str = "demo"
    audit: float = 0.5


class Other(ReverseTask):
    settings = OtherOptions


def test_words_become_settings() -> None:
    words = ["--model", "x", "--batch-size=8", "--fast"]
    assert settings_of(Configured, words) == Options(model="x", batch_size=8, fast=True)
    assert settings_of(Configured, []) == Options()


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["--colour", "red"], "--colour is neither"),
        (["model"], "model is neither"),
        (["--model"], "--model needs a value"),
        (["--batch-size", "0"], "--batch-size is wrong"),
        (["--batch-size", "many"], "--batch-size is wrong"),
    ],
)
def test_wrong_words_are_refused_with_what_there_is(words: list[str], cause: str) -> None:
    with pytest.raises(UserError, match=cause) as refused:
        settings_of(Configured, words)
    assert refused.value.cure == (
        "The task takes --model, --batch-size, --fast; --help says what they mean."
    )


TASK_FILE = """
from pydantic import Field
from assay.neuron import TaskSettings
from examples.reverse import ReverseTask

class Options(TaskSettings):
    rate: float = Field(0.5, description="how [/much]")

class Mine(ReverseTask):
    settings = Options
"""


@pytest.mark.parametrize("word", ["--task {}", "--task={}"])
@pytest.mark.parametrize(
    "command", [("up",), ("miner", "run"), ("validator", "run"), ("lab", "miner")]
)
def test_help_lists_the_options_of_the_task_that_is_asked_for(
    command: tuple[str, ...], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(TASK_FILE)
    task = word.format(tmp_path / "mine.py").split(" ")
    assert main([*command, *task, "--help"]) == 0
    assert "--rate  how [/much] (default: 0.5)" in capsys.readouterr().out
    assert main([*command, *word.format(tmp_path / "none.py").split(" "), "--help"]) == 0
    assert main([*command, "--help"]) == 0
    assert "Options of the task inference:" in capsys.readouterr().out


def test_each_half_gets_the_words_it_knows() -> None:
    mining, validating = share_out(["--model", "x", "--audit", "0.1", "--fast"], Configured, Other)
    assert settings_of(Configured, mining) == Options(model="x", fast=True)
    assert settings_of(Other, validating) == OtherOptions(model="x", audit=0.1)
    with pytest.raises(UserError, match="--nothing is neither"):
        share_out(["--nothing=1"], Configured, Other)
