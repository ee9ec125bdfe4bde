"""Why the pool turns a transaction away, beside the runtime's own refusals.

The tree::

    AssayError
    └── PoolRefused
        ├── AlreadyImported     the same bytes are in the pool
        ├── TemporarilyBanned   the same bytes were found invalid a short while ago
        ├── TooLowPriority      what it would replace has at least its priority
        ├── ImmediatelyDropped  a limit of the pool is reached
        ├── CycleDetected       it requires what itself provides
        └── NoTags              the runtime gave it no tag: nothing could tell it from a replay

The runtime's refusals (``InvalidTransaction``, ``UnknownTransaction``) pass through unchanged. The
codes that clients see are given out in ``rpc/errors.py``.
"""

from __future__ import annotations

from assay.errors import AssayError


class PoolRefused(AssayError):
    """The pool did not take a transaction."""


class AlreadyImported(PoolRefused):
    def __init__(self, transaction_hash: bytes) -> None:
        super().__init__(f"0x{transaction_hash.hex()} is already in the pool")
        self.transaction_hash = transaction_hash


class TemporarilyBanned(PoolRefused):
    """The bytes were invalid for good when they were last seen."""


class TooLowPriority(PoolRefused):
    def __init__(self, old: int, new: int) -> None:
        super().__init__(f"priority {new} does not exceed {old}")
        self.old = old
        self.new = new


class ImmediatelyDropped(PoolRefused):
    """``which`` names the limit."""

    def __init__(self, which: str) -> None:
        super().__init__(f"the pool's limit is reached: {which}")
        self.which = which


class CycleDetected(PoolRefused):
    """A transaction that waits for itself can never be ready."""


class NoTags(PoolRefused):
    """Without a tag the pool could include it again and again."""
