"""The chain on disk: one SQLite file, one transaction a block.

A block's transaction writes its header, its body and every storage key it changed as ``(key, block)
-> value``, NULL where the key was removed. So the head's state is the newest version of each key,
and any kept block's state is the newest version at or below it. Trie nodes are never written: they
are rebuilt from the head's pairs at start, and must give the root that the head's header names.

What survives what. The log mode is WAL. A committed block survives the death of the process at any
moment (the kernel holds the pages), so a block is announced only after its commit. Against loss of
power ``CoreLimits.synchronous`` decides: NORMAL may lose the newest blocks but keeps the file
sound, FULL loses nothing that was announced. One process at a time may have a chain open, which a
lock on a file beside the database ensures. A failed write leaves the last committed block in place
and raises ``StorageFailed``; a file that is no database, or is cut short, raises ``ChainDamaged``.
So does a database that ends before the last announced block, which stands in a file of its own
(``last_block``): a damaged log looks to SQLite like a shorter one.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.files import InUse, LockFile
from assay.localnet.errors import ChainDamaged, ChainInUse, StorageFailed
from assay.localnet.limits import CoreLimits
from assay.localnet.primitives.header import Block, Header, decode_body, encode_body
from assay.localnet.primitives.scale import ScaleError
from assay.localnet.state.last_block import (
    LAST_BLOCK_NAME,
    LastBlock,
    LastBlockFile,
    UnreadableLastBlock,
)

DATABASE_NAME: Final = "chain.sqlite"
LOCK_NAME: Final = "chain.lock"
FORMAT: Final = 1
"""The layout below; another number is another layout, which this code does not read."""

META_FINGERPRINT: Final = "genesis"
"""In ``meta``: the genesis recipe's fingerprint, the configuration that it made (JSON), and the
chain's name and properties (JSON)."""
META_CONFIG: Final = "genesis_config"
META_CHAIN: Final = "chain"
_META_OLDEST: Final = "oldest_state"

_CACHE_KIB: Final = 8_192
"""SQLite's page cache: holds the pages that blocks write again and again; 8 MiB of the process."""

# Not WITHOUT ROWID: values would lie in the tree that keys are looked for in, and each search that
# passes by the runtime's entry would read its megabyte.
_SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE blocks (
    number INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    header BLOB NOT NULL,
    body BLOB NOT NULL,
    state_version INTEGER NOT NULL
);
CREATE TABLE versions (
    key BLOB NOT NULL,
    block INTEGER NOT NULL,
    value BLOB,
    PRIMARY KEY (key, block)
);
CREATE INDEX versions_by_block ON versions (block);
"""

_EACH_KEY: Final = """WITH RECURSIVE each(key) AS (
    SELECT min(key) FROM versions WHERE key >= ?1
    UNION ALL
    SELECT (SELECT min(key) FROM versions WHERE key > each.key) FROM each
    WHERE each.key IS NOT NULL AND (?2 IS NULL OR each.key < ?2)
)"""
"""Leaps from key to key over their versions, of which the busiest keys have one in each block."""

_RESTART: Final = "Start a new chain in an empty folder, or restore this one from a copy."


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A key's newest value, and the state version under which it was written."""

    key: bytes
    value: bytes
    state_version: int


