"""A change of kappa, of the bonds' alpha, of a rounding or of a take turns the suites red."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[3] / "scripts/mutations"


@pytest.mark.slow
@pytest.mark.parametrize("language", ["python", "rust"])
def test_every_mutation_is_noticed(language: str) -> None:
    if language == "rust" and shutil.which("cargo") is None:
        pytest.skip("needs cargo")
    done = subprocess.run(
        [sys.executable, str(_SCRIPT), language], capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": red") == 6
