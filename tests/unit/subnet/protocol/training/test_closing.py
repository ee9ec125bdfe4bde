"""A window closes with what more than half of the stake holds, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.protocol.training.closing import Attestation, RunProgress, advance, close
from assay.protocol.training.records import ValidatorRecord

STATE = b"s" * 16


def says(stake: int, *held: int, window: int = 7, state: bytes = STATE) -> Attestation:
    return Attestation(stake, ValidatorRecord(window, state, frozenset(held)))


@pytest.mark.parametrize(
    ("attestations", "counted"),
    [
        ([says(60, 1, 2), says(40, 2, 3)], {1, 2}),
        ([says(50, 1, 2), says(50, 2, 3)], {2}),
        ([says(51, 1), Attestation(49, None)], {1}),
        ([says(50, 1), Attestation(50, None)], None),
        ([says(30, 1), says(30, 2), says(40, 3)], None),
        ([says(60), says(40, 1)], None),
        ([says(60, 1, window=6), says(40, 1)], None),
        ([says(60, 1, state=b"x" * 16), says(40, 1)], None),
        ([], None),
        ([says(0, 1)], None),
    ],
)
def test_more_than_half_of_all_stake_decides(
    attestations: list[Attestation], counted: set[int] | None
) -> None:
    assert close(attestations, 7, STATE) == counted


@given(
    st.lists(
        st.tuples(st.integers(0, 10), st.none() | st.frozensets(st.integers(0, 5))), max_size=6
    )
)
def test_a_set_is_a_majoritys_and_no_minority_changes_it(
    words: list[tuple[int, frozenset[int] | None]],
) -> None:
    attestations = [
        Attestation(stake, None if held is None else ValidatorRecord(7, STATE, held))
        for stake, held in words
    ]
    counted = close(attestations, 7, STATE)
    assert counted == close(attestations[::-1], 7, STATE)
    total = sum(stake for stake, _ in words)
    for uid in counted or ():
        assert 2 * sum(stake for stake, held in words if held and uid in held) > total
    # A liar with less than half brings in nobody whom the others' majority does not hold too.
    liar = [*attestations, says(total, 99)]
    assert 99 not in (close(liar, 7, STATE) or ())


def test_a_void_window_loses_no_data() -> None:
    progress = RunProgress()
    for counted in (frozenset({1}), None, None, frozenset({2, 3})):
        progress = advance(progress, counted, 60)
    assert progress == RunProgress(window=4, cursor=120, voids_in_row=0)
    assert advance(progress, None, 60) == RunProgress(5, 120, 1)


def test_no_stake_is_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        close([says(-1, 1)], 7, STATE)
