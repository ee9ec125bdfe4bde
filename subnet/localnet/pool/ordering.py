"""Keeps which transactions could go into a block, and in what order.

Comes in: entries with the *tags* that the runtime gave them. A transaction provides tags (its
sender and nonce) and requires others (the nonce before). A transaction is **ready** when every tag
that it requires is provided by a ready transaction or by the chain, and **future** otherwise.

Goes out: the order of ``best()``. A transaction comes after those that it requires; among the rest
the highest priority comes first, and of equal priorities the first arrival. So a sender's
transactions never change their order among themselves, whatever their priorities.

Invariants, checked by ``check()`` in the tests: each hash is in exactly one of the two halves; a
tag has at most one ready provider; no future transaction has all it requires; the byte and sender
counts are sums over the entries. Two future transactions may provide one tag: the better of them
wins when they become ready.

This module must not know of blocks, time, limits or the runtime.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from assay.localnet.pool.errors import CycleDetected, TooLowPriority
from assay.localnet.pool.shares import Shares

_NONCE_BYTES: Final = 4
_ACCOUNT_BYTES: Final = 32

_STALE_MAX: Final = 1_024
"""Entries that left and still stand in the heap of the worst, beside those that are there."""


def sender_of(provides: tuple[bytes, ...]) -> bytes:
    """The sender of the transaction that provides these tags, for limits that hold per sender.

    FRAME's ``CheckNonce`` provides ``(account, nonce as u32)``: the account is the sender. Any
    other tag (an unsigned transaction) stands for itself.
    """
    tag = provides[0]
    return tag[:-_NONCE_BYTES] if len(tag) == _ACCOUNT_BYTES + _NONCE_BYTES else tag


def nonce_tag(account: bytes, nonce: int) -> bytes:
    """The tag that a signed transaction of this account and nonce provides."""
    return account + nonce.to_bytes(_NONCE_BYTES, "little")


@dataclass(slots=True, eq=False)
class Entry:
    """A transaction in the pool. ``missing`` is empty exactly while it is ready."""

    hash: bytes
    extrinsic: bytes
    priority: int
    requires: frozenset[bytes]
    provides: tuple[bytes, ...]
    valid_till: int
    validated_at: int
    order: int = 0
    missing: set[bytes] = field(default_factory=set)

    @property
    def sender(self) -> bytes:
        return sender_of(self.provides)


@dataclass(slots=True)
class Inserted:
    """What one insertion changed: which entries are ready now, and which left for which other."""

    ready: list[Entry] = field(default_factory=list)
    replaced: list[tuple[Entry, Entry]] = field(default_factory=list)


class Half:
    """The ready or the future transactions, by hash and by sender, with their sums."""

    __slots__ = ("by_sender", "bytes_by_sender", "count_by_sender", "entries", "size_bytes")

    def __init__(self) -> None:
        self.entries: dict[bytes, Entry] = {}
        self.by_sender: dict[bytes, dict[bytes, Entry]] = {}  # in the order in which they came
        self.count_by_sender = Shares()
        self.bytes_by_sender = Shares()
        self.size_bytes = 0

    def add(self, entry: Entry) -> None:
        sender, size_bytes = entry.sender, len(entry.extrinsic)
        self.entries[entry.hash] = entry
        self.by_sender.setdefault(sender, {})[entry.hash] = entry
        self.count_by_sender.change(sender, 1)
        self.bytes_by_sender.change(sender, size_bytes)
        self.size_bytes += size_bytes

    def discard(self, entry: Entry) -> None:
        sender, size_bytes = entry.sender, len(entry.extrinsic)
        del self.entries[entry.hash]
        del self.by_sender[sender][entry.hash]
        if not self.by_sender[sender]:
            del self.by_sender[sender]
        self.count_by_sender.change(sender, -1)
        self.bytes_by_sender.change(sender, -size_bytes)
        self.size_bytes -= size_bytes


class Ordering:
    """The two halves and the tags between them."""

    def __init__(self) -> None:
        self.ready = Half()
        self.future = Half()
        self._providers: dict[bytes, Entry] = {}  # tag -> its ready provider
        self._requirers: dict[bytes, dict[bytes, Entry]] = {}  # tag -> all who require it
        self._arrivals = itertools.count()
        self._worst: list[tuple[int, int, bytes]] = []  # ready ones; entries that left stay a while

    def __contains__(self, transaction_hash: bytes) -> bool:
        return transaction_hash in self.ready.entries or transaction_hash in self.future.entries

    def __len__(self) -> int:
        return len(self.ready.entries) + len(self.future.entries)

    def __iter__(self) -> Iterator[Entry]:
        yield from self.ready.entries.values()
        yield from self.future.entries.values()

    def get(self, transaction_hash: bytes) -> Entry | None:
        return self.ready.entries.get(transaction_hash) or self.future.entries.get(transaction_hash)

    def provided(self, tag: bytes) -> bool:
        """Whether a ready transaction provides the tag."""
        return tag in self._providers

    def missing_of(self, requires: Iterable[bytes]) -> set[bytes]:
        """The tags among these that no ready transaction provides."""
        return {tag for tag in requires if tag not in self._providers}

    # -- coming in

    def insert(self, entry: Entry) -> Inserted:
        """Take a new transaction in. What ``replaced_by`` raises leaves everything as it was."""
        entry.order = next(self._arrivals)
        entry.missing = self.missing_of(entry.requires)
        changed = Inserted()
        if entry.missing:
            self.future.add(entry)
        else:
            self._make_ready(entry, changed)
        for tag in entry.requires:
            self._requirers.setdefault(tag, {})[entry.hash] = entry
        self._promote(list(changed.ready), changed)
        return changed

    def _make_ready(self, entry: Entry, changed: Inserted) -> None:
        leaving = self.replaced_by(entry)
        orphaned = [tag for old in leaving for tag in self._forget(old)]
        changed.replaced += [(old, entry) for old in leaving]
        self.ready.add(entry)
        for tag in entry.provides:
            self._providers[tag] = entry
        self._withdraw(orphaned)
        heapq.heappush(self._worst, (entry.priority, -entry.order, entry.hash))
        if len(self._worst) > len(self.ready.entries) + _STALE_MAX:
            self._worst = [(e.priority, -e.order, e.hash) for e in self.ready.entries.values()]
            heapq.heapify(self._worst)
        changed.ready.append(entry)

    def replaced_by(self, entry: Entry) -> list[Entry]:
        """The ready transactions that leave if the entry becomes ready.

        Those are the providers of its tags, and all that cannot go without one of them: the entry
        takes over only the tags that it provides itself. TooLowPriority where the entry is not
        better than what it would replace, CycleDetected where it needs what would leave.
        """
        rivals = {
            self._providers[tag].hash: self._providers[tag]
            for tag in entry.provides
            if tag in self._providers
        }
        if not rivals:
            return []
        old = sum(rival.priority for rival in rivals.values())
        if entry.priority <= old:
            raise TooLowPriority(old, entry.priority)
        leaving = self._with_dependents(rivals.values(), kept=entry.provides)
        if any(not entry.requires.isdisjoint(other.provides) for other in leaving):
            raise CycleDetected("the transaction requires what it would replace")
        return leaving

    def satisfy(self, tags: Iterable[bytes]) -> Inserted:
        """Note that the chain provides ``tags`` now; entries that waited for them become ready."""
        changed = Inserted()
        for tag in tags:
            self._promote(self._settle_waiting(tag, changed), changed)
        return changed

    def _promote(self, newly_ready: Iterable[Entry], changed: Inserted) -> None:
        """Make ready what waited for these entries, and what waited for that, and so on.

        A queue, not a recursion: one sender's transactions are a chain of up to thousands.
        """
        todo = deque(newly_ready)
        while todo:
            for tag in todo.popleft().provides:
                if tag in self._providers:  # its provider may have been replaced meanwhile
                    todo.extend(self._settle_waiting(tag, changed))

    def _settle_waiting(self, tag: bytes, changed: Inserted) -> list[Entry]:
        """``tag`` is provided: those that miss nothing else become ready, the oldest first."""
        settled: list[Entry] = []
        waiting = (other for other in self._requirers.get(tag, {}).values() if tag in other.missing)
        for other in sorted(waiting, key=lambda entry: entry.order):
            other.missing.discard(tag)
            if other.missing or other.hash not in self.future.entries:
                continue
            self.future.discard(other)
            try:
                self._make_ready(other, changed)
            except (TooLowPriority, CycleDetected):
                self._forget_requirements(other)
                rival = next(self._providers[t] for t in other.provides if t in self._providers)
                changed.replaced.append((other, rival))
            else:
                settled.append(other)
        return settled

    # -- leaving

    def rivals(self, provides: Iterable[bytes]) -> list[Entry]:
        """All, ready or future, that provide one of these tags."""
        wanted = set(provides)
        found = {
            self._providers[tag].hash: self._providers[tag]
            for tag in wanted
            if tag in self._providers
        }
        for entry in self.future.entries.values():
            if not wanted.isdisjoint(entry.provides):
                found[entry.hash] = entry
        return list(found.values())

    def remove_included(self, entry: Entry) -> None:
        """The entry is in a block: what it provides stays provided, by the chain."""
        self._forget(entry)

    def remove(self, entries: Iterable[Entry]) -> list[Entry]:
        """Remove entries that will not be in a block. Returns all that left, these first.

        With each leave the ready transactions that cannot go without it, as in a Substrate node:
        left behind, they would wait for a tag that nobody is going to provide, and might later run
        behind another transaction than the one that their sender meant.
        """
        leaving = self._with_dependents(entries)
        self._withdraw([tag for entry in leaving for tag in self._forget(entry)])
        return leaving

    def subtree(self, entry: Entry) -> list[Entry]:
        """A transaction with all ready ones that cannot go without it, itself first."""
        return self._with_dependents((entry,))

    def _with_dependents(self, entries: Iterable[Entry], kept: Iterable[bytes] = ()) -> list[Entry]:
        """The entries and all ready ones that require what they provide, but for ``kept`` tags."""
        found = {entry.hash: entry for entry in entries}
        spared = frozenset(kept)
        todo = deque(found.values())
        while todo:
            entry = todo.popleft()
            for tag in entry.provides:
                if tag in spared or self._providers.get(tag) is not entry:
                    continue
                for other in self._requirers.get(tag, {}).values():
                    if other.hash in self.ready.entries and other.hash not in found:
                        found[other.hash] = other
                        todo.append(other)
        return list(found.values())

    def _withdraw(self, orphaned: Iterable[bytes]) -> None:
        """Those that still wait miss these tags again, unless another entry provides them."""
        for tag in orphaned:
            if tag not in self._providers:
                for other in self._requirers.get(tag, {}).values():
                    other.missing.add(tag)

    def _forget(self, entry: Entry) -> list[bytes]:
        """Take the entry out. Returns the tags of which it was the ready provider."""
        orphaned: list[bytes] = []
        if entry.hash in self.ready.entries:
            self.ready.discard(entry)
            for tag in entry.provides:
                if self._providers.get(tag) is entry:
                    del self._providers[tag]
                    orphaned.append(tag)
        else:
            self.future.discard(entry)
        self._forget_requirements(entry)
        return orphaned

    def _forget_requirements(self, entry: Entry) -> None:
        for tag in entry.requires:
            requirers = self._requirers.get(tag)
            if requirers is not None:
                requirers.pop(entry.hash, None)
                if not requirers:
                    del self._requirers[tag]

    def worst_first(self) -> Iterator[Entry]:
        """The ready transactions from the lowest priority on; of equals the youngest first.

        Nothing may come or go before the last one that is wanted was taken.
        """
        heap = self._worst.copy()
        while heap:
            _, order, transaction_hash = heapq.heappop(heap)
            entry = self.ready.entries.get(transaction_hash)
            if entry is not None and -entry.order == order:
                yield entry

    def best(self) -> Iterator[Entry]:
        """The ready transactions in the order in which a block should try them.

        Walks over a picture taken at the first step: what comes or goes meanwhile is not seen.
        """
        blockers: dict[bytes, int] = {}
        heap: list[tuple[int, int, Entry]] = []
        ready = dict(self.ready.entries)
        dependents: dict[bytes, list[Entry]] = {}
        for entry in ready.values():
            needed = {self._providers[tag].hash for tag in entry.requires if tag in self._providers}
            if needed:
                blockers[entry.hash] = len(needed)
                for needed_hash in needed:
                    dependents.setdefault(needed_hash, []).append(entry)
            else:
                heap.append((-entry.priority, entry.order, entry))
        heapq.heapify(heap)
        while heap:
            _, _, entry = heapq.heappop(heap)
            yield entry
            for other in dependents.get(entry.hash, ()):
                blockers[other.hash] -= 1
                if not blockers[other.hash]:
                    heapq.heappush(heap, (-other.priority, other.order, other))

    def check(self) -> None:
        """Raise AssertionError where an invariant of this module does not hold. For tests."""
        assert not self.ready.entries.keys() & self.future.entries.keys()
        assert all(not entry.missing for entry in self.ready.entries.values())
        assert all(entry.missing for entry in self.future.entries.values())
        provided = [tag for entry in self.ready.entries.values() for tag in entry.provides]
        assert len(provided) == len(set(provided)) == len(self._providers)
        for half in (self.ready, self.future):
            assert half.size_bytes == sum(len(e.extrinsic) for e in half.entries.values())
            entries = list(half.entries.values())
            sizes: Counter[bytes] = Counter()
            for entry in entries:
                sizes[entry.sender] += len(entry.extrinsic)
                assert half.by_sender[entry.sender][entry.hash] is entry
            counts = Counter(entry.sender for entry in entries)
            assert half.count_by_sender.as_dict() == counts
            assert half.bytes_by_sender.as_dict() == sizes
            assert {sender: len(held) for sender, held in half.by_sender.items()} == counts
        for entry in self:
            assert entry.missing <= entry.requires
            assert not any(tag in self._providers for tag in entry.missing)
            assert all(self._requirers[tag][entry.hash] is entry for tag in entry.requires)
        assert all(h in self for waiting in self._requirers.values() for h in waiting)
