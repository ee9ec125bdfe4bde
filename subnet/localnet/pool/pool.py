"""The transaction pool: takes transactions in, and brings itself up to date after each block.

Adds to ``ordering`` what needs the runtime and the chain: validity, mortality, limits, bans, and
what a new block means for the transactions that stay. ``submit`` and ``after_block`` return
*events*; another module tells clients of them. The pool reads no clock, opens no socket and has no
loop of its own.

What a block does to the pool, in this order (``after_block``):

1. included ones leave; whatever else provided the same tags is stale and leaves as *usurped*;
2. those that failed in the block leave as *invalid*;
3. those whose time is over leave as *invalid* (mortality);
4. a few of the longest-waiting are validated again; all of them if the runtime changed. A young
   transaction is not: the block that tries it would find out;
5. whatever is above a limit after all that leaves as *dropped*.

Whoever leaves without being included takes along, with the same status, the ready transactions that
require it: a nonce that will not come makes the later ones worthless. A Substrate node does so too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from assay.localnet.blocks.validity import ValidTransaction
from assay.localnet.errors import RuntimeTrap, TransactionRefused
from assay.localnet.pool.bans import Bans, is_lasting
from assay.localnet.pool.errors import (
    AlreadyImported,
    CycleDetected,
    ImmediatelyDropped,
    NoTags,
    TemporarilyBanned,
)
from assay.localnet.pool.limits import PoolLimits
from assay.localnet.pool.ordering import Entry, Inserted, Ordering, nonce_tag
from assay.localnet.pool.room import room_for
from assay.localnet.primitives.hashing import blake2_256


class TransactionCheck(Protocol):
    """The part of the backend that the pool asks: what the runtime says of a transaction."""

    def validate(self, extrinsic: bytes) -> ValidTransaction: ...


class Status(Enum):
    """What became of a transaction. The values are the words of ``author_extrinsicUpdate``."""

    READY = "ready"
    FUTURE = "future"
    USURPED = "usurped"
    DROPPED = "dropped"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Event:
    """A transaction's new status. ``other``: the transaction that took a usurped one's place."""

    hash: bytes
    status: Status
    other: bytes | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A transaction that was taken in, and all that its arrival changed (itself included)."""

    hash: bytes
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class BlockEffects:
    """What the pool needs to know of a block."""

    number: int
    included: tuple[bytes, ...]
    failed: tuple[tuple[bytes, Exception], ...] = ()
    runtime_changed: bool = False
    beside: tuple[tuple[bytes, bytes], ...] = ()
    """Hashes of extrinsics that did not come from the pool (they were sealed in others), each with
    the tag that it provides."""


