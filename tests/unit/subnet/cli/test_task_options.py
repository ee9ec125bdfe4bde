"""A task's own options become its typed settings, and a run's are shared out to its halves."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import click
import pytest
from click.testing import CliRunner
from msgspec import Meta

from assay.cli import output
from assay.cli.main import main
from assay.cli.task_options import ChosenTask, TaskCommand
from assay.errors import UserError
from assay.neuron import TaskSettings
from examples.reverse import ReverseTask

if TYPE_CHECKING:
    from assay.cli.task_options import AnyHalf


@pytest.fixture(autouse=True)
def _fresh_consoles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("out", "err"):
        monkeypatch.delitem(vars(output), name, raising=False)


class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


class Options(TaskSettings, frozen=True):
    model: Annotated[str, Meta(description="which one")] = "demo"
    batch_size: Annotated[int, Meta(ge=1)] = 4
    fast: bool = False
    careful: bool = True
    rate: Annotated[float, Meta(gt=0, le=1, description="how [/much]")] = 0.5
    corpus: Path | None = None
    way: Literal["up", "down"] = "up"
    colour: Colour = Colour.RED
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.batch_size == 13:
            raise ValueError("13 is not a lucky number")


class Configured(ReverseTask):
    settings = Options


class OtherOptions(TaskSettings, frozen=True):
    model: str = "demo"
    audit: float = 0.5


class Other(ReverseTask):
    settings = OtherOptions


def parsed(words: list[str], *halves: AnyHalf) -> ChosenTask:
    """What a command that runs these halves is handed; what click raises passes through."""
    found: list[ChosenTask] = []

    @click.command(cls=TaskCommand, loads=[lambda _, half=half: half for half in halves])
    @click.option("--task", default="x")
    @click.option("--own", default=1)
    def run(chosen: ChosenTask, **_: Any) -> None:
        found.append(chosen)

    with run.make_context("run", list(words)) as context:
        run.invoke(context)
    (chosen,) = found
    return chosen


def settings(words: list[str]) -> TaskSettings:
    return parsed(words, Configured).settings(Configured)


def test_words_become_settings() -> None:
    words = ["--model", "x", "--batch-size=8", "--fast", "--own", "2", "--rate", "1", "--colour",
             "BLUE", "--way", "down", "--no-careful", "--names", "a", "--names=b",
             "--corpus", "~/c"]  # fmt: skip
    wanted = Options(
        model="x", batch_size=8, fast=True, rate=1.0, colour=Colour.BLUE, way="down",
        careful=False, names=("a", "b"), corpus=Path.home() / "c",
    )  # fmt: skip
    assert settings(words) == wanted
    assert settings([]) == Options()


def test_what_was_given_can_be_given_again() -> None:
    """A run hands its neurons their options as words."""
    words = ["--model", "a b", "--no-careful", "--fast", "--names", "-x", "--names", "=y",
             "--colour", "BLUE", "--corpus", "c", "--batch-size", "8"]  # fmt: skip
    first = parsed(words, Configured)
    again = first.words(Configured)
    assert parsed(again, Configured).settings(Configured) == first.settings(Configured)
    assert f"--corpus={Path.cwd() / 'c'}" in again
    assert parsed([], Configured).words(Configured) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nothing", "red"], "No such option '--nothing'"),
        (["model"], "Got unexpected extra argument"),
        (["--model"], "Option '--model' requires an argument"),
        (["--batch-size", "0"], "Invalid value for '--batch-size': 0 is not in the range x>=1"),
        (["--batch-size", "many"], "Invalid value for '--batch-size': 'many' is not a valid int"),
        (["--rate", "0"], "Invalid value for '--rate'"),
        (["--rate", "nan"], "Invalid value for '--rate': nan is not a finite number"),
        (["--way", "left"], "Invalid value for '--way': 'left' is not one of"),
        (["--colour", "GREEN"], "Invalid value for '--colour'"),
        (["--fast=yes"], "Option '--fast' does not take a value"),
    ],
)
def test_wrong_words_are_refused(words: list[str], said: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        settings(words)
    assert said in refused.value.format_message()


def test_a_rule_between_fields_is_told_as_its_author_wrote_it() -> None:
    with pytest.raises(UserError, match=r"^13 is not a lucky number\.") as refused:
        settings(["--batch-size", "13"])
    assert "--batch-size" in refused.value.cure


def test_a_required_setting_is_named() -> None:
    class Needs(TaskSettings, frozen=True):
        size: int

    class Needing(ReverseTask):
        settings = Needs

    with pytest.raises(click.MissingParameter) as refused:
        parsed([], Needing)
    assert "--size" in refused.value.format_message()


TASK_FILE = """
from typing import Annotated
from msgspec import Meta
from assay.neuron import TaskSettings
from examples.reverse import ReverseTask

