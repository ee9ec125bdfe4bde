"""A task file imports the product and its neighbours, whatever else stands in the user's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay.neuron.loader import load_miner
from assay.neuron.task import MinerTask

ROOT = Path(__file__).resolve().parents[3]
WHOLE = (ROOT / "examples" / "reverse.py").read_text(encoding="utf-8")
PACKAGES = ("subnet", "scoring", "miners", "validators", "assay")


def load_elsewhere(folder: Path, file: str) -> None:
    """In a process of its own, whose current folder is ``folder``, as ``assay up`` starts one."""
    code = f"from assay.neuron.loader import load_miner; load_miner({file!r})"
    # Not the checkout itself, which tests that load scripts put there: it holds `subnet` too.
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-P", "-c", code]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize("as_folder", [True, False])
def test_a_users_folder_or_file_of_our_name_breaks_nothing(
    tmp_path: Path, name: str, as_folder: bool
) -> None:
    if as_folder:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    else:
        (tmp_path / f"{name}.py").touch()
    (tmp_path / "mine.py").write_text(WHOLE)
    load_elsewhere(tmp_path, "mine.py")


@pytest.mark.parametrize("name", PACKAGES)
def test_the_task_file_itself_may_have_our_name(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text(WHOLE)
    load_elsewhere(tmp_path, f"{name}.py")


def test_a_users_own_subnet_package_is_still_his(tmp_path: Path) -> None:
    (tmp_path / "subnet").mkdir()
    (tmp_path / "subnet" / "__init__.py").touch()
    (tmp_path / "subnet" / "wire.py").write_text("K = 7\n")
    (tmp_path / "mine.py").write_text(f"from subnet.wire import K\nassert K == 7\n{WHOLE}")
    load_elsewhere(tmp_path, "mine.py")


@pytest.mark.parametrize(
    "line",
    [
        "import subnet.neuron as n; n.Task",
        "import subnet.neuron; subnet.neuron.Task",
        "from subnet.wire.errors import RequestRefused",
        "def f():\n    from subnet.neuron import Task\n    return Task\nf()",
    ],
)
def test_the_old_name_is_the_product(tmp_path: Path, line: str) -> None:
    (tmp_path / "mine.py").write_text(f"{WHOLE}\n{line}\n")
    load_elsewhere(tmp_path, "mine.py")


def test_neighbours_import_and_shadow_nothing(tmp_path: Path) -> None:
    """A neighbour may import the product, and another neighbour; ``random`` stays Python's."""
    (tmp_path / "helper.py").write_text(
        "from subnet.neuron import Score\nfrom inner.deep import K\n"
    )
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "__init__.py").touch()
    (tmp_path / "inner" / "deep.py").write_text("K = 3\n")
    for name in ("random", "json", "msgspec", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    (tmp_path / "mine.py").write_text(f"from helper import K, Score\nassert K == 3\n{WHOLE}")
    load_elsewhere(tmp_path, "mine.py")


def test_a_traceback_names_the_files_own_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        WHOLE.replace(
            "return Reversed(text=", "raise KeyError('oops')\n        return Reversed(text="
        )
    )
    task = load_miner(str(file))
    assert issubclass(task, MinerTask)
    lines = file.read_text().splitlines()
    code = task.serve.__code__
    assert code.co_filename == str(file)
    assert lines[code.co_firstlineno - 1].strip().startswith("async def serve")
