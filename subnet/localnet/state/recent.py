"""Values that were read or written lately, by key; a bounded dictionary that fetches by itself.

Comes in: reads, and what a block wrote. Goes out: values, from here or from where they are kept. It
must not know what keys mean, nor where ``fetch`` looks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

RECENT_BYTES_MAX: Final = 4 * 2**20
"""Of one generation, counted with ``_ENTRY_BYTES``; there are two. Holds twelve thousand keys: what
the metagraphs of four full subnets are made of. Less, and asking for those would go to the database
each time; more is memory that a stranger's questions could make the node keep."""

_ENTRY_BYTES: Final = 250
"""What an entry takes beside its key's and its value's bytes: two objects and a place in a
dictionary. Too small a number would let the memory grow above the limit."""


class Recent(dict[bytes, bytes | None]):
    """``recent[key]`` is the value of ``key``, or None if there is none.

    A key that is not there is looked up by ``fetch`` and kept. When a generation is full it becomes
    the older one, whose keys are moved up when they are used; the one before it is forgotten. A
    dictionary of its own kind, because a read that finds its key then runs no Python.
    """

    def __init__(self, fetch: Callable[[bytes], bytes | None]) -> None:
        super().__init__()
        self._fetch = fetch
        self._older: dict[bytes, bytes | None] = {}
        self._size_bytes = 0

    def __missing__(self, key: bytes) -> bytes | None:
        value = self._older[key] if key in self._older else self._fetch(key)
        self.keep(key, value)
        return value

    def keep(self, key: bytes, value: bytes | None) -> None:
        """The key has this value now."""
        self[key] = value
        self._size_bytes += _ENTRY_BYTES + len(key) + len(value or b"")
        if self._size_bytes > RECENT_BYTES_MAX:
            self._older = dict(self)
            super().clear()
            self._size_bytes = 0

    def clear(self) -> None:
        """Forget all."""
        super().clear()
        self._older = {}
        self._size_bytes = 0
