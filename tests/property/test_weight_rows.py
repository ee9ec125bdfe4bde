"""Rows of weights: whatever is given, what comes out is a row that the chain stores unchanged."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from assay.chain.weights import quantise
from assay.types import U16_MAX, Uid

WEIGHTS = st.dictionaries(
    st.integers(0, 255).map(Uid),
    st.one_of(
        st.just(0.0),
        st.floats(0, 1, allow_nan=False),
        st.floats(0, 1e300, allow_nan=False),
        st.sampled_from([5e-324, 1e-30, 1.0]),
    ),
    max_size=24,
)


@given(WEIGHTS)
def test_a_row_is_ordered_scaled_and_as_near_as_u16_allows(weights: dict[Uid, float]) -> None:
    row = quantise(weights)
    top = max(weights.values(), default=0.0)
    if top == 0:
        assert row == ()
        return
    assert [uid for uid, _ in row] == sorted({uid for uid, _ in row})
    assert max(value for _, value in row) == U16_MAX
    for uid, weight in weights.items():
        exact = Fraction(weight) / Fraction(top) * U16_MAX
        value = dict(row).get(uid, 0)
        assert abs(value - exact) <= Fraction(1, 2) + Fraction(1, 10**6)


@given(WEIGHTS, st.integers(1, U16_MAX - 1))
def test_a_limited_row_keeps_the_limit_and_the_order(weights: dict[Uid, float], limit: int) -> None:
    try:
        row = quantise(weights, limit)
    except ValueError:
        positive = [value for _, value in quantise(weights)]
        assume(len(positive) * limit >= U16_MAX)
        # Refused although enough of them are above zero: then the limit's ceiling would have
        # pushed some below half a unit.
        assert min(w for w in weights.values() if w > 0) * U16_MAX < max(weights.values())
        return
    if not row:
        assert max(weights.values(), default=0.0) == 0
        return
    values = dict(row)
    assert max(values.values()) == U16_MAX
    assert Fraction(U16_MAX, sum(values.values())) <= Fraction(limit, U16_MAX)
    slack = len(values)  # what rounding may have had to add
    for one in weights:
        for other in weights:
            if weights[one] < weights[other]:
                assert values.get(one, 0) <= values.get(other, 0) + slack


@given(WEIGHTS, st.floats(1e-6, 1e6))
def test_only_proportions_matter(weights: dict[Uid, float], factor: float) -> None:
    scaled = {uid: weight * factor for uid, weight in weights.items()}
    assume(all(w == 0 or 1e-290 < w < 1e290 for w in (*weights.values(), *scaled.values())))
    first, second = dict(quantise(weights)), dict(quantise(scaled))
    for uid in weights:
        assert abs(first.get(uid, 0) - second.get(uid, 0)) <= 1
