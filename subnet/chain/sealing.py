"""Weights that are committed by their hash and opened later: what opens them, and the hash.

Where a subnet has commit-reveal on, a copier is to see a row only once its successor is under way.
On a chain with a beacon the chain itself opens rows that were encrypted for a round. On a chain
without one, such as the local chain, a validator commits the hash of its row with a salt, and in
the subnet's epoch that the chain names it reveals row and salt by a second call. Whoever loses the
salt cannot open the row, so the salt is kept on disk before the hash is sent (``RowSeal.keep``).

Rows and salts come in, hashes go out. This module asks no chain and draws nothing at random.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from assay.types import Ss58, U16Weight, Uid, ss58_decode

SALT_WORDS: Final = 8
"""Numbers of 16 bits in a salt: 128 bits, so that nobody finds a row by trying rows."""
_HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A row that is committed by its hash, with all that opens it."""

    row: tuple[tuple[Uid, U16Weight], ...] = field(repr=False)
    version_key: int
    salt: tuple[int, ...] = field(repr=False)
    """Of ``SALT_WORDS`` numbers below 65,536. Secret, as the row is, until the row is opened."""
    hash: str
    """What the chain is told first: ``0x`` and 64 hex digits."""


@dataclass(frozen=True, slots=True)
class RowSeal:
    """What ``Chain.set_weights`` needs to commit a row by its hash."""

    salt: tuple[int, ...] = field(repr=False)
    keep: Callable[[SealedRow], None]
    """Called before the hash is sent; returns once the row is safe on disk."""


@dataclass(frozen=True, slots=True)
class WeightsSealed:
    """The hash of ``sealed`` is on the chain; ``Chain.reveal_weights`` opens the row while the
    subnet's epoch is of index ``reveal_epoch``."""

    sealed: SealedRow
    reveal_epoch: int


@dataclass(frozen=True, slots=True)
class WeightsOpened:
    """A row that was sealed stands open on the chain; it was read back at block ``read_at``."""

    read_at: int


def seal(
    hotkey: Ss58,
    netuid: int,
    row: Sequence[tuple[Uid, U16Weight]],
    version_key: int,
    salt: Sequence[int],
) -> SealedRow:
    """Seal ``row`` of ``hotkey`` on subnet ``netuid`` with ``salt``.

    The hash is the chain's: blake2b of 32 bytes over the SCALE encoding of account, subnet, uids,
    values, salt and version key (``commit_hash`` of the subtensor pallet).
    """
    encoded = b"".join(
        (
            ss58_decode(hotkey),
            struct.pack("<H", netuid),
            _words([uid for uid, _ in row]),
            _words([value for _, value in row]),
            _words(salt),
            struct.pack("<Q", version_key),
        )
    )
    digest = blake2b(encoded, digest_size=_HASH_BYTES).hexdigest()
    return SealedRow(tuple(row), version_key, tuple(salt), f"0x{digest}")


def _words(values: Sequence[int]) -> bytes:
    """A SCALE vector of numbers of 16 bits: a compact length, then the numbers."""
    length = len(values)
    if length < 1 << 6:
        prefix = bytes([length << 2])
    else:  # a row has at most 65,536 entries, so the form of four bytes is the longest
        wide = length >= 1 << 14
        prefix = (length << 2 | (2 if wide else 1)).to_bytes(4 if wide else 2, "little")
    return prefix + struct.pack(f"<{length}H", *values)
