"""`scripts/stock_node.sh` around a program that stands in for Parity's node: it only waits."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stock_node import SCRIPT
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

STAND_IN = """#!/bin/bash
printf '%s\\n' "$@" > "$(dirname "$0")/given"
exec python3 -c 'import signal; signal.pause()' "$@"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the stand-in, and a chain's folder whose spec is written already."""
    program = tmp_path / "node"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    chain = tmp_path / "chain"
    chain.mkdir()
    (chain / "spec.json").write_text("{}")
    (chain / "facts.json").write_text(json.dumps({"block_time_ms": 123}))
    return tmp_path


def asked(place: Path, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(SCRIPT), *argv],
        env={**os.environ, "ASSAY_STOCK_NODE": str(place / "node")},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@contextlib.contextmanager
def node(place: Path, order: str, *argv: str) -> Iterator[subprocess.Popen[str]]:
    """One that runs in the chain's folder, once it has been given its arguments."""
    (place / "given").unlink(missing_ok=True)
    with asked(place, order, "--dir", str(place / "chain"), *argv) as process:
        try:
            eventually((place / "given").read_text, "it runs")
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, told = process.communicate(timeout=30)
    return process.returncode, told


def test_it_runs_once_at_the_specs_pace(place: Path) -> None:
    with node(place, "run", "--port", "1234", "--", "--more") as process:
        given = (place / "given").read_text().split()
        pairs = dict(itertools.pairwise(given))
        assert pairs["--dev-block-time"] == "123"
        assert pairs["--rpc-port"] == "1234"
        assert pairs["--chain"] == str(place / "chain" / "spec.json")
        assert given[-1] == "--more"
        code, words = told(asked(place, "run", "--dir", str(place / "chain")))
        assert code == 2
        assert f"process {process.pid}" in words
        assert told(asked(place, "stop", "--dir", str(place / "chain")))[0] == 0
        assert process.wait(30) == -15


def test_it_is_restarted_where_one_runs_and_where_none_does(place: Path) -> None:
    with node(place, "restart") as first, node(place, "restart") as second:
        assert first.wait(30) == -15
        assert second.poll() is None
    # A number that is another process's by now is left alone.
    (place / "chain" / "node.pid").write_text(str(os.getpid()))
    assert told(asked(place, "stop", "--dir", str(place / "chain")))[0] == 0


def test_what_is_no_order_is_told(place: Path) -> None:
    assert told(asked(place, "build"))[0] == 0
    for words in ((), ("dance",), ("run", "--colour", "red"), ("run", "--port")):
        code, said = told(asked(place, *words))
        assert code == 2, words
        assert said.startswith("stock_node: ")
