"""The head's state in memory: a dictionary, its sorted keys, and the trie with its hashes.

The three hold the same pairs; ``advance`` moves them together, once a block is committed on disk.
Reads cost a dictionary lookup; the next key a bisection. Values are shared between the dictionary
and the trie, so a key costs its bytes once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping

from assay.localnet.state import trie


class HeadState:
    """A ``Committed`` state that moves forward block by block."""

    def __init__(self, stored: Iterable[tuple[bytes, bytes, bool]] = ()) -> None:
        """``stored``: key, value, and whether the trie holds the value by its hash."""
        rows = sorted(stored)
        self._values: dict[bytes, bytes] = {key: value for key, value, _ in rows}
        self._keys: list[bytes] = [key for key, _, _ in rows]
        self._root = trie.insert_stored(None, rows)
        self.get = self._values.get

    def copy(self) -> HeadState:
        """Another one that holds the same and moves by itself; values and trie are shared."""
        made = HeadState()
        made._values.update(self._values)
        made._keys.extend(self._keys)
        made._root = self._root
        return made

    @property
    def root(self) -> trie.Node | None:
        return self._root

    @property
    def has_trie(self) -> bool:
        return True

    @property
    def root_hash(self) -> bytes:
        return trie.root_hash(self._root)

    def __len__(self) -> int:
        return len(self._keys)

    def items(self) -> Mapping[bytes, bytes]:
        """All pairs; not to be changed."""
        return self._values

    def next_key(self, key: bytes) -> bytes | None:
        at = bisect_right(self._keys, key)
        return self._keys[at] if at < len(self._keys) else None

    def keys(
        self, prefix: bytes, start: bytes | None = None, count: int | None = None
    ) -> list[bytes]:
        keys = self._keys
        first = bisect_left(keys, prefix)
        if start is not None:
            first = max(first, bisect_right(keys, start))
        end = end_of_prefix(prefix)
        last = len(keys) if end is None else bisect_left(keys, end, first)
        if count is not None:
            last = min(last, first + count)
        return keys[first:last]

    def advance(self, changes: Mapping[bytes, bytes | None], root: trie.Node | None) -> None:
        """Take over a block's changes and the trie that they make."""
        values, keys = self._values, self._keys
        for key, value in changes.items():
            if value is None:
                if values.pop(key, None) is not None:
                    del keys[bisect_left(keys, key)]
            else:
                if key not in values:
                    insort(keys, key)
                values[key] = value
        self._root = root


def end_of_prefix(prefix: bytes) -> bytes | None:
    """The first string above all that begin with ``prefix``; None if there is none."""
    stem = prefix.rstrip(b"\xff")
    if not stem:
        return None
    return stem[:-1] + bytes((stem[-1] + 1,))
