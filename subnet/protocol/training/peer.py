"""What a peer may do next in a window: a table of states and events. Pure.

    behind     it does not hold the state that the window starts from: catch up
    waiting    it holds the state, and has no part in this window (yet)
    training   computing
    uploading  its work is done: make the sealed message, and put the seal on chain
    sealed     the seal is on chain in time; the key stays secret until the deadline is over
    opening    the deadline is over: put the key on chain
    opened     the key is on chain in time
    missed     this window does not count its work
    folding    the window's set is known: fold it into the state

Two kinds of events move a peer: what the chain shows (the window's phases, each told once, and some
left out by a reader that was slow), and what the peer's own work came to. An event of its own work
that a state does not know is a mistake of the program, and raises ValueError.
"""

from __future__ import annotations

import enum
from typing import Final


class PeerState(enum.Enum):
    """Where a peer is; see the module."""

    BEHIND = "behind"
    WAITING = "waiting"
    TRAINING = "training"
    UPLOADING = "uploading"
    SEALED = "sealed"
    OPENING = "opening"
    OPENED = "opened"
    MISSED = "missed"
    FOLDING = "folding"


class ChainEvent(enum.Enum):
    """What the chain shows."""

    BEGUN = "a window has begun"
    CLOSED_TO_SEALS = "the phase reveal has begun"
    CLOSED_TO_KEYS = "the phase attest has begun"
    COUNTED = "the phase evaluate has begun: the window's set is known"


class WorkEvent(enum.Enum):
    """What the peer's own work came to."""

    CAUGHT_UP = "the newest window's state is held"
    TRAINED = "the window's steps are done"
    SEALED = "the seal is on chain, within the deadline"
    OPENED = "the key is on chain, within the deadline"
    FOLDED = "the set is folded into the state"
    FAILED = "what was being done has failed for good"


Event = ChainEvent | WorkEvent

_S = PeerState
_Row = dict[Event, PeerState | None]
_AWAY: Final[_Row] = {ChainEvent.CLOSED_TO_SEALS: _S.MISSED, ChainEvent.CLOSED_TO_KEYS: _S.MISSED}
_NO_CHANGE: Final[_Row] = {ChainEvent.CLOSED_TO_SEALS: None, ChainEvent.CLOSED_TO_KEYS: None}
_FOLLOW: Final[_Row] = {ChainEvent.COUNTED: _S.FOLDING, ChainEvent.BEGUN: _S.BEHIND}
"""Whoever was in a window folds its set; who sees the next window first has lost the state."""

TABLE: Final[dict[PeerState, _Row]] = {
    _S.BEHIND: {
        **_NO_CHANGE, ChainEvent.COUNTED: None, ChainEvent.BEGUN: None,
        WorkEvent.CAUGHT_UP: _S.WAITING, WorkEvent.FAILED: None,
    },
    _S.WAITING: {**_NO_CHANGE, ChainEvent.COUNTED: _S.FOLDING, ChainEvent.BEGUN: _S.TRAINING},
    _S.TRAINING: {**_AWAY, **_FOLLOW, WorkEvent.TRAINED: _S.UPLOADING, WorkEvent.FAILED: _S.MISSED},
    _S.UPLOADING: {**_AWAY, **_FOLLOW, WorkEvent.SEALED: _S.SEALED, WorkEvent.FAILED: _S.MISSED},
    _S.SEALED: {**_AWAY, **_FOLLOW, ChainEvent.CLOSED_TO_SEALS: _S.OPENING},
    _S.OPENING: {
        **_AWAY, **_FOLLOW, ChainEvent.CLOSED_TO_SEALS: None,
        WorkEvent.OPENED: _S.OPENED, WorkEvent.FAILED: _S.MISSED,
    },
    _S.OPENED: {**_NO_CHANGE, **_FOLLOW},
    _S.MISSED: {**_NO_CHANGE, **_FOLLOW},
    _S.FOLDING: {
        **_NO_CHANGE, ChainEvent.COUNTED: None, ChainEvent.BEGUN: _S.BEHIND,
        WorkEvent.FOLDED: _S.WAITING, WorkEvent.FAILED: _S.BEHIND,
    },
}  # fmt: skip
"""The state after each event; None: the same. Every state knows all that the chain shows."""


def after(state: PeerState, event: Event) -> PeerState:
    """Return the state that follows ``state`` at ``event``; ValueError for an event of the peer's
    own work that ``state`` does not know."""
    known = TABLE[state]
    if event not in known:
        raise ValueError(f"a peer that is {state.value} cannot have {event.name}")
    following = known[event]
    return state if following is None else following
