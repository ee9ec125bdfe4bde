"""Headers and blocks: their encoding, their hashes, and the digest's items.

Adds Substrate's header layout to SCALE: parent, compact number, state root, extrinsics root and
digest. A block's hash is blake2b-256 of its encoded header; an extrinsic's is that of its opaque
encoding including the length prefix. Digest items stay opaque bytes except Aura's pre-runtime item,
which carries the slot. Knows nothing of execution or storage.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from assay.localnet.primitives.hashing import blake2_256
from assay.localnet.primitives.scale import Reader, ScaleError, compact, encode_bytes

HASH_BYTES: Final = 32
ZERO_HASH: Final = bytes(HASH_BYTES)
"""The parent of block 0, and the roots of a header that is not finished."""

AURA: Final = b"aura"
"""Aura's engine id in the digest."""
_PRE_RUNTIME: Final = 6
_WITH_ENGINE: Final = frozenset((4, 5, 6))  # Consensus, Seal, PreRuntime: engine id, then bytes
_OTHER: Final = 0  # bytes only
_ENVIRONMENT_UPDATED: Final = 8  # nothing follows


@dataclass(frozen=True)
class Header:
    """A block's header. ``digest`` holds the encoded items, one bytes each."""

    parent: bytes
    number: int
    state_root: bytes
    extrinsics_root: bytes
    digest: tuple[bytes, ...]

    def encode(self) -> bytes:
        return b"".join(
            (
                self.parent,
                compact(self.number),
                self.state_root,
                self.extrinsics_root,
                compact(len(self.digest)),
                *self.digest,
            )
        )

    @cached_property
    def hash(self) -> bytes:
        return blake2_256(self.encode())

    @classmethod
    def decode(cls, data: bytes) -> Header:
        reader = Reader(data)
        header = cls.read(reader)
        reader.end()
        return header

    @classmethod
    def read(cls, reader: Reader) -> Header:
        """The header at the reader's position."""
        parent = reader.take(HASH_BYTES)
        number = reader.compact()
        state_root = reader.take(HASH_BYTES)
        extrinsics_root = reader.take(HASH_BYTES)
        digest = tuple(_read_digest_item(reader) for _ in range(reader.items()))
        return cls(parent, number, state_root, extrinsics_root, digest)


def _read_digest_item(reader: Reader) -> bytes:
    kind = reader.uint(1)
    if kind in _WITH_ENGINE:
        return bytes((kind,)) + reader.take(4) + encode_bytes(reader.bytes())
    if kind == _OTHER:
        return bytes((kind,)) + encode_bytes(reader.bytes())
    if kind == _ENVIRONMENT_UPDATED:
        return bytes((kind,))
    raise ScaleError(f"a digest item of kind {kind} is not known")


def aura_pre_runtime(slot: int) -> bytes:
    """The digest item by which a block claims its slot."""
    return bytes((_PRE_RUNTIME,)) + AURA + encode_bytes(slot.to_bytes(8, "little"))


def slot_of(header: Header) -> int | None:
    """The slot that a header claims; None where it claims none (block 0)."""
    head = bytes((_PRE_RUNTIME,)) + AURA + compact(8)
    for item in header.digest:
        if item.startswith(head) and len(item) == len(head) + 8:
            return int.from_bytes(item[len(head) :], "little")
    return None


@dataclass(frozen=True)
class Block:
    """A header with its extrinsics, each in its opaque encoding including the length prefix."""

    header: Header
    extrinsics: tuple[bytes, ...]

    @property
    def hash(self) -> bytes:
        return self.header.hash

    @property
    def number(self) -> int:
        return self.header.number

    def encode(self) -> bytes:
        """SCALE: the header, then ``Vec<OpaqueExtrinsic>``."""
        return self.header.encode() + encode_body(self.extrinsics)

    @classmethod
    def decode(cls, data: bytes) -> Block:
        reader = Reader(data)
        header = Header.read(reader)
        extrinsics = read_body(reader)
        reader.end()
        return cls(header, extrinsics)


def encode_body(extrinsics: Iterable[bytes]) -> bytes:
    items = tuple(extrinsics)
    return compact(len(items)) + b"".join(items)


def read_body(reader: Reader) -> tuple[bytes, ...]:
    """A ``Vec<OpaqueExtrinsic>``; each comes back with its length prefix."""
    return tuple(encode_bytes(reader.bytes()) for _ in range(reader.items()))


def decode_body(data: bytes) -> tuple[bytes, ...]:
    reader = Reader(data)
    extrinsics = read_body(reader)
    reader.end()
    return extrinsics
