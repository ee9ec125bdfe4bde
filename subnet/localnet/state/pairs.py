"""The pairs of one state in a private SQLite database that nobody else sees.

It holds each key with its value, and whether the trie holds the value by its hash. SQLite keeps
some of it in memory and the rest in a temporary file, which the operating system removes however
the process ends; so what a chain holds and nobody asks for costs this process no memory. Nothing
here outlives the process: the chain's own database is what a start reads.

It must not know of blocks, of the trie, or of what was read lately.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

from assay.localnet.errors import StorageFailed
from assay.localnet.state.trie import Stored

_CACHE_KIB: Final = 2_048
"""What SQLite keeps in memory: the states of small chains whole. Less, and every read of a middling
one would go to the temporary file; more is memory that a stranger could make the node keep."""

# With a rowid, so that a search for a key passes by keys alone: one of the values is the runtime.
_SCHEMA: Final = """
CREATE TABLE pairs (key BLOB NOT NULL, value BLOB NOT NULL, hashed INTEGER NOT NULL);
CREATE UNIQUE INDEX pairs_by_key ON pairs (key);
"""

_PUT: Final = """INSERT INTO pairs VALUES (?1, ?2, ?3)
    ON CONFLICT (key) DO UPDATE SET value = ?2, hashed = ?3"""


class Pairs:
    """Sorted pairs. ``StorageFailed`` where the temporary file cannot grow."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, cached_statements=64)
        # A rollback is needed (``tried``), a journal on disk is not: nothing here must survive.
        self._database.execute("PRAGMA journal_mode = MEMORY")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Give the memory and the temporary file back."""
        self._database.close()

    def get(self, key: bytes) -> bytes | None:
        try:  # the most frequent call by far: a context manager would take a tenth of it
            row = self._database.execute("SELECT value FROM pairs WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise _failed(error) from error
        return None if row is None else row[0]

    def keys(self, first: bytes, end: bytes | None, count: int | None) -> list[bytes]:
        """At most ``count`` keys from ``first`` on, those below ``end``."""
        at_most = -1 if count is None else count
        with _explained():
            return [row[0] for row in self._range("key", first, end, at_most)]

    def between(self, first: bytes, end: bytes | None) -> Iterator[Stored]:
        """The pairs from ``first`` on, those below ``end``, in the order of the keys."""
        with _explained():
            for key, value, hashed in self._range("key, value, hashed", first, end, -1):
                yield key, value, bool(hashed)

    def _range(self, what: str, first: bytes, end: bytes | None, at_most: int) -> sqlite3.Cursor:
        # Two statements: SQLite ends a search at a bound only where that is always there.
        if end is None:
            query = f"SELECT {what} FROM pairs WHERE key >= ? ORDER BY key LIMIT ?"  # noqa: S608
            return self._database.execute(query, (first, at_most))
        query = f"SELECT {what} FROM pairs WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"  # noqa: S608
        return self._database.execute(query, (first, end, at_most))

    def write(self, put: Iterable[Stored], removed: Iterable[bytes] = ()) -> None:
        """Store pairs and remove keys, all or nothing."""
        with _explained(), self._transaction(keep=True):
            self._database.executemany(_PUT, put)
            self._database.executemany("DELETE FROM pairs WHERE key = ?", ((k,) for k in removed))

    @contextlib.contextmanager
    def tried(self) -> Iterator[None]:
        """What is written inside is gone afterwards."""
        with _explained(), self._transaction(keep=False):
            yield

    @contextlib.contextmanager
    def _transaction(self, *, keep: bool) -> Iterator[None]:
        """A savepoint, which may stand in another one."""
        self._database.execute("SAVEPOINT step")
        try:
            yield
        except BaseException:
            keep = False
            raise
        finally:
            if not keep:
                self._database.execute("ROLLBACK TO step")
            self._database.execute("RELEASE step")


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _failed(error) from error


def _failed(error: sqlite3.Error) -> StorageFailed:
    return StorageFailed(
        f"The temporary file of the chain's state cannot be used: {error}.",
        "Free some space in the folder for temporary files, or name another one in TMPDIR.",
    )
