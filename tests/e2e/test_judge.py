"""Parity's executor replays what ours built; and it does say so when a chain is not what it says.

Needs the judge, which takes long to build: `scripts/judge` makes it, CI does so before this runs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.runs import EXPORTS_DIR, ROOT, script, until_first_reward

SCRIPT = ROOT / "scripts" / "judge"
RUN_EXTRINSICS_MIN = 20
"""Seven are funded and registered, two stake, six serve or set weights; each block has one more
extrinsic, the time."""

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]


def judge(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True, timeout=500
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a run that went from nothing to its first reward."""
    if script("judge").oracle() is None:
        pytest.skip("the judge is not built: scripts/judge")
    folder = tmp_path_factory.mktemp("judge")
    before = os.environ.get(EXPORTS_DIR)
    os.environ[EXPORTS_DIR] = str(folder / "exports")
    try:
        until_first_reward(folder / "state", "--task", "examples/reverse.py")
    finally:
        os.environ.pop(EXPORTS_DIR)
        if before is not None:
            os.environ[EXPORTS_DIR] = before
    return folder / "exports"


def altered(exported: Path, to: Path) -> Path:
    """A copy that a test may spoil; the folder of its one chain."""
    shutil.copytree(exported, to)
    (chain,) = to.iterdir()
    return chain


def test_every_block_of_a_first_reward_agrees(exported: Path) -> None:
    done = judge(exported)
    assert done.returncode == 0, done.stderr
    (chain,) = json.loads(done.stdout)["chains"]
    assert chain["verified"] is True
    assert chain["blocks"] > 40
    assert chain["extrinsics"] > chain["blocks"] + RUN_EXTRINSICS_MIN


def test_another_root_is_a_difference(exported: Path, tmp_path: Path) -> None:
    chain = altered(exported, tmp_path / "exports")
    lines = (chain / "blocks.txt").read_text().splitlines()
    # A header is its parent's hash, its number (compact, one byte here), its state's root.
    at = 2 * 33
    spoilt = lines[20]
    lines[20] = spoilt[:at] + ("1" if spoilt[at] == "0" else "0") + spoilt[at + 1 :]
    (chain / "blocks.txt").write_text("\n".join(lines) + "\n")
    done = judge(tmp_path)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert "block 21" in done.stderr


def test_a_missing_block_is_a_difference(exported: Path, tmp_path: Path) -> None:
    chain = altered(exported, tmp_path / "exports")
    lines = (chain / "blocks.txt").read_text().splitlines()
    (chain / "blocks.txt").write_text("\n".join(lines[:10] + lines[11:]) + "\n")
    assert judge(tmp_path).returncode == 1


def test_another_end_than_our_own_host_found_is_a_difference(
    exported: Path, tmp_path: Path
) -> None:
    chain = altered(exported, tmp_path / "exports")
    lines = (chain / "blocks.txt").read_text().splitlines()
    (chain / "blocks.txt").write_text("\n".join(lines[:-1]) + "\n")
    done = judge(tmp_path)
    assert done.returncode == 1
    assert "our host ended at" in done.stderr


def test_nothing_to_judge_is_no_verdict(exported: Path, tmp_path: Path) -> None:
    assert judge(tmp_path).returncode == 2
    chain = altered(exported, tmp_path / "exports")
    (chain / "blocks.txt").write_text("no block\n")
    done = judge(tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
