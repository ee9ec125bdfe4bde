"""What equal stakes cost, against a pool that is worked out by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.cli.up.stakes import KAPPA_OF_TWO, STAKE_MAX, cost_of, first_stake
from assay.types import RAO_PER_TAO, U16_MAX, AlphaRao, Rao

TAO = RAO_PER_TAO


class Pool:
    """Two reserves in rao whose product stays; no fee."""

    def __init__(self, tao: float, alpha: float) -> None:
        self.tao, self.alpha = tao, alpha

    def price(self, spent: float = 0.0) -> Rao:
        tao = self.tao + spent
        return Rao(round(TAO * tao * tao / (self.tao * self.alpha)))

    def buy(self, spent: float) -> AlphaRao:
        left = self.tao * self.alpha / (self.tao + spent)
        bought, self.tao, self.alpha = self.alpha - left, self.tao + spent, left
        return AlphaRao(round(bought))


@given(
    validators=st.integers(2, 16),
    tao=st.integers(1_000, 1_000_000),
    price=st.floats(0.01, 100.0),
)
def test_validators_that_buy_in_turns_hold_the_same(
    validators: int, tao: int, price: float
) -> None:
    pool = Pool(tao * TAO, tao * TAO / price)
    held = [pool.buy(first_stake(validators))]
    for _ in range(validators - 1):
        held.append(pool.buy(cost_of(held[0], pool.price(), pool.price(STAKE_MAX))))
    assert max(held) <= 1.001 * min(held)


@pytest.mark.parametrize("validators", [1, 2, 3, 8])
def test_in_a_first_subnet_they_buy_half_of_the_pool(validators: int) -> None:
    pool = Pool(1_000 * TAO, 1_000 * TAO)
    spent = [first_stake(validators)]
    held = [pool.buy(spent[0])]
    for _ in range(validators - 1):
        spent.append(cost_of(held[0], pool.price(), pool.price(STAKE_MAX)))
        held.append(pool.buy(spent[-1]))
    assert sum(held) == pytest.approx(500 * TAO, rel=1e-3)
    assert all(first <= second for first, second in pairwise(spent))
    assert spent[-1] <= STAKE_MAX


def test_no_validator_spends_more_than_the_most() -> None:
    pool = Pool(10 * TAO, 10 * TAO)
    assert cost_of(AlphaRao(11 * TAO), pool.price(), pool.price(STAKE_MAX)) == STAKE_MAX
    assert cost_of(AlphaRao(9_999 * TAO // 1_000), pool.price(), pool.price(STAKE_MAX)) == STAKE_MAX


def test_where_the_price_does_not_move_alpha_costs_its_price() -> None:
    assert cost_of(AlphaRao(40 * TAO), Rao(TAO // 2), Rao(TAO // 2)) == 20 * TAO


def test_neither_of_two_equal_validators_reaches_their_kappa() -> None:
    assert U16_MAX / 2 < KAPPA_OF_TWO < U16_MAX
