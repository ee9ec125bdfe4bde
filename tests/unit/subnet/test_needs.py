"""What a task needs is known before it is loaded, and the cure fits where the program stands."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from assay import needs
from assay.cli.arguments import task
from tests.tidy.sources import ROOT

DECLARED = '''"""A task."""
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "torch>=2.9",
#     "nosuch-distribution; sys_platform == 'win32'",
#     "Nosuch_Distribution>=1",
# ]
# ///
raise SystemExit("never run")
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "task.py"
    path.write_text(DECLARED)
    return path


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], "inference"),
        (["--seed", "7"], "inference"),
        (["--task", "inference"], "inference"),
        (["--task=inference", "--json"], "inference"),
        (["--task", "examples/reverse.py"], "base"),
        (["--task", "examples/reverse.py", "--fresh"], "base"),
        (["--preset", "inference"], "inference"),
        (["--preset=inference", "--fresh"], "inference"),
        (["--preset", "nosuch"], "base"),
        (["--preset", "inference", "--task", "nosuch"], "base"),
        (["--task", "./nosuch.py"], "base"),
        (["--task", "nosuch"], "base"),
        (["--help"], "base"),
    ],
    ids=" ".join,
)
def test_make_installs_what_the_task_declares(arguments: list[str], wanted: str) -> None:
    assert needs.environment(arguments, ROOT) == wanted
    # As `make` asks, with a Python that has nothing installed.
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(ROOT / "subnet" / "needs.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"{wanted}\n"


def test_a_task_file_declares_as_scripts_do(file: Path) -> None:
    assert needs.declared_in(file)[0] == "torch>=2.9"
    assert needs.environment(["--task", str(file)], ROOT) == "inference"
    assert "Nosuch_Distribution" in needs.lacking(str(file))
    assert needs.lacking(str(file)).count("Nosuch_Distribution") == 1


NOTHING = (
    "",
    "# /// script\n",
    "# /// script\n# dependencies = [\n# ///\n",
    "\0",
    "# /// other\n# a = 1\n# ///\n",
)


@pytest.mark.parametrize("text", NOTHING)
def test_a_file_that_declares_nothing_needs_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "task.py"
    path.write_text(text)
    assert needs.declared_in(path) == []


def test_modules_that_a_task_preloads_are_needed_too() -> None:
    assert needs.lacking("examples/reverse.py", ("msgspec", "nosuch.module", "nosuch")) == [
        "nosuch"
    ]


def test_the_cure_never_names_what_no_registry_has() -> None:
    for names in (("torch", "transformers"), ("left-pad",)):
        said = needs.cure(names)
        assert "assay[" not in said
        assert said.startswith("Run ")
        assert said.endswith(".")
    assert "`make up`" in needs.cure(("torch",))
    assert "GB" in needs.cure(("torch",))


def test_the_default_task_is_the_commands() -> None:
    assert (
        inspect.signature(needs._task_of).parameters["default"].default
        == inspect.signature(task).parameters["default"].default
    )
