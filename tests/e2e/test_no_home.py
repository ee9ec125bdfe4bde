"""A user without a home folder, as services and containers have them: every command does its work
or says what is missing, and none writes into the root or into the current folder."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assay.localnet.testing import running_node
from tests.unit.subnet.cli.commands import NEEDS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

AS_AN_UNKNOWN_USER = """
import pwd, sys
def unknown(number):
    raise KeyError(number)
pwd.getpwuid = unknown
from assay.cli.main import main
sys.exit(main())
"""
"""The command line, run by a user whose number stands in no list."""
STRAYS = {"~", ".cache", ".config", ".local", ".bittensor"}
"""What is made in the current folder where a home folder was guessed."""


def run(folder: Path, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", AS_AN_UNKNOWN_USER, *argv],
        cwd=folder, env=kept | env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "env",
    [pytest.param({}, id="unset"), pytest.param({"HOME": ""}, id="empty", marks=pytest.mark.slow)],
)
def test_no_command_minds_that_there_is_no_home(env: dict[str, str], tmp_path: Path) -> None:
    """Each case starts every command; the one that is rare has its place in `make test-long`."""
    at_the_root = set(os.listdir("/"))

    def done(command: str) -> str:
        folder = tmp_path / command.replace(" ", "-")
        folder.mkdir()
        found = run(folder, *command.split(), *NEEDS[command], **env)
        fits = found.returncode in (0, 2, 4) and "Traceback" not in found.stderr
        strays = STRAYS.intersection(os.listdir(folder))
        return "" if fits and not strays else f"{command}: {found.returncode} {strays} {found}"

    with ThreadPoolExecutor(2) as pool:
        trouble = [each for each in pool.map(done, NEEDS) if each]
    assert not trouble, "\n".join(trouble)
    assert set(os.listdir("/")) == at_the_root


async def test_a_stored_chain_is_verified_without_a_home_and_the_cost_is_told(
    tmp_path: Path,
) -> None:
    async with running_node(state_dir=tmp_path / "chain") as node:
        node.service.seal()
    found = run(tmp_path, "chain", "verify", "--state-dir", str(tmp_path / "chain"))
    assert (found.returncode, found.stdout[:18]) == (0, "blocks 0 to 1 hold"), found.stderr
    assert found.stderr.count("compiled at every start") == 1
