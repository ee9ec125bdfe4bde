"""The oracle of a block's emission where it turns: at one, at the cap, at nothing."""

from __future__ import annotations

from fractions import Fraction

from assay.scoring.reference.coinbase import (
    PRICE_ONE,
    TAO_WEIGHT_ONE,
    Emission,
    EmittingSubnet,
    emission_of,
    root_is_paid,
    root_proportion,
)


def subnet(moving_price: int = 0, *, tao: int = 1, alpha_in: int = 1) -> EmittingSubnet:
    return EmittingSubnet(tao=tao, alpha_in=alpha_in, alpha_out=0, moving_price=moving_price)


def test_root_is_paid_above_one_tao_and_not_at_it() -> None:
    half = subnet(PRICE_ONE // 2)
    assert root_is_paid([half, half]) is False
    assert root_is_paid([half, half, subnet(1)]) is True


def test_of_nothing_issued_root_has_no_part() -> None:
    assert root_proportion(0, 0, TAO_WEIGHT_ONE) == 0
    assert root_proportion(0, 1, TAO_WEIGHT_ONE) == 1
    assert root_proportion(3, 1, TAO_WEIGHT_ONE) == Fraction(1, 4)


def emission(tao: int) -> Emission:
    """Of a pool of 2 TAO and 1 alpha, with as much on root as is issued: half a block's alpha, 0.5,
    may go into the pool. There is no owner's cut."""
    pool = subnet(tao=2 * 10**9, alpha_in=10**9)
    return emission_of(pool, tao, 10**9, TAO_WEIGHT_ONE, 0, keeps_root=False)


def test_what_reaches_the_cap_exactly_is_put_in_whole() -> None:
    exact = emission(10**9 + 1)  # buys 500,000,000.5, which is rounded down to the cap
    assert (exact.tao_in, exact.alpha_in, exact.excess_tao) == (10**9 + 1, 5 * 10**8, 0)


def test_what_is_beyond_the_cap_buys_alpha_instead() -> None:
    beyond = emission(10**9 + 2)
    assert (beyond.tao_in, beyond.alpha_in, beyond.excess_tao) == (10**9, 5 * 10**8, 2)


def test_roots_part_is_taken_from_validators_whether_it_is_kept_or_not() -> None:
    given = emission(0)
    # Issued after the block: 1 and the block's 1, beside root's 1: a third of half the alpha.
    assert (given.server, given.validator, given.root) == (5 * 10**8, 5 * 10**8 - 10**9 // 6, 0)