class Options(TaskSettings):
    rate: Annotated[float, Meta(description="how [/much]")] = 0.5

class Mine(ReverseTask):
    settings = Options
"""
COMMANDS = [("up",), ("miner", "run"), ("validator", "run"), ("lab", "miner")]


@pytest.mark.parametrize("word", ["--task {}", "--task={}"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_lists_the_options_of_the_task_that_is_asked_for(
    command: tuple[str, ...],
    word: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "mine.py").write_text(TASK_FILE)
    task = word.format(tmp_path / "mine.py").split(" ")
    assert main([*command, *task, "--help"]) == 0
    told = capsys.readouterr().out
    own, _, its = told.partition("Options of the task reverse:")
    (line,) = [line for line in its.splitlines() if "--rate NUMBER" in line]
    (other,) = [line for line in own.splitlines() if "--task NAME" in line]
    assert line.index("how [/much]  [default: 0.5]") == other.index("The work"), "one table"
    assert main([*command, "--help"]) == 0
    assert "Options of the task inference:" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "There is no task file"),
        ("from nowhere import x\n", "ModuleNotFoundError: No module named 'nowhere'"),
        ("def (:\n", "SyntaxError"),
    ],
)
def test_help_says_why_a_task_could_not_be_loaded(
    command: tuple[str, ...],
    text: str | None,
    why: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "broken.py"
    if text is not None:
        path.write_text(text)
    assert main([*command, "--task", str(path), "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "The task could not be loaded." in told
    assert why in told.replace(f"{path} ", "")
    assert main([*command, "--task", str(path), "--nosuch", "5", "--netuid", "1"]) == 2
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["seed", "port", "chain", "help", "cheat", "base_port"])
def test_a_setting_called_like_a_commands_option_is_refused_when_the_task_is_loaded(
    command: tuple[str, ...], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"mine_{name}.py"
    path.write_text(TASK_FILE.replace("rate:", f"{name}:"))
    assert main([*command, "--task", str(path), "--netuid", "1"]) == 2
    told = capsys.readouterr().err
    assert f"The setting {name} of the task reverse would be the option" in told
    assert "Rename the field" in told


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("class Options:\n    rate: float = 0.5", "derived from assay.neuron.TaskSettings"),
        ("class Options(TaskSettings):\n    def __init__(self, k): pass", "cannot define __init__"),
        ("class Options(TaskSettings):\n    rate: complex = 0", "has a type that no option"),
        ("class Options(TaskSettings):\n    rate: 'Nowhere' = 0", "cannot be read"),
        ("class Options(TaskSettings):\n    fast: bool = True\n    no_fast: bool = False",
         "a second time"),
        ("class Options(TaskSettings):\n    pass", "__init__ is missing a required argument: 'k'"),
    ],
)  # fmt: skip
def test_settings_that_are_none_are_told_when_the_task_is_loaded(
    settings: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    makes = "    def __init__(self, k): pass\n" if "argument" in why else ""
    path = tmp_path / "mine.py"
    path.write_text(
        "from assay.neuron import TaskSettings\nfrom examples.reverse import ReverseTask\n"
        f"{settings}\n\nclass Mine(ReverseTask):\n    settings = Options\n{makes}"
    )
    assert main(["up", "--task", str(path)]) == 2
    told = capsys.readouterr().err
    assert why in told
    assert "Traceback" not in told
    assert "This should not happen" not in told


def test_each_half_gets_the_words_it_knows() -> None:
    words = ["--model", "x", "--audit", "0.1", "--fast"]
    chosen = parsed(words, Configured, Other)
    assert chosen.words(Configured) == ["--fast", "--model=x"]
    assert chosen.words(Other) == ["--audit=0.1", "--model=x"]
    assert chosen.settings(Configured) == Options(model="x", fast=True)
    assert chosen.settings(Other) == OtherOptions(model="x", audit=0.1)


def test_an_option_of_a_task_stands_in_the_usage_of_a_runner() -> None:
    """The runner that click's own tests use sees the same command."""

    @click.command(cls=TaskCommand, loads=[lambda _: Configured])
    @click.option("--task", default="x")
    def run(chosen: ChosenTask, task: str) -> None:
        click.echo(repr(chosen.settings(Configured)))

    done = CliRunner().invoke(run, ["--batch-size", "8"])
    assert "batch_size=8" in done.output
