"""A peer's states: every state at every event, and what no walk may do."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.protocol.training.peer import ChainEvent, Event, PeerState, WorkEvent, after

LEGAL = {
    PeerState.BEHIND: {WorkEvent.CAUGHT_UP, WorkEvent.FAILED},
    PeerState.WAITING: set(),
    PeerState.TRAINING: {WorkEvent.TRAINED, WorkEvent.FAILED},
    PeerState.UPLOADING: {WorkEvent.SEALED, WorkEvent.FAILED},
    PeerState.SEALED: set(),
    PeerState.OPENING: {WorkEvent.OPENED, WorkEvent.FAILED},
    PeerState.OPENED: set(),
    PeerState.MISSED: set(),
    PeerState.FOLDING: {WorkEvent.FOLDED, WorkEvent.FAILED},
}
EVENTS: tuple[Event, ...] = (*ChainEvent, *WorkEvent)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(PeerState, EVENTS)))
def test_every_state_at_every_event(state: PeerState, event: Event) -> None:
    if isinstance(event, WorkEvent) and event not in LEGAL[state]:
        with pytest.raises(ValueError, match=state.value):
            after(state, event)
        return
    following = after(state, event)
    if event is ChainEvent.BEGUN:
        # Only who holds the newest state computes from it.
        assert (following is PeerState.TRAINING) == (state is PeerState.WAITING)
    if event is ChainEvent.COUNTED:
        assert following in (PeerState.FOLDING, PeerState.BEHIND)
    if event is WorkEvent.FAILED:
        assert following in (PeerState.MISSED, PeerState.BEHIND)


def test_a_window_as_it_should_go() -> None:
    state = PeerState.BEHIND
    walked = []
    for event in (
        WorkEvent.CAUGHT_UP,
        ChainEvent.BEGUN,
        WorkEvent.TRAINED,
        WorkEvent.SEALED,
        ChainEvent.CLOSED_TO_SEALS,
        WorkEvent.OPENED,
        ChainEvent.CLOSED_TO_KEYS,
        ChainEvent.COUNTED,
        WorkEvent.FOLDED,
        ChainEvent.BEGUN,
    ):
        state = after(state, event)
        walked.append(state.value)
    assert walked == [
        "waiting", "training", "uploading", "sealed", "opening", "opened", "opened", "folding",
        "waiting", "training",
    ]  # fmt: skip


@given(st.lists(st.sampled_from(EVENTS), max_size=40))
def test_on_no_walk_is_a_key_shown_early_or_an_old_state_trained_from(events: list[Event]) -> None:
    state = PeerState.BEHIND
    holds_state = deadline_over = False
    for event in events:
        if isinstance(event, WorkEvent) and event not in LEGAL[state]:
            continue
        if event is ChainEvent.BEGUN:
            # A set that was not folded before the next window began is missing from the state.
            holds_state = holds_state and state is PeerState.WAITING
            deadline_over = False
        deadline_over = deadline_over or event in (
            ChainEvent.CLOSED_TO_SEALS,
            ChainEvent.CLOSED_TO_KEYS,
        )
        if event is ChainEvent.COUNTED:
            holds_state = False
        if event in (WorkEvent.CAUGHT_UP, WorkEvent.FOLDED):
            holds_state = True
        state = after(state, event)
        if state in (PeerState.OPENING, PeerState.OPENED):
            assert deadline_over
        if state is PeerState.TRAINING:
            assert holds_state
