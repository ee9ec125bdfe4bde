"""Shares and rao worked out by hand, where rounding decides."""

from __future__ import annotations

import pytest

from assay.scoring.reference.share_pool import SHARE_BITS, SharePool


def coarse() -> SharePool:
    """Ten shares of ten rao each."""
    return SharePool(value=100, members={"anna": 10})


def test_a_first_deposit_has_its_rao_in_shares() -> None:
    pool = SharePool()
    assert pool.deposit("anna", 7) == 7
    assert (pool.value, pool.shares, pool.worth("anna")) == (7, 7 << SHARE_BITS, 7)
    emptied = SharePool(value=0, members={"nora": 5})
    assert emptied.deposit("anna", 7) == 7
    assert emptied.members["anna"] == 7 << SHARE_BITS


def test_a_stranger_has_nothing() -> None:
    assert coarse().worth("nobody") == 0


@pytest.mark.parametrize(
    ("amount", "taken"),
    [(1, 0), (9, 0), (10, 10), (11, 11), (12, 0), (20, 20), (21, 21), (22, 0), (25, 0), (30, 30)],
)
def test_a_deposit_that_would_lose_more_than_a_rao_is_refused(amount: int, taken: int) -> None:
    pool = coarse()
    assert pool.deposit("nora", amount) == taken
    assert pool.value == 100 + taken
    assert pool.members.get("nora", 0) == taken // 10


@pytest.mark.parametrize(
    ("amount", "paid", "left"),
    [(101, False, 10), (100, True, 0), (15, False, 10), (10, True, 9), (0, True, 10)],
)
def test_nobody_takes_out_more_than_its_shares_are_worth_nor_pays_for_rounding(
    amount: int, paid: bool, left: int
) -> None:
    pool = coarse()
    assert pool.withdraw("anna", amount) is paid
    assert pool.members["anna"] == left
    assert pool.value == 100 - (amount if paid else 0)


def test_who_has_nothing_may_take_nothing() -> None:
    pool = coarse()
    assert pool.withdraw("nobody", 0) is True
    assert pool.withdraw("nobody", 1) is False
    assert pool.members == {"anna": 10}
