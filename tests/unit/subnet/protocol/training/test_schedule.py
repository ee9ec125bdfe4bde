"""A block's number says where a run is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.protocol.training.schedule import PHASES, Phase, Place, Schedule

SMALL = Schedule(start=100, windows=2, train=5, upload=2, reveal=1, attest=2, evaluate=1, advance=1)

schedules = st.builds(
    Schedule,
    start=st.integers(0, 50),
    windows=st.integers(1, 4),
    **{phase.value: st.integers(1, 6) for phase in PHASES},
)


@pytest.mark.parametrize(
    ("block", "place"),
    [
        (0, Place(0, Phase.JOIN, 100)),
        (99, Place(0, Phase.JOIN, 1)),
        (100, Place(0, Phase.TRAIN, 5)),
        (104, Place(0, Phase.TRAIN, 1)),
        (105, Place(0, Phase.UPLOAD, 2)),
        (107, Place(0, Phase.REVEAL, 1)),
        (108, Place(0, Phase.ATTEST, 2)),
        (110, Place(0, Phase.EVALUATE, 1)),
        (111, Place(0, Phase.ADVANCE, 1)),
        (112, Place(1, Phase.TRAIN, 5)),
        (124, Place(2, Phase.DONE, 0)),
        (10**9, Place(2, Phase.DONE, 0)),
    ],
)
def test_a_block_lies_in_one_phase(block: int, place: Place) -> None:
    assert SMALL.place(block) == place


@given(schedules)
def test_the_phases_of_all_windows_cover_every_block_once_and_in_order(schedule: Schedule) -> None:
    walked = [
        (block, window, phase)
        for window in range(schedule.windows)
        for phase in PHASES
        for block in schedule.blocks(window, phase)
    ]
    assert [block for block, _, _ in walked] == list(range(schedule.start, schedule.end))
    for block, window, phase in walked:
        place = schedule.place(block)
        assert (place.window, place.phase) == (window, phase)
        assert schedule.place(block + place.blocks_left) != place
        assert block + place.blocks_left - 1 == schedule.deadline(window, phase)


def test_there_is_nothing_outside_of_the_windows() -> None:
    with pytest.raises(ValueError, match="2 windows"):
        SMALL.blocks(2, Phase.TRAIN)
    with pytest.raises(ValueError, match="2 windows"):
        SMALL.blocks(-1, Phase.TRAIN)
    with pytest.raises(ValueError, match="done"):
        SMALL.length(Phase.DONE)
