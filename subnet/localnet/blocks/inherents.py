"""What a block's author tells the runtime: the time, and the slot that follows from it.

Inherent data is a list of (8-byte identifier, encoded value). The runtime turns it into extrinsics,
which stand first in the block. Time is given in, as milliseconds; nothing here reads a clock.
"""

from __future__ import annotations

from typing import Final

from assay.localnet.primitives.scale import Reader, compact, encode_bytes

TIMESTAMP_ID: Final = b"timstap0"
AURA_ID: Final = b"auraslot"


def inherent_data(timestamp_ms: int, slot: int) -> bytes:
    """``InherentData`` for a block at this time, in this slot."""
    items = ((TIMESTAMP_ID, timestamp_ms), (AURA_ID, slot))
    return compact(len(items)) + b"".join(
        name + encode_bytes(value.to_bytes(8, "little")) for name, value in items
    )


def inherent_extrinsics(result: bytes) -> list[bytes]:
    """The answer of ``BlockBuilder_inherent_extrinsics``: opaque, with their length prefixes."""
    reader = Reader(result)
    found = [encode_bytes(reader.bytes()) for _ in range(reader.items())]
    reader.end()
    return found
