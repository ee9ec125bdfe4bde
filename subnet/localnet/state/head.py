"""The head's state: what was used lately in memory, the rest in a private database.

``advance`` moves the state forward by one block, once that is committed on disk. What was read or
written lately stands in a dictionary (``recent``), so that what blocks and clients use again and
again costs a lookup there. Of the trie, what was written lately stands in memory, and the rest is
folded. Both are bounded: a key that nobody uses keeps no Python object for itself, so an account
that a stranger made and left costs this process some bytes, not a kilobyte.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from assay.localnet.state import trie
from assay.localnet.state.fold import fold, fold_behind
from assay.localnet.state.key_ranges import KeyRanges
from assay.localnet.state.overlay import Result
from assay.localnet.state.pairs import Pairs
from assay.localnet.state.recent import Recent
from assay.localnet.state.trie import Stored

FOLD_AFTER_CHANGES: Final = 2_048
"""The trie is folded after so many written keys; what was written since the fold before stays. So
at most twice as many keys have nodes of their own (about 2 MB). Smaller, and what every block
writes would be folded and unfolded in turns."""

_BUILT_AT_ONCE: Final = 4_096
"""Keys that a start puts into the trie before it folds them: some megabytes of nodes."""


class HeadState:
    """A ``Committed`` state that moves forward block by block."""

    def __init__(self, stored: Iterable[Stored] = ()) -> None:
        self._pairs = Pairs()
        self._pairs.write(stored)
        self._pending: dict[bytes, Stored | None] = {}
        """What blocks changed and the database does not hold yet; None: removed."""
        self._recent = Recent(self._fetch)
        self.get: Callable[[bytes], bytes | None] = self._recent.__getitem__
        self._ranges = KeyRanges(lambda *asked: self._settled().keys(*asked))
        self.next_key = self._ranges.next_key
        self._written = 0
        self._folded_before = 0
        self._fold_next = trie.next_generation()
        self._root = self._built()

    def _built(self) -> trie.TrieNode | None:
        """The trie of all pairs, never much of it in memory."""
        root, rows = None, self._pairs.between(b"", None)
        while some := list(islice(rows, _BUILT_AT_ONCE)):
            root = trie.insert_stored(root, some)
            fold_behind(root)
        fold(root, before=trie.next_generation())
        return root

    @property
    def root(self) -> trie.TrieNode | None:
        return self._root

    @property
    def has_trie(self) -> bool:
        return True

    @property
    def root_hash(self) -> bytes:
        return trie.root_hash(self._root)

    def items(self) -> dict[bytes, bytes]:
        """All pairs, read out; as large as the state."""
        return {key: value for key, value, _ in self._settled().between(b"", None)}

    def load(self, prefix: str) -> Iterator[Stored]:
        """The pairs below these nibbles of a key: what a folded branch held."""
        odd = len(prefix) % 2
        first, last = (bytes.fromhex(prefix + nibble * odd) for nibble in "0f")
        return self._settled().between(first, end_of_prefix(last))

    def _fetch(self, key: bytes) -> bytes | None:
        if key in self._pending:
            pair = self._pending[key]
            return None if pair is None else pair[1]
        return self._pairs.get(key)

    def _settled(self) -> Pairs:
        """The database, with all that blocks changed.

        Written when somebody needs it, because a block changes a few keys and most of those again
        and again.
        """
        if self._pending:
            put = [pair for pair in self._pending.values() if pair is not None]
            self._pairs.write(put, [key for key, pair in self._pending.items() if pair is None])
            self._pending = {}
        return self._pairs

    def keys(
        self, prefix: bytes, start: bytes | None = None, count: int | None = None
    ) -> list[bytes]:
        first = prefix if start is None else max(prefix, start + b"\0")
        return self._ranges.keys(first, end_of_prefix(prefix), count)

    def close(self) -> None:
        """Give back what the state holds. It is unusable afterwards."""
        self._pairs.close()

    # -- moving forward

    def advance(self, result: Result) -> None:
        """Take over what a block changed, and the trie that its changes made."""
        self._take_over(result)
        self._written += len(result.changes)
        if self._written >= FOLD_AFTER_CHANGES:
            self._settled()
            before, self._fold_next = self._fold_next, trie.next_generation()
            fold(self._root, before=before, done=self._folded_before)
            self._folded_before, self._written = before, 0

    def _take_over(self, result: Result) -> None:
        for key, value in result.changes.items():
            if (self.get(key) is None) != (value is None):
                self._ranges.moved(key)
            if value is None:
                self._pending[key] = None
            else:
                self._pending[key] = key, value, trie.stores_hashed(value, result.version)
            self._recent.keep(key, value)
        self._root = result.root

    @contextlib.contextmanager
    def tried(self, result: Result) -> Iterator[None]:
        """Inside, the state is what it would be after ``result``; afterwards it is as before."""
        root = self._root
        try:
            with self._settled().tried():
                self._take_over(result)
                yield
        finally:
            self._pending, self._root = {}, root
            self._recent.clear()
            self._ranges.clear()


def end_of_prefix(prefix: bytes) -> bytes | None:
    """The first string above all that begin with ``prefix``; None if there is none."""
    stem = prefix.rstrip(b"\xff")
    if not stem:
        return None
    return stem[:-1] + bytes((stem[-1] + 1,))
