"""A convicted miner works unpaid for a while."""

from __future__ import annotations

import pytest

from assay.scoring.inference.probation import AFTER_CONVICTION, owed_after


def test_probation_is_paid_off_answer_by_answer_and_starts_anew() -> None:
    owed = owed_after(0, verified=False, convicted=True)
    assert owed == AFTER_CONVICTION
    for _ in range(AFTER_CONVICTION - 1):
        owed = owed_after(owed, verified=True, convicted=False)
    assert owed == 1
    assert owed_after(owed, verified=False, convicted=False) == 1
    assert owed_after(owed, verified=False, convicted=True) == AFTER_CONVICTION
    assert owed_after(owed, verified=True, convicted=False) == 0
    assert owed_after(0, verified=True, convicted=False) == 0


def test_an_answer_is_not_both() -> None:
    with pytest.raises(ValueError, match="both"):
        owed_after(0, verified=True, convicted=True)
