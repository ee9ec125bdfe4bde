"""The errors with which the pool refuses a transaction, beside the runtime's own refusals.

The tree::

    AssayError
    └── PoolRefused
        ├── AlreadyImported     the same bytes are in the pool
        ├── TemporarilyBanned   the same bytes were found invalid a short while ago
        ├── TooLowPriority      the transactions with the same tags have at least its priority
        ├── ImmediatelyDropped  a limit of the pool is reached
        ├── CycleDetected       the transaction requires what it provides or would replace
        └── NoTags              the runtime gave it no tag: it could not be told from a replay

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
    """The same bytes were found invalid for good less than half an hour ago."""


class TooLowPriority(PoolRefused):
    def __init__(self, old: int, new: int) -> None:
        super().__init__(f"priority {new} does not exceed {old}")
        self.old = old
        self.new = new


class ImmediatelyDropped(PoolRefused):
    """A limit of the pool is reached; ``which`` names the limit."""

    def __init__(self, which: str) -> None:
        super().__init__(f"the pool's limit is reached: {which}")
        self.which = which


class CycleDetected(PoolRefused):
    """The transaction requires a tag that it provides itself, or that it would take away."""


class NoTags(PoolRefused):
    """The transaction has no tag, so the pool could not tell it from a repetition."""
