"""From an empty folder to the first reward: who works is paid, who cheats is not."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.runs import of_role, until_first_reward

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

CHEATS = ("perturbed", "cached", "garbage")
# Each cheat with a seed of its own, twice at most, because a run takes most of a minute. Any other
# pair: `assay up --until-first-reward --seed N --cheat NAME`.
CHEATS_BY_SEED = tuple(enumerate((*CHEATS, *CHEATS[:2])))


def check_shape(document: dict[str, Any], *, validators: int = 2, miners: int = 4) -> None:
    assert set(document) >= {"seconds", "netuid", "epoch", "neurons"}
    keys = {
        "uid",
        "hotkey",
        "role",
        "behaviour",
        "score",
        "incentive",
        "dividends",
        "reward_alpha_rao",
        "reward_tao_rao",
        "reasons",
    }
    for row in document["neurons"]:
        assert set(row) == keys
    roles = [row["role"] for row in document["neurons"]]
    assert (roles.count("owner"), roles.count("validator"), roles.count("miner")) == (
        1,
        validators,
        miners,
    )
    (owner,) = of_role(document, "owner")
    assert owner["uid"] == 0
    assert owner["incentive"] == 0


def check_justice(document: dict[str, Any], cheat: str | None = None, slow: int = 0) -> None:
    """The cheat at most 5 % of the median honest incentive, every honest miner at least 50 %, and
    a slow one something: that it is paid in proportion shows over epochs (test_judgement and
    scripts/bench/incentives), not in the few rounds before the first reward.

    There is one cheat, of this kind if it is named, and so many slow miners.
    """
    behaviours = [row["behaviour"] for row in of_role(document, "miner")]
    cheats = [behaviour for behaviour in behaviours if behaviour not in ("honest", "slow")]
    assert len(cheats) == 1, behaviours
    assert cheat in (None, *cheats)
    assert behaviours.count("slow") == slow
    honest = [row["incentive"] for row in of_role(document, "miner", "honest", "slow")]
    median = statistics.median(honest)
    assert median > 0
    least = {"honest": 0.5, "slow": 0.0}
    for row in of_role(document, "miner"):
        if row["behaviour"] in least:
            assert row["incentive"] >= least[row["behaviour"]] * median, (row, honest)
            assert row["reward_alpha_rao"] > 0
        else:
            assert row["incentive"] <= 0.05 * median, (row, honest)
            assert row["reasons"], "who is not paid is told why"
    for row in of_role(document, "validator"):
        assert row["dividends"] > 0


def test_the_one_file_example_is_paid(tmp_path: Path) -> None:
    document = until_first_reward(tmp_path / "state", "--task", "examples/reverse.py")
    check_shape(document)
    check_justice(document)


@pytest.mark.inference
def test_a_real_model_is_paid(tmp_path: Path) -> None:
    document = until_first_reward(tmp_path / "state")
    check_shape(document)
    check_justice(document)


@pytest.mark.slow
@pytest.mark.inference
@pytest.mark.parametrize(("seed", "cheat"), CHEATS_BY_SEED)
def test_no_cheat_pays_and_a_slow_miner_does(tmp_path: Path, seed: int, cheat: str) -> None:
    """Two faces have a test of their own: without clients they are honest."""
    document = until_first_reward(
        tmp_path / "state", "--seed", str(seed), "--cheat", cheat, "--slow", "1"
    )
    check_shape(document)
    check_justice(document, cheat, slow=1)