class ChainStore:
    """An open database. Used from one thread."""

    def __init__(self, folder: Path | None, limits: CoreLimits, *, create: bool) -> None:
        """``folder`` None: in memory. ``create``: begin an empty database where there is none."""
        self._folder = folder
        self._lock: LockFile | None = None
        self._last_block: LastBlockFile | None = None
        try:
            if folder is not None:
                self._take_folder(folder, create)
            self._database = self._connect(limits)
            self._prepare()
            self._check_last_block()
        except sqlite3.Error as error:
            self.close()
            raise self._explained(error) from error
        except BaseException:
            self.close()
            raise

    # -- opening and closing

    def _take_folder(self, folder: Path, create: bool) -> None:
        if create:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StorageFailed(
                    f"The chain's folder {folder} cannot be made: {error.strerror}.",
                    "Give a folder that this user may write to.",
                ) from error
        elif not (folder / DATABASE_NAME).is_file():
            raise ChainDamaged(f"There is no chain in {folder}.", "Give the folder of a chain.")
        try:
            self._lock = LockFile(folder / LOCK_NAME)
            self._last_block = LastBlockFile(folder / LAST_BLOCK_NAME)
        except InUse as error:
            raise ChainInUse(
                f"The chain in {folder} is open in another process ({error.holder}).",
                "Stop that process, or give another folder.",
            ) from error
        except OSError as error:
            raise StorageFailed(
                f"The chain's folder {folder} cannot be written: {error.strerror}.",
                "Give a folder that this user may write to.",
            ) from error

    def _connect(self, limits: CoreLimits) -> sqlite3.Connection:
        name = ":memory:" if self._folder is None else str(self._folder / DATABASE_NAME)
        database = sqlite3.connect(name, isolation_level=None, cached_statements=64)
        self._database = database
        if self._folder is not None:
            # Alone at the file, SQLite needs no shared memory and takes its locks once.
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(f"PRAGMA synchronous = {limits.synchronous}")
            database.execute(f"PRAGMA wal_autocheckpoint = {limits.checkpoint_pages}")
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        return database

    def _prepare(self) -> None:
        """Lay out an empty database; check the layout of another."""
        tables = self._database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if not tables:
            with self._transaction():
                for statement in _SCHEMA.split(";"):
                    self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {FORMAT}")
            return
        found = self._database.execute("PRAGMA user_version").fetchone()[0]
        if found != FORMAT:
            raise ChainDamaged(
                f"The chain in {self._folder} has format {found}, this program reads {FORMAT}.",
                "Open it with the program that wrote it, or start a new chain in an empty folder.",
            )

    def _check_last_block(self) -> None:
        """ChainDamaged where the database does not hold the last block that was announced."""
        if self._last_block is None:
            return
        try:
            announced = self._last_block.read()
        except UnreadableLastBlock as error:
            raise ChainDamaged(
                f"The file {LAST_BLOCK_NAME} in {self._folder}, which names the chain's last block,"
                " is damaged.",
                "Remove that file to go on from the last block that the database holds.",
            ) from error
        except OSError as error:
            raise self._failed_beside(error) from error
        if announced is None or self.hash_of(announced.number) == announced.hash:
            return
        head = self.head_number()
        ends = "holds no block" if head is None else f"ends at block {head}"
        if head is not None and head >= announced.number:
            ends = f"holds another block {announced.number}"
        raise ChainDamaged(
            f"The database of the chain in {self._folder} {ends}, but block {announced.number} "
            f"(0x{announced.hash.hex()}) was announced: later blocks were lost, by damage to the "
            "database's log or by loss of power.",
            f"Restore the folder from a copy, or remove {LAST_BLOCK_NAME} there to go on without "
            "the lost blocks.",
        )

    def _failed_beside(self, error: OSError) -> StorageFailed:
        return StorageFailed(
            f"The file {LAST_BLOCK_NAME} in {self._folder} cannot be read or written: "
            f"{error.strerror or error}.",
            "Check the disk and the folder's rights.",
        )

    def close(self) -> None:
        """Close the database and give up the lock. May be called twice."""
        database = getattr(self, "_database", None)
        if database is not None:
            # A failing checkpoint at close loses nothing: the log is read at the next start.
            with contextlib.suppress(sqlite3.Error):
                database.close()
        if self._last_block is not None:
            self._last_block.close()
            self._last_block = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # -- writing

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield
            self._database.execute("COMMIT")
        except BaseException as error:
            # SQLite has rolled back by itself after the graver errors.
            if self._database.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise self._explained(error) from error
            raise

    def begin_chain(
        self,
        meta: Mapping[str, bytes],
        genesis: Block,
        pairs: Mapping[bytes, bytes],
        state_version: int,
    ) -> None:
        """Block 0 and what belongs to the chain as a whole, in one transaction."""
        with self._transaction():
            self._database.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            self._write_block(genesis, pairs, state_version)
        self._name_last(genesis)

    def append(
        self, block: Block, changes: Mapping[bytes, bytes | None], state_version: int
    ) -> None:
        """A block and what it changed. Committed when this returns."""
        with self._transaction():
            self._write_block(block, changes, state_version)
        self._name_last(block)

    def _name_last(self, block: Block) -> None:
        """After the commit, so that the file never names a block that the database lacks."""
        if self._last_block is not None:
            try:
                self._last_block.write(LastBlock(block.number, block.hash))
            except OSError as error:
                raise self._failed_beside(error) from error

    def _write_block(
        self, block: Block, changes: Mapping[bytes, bytes | None], state_version: int
    ) -> None:
        number = block.number
        self._database.execute(
            "INSERT INTO blocks VALUES (?, ?, ?, ?, ?)",
            (
                number,
                block.hash,
                block.header.encode(),
                encode_body(block.extrinsics),
                state_version,
            ),
        )
        self._database.executemany(
            "INSERT INTO versions VALUES (?, ?, ?)",
            [(key, number, value) for key, value in changes.items()],
        )

    def prune(self, oldest: int) -> None:
        """Forget what only states below block ``oldest`` need; blocks themselves are kept.

        A version goes when a newer one exists at or below ``oldest``, a tombstone also when it is
        the newest there. Recorded, so that a later start knows where history begins. It takes time
        with the square of how far ``oldest`` moves, so it should move by small steps.
        """
        with self._transaction():
            self._database.execute(
                """DELETE FROM versions WHERE (key, block) IN (
                     SELECT old.key, old.block FROM versions AS new
                     JOIN versions AS old ON old.key = new.key AND old.block < new.block
                     WHERE new.block <= ?1 AND new.block > ?2)""",
                (oldest, self.oldest_state),
            )
            self._database.execute(
                "DELETE FROM versions WHERE value IS NULL AND block <= ? AND block > ?",
                (oldest, self.oldest_state - 1),
            )
            self._database.execute(
                "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
                (_META_OLDEST, json.dumps(oldest).encode()),
            )

    # -- reading

    @property
    def oldest_state(self) -> int:
        """The first block whose state is still kept."""
        oldest = 0 if self.meta(_META_OLDEST) is None else self.fact(_META_OLDEST)
        if isinstance(oldest, int) and oldest >= 0:
            return oldest
        raise ChainDamaged("The database does not say how old its oldest state is.", _RESTART)

    def meta(self, name: str) -> bytes | None:
        row = self._one("SELECT value FROM meta WHERE name = ?", (name,))
        return None if row is None else row[0]

    def head_number(self) -> int | None:
        """The number of the last block; None in an empty database."""
        row = self._one("SELECT max(number) FROM blocks", ())
        return None if row is None or row[0] is None else int(row[0])

    def head(self) -> int:
        """The number of the last block; ChainDamaged in an empty database."""
        number = self.head_number()
        if number is None:
            raise ChainDamaged(f"There is no chain in {self._folder}.", _RESTART)
        return number

    def fact(self, name: str) -> Any:
        """What ``meta`` holds as JSON under this name; ChainDamaged if it holds none."""
        try:
            return json.loads(self.meta(name) or b"")
        except (ValueError, RecursionError) as error:
            raise ChainDamaged(
                f"The database does not tell the {name.replace('_', ' ')} of its chain.", _RESTART
            ) from error

    def genesis_config(self) -> Mapping[str, Any]:
        """The merged genesis configuration."""
        config = self.fact(META_CONFIG)
        if not isinstance(config, dict):
            raise ChainDamaged("The stored genesis configuration is none.", _RESTART)
        return config

    def block(self, number: int) -> Block | None:
        row = self._one("SELECT header, body FROM blocks WHERE number = ?", (number,))
        if row is None:
            return None
        try:
            return Block(Header.decode(row[0]), decode_body(row[1]))
        except ScaleError as error:
            raise ChainDamaged(f"Block {number} cannot be read: {error}.", _RESTART) from error

    def hash_of(self, number: int) -> bytes | None:
        row = self._one("SELECT hash FROM blocks WHERE number = ?", (number,))
        return None if row is None else row[0]

    def number_of(self, block_hash: bytes) -> int | None:
        row = self._one("SELECT number FROM blocks WHERE hash = ?", (block_hash,))
        return None if row is None else int(row[0])

    def value_at(self, key: bytes, block: int) -> bytes | None:
        """The value of ``key`` after ``block``."""
        row = self._one(
            "SELECT value FROM versions WHERE key = ? AND block <= ? ORDER BY block DESC LIMIT 1",
            (key, block),
        )
        return None if row is None else row[0]

    def changed_at(self, key: bytes, block: int) -> int | None:
        """The last block at or below ``block`` that wrote ``key``."""
        row = self._one(
            "SELECT block FROM versions WHERE key = ? AND block <= ? ORDER BY block DESC LIMIT 1",
            (key, block),
        )
        return None if row is None else int(row[0])

    def last_change(self) -> int:
        """The last block that any version is of; never above the head in a sound database."""
        row = self._one("SELECT max(block) FROM versions", ())
        return row[0] or 0

    def changes_of(self, block: int) -> dict[bytes, bytes | None]:
        """What ``block`` wrote, as far as pruning left it."""
        rows = self._all("SELECT key, value FROM versions WHERE block = ?", (block,))
        return dict(rows)

    def keys_from(
        self, start: bytes, end: bytes | None, block: int
    ) -> Iterator[tuple[bytes, bool]]:
        """Every key from ``start`` to below ``end``, and whether it has a value after ``block``.

        Keys that other blocks had pass by as well: the caller may count what the walk costs.
        """
        rows = self._all(
            f"""{_EACH_KEY} SELECT each.key, (
                    SELECT value IS NOT NULL FROM versions
                    WHERE key = each.key AND block <= ?3 ORDER BY block DESC LIMIT 1
                ) FROM each WHERE each.key IS NOT NULL AND (?2 IS NULL OR each.key < ?2)""",  # noqa: S608 (fixed text)
            (start, end, block),
        )
        return ((key, bool(there)) for key, there in rows)

    def pairs_at(self, block: int) -> Iterator[StoredVersion]:
        """The whole state after ``block``, in the order of keys."""
        rows = self._all(
            f"""{_EACH_KEY} SELECT versions.key, versions.value, blocks.state_version
                FROM each CROSS JOIN versions CROSS JOIN blocks
                WHERE versions.key = each.key AND versions.value IS NOT NULL
                AND versions.block = (
                    SELECT max(block) FROM versions WHERE key = each.key AND block <= ?3)
                AND blocks.number = versions.block""",  # noqa: S608 (fixed text)
            (b"", None, block),
        )
        return (StoredVersion(*row) for row in rows)

    def _one(self, query: str, values: tuple[Any, ...]) -> Any:
        try:
            return self._database.execute(query, values).fetchone()
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _all(self, query: str, values: tuple[Any, ...]) -> Iterator[Any]:
        try:
            yield from self._database.execute(query, values)
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _explained(self, error: sqlite3.Error) -> ChainDamaged | ChainInUse | StorageFailed:
        """SQLite's error in words: what happened, and what to do."""
        where = self._folder or "memory"
        code = getattr(error, "sqlite_errorcode", None)
        primary = None if code is None else code & 0xFF
        if primary == sqlite3.SQLITE_FULL:
            return StorageFailed(
                f"The disk that holds the chain in {where} is full.",
                "Free some space; the chain goes on from its last block.",
            )
        if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return StorageFailed(
                f"The chain in {where} cannot be written.",
                "Give this user the right to write there, or give another folder.",
            )
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return ChainInUse(
                f"The chain in {where} is open in another process.",
                "Stop that process, or give another folder.",
            )
        if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return ChainDamaged(f"The database of the chain in {where} is damaged.", _RESTART)
        return StorageFailed(
            f"The chain in {where} cannot be read or written: {error}.",
            "Check the disk and the folder's rights.",
        )
