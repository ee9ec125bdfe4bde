"""What the chain showed of each hotkey when a miner answered: its commitment, and its permit.

In come moments of the chain, each with the time at which it was seen; out comes what was in force
at a time, or None where that is not certain. A miner is judged by what it had published then: who
changes its model or its numeric path must not be convicted for what it did before, and nobody
escapes by a change. A permit of the caller decides what a miner owes beside the answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, TypeVar

from assay.chain.interface import Moment
from assay.neuron.record import parse
from assay.types import Ss58

MARGIN_NS: Final = 120 * 10**9
"""Around a change nothing is certain: ten blocks of a public chain, within which a record is sent,
finalized and seen."""
CHANGES_MAX: Final = 8
"""Of one hotkey. The chain takes a record every hundred blocks, so an hour has three; a permit
changes once an epoch at most."""

Value = TypeVar("Value")


class ChainHistory:
    """What a subnet's hotkeys showed on chain over time, from the first moment on."""

    def __init__(self) -> None:
        self._commitments: dict[Ss58, deque[tuple[int, bytes | None]]] = {}
        """Of each hotkey: since when it has been seen to commit what, the oldest first."""
        self._permits: dict[Ss58, deque[tuple[int, bool]]] = {}
        """Of each hotkey: since when it has been seen with a permit, or without."""

    def note(self, moment: Moment, now_ns: int) -> None:
        """Take in what ``moment``, seen at the time ``now_ns``, shows."""
        commitments, permits = {}, {}
        for neuron in moment.metagraph.neurons:
            published = moment.commitments.get(neuron.hotkey)
            data = parse(published.data if published else None).data
            commitments[neuron.hotkey] = _noted(
                self._commitments.get(neuron.hotkey, ()), data, now_ns
            )
            permits[neuron.hotkey] = _noted(
                self._permits.get(neuron.hotkey, ()), neuron.validator_permit, now_ns
            )
        self._commitments, self._permits = commitments, permits

    def at(self, hotkey: Ss58, time_ns: int) -> bytes | None:
        """What ``hotkey`` had committed at ``time_ns``; None if nothing, or if it is not certain.

        A change is uncertain for a while before and after it is seen; of the time before this
        history began nothing is known.
        """
        return _certain(self._commitments.get(hotkey, ()), time_ns)

    def had_permit(self, hotkey: Ss58, time_ns: int) -> bool:
        """Whether ``hotkey`` certainly had a permit at ``time_ns``: it was seen with one for a
        while before, because a miner sees the chain later than whoever writes this history."""
        changes = self._permits.get(hotkey, ())
        return all(_certain(changes, at_ns) for at_ns in (time_ns - MARGIN_NS, time_ns))


def _noted(
    changes: Iterable[tuple[int, Value]], value: Value, now_ns: int
) -> deque[tuple[int, Value]]:
    known = deque(changes, maxlen=CHANGES_MAX)
    if not known or known[-1][1] != value:
        known.append((now_ns, value))
    return known


def _certain(changes: Iterable[tuple[int, Value]], time_ns: int) -> Value | None:
    held: Value | None = None
    for since_ns, value in changes:
        if time_ns < since_ns - (0 if held is None else MARGIN_NS):
            break
        if abs(time_ns - since_ns) < MARGIN_NS and held is not None and held != value:
            return None
        held = value
    return held
