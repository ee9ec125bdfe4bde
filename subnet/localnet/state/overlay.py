"""Keeps what a runtime call has written so far, over a state that the call only reads.

Adds to a ``State`` the changes of one block (or of one throw-away call) with nested transactions.
``_current`` holds the newest value of each written key, None where the key was removed. Each open
transaction keeps a journal of what the keys it wrote held before, so starting and committing cost
nothing and rolling back costs what was written. Values that the runtime appends to (event lists)
are kept in parts and joined only when someone reads them.

Semantics follow ``sp-state-machine``: what ``append`` does to a value that is no list, what a
limited ``clear_prefix`` counts. ``tests/property`` drives this in step with a plain copied
dictionary. This module must not know of Wasm, SQLite or blocks.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from assay.localnet.primitives.scale import ScaleError, compact, decode_compact
from assay.localnet.state import trie
from assay.localnet.state.view import State

CHILD_STORAGE_PREFIX: Final = b":child_storage:"
"""Below it live the roots of child tries; ``clear_prefix`` must not touch them."""

_U32_MAX: Final = 2**32 - 1


class Committed(State, Protocol):
    """A state an overlay can stand on. ``root`` is its trie; None if it has none in memory."""

    @property
    def root(self) -> trie.TrieNode | None: ...

    @property
    def has_trie(self) -> bool: ...

    def load(self, prefix: str) -> Iterable[trie.Stored]:
        """What lay below a folded branch of the trie."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """What an overlay's changes come to."""

    changes: dict[bytes, bytes | None]
    root: trie.TrieNode | None
    """The trie of the state with the changes."""
    root_hash: bytes
    version: int
    """The state version under which they were written."""


class _Missing(Enum):
    """Marks a key that the overlay has not written."""

    TOKEN = 0


_MISSING: Final = _Missing.TOKEN


class _List:
    """A SCALE ``Vec`` that grows: its items' count and its parts, joined when read.

    Versions of one list share the parts: a version is the first ``used`` of them, and only the
    newest one may append in place.
    """

    __slots__ = ("_joined", "count", "parts", "used")

    def __init__(self, count: int, parts: list[bytes], used: int) -> None:
        self.count = count
        self.parts = parts
        self.used = used
        self._joined: bytes | None = None

    def value(self) -> bytes:
        if self._joined is None:
            self._joined = compact(self.count) + b"".join(self.parts[: self.used])
        return self._joined

    def appended(self, item: bytes) -> _List:
        parts = self.parts if len(self.parts) == self.used else self.parts[: self.used]
        parts.append(item)
        return _List(self.count + 1, parts, self.used + 1)


_Slot = bytes | _List | None


