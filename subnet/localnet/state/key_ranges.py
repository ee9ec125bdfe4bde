"""Ranges of keys that were read lately. A block asks for the same few ranges as the block before.

Comes in: ``fetch``, which reads keys from the database. Goes out: the same keys, from memory where
no key came or went in that range since.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Final, NamedTuple

RANGES_MAX: Final = 64
"""Ranges that are remembered. A block of this runtime asks for three; each key that comes or goes
is compared with all of them."""

RANGE_KEYS_MAX: Final = 128
"""Keys of one remembered range; longer ones are read each time. Bounds the memory to about 1 MB."""

_AHEAD: Final = (8, RANGE_KEYS_MAX)
"""How many keys a search for the next one reads: at first, and where it goes on from the end of
what was read before. A walk over a map asks for one key after the other."""

Fetch = Callable[[bytes, bytes | None, int | None], list[bytes]]
"""The keys from the first one on, below the end, at most so many."""


class _Range(NamedTuple):
    keys: list[bytes]
    last: bytes | None
    """The range is known up to this key and with it; None: to the end of all keys."""
    end: bytes | None
    """It is known up to this key, without it."""


class KeyRanges:
    """Keys in order. ``moved`` must be told of each key that comes or goes."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._ranges: dict[tuple[bytes, bytes | None, int | None], _Range] = {}
        self._walk: tuple[bytes, list[bytes]] | None = None
        """Where the last search for a next key began, and what it read."""

    def keys(self, first: bytes, end: bytes | None, count: int | None) -> list[bytes]:
        """At most ``count`` keys from ``first`` on, those below ``end``."""
        asked = first, end, count
        known = self._ranges.get(asked)
        if known is None:
            keys = self._fetch(first, end, count)
            full = count is not None and len(keys) == count
            known = _Range(keys, keys[-1], None) if full and keys else _Range(keys, None, end)
            if len(keys) <= RANGE_KEYS_MAX and not (full and not keys):
                if len(self._ranges) >= RANGES_MAX:
                    del self._ranges[next(iter(self._ranges))]
                self._ranges[asked] = known
        return known.keys.copy()

    def next_key(self, key: bytes) -> bytes | None:
        """The first key above ``key``."""
        walk = self._walk
        if walk is not None and walk[0] <= key < walk[1][-1]:
            return walk[1][bisect_right(walk[1], key)]
        goes_on = walk is not None and walk[1][-1] == key
        keys = self.keys(key + b"\0", None, _AHEAD[goes_on])
        self._walk = (key, keys) if keys else None
        return keys[0] if keys else None

    def moved(self, key: bytes) -> None:
        """This key came or went: forget the ranges that it lies in."""
        self._walk = None
        stale = [
            asked
            for asked, known in self._ranges.items()
            if asked[0] <= key
            and (known.last is None or key <= known.last)
            and (known.end is None or key < known.end)
        ]
        for asked in stale:
            del self._ranges[asked]

    def clear(self) -> None:
        """Forget all ranges."""
        self._ranges.clear()
        self._walk = None
