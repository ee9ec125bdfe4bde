"""A small file beside the database that names the last block which was announced.

SQLite ends its log at the first record whose checksum does not fit. So one flipped bit in the log
would give back an older chain, and nothing in the database could tell. This file can: it stands
outside the log, and whoever opens the chain compares the two.

Comes in: a block's number and hash, after the database has committed the block. Goes out: the last
pair that was written. The file has two slots that are written in turns, each with a checksum of its
own, so that a write which the loss of power tears apart leaves the slot of the block before. It is
never synced: an older name than the database's last block is no fault, only a newer one is.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

LAST_BLOCK_NAME: Final = "chain.head"

_SLOT_BYTES: Final = 64
"""Number, hash and checksum take 56. A power of two never crosses a disk's sector."""
_NUMBER_BYTES: Final = 8
_HASH_BYTES: Final = 32
_CHECKSUM_BYTES: Final = 16
"""128 bits: no damaged slot passes for a sound one."""


class LastBlock(NamedTuple):
    """The number and the hash of a block."""

    number: int
    hash: bytes


class UnreadableLastBlock(Exception):
    """The file is there and neither of its slots is sound."""


class LastBlockFile:
    """The open file. ``OSError`` passes through from every method."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, which is made empty if it is not there."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def read(self) -> LastBlock | None:
        """The newer of the sound slots; None from an empty file."""
        data = os.pread(self._descriptor, 2 * _SLOT_BYTES, 0)
        slots = [data[at : at + _SLOT_BYTES] for at in range(0, len(data), _SLOT_BYTES)]
        sound = [block for slot in slots if (block := _decode(slot)) is not None]
        if data and not sound:
            raise UnreadableLastBlock
        return max(sound, default=None)

    def write(self, block: LastBlock) -> None:
        """Name ``block`` as the last one. Returns once the kernel has the bytes."""
        slot = _encode(block)
        at = block.number % 2 * _SLOT_BYTES
        if os.pwrite(self._descriptor, slot, at) != len(slot):
            raise OSError("a slot of the last block was written in part")

    def close(self) -> None:
        os.close(self._descriptor)


def _encode(block: LastBlock) -> bytes:
    content = block.number.to_bytes(_NUMBER_BYTES, "little") + block.hash
    return (content + _checksum(content)).ljust(_SLOT_BYTES, b"\0")


def _decode(slot: bytes) -> LastBlock | None:
    """What a slot names; None if it was never written whole."""
    content = slot[: _NUMBER_BYTES + _HASH_BYTES]
    if slot[len(content) : len(content) + _CHECKSUM_BYTES] != _checksum(content):
        return None
    return LastBlock(int.from_bytes(content[:_NUMBER_BYTES], "little"), content[_NUMBER_BYTES:])


def _checksum(content: bytes) -> bytes:
    return blake2b(content, digest_size=_CHECKSUM_BYTES).digest()
