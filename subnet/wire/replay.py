"""Each signed request is executed at most once, also across a crash. Pure.

The guard remembers nonces for as long as they could be accepted. Nonces are timestamps of the
callers' clocks and arrive out of order, so "greater than the last" would refuse honest concurrent
calls; instead the guard keeps

* ``floor``: at or below it everything is refused. It never falls;
* the *seen-set* of (key, nonce) above the floor, in buckets of one second;
* ``ceiling``: persisted, and reserved ahead. No nonce above it is accepted before a higher one is
  on disk. After a crash the ceiling becomes the floor: whatever was accepted lies below it.

A nonce is fresh if it was when the request's head came: a body may take longer to arrive than a
nonce stays fresh, and its sender's clock is not wrong for that. So nonces are remembered for the
age that they may have, and for the time that a body may take on top.

Invariant: every accepted nonce is in the seen-set or at or below the floor, and at or below the
persisted ceiling. Memory is bounded: a full seen-set gives up its oldest second and raises the
floor over it, which can refuse honest late calls but never lets a replay in.

Clock steps. The floor moves only over nonces that were accepted, never by the clock alone, so a
step forward and back costs nothing unless somebody's request from the wrong future was accepted.
A step back leaves the floor where it is; callers see ``before_restart`` until time has caught up.

The guard reads no clock and no file: time is an argument, the store an object with two methods.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Protocol

from assay.wire.errors import Code, RequestRefused
from assay.wire.limits import DEFAULT, Limits

_NS: Final = 1_000_000_000


class CeilingStore(Protocol):
    """Where the ceiling survives. ``save`` returns only when the value is on disk."""

    @property
    def blocking(self) -> bool:
        """Whether ``save`` waits for a disk, so that a driver should call it from a thread."""
        ...

    @property
    def place(self) -> str:
        """Where the ceiling is kept, for a person who has to look at it."""
        ...

    def load(self) -> int | None:
        """The saved ceiling; None on a first start; CeilingUnreadable if it is broken."""
        ...

    def save(self, ceiling_ns: int) -> None: ...

    def close(self) -> None:
        """The axon has stopped; nothing is saved any more."""
        ...


class CeilingUnreadable(Exception):
    """The ceiling's file exists and holds something else."""


class MemoryCeiling:
    """A ceiling that lives as long as its object, and so longer than an axon: for tests."""

    blocking = False
    place = "memory"

    def __init__(self) -> None:
        self.value: int | None = None
        self.saves = 0

    def load(self) -> int | None:
        return self.value

    def save(self, ceiling_ns: int) -> None:
        self.value = ceiling_ns
        self.saves += 1

    def close(self) -> None:
        """Nothing to let go of."""


