"""The interface by which every state is read: the head's, and those of old blocks.

Keys are whole storage keys, in the order of their bytes. A view of the head shows the chain's
current head and moves with the head: read what you need before the next block is built. A view of
an old block does not change, until pruning removes that state (then ``StateDiscarded`` is raised).
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
