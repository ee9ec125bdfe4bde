"""What a run's validators say of their judgements, to each other and to peers. Pure.

A validator tells other validators whom it has convicted, so that each of them audits the same
window of the same peer by itself: what one finds, all find, and nobody believes anybody. A peer
asks what its window was found worth, and why; the reply is signed as every reply is.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.protocol.training.records import UIDS_MAX, WINDOW_MAX
from assay.wire.synapse import Synapse

FINDINGS: Final = "findings"
VERDICT: Final = "verdict"
REASONS_MAX: Final = 8
REASON_CHARS_MAX: Final = 200

Window = Annotated[int, Meta(ge=0, le=WINDOW_MAX)]


class WhichFindings(Synapse, frozen=True):
    """Whose work of this window did you find wrong?"""

    window: Window


class PeerFound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One peer whose window was found wrong."""

    uid: Annotated[int, Meta(ge=0, lt=UIDS_MAX)]
    hotkey: Annotated[str, Meta(min_length=1, max_length=64)]


class FindingsTold(Synapse, frozen=True):
    """The peers that this validator found wrong so far."""

    wrong: Annotated[tuple[PeerFound, ...], Meta(max_length=UIDS_MAX)]


class WhichVerdict(Synapse, frozen=True):
    """What was my work of this window found worth?"""

    window: Window


class VerdictTold(Synapse, frozen=True):
    """What a peer's window is worth, from 0 to 1, and why; None while it is not judged, or no
    longer known."""

    value: Annotated[float, Meta(ge=0.0, le=1.0)] | None
    reasons: Annotated[
        tuple[Annotated[str, Meta(max_length=REASON_CHARS_MAX)], ...], Meta(max_length=REASONS_MAX)
    ] = ()
