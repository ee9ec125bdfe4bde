"""The README's walkthroughs do what they say, word for word; and no block of it is forgotten."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.runs import script

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "walkthroughs"


def test_the_readme_has_the_walkthroughs_that_the_script_runs() -> None:
    names = set(script("walkthroughs").blocks())
    assert names == {"subnet", "miner", "miner-paid", "validator", "validator-paid"}


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.inference
@pytest.mark.timeout(700)
def test_the_walkthroughs_run_word_for_word() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=650, check=False
    )
    assert done.returncode == 0, done.stderr
