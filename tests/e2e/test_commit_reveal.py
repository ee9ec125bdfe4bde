"""A run under commit-reveal: validators seal their weights, open them an epoch later, and pay."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.runs import of_role, until_first_reward

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(420)]


def test_weights_are_sealed_opened_and_paid(tmp_path: Path) -> None:
    state = tmp_path / "state"
    document = until_first_reward(state, "--task", "examples/reverse.py", "--commit-reveal")
    honest = of_role(document, "miner", "honest", "slow")
    assert all(row["incentive"] > 0 for row in honest)
    assert all(row["dividends"] > 0 for row in of_role(document, "validator"))
    for validator in ("validator-1", "validator-2"):
        log = (state / "logs" / f"{validator}.log").read_text(encoding="utf-8")
        sealed = re.findall(r"Weights of epoch (\d+) are sealed; they open in epoch (\d+)", log)
        opened = re.findall(r"Weights of epoch (\d+) stand open", log)
        assert sealed, log
        assert opened, log
        assert {int(opens) - int(of) for of, opens in sealed} == {1}
        assert set(opened) <= {of for of, _ in sealed}
        assert "stand since block" not in log, "no row was set in the clear"
