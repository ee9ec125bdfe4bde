"""What each miner had committed when it answered: its commitments, and since when they hold.

In come moments of the chain, each with the time at which it was seen; out comes the commitment that
was in force at a time, or None where that is not certain. A miner is judged by what it had
published then: who changes its model or its numeric path must not be convicted for what it did
before, and nobody escapes by a change.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from assay.chain.interface import Moment
from assay.neuron.record import parse
from assay.types import Ss58

MARGIN_NS: Final = 120 * 10**9
"""Around a change nothing is certain: ten blocks of a public chain, within which a record is sent,
finalized and seen."""
CHANGES_MAX: Final = 8
"""Of one hotkey. The chain takes a record every hundred blocks, so an hour has three."""


class CommitmentHistory:
    """The commitments of a subnet's hotkeys over time, from the first moment on."""

    def __init__(self) -> None:
        self._known: dict[Ss58, deque[tuple[int, bytes | None]]] = {}
        """Of each hotkey: since when it has been seen to commit what, the oldest first."""

    def note(self, moment: Moment, now_ns: int) -> None:
        """Take in what ``moment``, seen at the time ``now_ns``, shows."""
        seen: dict[Ss58, deque[tuple[int, bytes | None]]] = {}
        for neuron in moment.metagraph.neurons:
            published = moment.commitments.get(neuron.hotkey)
            data = parse(published.data if published else None).data
            changes = self._known.get(neuron.hotkey) or deque(maxlen=CHANGES_MAX)
            if not changes or changes[-1][1] != data:
                changes.append((now_ns, data))
            seen[neuron.hotkey] = changes
        self._known = seen

    def at(self, hotkey: Ss58, time_ns: int) -> bytes | None:
        """What ``hotkey`` had committed at ``time_ns``; None if nothing, or if it is not certain.

        A change is uncertain for a while before and after it is seen; of the time before this
        history began nothing is known.
        """
        held: bytes | None = None
        for since_ns, data in self._known.get(hotkey, ()):
            if time_ns < since_ns - (0 if held is None else MARGIN_NS):
                break
            if abs(time_ns - since_ns) < MARGIN_NS and held is not None and held != data:
                return None
            held = data
        return held
