"""Who has to leave a full pool so that a transaction fits, and whether anybody has to. Pure.

Comes in: the ordering as it is, the limits, the transaction. Goes out: the entries that leave for
it, or ``ImmediatelyDropped``. Nothing is removed here, so a refusal leaves the pool as it was.

Two rules, tried in this order:

1. Among the ready ones a higher priority displaces lower ones, the lowest first.
2. The sender that holds most gives way, its youngest first, as long as it would still hold more
   than the newcomer's sender. So a sender has a share of what is there, however many others came
   before it. A higher priority does not yield by this rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

from assay.localnet.pool.errors import ImmediatelyDropped
from assay.localnet.pool.limits import PoolLimits
from assay.localnet.pool.ordering import Entry, Half, Ordering


def room_for(entry: Entry, ordering: Ordering, limits: PoolLimits) -> list[Entry]:
    """The entries that leave so that ``entry`` fits; empty while there is room."""
    if ordering.missing_of(entry.requires):
        return _room_to_wait(entry, ordering.future, limits)
    return _room_among_ready(entry, ordering, limits)


@dataclass(slots=True)
class _Excess:
    """How far a half would be above its limits; what leaves makes it smaller."""

    count: int
    size_bytes: int

    @classmethod
    def of(cls, half: Half, entry: Entry, count_max: int, bytes_max: int) -> _Excess:
        return cls(
            len(half.entries) + 1 - count_max,
            half.size_bytes + len(entry.extrinsic) - bytes_max,
        )

    @property
    def is_left(self) -> bool:
        return self.count > 0 or self.size_bytes > 0

    def leave(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.count -= 1
            self.size_bytes -= len(entry.extrinsic)


def _room_to_wait(entry: Entry, half: Half, limits: PoolLimits) -> list[Entry]:
    if half.count_by_sender.of(entry.sender) >= limits.sender_future_count:
        raise ImmediatelyDropped("waiting transactions of one sender")
    excess = _Excess.of(half, entry, limits.future_count, limits.future_bytes)
    leaving: list[Entry] = []
    for one in _of_the_largest_share(entry, half, excess):
        leaving.append(one)
        excess.leave((one,))
    if excess.is_left:
        which = "waiting transactions" if excess.count > 0 else "bytes of waiting transactions"
        raise ImmediatelyDropped(which)
    return leaving


def _room_among_ready(entry: Entry, ordering: Ordering, limits: PoolLimits) -> list[Entry]:
    """A replacement takes the place of what it replaces, so that a full pool still lets a sender
    raise a tip; only where it is longer it may push out others."""
    ready, replaced = ordering.ready, ordering.replaced_by(entry)
    if not replaced and ready.count_by_sender.of(entry.sender) >= limits.sender_ready_count:
        raise ImmediatelyDropped("transactions of one sender")
    excess = _Excess.of(ready, entry, limits.ready_count, limits.ready_bytes)
    excess.leave(replaced)
    plan = _Plan(entry, excess, {old.hash for old in replaced})
    for worst in ordering.worst_first():
        if not excess.is_left or worst.priority >= entry.priority:
            break
        plan.give_up(ordering.subtree(worst))
    for one in _of_the_largest_share(entry, ready, excess):
        branch = ordering.subtree(one)
        if any(other.priority > entry.priority for other in branch):
            break
        plan.give_up(branch)
    if excess.is_left:
        raise ImmediatelyDropped("ready transactions")
    return list(plan.leaving.values())


class _Plan:
    """The ready entries that are to leave so far."""

    def __init__(self, entry: Entry, excess: _Excess, replaced: Set[bytes]) -> None:
        self.leaving: dict[bytes, Entry] = {}
        self._entry = entry
        self._excess = excess
        self._replaced = replaced

    def give_up(self, branch: Iterable[Entry]) -> None:
        """Let a transaction go with its dependents; never the branch that the entry stands on."""
        found = list(branch)
        if any(not self._entry.requires.isdisjoint(other.provides) for other in found):
            raise ImmediatelyDropped("ready transactions")
        for other in found:
            if other.hash not in self.leaving and other.hash not in self._replaced:
                self.leaving[other.hash] = other
                self._excess.leave((other,))


def _of_the_largest_share(entry: Entry, half: Half, excess: _Excess) -> Iterator[Entry]:
    """What the sender with the largest share gives up for the entry, its youngest first.

    Measured in that which is short: places, or else bytes. Ends when enough was given, or when the
    sender would be left with no more than the entry's own sender.
    """
    if not excess.is_left:
        return
    by_count = excess.count > 0
    shares = half.count_by_sender if by_count else half.bytes_by_sender
    largest = shares.largest()
    if largest is None or largest == entry.sender:
        return
    left = shares.of(largest)
    own = shares.of(entry.sender) + (1 if by_count else len(entry.extrinsic))
    for one in reversed(half.by_sender[largest].values()):
        if not excess.is_left or left <= own:
            return
        left -= 1 if by_count else len(one.extrinsic)
        yield one
