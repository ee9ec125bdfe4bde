"""The pool's rule where powers are exact: weights of one half, three quarters and one quarter."""

from __future__ import annotations

import pytest

from assay.scoring.reference.pool import WEIGHT_ONE, Pool, fee

THREE_QUARTERS = 3 * WEIGHT_ONE // 4


@pytest.mark.parametrize(
    ("alpha", "least", "most"),
    [(17, 14, 14), (1, 0, 0), (8 * 10**9 + 1, 7 * 10**9, 7 * 10**9)],
    ids=["14.875", "0.875", "0.875 beyond a whole"],
)
def test_of_unequal_weights_a_power_decides(alpha: int, least: int, most: int) -> None:
    """Twice the TAO with an exponent of three: 1 - 1/8 of the alpha comes out."""
    assert Pool(1, alpha, THREE_QUARTERS).bought(1) == (least, most)


def test_a_whole_amount_may_be_a_rao_less() -> None:
    least, most = Pool(1, 16, THREE_QUARTERS).bought(1)
    assert least == 13
    assert most in (13, 14)


def test_selling_has_the_other_weight() -> None:
    """Eight times the alpha with an exponent of a third: half of the TAO comes out, of 17."""
    assert Pool(17, 1, THREE_QUARTERS).sold(7) == (8, 8)


def test_of_equal_weights_the_amount_is_exact() -> None:
    assert Pool(1, 16).bought(1) == (8, 8)
    assert Pool(16, 1).sold(1) == (8, 8)
    assert Pool(1, 17).bought(1) == (8, 8)


def test_a_fee_is_rounded_down() -> None:
    assert [fee(65_535, 33), fee(65_534, 33), fee(1, 65_535), fee(1, 65_534)] == [33, 32, 1, 0]
