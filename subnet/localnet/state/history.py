"""Reads the state after a block that is no longer the head, from the versioned table.

``HistoricState`` can be read like the head's state, and has no trie. So a runtime call over an old
state works, unless it asks for the state's root; only making a block does. Every read goes to
SQLite: clients ask for old states seldom, and for few keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from assay.localnet.errors import HistoryTooLong
from assay.localnet.state import trie
from assay.localnet.state.head import end_of_prefix
from assay.localnet.state.store import ChainStore

_CHECK_KEYS: Final = 64
"""Keys that a walk passes between two checks: some 0.3 milliseconds."""


class HistoricState:
    """The state after block ``number``.

    ``check`` raises once pruning has taken the state, or the time for the question is used up. It
    is called before each read, and now and then while keys pass by.
    ``keys_max``: how many keys may be looked at before ``HistoryTooLong``. A walk passes by all the
    keys that other blocks had, so its price is not in what it finds.
    """

    def __init__(
        self, store: ChainStore, number: int, check: Callable[[], None], keys_max: int
    ) -> None:
        self._store = store
        self._number = number
        self._check = check
        self._keys_left = keys_max

    @property
    def root(self) -> trie.TrieNode | None:
        return None

    @property
    def has_trie(self) -> bool:
        return False

    def load(self, prefix: str) -> Iterable[trie.Stored]:
        return trie.nothing_folded(prefix)

    def get(self, key: bytes) -> bytes | None:
        self._check()
        self._look()
        return self._store.value_at(key, self._number)

    def _look(self) -> None:
        self._keys_left -= 1
        if self._keys_left < 0:
            raise HistoryTooLong(self._number)

    def _walk(self, start: bytes, end: bytes | None) -> Iterator[bytes]:
        self._check()
        for key, there in self._store.keys_from(start, end, self._number):
            self._look()
            if self._keys_left % _CHECK_KEYS == 0:
                self._check()
            if there:
                yield key

    def next_key(self, key: bytes) -> bytes | None:
        return next(self._walk(_after(key), None), None)

    def keys(
        self, prefix: bytes, start: bytes | None = None, count: int | None = None
    ) -> list[bytes]:
        first = prefix if start is None else max(prefix, _after(start))
        return list(islice(self._walk(first, end_of_prefix(prefix)), count))


def _after(key: bytes) -> bytes:
    """The first string above ``key``."""
    return key + b"\0"
