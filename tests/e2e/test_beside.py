"""The default run has a small subnet that trains beside its own, after its own has paid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.runs import Run, up

pytestmark = [pytest.mark.e2e, pytest.mark.inference, pytest.mark.slow, pytest.mark.timeout(420)]

WAIT_S = 300.0
"""For two subnets' neurons, which load torch, and some windows of 25 s."""


def record(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run.state_dir / "up.json").read_text())
    return found


def is_paid(run: Run) -> bool:
    """Whether a miner of the subnet that trains was paid something."""
    status = run.assay("train", "status")
    return any(peer["incentive"] > 0 for peer in status["peers"])


def test_a_small_subnet_trains_once_the_first_reward_is_paid(tmp_path: Path) -> None:
    small = ("--training", "--miners", "2", "--validators", "1", "--cheat", "none", "--json")
    with up(tmp_path / "state", *small) as run:
        run.wait(lambda: record(run)["beside"], "the second subnet is there", WAIT_S)
        earned = [paid for paid in record(run)["paid"].values() if paid]
        assert len(earned) >= 3, "the first subnet has paid before"
        run.wait(lambda: is_paid(run), "who trains is paid", WAIT_S)
        code, out = run.stop()
    told = json.loads(out)
    assert (code, told["netuid"], told["beside"]["netuid"]) == (0, 1, 2)
    roles = [row["role"] for row in told["beside"]["neurons"]]
    assert sorted(set(roles)) == ["miner", "owner", "validator"]
    assert not (json.loads((run.state_dir / "processes-beside.json").read_text()))
