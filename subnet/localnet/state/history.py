"""The state after a block that is no longer the head, read from the versioned table.

It has the reading half of ``Committed`` and no trie: a runtime call over it works, but one that
asks for the state's root does not (nothing does except making blocks). Reads go to SQLite each
time; an old state is asked for seldom, and by few keys.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from subnet.localnet.state import trie
from subnet.localnet.state.head import end_of_prefix
from subnet.localnet.state.store import ChainStore


class HistoricState:
    """The state after block ``number``. ``check`` raises once pruning has taken it."""

    def __init__(self, store: ChainStore, number: int, check: Callable[[], None]) -> None:
        self._store = store
        self._number = number
        self._check = check

    @property
    def root(self) -> trie.Node | None:
        return None

    @property
    def has_trie(self) -> bool:
        return False

    def get(self, key: bytes) -> bytes | None:
        self._check()
        return self._store.value_at(key, self._number)

    def next_key(self, key: bytes) -> bytes | None:
        self._check()
        return next(self._store.keys_after(key, None, self._number), None)

    def keys(
        self, prefix: bytes, start: bytes | None = None, count: int | None = None
    ) -> list[bytes]:
        self._check()
        found: list[bytes] = []
        if start is None or start < prefix:
            if self._store.value_at(prefix, self._number) is not None:
                found.append(prefix)
            start = prefix
        above = self._store.keys_after(start, end_of_prefix(prefix), self._number)
        found.extend(islice(above, None if count is None else max(count - len(found), 0)))
        return found if count is None else found[:count]
