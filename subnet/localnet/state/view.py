"""What can be read of a state, wherever it lives: the head's in memory, an old one's on disk.

Keys are whole storage keys; their order is the order of bytes. A view of the head shows the chain's
current head and moves with it: read what you need before the next block is built. A view of an old
block stays as it is, until pruning takes it (then ``StateDiscarded``).
"""

from __future__ import annotations

from typing import Protocol


class State(Protocol):
    """A readable state."""

    def get(self, key: bytes) -> bytes | None:
        """The value at ``key``; None if there is none."""
        ...

    def next_key(self, key: bytes) -> bytes | None:
        """The first key above ``key`` that has a value."""
        ...

    def keys(
        self, prefix: bytes, start: bytes | None = None, count: int | None = None
    ) -> list[bytes]:
        """Keys that begin with ``prefix``, in order, those above ``start``, at most ``count``."""
        ...
