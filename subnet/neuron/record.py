"""The record that a neuron publishes on chain under its hotkey: its role and what goes with it.
Pure.

At most 128 bytes (the Commitments pallet's longest raw field). A miner that has nothing to declare
publishes its task's bytes as they are. Every other record begins with four bytes, then come the
fields that its flags announce, then the task's bytes::

    magic    2   A5 01
    role     1   0 miner, 1 validator, 2 client
    flags    1   bit 0: a seed tip follows; bit 1: a receipts root follows
    tip     32   the newest published link of the validator's hash chain (``seeds``)
    root    32   the running hash over the validator's receipts (``receipts``)
    data     *   the task's own bytes

``pack`` writes a record, ``parse`` reads one. A record that is not whole counts as a miner's plain
bytes: what a stranger published must not stop anybody. This module reads and writes no chain.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

RECORD_BYTES_MAX: Final = 128
"""The longest raw field of the Commitments pallet; a longer record is refused by every chain."""
HASH_BYTES: Final = 32
_MAGIC: Final = b"\xa5\x01"
_HEAD_BYTES: Final = 4
_TIP, _ROOT = 1, 2
DATA_BYTES_MAX: Final = RECORD_BYTES_MAX - _HEAD_BYTES - 2 * HASH_BYTES
"""What a task may publish in any role: 60 bytes, enough for a hash and some words beside it."""


class Role(enum.StrEnum):
    """What a neuron says it is, in the record that it publishes."""

    MINER = "miner"
    VALIDATOR = "validator"
    CLIENT = "client"


_ROLES: Final = (Role.MINER, Role.VALIDATOR, Role.CLIENT)


@dataclass(frozen=True, slots=True)
class NeuronRecord:
    """What one neuron publishes. ``data`` None: its task publishes nothing."""

    role: Role = Role.MINER
    data: bytes | None = None
    seed_tip: bytes | None = None
    receipts_root: bytes | None = None

    def pack(self) -> bytes | None:
        """The bytes for the chain, or None if there is nothing to publish.

        ValueError if they are more than a record may have, or a hash has not 32 bytes.
        """
        plain = self.role is Role.MINER and self.seed_tip is None and self.receipts_root is None
        data = self.data or b""
        if plain and not data.startswith(_MAGIC):
            packed = data
        else:
            fields = (self.seed_tip, self.receipts_root)
            if any(part is not None and len(part) != HASH_BYTES for part in fields):
                raise ValueError("a seed tip and a receipts root have 32 bytes each")
            flags = sum(bit for bit, part in zip((_TIP, _ROOT), fields, strict=True) if part)
            head = bytes((*_MAGIC, _ROLES.index(self.role), flags))
            packed = head + b"".join(part for part in fields if part) + data
        if len(packed) > RECORD_BYTES_MAX:
            raise ValueError(f"a record has at most {RECORD_BYTES_MAX} bytes, not {len(packed)}")
        return packed or None


def parse(published: bytes | None) -> NeuronRecord:
    """The record in what a hotkey published; plain bytes are a miner's."""
    if published is None:
        return NeuronRecord()
    if len(published) < _HEAD_BYTES or not published.startswith(_MAGIC):
        return NeuronRecord(data=published)
    role, flags = published[2], published[3]
    rest = published[_HEAD_BYTES:]
    wanted = HASH_BYTES * ((flags & _TIP > 0) + (flags & _ROOT > 0))
    if role >= len(_ROLES) or flags & ~(_TIP | _ROOT) or len(rest) < wanted:
        return NeuronRecord(data=published)
    tip = rest[:HASH_BYTES] if flags & _TIP else None
    rest = rest[HASH_BYTES:] if tip is not None else rest
    root = rest[:HASH_BYTES] if flags & _ROOT else None
    rest = rest[HASH_BYTES:] if root is not None else rest
    return NeuronRecord(_ROLES[role], rest or None, tip, root)
