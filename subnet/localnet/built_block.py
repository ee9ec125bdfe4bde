"""What the backend tells of a block that it has just made or taken over.

Data only: the pool, the service and the RPC each take from it what concerns them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.localnet.errors import RuntimeTrap, TransactionRefused
from assay.localnet.primitives.header import Block


@dataclass(frozen=True, slots=True)
class UnsealedInBlock:
    """An extrinsic that came out of a sealed one and is in the block."""

    hash: bytes
    signer: bytes
    next_nonce: int
    """Of the signer, after the block."""


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
    unsealed: tuple[UnsealedInBlock, ...]
    """What the block holds beside them, because sealed extrinsics held it."""
    changes: Mapping[bytes, bytes | None]
    """The storage keys that the block changed, with their values after it; None: removed."""
    runtime_changed: bool
    """Whether the next block is made by another runtime."""
    slot_duration_ms: int
    """The slot duration after this block, which root may have changed in it."""
