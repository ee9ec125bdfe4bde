"""Properties of aggregation: it is the specification's, to the bit, in whatever order it comes."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.scoring.reference.aggregation import ONE, PlainContribution, merge, norm_factors
from assay.scoring.training.aggregate import AggregationRule, Average, Contribution, aggregate
from assay.scoring.training.shapes import SparseUpdate

values = st.one_of(
    st.sampled_from([0.5, -0.5, 0.25, 1.0]),
    st.floats(-15.5, 15.5, width=32).filter(bool),
    st.floats(-(2.0**-10), 2.0**-10, width=32).filter(bool),
    st.sampled_from([16.0, 1e9]),
)
contributions = st.lists(
    st.builds(
        Contribution,
        st.integers(0, 200),
        st.one_of(st.integers(1, 4), st.integers(1, 20_000)),
        st.dictionaries(st.integers(0, 12), values, max_size=8).map(
            lambda by_place: SparseUpdate(
                np.array(sorted(by_place), dtype=np.int64),
                np.array([by_place[place] for place in sorted(by_place)], dtype=np.float32),
            )
        ),
    ),
    max_size=6,
    unique_by=lambda contribution: contribution.uid,
)
rules = st.builds(
    AggregationRule,
    average=st.sampled_from(Average),
    norm_percent=st.sampled_from([100, 150, 200, 10_000]),
    trim_percent=st.sampled_from([0, 0, 20, 34, 50]),
)


@settings(max_examples=300, deadline=None)
@given(contributions, rules, st.randoms(use_true_random=False))
def test_all_hold_what_the_specification_says(
    sent: list[Contribution], rule: AggregationRule, random: object
) -> None:
    shuffled = list(sent)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    result = aggregate(shuffled, rule)
    plain = {
        each.uid: PlainContribution(
            each.weight,
            dict(zip(each.update.places.tolist(), each.update.values.tolist(), strict=True)),
        )
        for each in sent
    }
    expected = merge(
        plain,
        senders_only=rule.average is Average.SENDERS,
        norm_percent=rule.norm_percent,
        trim_percent=rule.trim_percent,
    )
    found = dict(zip(result.update.places.tolist(), result.update.values.tolist(), strict=True))
    assert found == {place: float(np.float32(units / ONE)) for place, units in expected.items()}
    factors = norm_factors(plain, rule.norm_percent)
    assert result.factors == {uid: math.trunc(part * 2**16) for uid, part in factors.items()}
    again = aggregate(sent, rule)
    assert np.array_equal(result.update.values.view(np.int32), again.update.values.view(np.int32))


@settings(max_examples=50, deadline=None)
@given(contributions, rules)
def test_nobody_moves_the_rest_by_more_than_the_bound(
    sent: list[Contribution], rule: AggregationRule
) -> None:
    """However long one contribution is, what counts of it is at most c times the middle norm."""
    result = aggregate(sent, rule)
    norms = {
        each.uid: float(np.linalg.norm(each.update.values.astype(np.float64)))
        for each in sent
        if np.all(np.abs(each.update.values) < 16)
    }
    spoke = [norm for norm in norms.values() if norm]
    for uid, norm in norms.items():
        counted = norm * result.factors[uid] / 2**16
        assert counted <= rule.norm_percent / 100 * max(spoke, default=0.0) * (1 + 1e-9)
    if spoke:
        assert any(result.factors[uid] == 1 << 16 for uid, norm in norms.items() if norm)
