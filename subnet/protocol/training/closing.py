"""Which peers' work a window counts, and what becomes of a run after it. Pure.

A window *closes* with the peers that more than half of all validator stake says it holds; all who
read the same blocks find the same set. Where validators of half of the stake or less have spoken,
or no peer has a majority, the window is *void*: the state stays, and the data that the window was
to read is read in the next one. So honest validators that are cut off can delay a run and cannot
split it, and a validator with less than half of the stake brings in no peer by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from assay.protocol.training.records import ValidatorRecord


@dataclass(frozen=True, slots=True)
class Attestation:
    """One validator's word on a window, and the stake behind it, in any whole unit."""

    stake: int
    record: ValidatorRecord | None
    """None for a validator with a permit that said nothing of this window."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is: the next window, and what was read and trained until then.

    ``cursor`` counts the sequences that closed windows read. Which data a window reads follows from
    the cursor and not from the window's number, so that a void window loses no data.
    """

    window: int = 0
    cursor: int = 0
    voids_in_row: int = 0

    def closed(self, read: int) -> RunProgress:
        """Return the progress after a window that closed and ``read`` so many sequences."""
        return RunProgress(self.window + 1, self.cursor + read, 0)

    def voided(self) -> RunProgress:
        """Return the progress after a void window."""
        return replace(self, window=self.window + 1, voids_in_row=self.voids_in_row + 1)


def close(attestations: Iterable[Attestation], window: int, state: bytes) -> frozenset[int] | None:
    """Return the uids whose work ``window`` counts, or None if the window is void.

    ``attestations`` has one entry for each validator with a permit; a word on another window, or on
    a window that started from another state than ``state`` (the beginning of its hash), is no word.
    ValueError for a stake below zero.
    """
    total, spoken = 0, 0
    for_uid: dict[int, int] = {}
    for each in attestations:
        if each.stake < 0:
            raise ValueError(f"a stake is not negative, unlike {each.stake}")
        total += each.stake
        record = each.record
        if record is None or record.window != window or record.state != state:
            continue
        spoken += each.stake
        for uid in record.held:
            for_uid[uid] = for_uid.get(uid, 0) + each.stake
    if 2 * spoken <= total:
        return None
    counted = frozenset(uid for uid, stake in for_uid.items() if 2 * stake > total)
    return counted or None


def advance(progress: RunProgress, counted: frozenset[int] | None, read: int) -> RunProgress:
    """Return the progress of a run after the window that ``close`` found to be ``counted``, and in
    which so many sequences were assigned to be ``read``."""
    return progress.voided() if counted is None else progress.closed(read)
