"""Every benchmark has the same options and says what it found in the one form that tools read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import interpreter
from scripts.bench import report
from tests.tidy.sources import ROOT, tracked

BENCHES = [path for path in tracked("scripts/bench/*") if path.parent.name == "bench"]
PROGRAMS = [path for path in BENCHES if os.access(ROOT / path, os.X_OK)]


def test_there_are_some() -> None:
    assert {path.name for path in PROGRAMS} >= {
        "chain", "cli", "objects", "streams", "verify", "weights", "wire"
    }  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_the_options(program: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-X", "importtime", str(ROOT / program), "--help"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert {"--json", "--quick"} <= set(shown.stdout.replace(",", " ").split())
    assert f"scripts/bench/{program.name} [--json] [--quick]" in shown.stdout
    imported = {line.split("|")[-1].strip() for line in shown.stderr.splitlines()}
    assert "argparse" in imported and "torch" not in imported, "options wait for torch"


@pytest.mark.slow
@pytest.mark.inference
@pytest.mark.parametrize("program", [path for path in PROGRAMS if path.name in {"serve", "verify"}])
def test_what_is_imported_after_the_options_is_there(program: Path) -> None:
    """``--help`` ends before it: a name that is gone would show in a measurement only."""
    load = f"import runpy, sys; sys.argv = ['{program.name}']; runpy.run_path('{ROOT / program}')"
    loaded = subprocess.run(
        [sys.executable, "-c", load], capture_output=True, text=True, timeout=120
    )
    assert loaded.returncode == 0, loaded.stderr


LAUNCHERS = [
    Path(f"scripts/{name}.py") for name in ("launch_miner", "launch_validator", "register_subnet")
]


@pytest.mark.parametrize("program", [*PROGRAMS, *LAUNCHERS], ids=lambda path: path.name)
def test_a_python_without_the_packages_is_left_for_the_checkouts_own(program: Path) -> None:
    """``-S`` hides what is installed: the same as a Python outside of the environment."""
    shown = subprocess.run(
        [sys.executable, "-S", str(ROOT / program), "--help"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if interpreter.PYTHON.exists():
        assert shown.returncode == 0, shown.stderr
        assert {"--quick", "--netuid", "--wallet"} & set(shown.stdout.split())
    else:
        assert shown.returncode == 2
        assert "cure   Run `make up` once" in shown.stderr


def test_a_copy_without_an_environment_says_how_it_is_made(tmp_path: Path) -> None:
    alone = tmp_path / "scripts" / "launch_miner.py"
    alone.parent.mkdir()
    for name in ("launch_miner.py", "interpreter.py"):
        shutil.copy(ROOT / "scripts" / name, alone.parent)
    ran = subprocess.run(
        [sys.executable, "-S", str(alone)], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 2
    assert "cure   Run `make up` once" in ran.stderr


def test_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        report.row("start", [0.5, 0.25, 0.75], "s", target=0.6),
        report.row("rate", 1_999.0, "1/s", target=2_000, least=True),
        report.row("size", 3, "MB"),
        report.against("call", [2.0], "ms", peer="them", theirs=[30.0], target=10),
        report.against("calls", [90.0], "1/s", peer="them", theirs=[10.0], target=10, least=True),
    ]
    assert [found["met"] for found in rows] == [True, False, None, True, False]
    assert rows[0]["spread"] == [0.25, 0.75]
    assert [found["ratio"] for found in rows] == [None, None, None, 15.0, 9.0]
    assert report.finish(report.begin("x"), rows, as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"name", "machine", "commit", "rows"}
    wanted = {"metric", "value", "unit", "peer", "peer_value", "ratio", "target", "met"}
    assert all(wanted <= set(found) for found in told["rows"])
    assert report.finish(report.begin("x"), [rows[0], rows[2], rows[3]], as_json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "start: 0.5 s (met)"
    assert lines[3] == "call: 2 ms, them 30, 15 times better (met)"
