"""Encodes what a block's author tells the runtime: the time, the slot, and what else there is.

Inherent data is a list of (8-byte identifier, encoded value). The runtime makes extrinsics of the
data, which stand first in the block. Times are passed in, in milliseconds; this module reads no
clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from assay.localnet.primitives.scale import Reader, compact, encode_bytes

TIMESTAMP_ID: Final = b"timstap0"
AURA_ID: Final = b"auraslot"


def inherent_data(timestamp_ms: int, slot: int, more: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
    """``InherentData`` for a block at ``timestamp_ms`` in ``slot``.

    ``more`` are further items, each an identifier with its encoded value.
    """
    numbers = ((TIMESTAMP_ID, timestamp_ms), (AURA_ID, slot))
    items = [(name, value.to_bytes(8, "little")) for name, value in numbers] + list(more)
    return compact(len(items)) + b"".join(name + encode_bytes(value) for name, value in items)


def inherent_extrinsics(result: bytes) -> list[bytes]:
    """The extrinsics in ``result``, an answer of ``BlockBuilder_inherent_extrinsics``.

    Each is opaque and begins with its length.
    """
    reader = Reader(result)
    found = [encode_bytes(reader.bytes()) for _ in range(reader.items())]
    reader.end()
    return found