class TransactionPool:
    """The pool of one chain. ``head_number``: the chain's height when the pool is made."""

    def __init__(
        self, check: TransactionCheck, *, head_number: int, limits: PoolLimits | None = None
    ) -> None:
        self._check = check
        self._limits = limits or PoolLimits()
        self._head_number = head_number
        self._ordering = Ordering()
        self._bans = Bans(count_max=self._limits.banned_count, duration_s=self._limits.ban_s)

    @property
    def ready_count(self) -> int:
        return len(self._ordering.ready.entries)

    @property
    def future_count(self) -> int:
        return len(self._ordering.future.entries)

    def __contains__(self, transaction_hash: bytes) -> bool:
        return transaction_hash in self._ordering

    def best(self) -> Iterator[tuple[bytes, bytes]]:
        """What the next block should try, in order: each extrinsic after its hash."""
        return ((entry.hash, entry.extrinsic) for entry in self._ordering.best())

    def pending(self) -> list[bytes]:
        """All ready extrinsics, in the order of ``best``."""
        return [extrinsic for _, extrinsic in self.best()]

    def next_nonce(self, account: bytes, chain_nonce: int) -> int:
        """The first nonce from ``chain_nonce`` on that no ready transaction of the account uses."""
        nonce = chain_nonce
        while self._ordering.provided(nonce_tag(account, nonce)):
            nonce += 1
        return nonce

    # -- coming in ---------------------------------------------------------------------------

    def submit(self, extrinsic: bytes, now_s: float) -> Submitted:
        """Validate ``extrinsic`` and take it in.

        Raises PoolRefused, TransactionRefused or RuntimeTrap. ``now_s``: a monotonic time.
        """
        transaction_hash = blake2_256(extrinsic)
        if transaction_hash in self._ordering:
            raise AlreadyImported(transaction_hash)
        if self._bans.holds(transaction_hash, now_s):
            raise TemporarilyBanned(f"0x{transaction_hash.hex()} was invalid a short while ago")
        try:
            valid = self._check.validate(extrinsic)
        except TransactionRefused as refusal:
            if is_lasting(refusal):
                self._bans.add(transaction_hash, now_s)
            raise
        entry = self._entry(transaction_hash, extrinsic, valid)
        evicted = self._ordering.remove(room_for(entry, self._ordering, self._limits))
        changed = self._ordering.insert(entry)
        events = _events(evicted, Status.DROPPED)
        if entry.missing:
            events.append(Event(transaction_hash, Status.FUTURE))
        events += _events_of(changed)
        events += self._trim(changed.ready[1:])
        return Submitted(transaction_hash, tuple(events))

    def _entry(self, transaction_hash: bytes, extrinsic: bytes, valid: ValidTransaction) -> Entry:
        if not valid.provides:
            raise NoTags("the runtime gave the transaction no tag")
        if max(len(valid.provides), len(valid.requires)) > self._limits.tags_per_transaction:
            raise ImmediatelyDropped("tags of one transaction")
        if not set(valid.provides).isdisjoint(valid.requires):
            raise CycleDetected("the transaction requires what it provides")
        longevity = min(valid.longevity, self._limits.longevity_blocks_max)
        return Entry(
            hash=transaction_hash,
            extrinsic=extrinsic,
            priority=valid.priority,
            requires=frozenset(valid.requires),
            provides=tuple(dict.fromkeys(valid.provides)),
            valid_till=self._head_number + longevity,
            validated_at=self._head_number,
        )

    def _trim(self, promoted: Iterable[Entry]) -> list[Event]:
        """Hold the ready half to its limits after others became ready: the last of those go."""
        limits, ready = self._limits, self._ordering.ready
        late = list(promoted)
        leaving: list[Entry] = []
        while late and (
            len(ready.entries) > limits.ready_count or ready.size_bytes > limits.ready_bytes
        ):
            entry = late.pop()
            if entry.hash in ready.entries:
                leaving += self._ordering.remove((entry,))
        return _events(leaving, Status.DROPPED)

    def expel(self, transaction_hash: bytes, now_s: float) -> list[Event]:
        """Remove and ban a transaction because of which a block could not be made.

        Such a transaction pays nothing, and costs several failed blocks each time.
        """
        self._bans.add(transaction_hash, now_s)
        entry = self._ordering.get(transaction_hash)
        return [] if entry is None else self._invalid(entry)

    # -- a block was built -------------------------------------------------------------------

    def after_block(self, block: BlockEffects, now_s: float) -> list[Event]:
        """Bring the pool up to the block that was just built, in the module's order of steps."""
        self._head_number = block.number
        events = self._take_included(block.included, block.beside)
        for transaction_hash, refusal in block.failed:
            events += self._drop(transaction_hash, refusal, now_s)
        for entry in [e for e in self._ordering if e.valid_till <= block.number]:
            if entry.hash in self._ordering:  # not gone with another
                events += self._invalid(entry)
        if block.runtime_changed:
            self._bans.clear()
        events += self._revalidate(everything=block.runtime_changed, now_s=now_s)
        events += self._trim(())
        return events

    def _take_included(
        self, included: Iterable[bytes], beside: Iterable[tuple[bytes, bytes]]
    ) -> list[Event]:
        events: list[Event] = []
        # Tag -> the included transaction that provides it.
        winners = {tag: transaction_hash for transaction_hash, tag in beside}
        others = bool(winners)
        for transaction_hash in included:
            entry = self._ordering.get(transaction_hash)
            if entry is not None:
                self._ordering.remove_included(entry)
                winners.update((tag, entry.hash) for tag in entry.provides)
        if self.future_count or others:
            for rival in self._ordering.rivals(winners):
                if rival.hash not in self._ordering:
                    continue  # gone with another
                winner = next(winners[tag] for tag in rival.provides if tag in winners)
                leaving = self._ordering.remove((rival,))
                events += [Event(entry.hash, Status.USURPED, winner) for entry in leaving]
            changed = self._ordering.satisfy(winners)
            events += _events_of(changed) + self._trim(changed.ready)
        return events

    def _drop(self, transaction_hash: bytes, refusal: Exception, now_s: float) -> list[Event]:
        if is_lasting(refusal):
            self._bans.add(transaction_hash, now_s)
        entry = self._ordering.get(transaction_hash)
        return [] if entry is None else self._invalid(entry)

    def _invalid(self, entry: Entry) -> list[Event]:
        """The entry can never be included, and so neither can those that require it."""
        return _events(self._ordering.remove((entry,)), Status.INVALID)

    def _revalidate(self, *, everything: bool, now_s: float) -> list[Event]:
        limits = self._limits
        due = self._head_number - limits.revalidate_after_blocks
        old = [entry for entry in self._ordering if everything or entry.validated_at <= due]
        if not everything:
            old = sorted(old, key=lambda e: (e.validated_at, e.order))[
                : limits.revalidate_per_block
            ]
        events: list[Event] = []
        for entry in old:
            if entry.hash not in self._ordering:
                continue
            try:
                valid = self._check.validate(entry.extrinsic)
            except (TransactionRefused, RuntimeTrap) as refusal:
                events += self._drop(entry.hash, refusal, now_s)
                continue
            entry.validated_at = self._head_number
            if everything and set(valid.provides) != set(entry.provides):
                # Another runtime may tag by other rules; the old graph would not hold together.
                events += self._invalid(entry)
        return events


def _events(entries: Iterable[Entry], status: Status) -> list[Event]:
    return [Event(entry.hash, status) for entry in entries]


def _events_of(changed: Inserted) -> list[Event]:
    ready = [Event(entry.hash, Status.READY) for entry in changed.ready]
    usurped = [Event(old.hash, Status.USURPED, new.hash) for old, new in changed.replaced]
    return ready + usurped
