"""The node's core behind one door: a chain that is opened, read, asked and moved forward.

Adds to ``executor``, ``state`` and ``blocks`` the order in which they work together. The backend is
synchronous and single-threaded; it opens no socket and reads no clock. One call to ``build`` is one
block: executed, committed to the database, and only then the head. There are no forks, so the head
is final once it is committed.

Extrinsics are opaque SCALE *with* their length prefix everywhere; an extrinsic's hash is
blake2b-256 of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from subnet.localnet.blocks.genesis import Genesis
from subnet.localnet.blocks.header import Block, Header
from subnet.localnet.blocks.validity import RuntimeVersion, ValidTransaction
from subnet.localnet.errors import (
    InvalidTransaction,
    MissingExport,
    RuntimeTrap,
    StateDiscarded,
    TransactionRefused,
    UnknownBlock,
    UnknownTransaction,
)
from subnet.localnet.limits import CoreLimits
from subnet.localnet.state.view import State

__all__ = [
    "Backend",
    "Block",
    "BuiltBlock",
    "CoreLimits",
    "Genesis",
    "Header",
    "InvalidTransaction",
    "MissingExport",
    "RuntimeTrap",
    "RuntimeVersion",
    "State",
    "StateDiscarded",
    "TransactionRefused",
    "UnknownBlock",
    "UnknownTransaction",
    "ValidTransaction",
]

SOURCE_IN_BLOCK = 0
SOURCE_LOCAL = 1
SOURCE_EXTERNAL = 2
"""``TransactionSource``: where a transaction to validate came from."""


@dataclass(frozen=True, slots=True)
class BuiltBlock:
    """A block that was just built and committed."""

    block: Block
    included: tuple[bytes, ...]
    """Hashes of the ready extrinsics that are in the block, in order (inherents are not named)."""
    failed: tuple[tuple[bytes, TransactionRefused | RuntimeTrap], ...]
    """Extrinsics that can no longer be included, with why: drop them from the pool."""
    postponed: tuple[bytes, ...]
    """Those that may fit into a later block (``ExhaustsResources``, ``Future``): keep them."""
    changes: Mapping[bytes, bytes | None]
    """Every storage key that the block wrote, with its value after the block; None: removed."""


class Backend:
    """An open chain. Make one with ``Backend.open``; use it from one thread; ``close`` it."""

    genesis_hash: bytes
    head: Block
    """The best block, which is also the last finalized one."""
    chain_name: str
    properties: Mapping[str, Any]

    @classmethod
    def open(
        cls,
        path: Path | None,
        genesis: Genesis | None,
        *,
        limits: CoreLimits | None = None,
        history_blocks: int | None = None,
        module_cache: Path | None = None,
    ) -> Backend:
        """Open the chain in the folder ``path``, or begin one there; ``path`` None: memory only.

        ``genesis`` must be the recipe of the chain that is stored; None opens whatever is there.
        ``history_blocks``: how many blocks below the head keep their state (None: all of them).
        ``module_cache``: a folder of our own for compiled modules; None compiles each time.
        """
        raise NotImplementedError

    def block(self, block_hash: bytes) -> Block | None:
        """The block of that hash; None if the chain has none."""
        raise NotImplementedError

    def block_hash(self, number: int) -> bytes | None:
        """The hash of the block of that number; None above the head."""
        raise NotImplementedError

    def state(self, block_hash: bytes | None = None) -> State:
        """The state after a block (None: the head). UnknownBlock, StateDiscarded."""
        raise NotImplementedError

    def call(self, method: str, args: bytes, at: bytes | None = None) -> bytes:
        """Call a runtime API on a throw-away overlay over the state after ``at``.

        RuntimeTrap if it does not end well, MissingExport if there is no such method.
        """
        raise NotImplementedError

    def runtime_version(self, at: bytes | None = None) -> RuntimeVersion:
        """The version of the runtime that is in force after the block ``at``."""
        raise NotImplementedError

    def validate(self, extrinsic: bytes, source: int = SOURCE_EXTERNAL) -> ValidTransaction:
        """What the runtime says of a transaction at the head.

        Raises InvalidTransaction or UnknownTransaction; RuntimeTrap if the bytes upset the runtime
        (malformed extrinsics do: the caller reports them as a bad format).
        """
        raise NotImplementedError

    def build(
        self, timestamp_ms: int, ready: Iterable[bytes], *, max_extrinsics: int | None = None
    ) -> BuiltBlock:
        """Build the next block, commit it, make it the head.

        ``timestamp_ms`` must be at least ``earliest_timestamp_ms()``. ``ready`` is consumed
        lazily, in order, until the block is full or ``max_extrinsics`` are in. Whatever goes wrong
        with the block as a whole (StorageFailed, RuntimeTrap, BlockRejected) leaves the head where
        it was.
        """
        raise NotImplementedError

    def slot_duration_ms(self) -> int:
        """Aura's slot duration, from the runtime."""
        raise NotImplementedError

    def earliest_timestamp_ms(self) -> int:
        """The first moment at which the next block may be: a new slot, and Timestamp's minimum."""
        raise NotImplementedError

    def genesis_config(self) -> Mapping[str, Any]:
        """The merged genesis configuration that the first state was built from."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the database and free the instance. The backend is unusable afterwards."""
        raise NotImplementedError