class Overlay:
    """Changes over ``base``. Reads fall through to it; nothing is ever written to it."""

    def __init__(self, base: Committed) -> None:
        self.base = base
        self._base_get = base.get
        self._current: dict[bytes, _Slot] = {}
        self._journals: list[dict[bytes, _Slot | _Missing]] = []
        self._sorted_keys: list[bytes] = []
        self._new_keys: list[bytes] = []  # written, not sorted in yet
        self._seen_keys: set[bytes] = set()
        self._result: Result | None = None

    # -- reading

    def get(self, key: bytes) -> bytes | None:
        slot = self._current.get(key, _MISSING)
        if slot is _MISSING:
            return self._base_get(key)
        return slot.value() if isinstance(slot, _List) else slot

    def next_key(self, key: bytes) -> bytes | None:
        """The first key above ``key`` that has a value."""
        current = self._current
        below = self.base.next_key(key)
        while below is not None and current.get(below, _MISSING) is None:
            below = self.base.next_key(below)
        keys = self._keys()
        for at in range(bisect_right(keys, key), len(keys)):
            written = keys[at]
            if below is not None and written >= below:
                return below
            if current.get(written) is not None:
                return written
        return below

    def _keys(self) -> list[bytes]:
        """Every key that was ever written here, in order (rolled-back ones included)."""
        if self._new_keys:
            self._sorted_keys += self._new_keys
            self._sorted_keys.sort()
            self._new_keys = []
        return self._sorted_keys

    # -- writing

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set the value at ``key``; None removes it. Roots of child tries are not set this way."""
        if not key.startswith(CHILD_STORAGE_PREFIX):
            self._put(key, value)

    def _put(self, key: bytes, slot: _Slot) -> None:
        current = self._current
        if self._journals:
            journal = self._journals[-1]
            if key not in journal:
                journal[key] = current.get(key, _MISSING)
        if key not in self._seen_keys:
            self._seen_keys.add(key)
            self._new_keys.append(key)
        current[key] = slot
        self._result = None

    def append(self, key: bytes, item: bytes) -> None:
        """Append an encoded item to the list at ``key``; what is no list becomes ``[item]``."""
        slot = self._current.get(key, _MISSING)
        if slot is _MISSING:
            slot = self._base_get(key)
        if not isinstance(slot, _List):
            slot = _as_list(slot)
        self._put(key, slot.appended(item))

    def clear_prefix(self, prefix: bytes, limit: int | None = None) -> tuple[bool, int]:
        """Remove the keys under ``prefix``: all that were written here, ``limit`` of the base's.

        Answers whether keys of the base are left, and how many of them were visited, which is
        what ``KillStorageResult`` tells the runtime.
        """
        if prefix.startswith(CHILD_STORAGE_PREFIX) or CHILD_STORAGE_PREFIX.startswith(prefix):
            return False, 0
        current = self._current
        keys = self._keys()
        for at in range(bisect_left(keys, prefix), len(keys)):
            key = keys[at]
            if not key.startswith(prefix):
                break
            if key in current:
                self._put(key, None)
        found = self.base.keys(prefix, None, None if limit is None else limit + 1)
        more = limit is not None and len(found) > limit
        for key in found[:limit]:
            if current.get(key, _MISSING) is not None:
                self._put(key, None)
        return more, min(len(found), limit) if limit is not None else len(found)

    # -- transactions

    @property
    def depth(self) -> int:
        """How many transactions are open."""
        return len(self._journals)

    def start(self) -> None:
        self._journals.append({})

    @property
    def written(self) -> int:
        """How many keys were written; a root over them takes time in proportion."""
        return len(self._current)

    def commit(self) -> None:
        journal = self._journals.pop()
        if self._journals:
            outer = self._journals[-1]
            for key, before in journal.items():
                outer.setdefault(key, before)

    def rollback(self) -> None:
        current = self._current
        for key, before in self._journals.pop().items():
            if before is _MISSING:
                del current[key]
            else:
                current[key] = before
        self._result = None

    def rollback_to(self, depth: int) -> None:
        """Roll back the transactions above ``depth``, which a call that trapped left open."""
        while len(self._journals) > depth:
            self.rollback()

    # -- the result

    def changes(self) -> dict[bytes, bytes | None]:
        """The written keys with their values (None: removed), but those that were left as found.

        What is written again unchanged is no change, except a long value: under a new state
        version its trie node takes another form, so it counts as written.
        """
        found: dict[bytes, bytes | None] = {}
        for key, slot in self._current.items():
            value = slot.value() if isinstance(slot, _List) else slot
            long = value is not None and len(value) > trie.VALUE_INLINE_BYTES_MAX
            if long or value != self._base_get(key):
                found[key] = value
        return found

    def root(self, version: int) -> bytes:
        """The Merkle root of the state with these changes, written under this state version."""
        return self.result(version).root_hash

    def result(self, version: int) -> Result:
        """Changes, trie and root; computed once as long as nothing is written."""
        if self._result is None or self._result.version != version:
            if not self.base.has_trie:
                raise NoTrie
            changes = self.changes()
            node = trie.apply(self.base.root, changes.items(), version, self.base.load)
            self._result = Result(changes, node, trie.root_hash(node), version)
        return self._result


class NoTrie(Exception):
    """The root was asked for over a state whose trie is not in memory (an old block's)."""

    def __str__(self) -> str:
        return "the root of an old state is not kept; only the head's is"


def _as_list(value: bytes | None) -> _List:
    """What ``sp-state-machine`` makes of a value to append to: a u32 count, then anything."""
    if value:
        try:
            count, at = decode_compact(value)
        except ScaleError:
            return _List(0, [], 0)
        if count < _U32_MAX:
            return _List(count, [value[at:]], 1)
    return _List(0, [], 0)
