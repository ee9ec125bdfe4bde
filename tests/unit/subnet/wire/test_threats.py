"""Every line of the wire's table of threats has tests, and each fails without its defence.

``defences`` names the tests and says how each defence is taken away. The changes are made in a copy
of the room, which tests in a process of their own then import in place of the true one.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import pytest

import assay.wire
from tests.unit.subnet.wire.defences import DEFENCES, Change, Defence

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
PRODUCT = ROOT / "subnet"
SUITES = (
    *HERE.glob("test_*.py"),
    *(ROOT / "tests/conformance/wire").glob("test_*.py"),
)
ACCEPTED = {"bodies are in clear"}
"""Stands in the table as a decision, not as a defence."""
HANGING_S = 20
"""A test that waits for what no longer happens has failed by then: the slowest that passes takes
a few seconds, on a busy machine too."""

ALL = [defence for defences in DEFENCES.values() for defence in defences]


def threats() -> set[str]:
    table = (assay.wire.__doc__ or "").split("====\n", 2)[1].rsplit("\n====", 1)[0]
    return {
        line[:28].strip()
        for line in table.splitlines()
        if line[:1].isalpha() and line[28:30] == "  "
    }


def places() -> dict[str, str]:
    """Where each test of the wire stands, as pytest names it."""
    return {
        node.name: f"{suite.relative_to(ROOT)}::{node.name}"
        for suite in SUITES
        for node in ast.parse(suite.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def copy_with(folder: Path, changes: Sequence[Change]) -> None:
    """Make ``folder`` hold the product, with ``changes`` in the wire's room."""
    package = folder / "assay"
    package.mkdir()
    for entry in PRODUCT.iterdir():
        if entry.name not in ("wire", "__pycache__"):
            (package / entry.name).symlink_to(entry)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PRODUCT / "wire", package / "wire", ignore=ignored)
    for change in changes:
        path = package / "wire" / f"{change.file}.py"
        path.write_text(
            path.read_text(encoding="utf-8").replace(change.old, change.new), encoding="utf-8"
        )


def failed(folder: Path, tests: Sequence[str]) -> set[str]:
    """Those of ``tests`` that fail, in at least one of their cases, on the product in ``folder``.

    Each must have run.
    """
    found, report = places(), folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}"]
    command += [f"--timeout={HANGING_S}", *(found[name] for name in tests)]
    command += ["-x"] if len(tests) == 1 else []
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
    }
    variables["PYTHONPATH"] = os.pathsep.join((str(folder), str(ROOT)))
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    cases = list(ET.parse(report).iter("testcase"))
    ran = {case.attrib["name"].partition("[")[0] for case in cases}
    assert ran == set(tests), done.stdout[-2_000:]
    return {
        case.attrib["name"].partition("[")[0]
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    }


def test_every_line_of_the_table_names_its_tests() -> None:
    assert threats() == set(DEFENCES) | ACCEPTED


def test_the_tests_exist() -> None:
    assert {name for defence in ALL for name in defence.tests} <= set(places())


@pytest.mark.parametrize("change", [change for defence in ALL for change in defence.changes])
def test_what_takes_a_defence_away_stands_once_in_the_source(change: Change) -> None:
    source = (PRODUCT / "wire" / f"{change.file}.py").read_text(encoding="utf-8")
    assert source.count(change.old) == 1


@pytest.mark.slow
def test_all_pass_with_every_defence(tmp_path: Path) -> None:
    """On a copy, as below: what fails there fails for want of the defence, not of the original."""
    copy_with(tmp_path, ())
    assert failed(tmp_path, sorted({name for defence in ALL for name in defence.tests})) == set()


@pytest.mark.slow
@pytest.mark.parametrize("defence", ALL, ids=lambda defence: defence.tests[0])
def test_each_fails_without_its_defence(defence: Defence, tmp_path: Path) -> None:
    copy_with(tmp_path, defence.changes)
    assert failed(tmp_path, defence.tests) == set(defence.tests)
