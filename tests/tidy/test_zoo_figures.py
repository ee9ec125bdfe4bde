"""The zoo's figures follow from what was measured: honest peers are paid, and cheats by what their
messages do; without audits a copy is paid nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest

from assay.scoring.training.payment import INCOME_MAX, joint_share
from assay.validators.training.review import UNSURE_WINDOWS
from scripts.bench.zoo_figures import (
    AUDIT_SHARE,
    CHEAT,
    VALIDATORS,
    earned,
    is_caught,
    rows_of,
    unaudited,
)

WINDOWS, PEERS = 16, 4


def measured(held: float, own: float, rng: random.Random, **more: Any) -> dict[str, Any]:
    """A message of a window in which drawing sequences makes an error of a tenth."""
    return {
        "wrong": None, "audit_s": None, "held": rng.gauss(held, 0.1), "held_error": 0.1,
        "own": rng.gauss(own, 0.1), "own_error": 0.1, **more,
    }  # fmt: skip


def cells(held: float, own: float, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Honest peers whose messages do one, and a cheat."""
    rng = random.Random(1)
    told = {"wrong": False, "audit_s": 1.0}
    peers = [[{**measured(1.0, 1.0, rng), **told} for _ in range(PEERS)] for _ in range(WINDOWS)]
    more = {"copied": False, "honest_copied": 0, "wrong": True, **more}
    its = [measured(held, own, rng) | more for _ in range(WINDOWS)]
    return {"windows": peers}, {"windows": its}


@pytest.mark.parametrize(
    ("held", "own", "least", "most"),
    [(1.0, 1.0, 1.0, 1.0), (0.9, 0.9, 1.0, 1.0), (1.0, -0.5, 0.0, 0.0), (-1.0, 1.0, 0.0, 0.0)],
)
def test_pay_without_audits_is_by_the_lower_rank(
    held: float, own: float, least: float, most: float
) -> None:
    paid = unaudited(*cells(held, own))
    assert all(each[name] == 1.0 for each in paid for name in each if name != CHEAT)
    assert least <= paid[-1][CHEAT] <= most


def test_a_copy_is_paid_nothing_without_audits() -> None:
    honest, cheat = cells(1.0, 1.0, copied=True)
    rows = {row["metric"]: row for row in rows_of([honest], {"copier": [cheat]})}
    assert rows["copier: unaudited"]["value"] == 0.0
    assert rows["copier: income"]["value"] <= INCOME_MAX
    assert rows["honest found wrong"]["met"] is True
    assert rows["honest windows audited"]["value"] == WINDOWS * PEERS


def test_catching_and_income_are_those_of_the_audits_odds() -> None:
    share, rng = joint_share(AUDIT_SHARE, VALIDATORS), random.Random(3)
    caught = sum(is_caught([True] * 5, share, rng) for _ in range(4_000)) / 4_000
    assert caught == pytest.approx(1 - (1 - share) ** 5, abs=0.01)
    assert not is_caught([False] * 5, share, rng)
    assert earned([False] * 5, share, rng) == pytest.approx(1.0, abs=0.02)
    assert earned([True] * 5, share, rng) < INCOME_MAX
    assert UNSURE_WINDOWS < WINDOWS