class ReplayGuard:
    """The memory of accepted nonces of one axon."""

    def __init__(self, store: CeilingStore, *, now_ns: int, limits: Limits = DEFAULT) -> None:
        self.store = store
        self._max_age_ns = int(limits.max_age_s * _NS)
        self._skew_ns = int(limits.skew_s * _NS)
        self._reserve_ns = int(limits.reserve_s * _NS)
        self._kept_ns = int((limits.max_age_s + limits.body_s_max) * _NS)
        self._nonces_max = limits.nonces_max
        self._buckets: dict[int, set[tuple[bytes, int]]] = {}
        self._count = 0
        self._newest = 0
        self.floor = self._first_floor(now_ns)
        self.ceiling = self.floor

    def _first_floor(self, now_ns: int) -> int:
        try:
            saved = self.store.load()
        except CeilingUnreadable:
            # The highest that can have been persisted under a clock that agreed with ours.
            return now_ns + self._skew_ns + self._reserve_ns
        # A first start has accepted nothing, but its file may have been deleted: what was signed
        # before this moment was not meant for this process.
        return now_ns - 1 if saved is None else saved

    def check(
        self, public_key: bytes, nonce_ns: int, now_ns: int, *, arrived_ns: int | None = None
    ) -> None:
        """RequestRefused unless the nonce is new, and was fresh at ``arrived_ns`` (None: now).

        ``arrived_ns`` is when the request's head came. Changes nothing.
        """
        now_ns = now_ns if arrived_ns is None else arrived_ns
        if now_ns - nonce_ns > self._max_age_ns:
            raise RequestRefused(Code.STALE, "the request is too old; check the clock")
        if nonce_ns - now_ns > self._skew_ns:
            raise RequestRefused(Code.STALE, "the request is from the future; check the clock")
        if nonce_ns <= self.floor:
            wait_s = max(1, math.ceil((self.floor - now_ns) / _NS))
            raise RequestRefused(
                Code.BEFORE_RESTART,
                "signed before this axon could tell it from a replay",
                retry_after_s=wait_s,
            )
        bucket = self._buckets.get(nonce_ns // _NS)
        if bucket is not None and (public_key, nonce_ns) in bucket:
            raise RequestRefused(Code.REPLAYED, "this request was already accepted")

    def accept(
        self,
        public_key: bytes,
        nonce_ns: int,
        now_ns: int,
        *,
        arrived_ns: int | None = None,
        pay: Callable[[], None] | None = None,
    ) -> None:
        """Check the nonce, then remember it, with a ceiling above it on disk first.

        ``pay`` is called in between: it raises where the request cannot be paid for, and then the
        nonce is not used up. Nothing here awaits, so two copies of a request cannot both pass.
        """
        self.check(public_key, nonce_ns, now_ns, arrived_ns=arrived_ns)
        if pay is not None:
            pay()
        if nonce_ns > self.ceiling:
            self.reserve(nonce_ns + self._reserve_ns)
        second = nonce_ns // _NS
        bucket = self._buckets.get(second)
        if bucket is None:
            self._prune(now_ns)
            bucket = self._buckets[second] = set()
        bucket.add((public_key, nonce_ns))
        self._newest = max(self._newest, nonce_ns)
        self._count += 1
        if self._count > self._nonces_max:
            self._give_up(min(self._buckets))

    def shut_s(self, now_ns: int) -> float:
        """How long nothing at all will be accepted, beyond what any crash can cost: a clock that
        was set back. 0: in order."""
        ahead_ns = self.floor - now_ns - self._skew_ns - self._reserve_ns
        return max(0.0, ahead_ns / _NS)

    def wanted(self, nonce_ns: int = 0) -> int | None:
        """The ceiling to persist now: before this nonce is accepted, or because half of the
        reserve is used up. None: all is well.

        A driver that calls it, saves from a thread and then calls ``reserved`` keeps the fsync off
        the path of requests; ``accept`` saves by itself where nobody did.
        """
        newest = max(nonce_ns, self._newest)
        if newest and self.ceiling - newest < self._reserve_ns // 2:
            return newest + self._reserve_ns
        return None

    def reserved(self, ceiling_ns: int) -> None:
        """The store holds ``ceiling_ns`` now."""
        self.ceiling = max(self.ceiling, ceiling_ns)

    def reserve(self, ceiling_ns: int) -> None:
        """Persist a higher ceiling, then use it."""
        self.store.save(ceiling_ns)
        self.reserved(ceiling_ns)

    def close(self) -> None:
        """After a clean stop nothing above the newest accepted nonce needs refusing."""
        newest = max(self._newest, self.floor)
        if newest < self.ceiling:
            self.store.save(newest)
            self.floor = self.ceiling = newest
        self.store.close()

    def _prune(self, now_ns: int) -> None:
        """Give up the seconds that are stale in every part."""
        oldest = (now_ns - self._kept_ns) // _NS
        for second in [second for second in self._buckets if second < oldest]:
            self._give_up(second)

    def _give_up(self, second: int) -> None:
        """Forget a second's nonces and refuse everything up to the newest of them."""
        bucket = self._buckets.pop(second)
        self._count -= len(bucket)
        self.floor = max(self.floor, max(nonce for _, nonce in bucket))

    def __len__(self) -> int:
        return self._count
