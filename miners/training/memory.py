"""What a training miner must not forget, in one small file that survives ``kill -9``.

A key is written down before the chain shows what it opens: without the key the window's work would
be lost, and with another key the seal would be a lie. What the peer carries from window to window
is that of the last window that counted its work; what a window that is not yet decided would make
of it lies beside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.files import read_limited, write_atomic
from assay.protocol.training.records import HASH_BYTES, STATE_BYTES, PeerRecord

MEMORY_BYTES_MAX: Final = 4096
"""The file takes 300 bytes."""

Hash = Annotated[bytes, Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
Window = Annotated[int, Meta(ge=0)]


class CarriedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the peer carried out of ``window``: the object's root, and the file's name below the
    neuron's folder."""

    window: Window
    root: Hash
    file: str


class SealedWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A window that the peer has sealed: what its record says, the key, and what it would carry out
    of the window."""

    window: Window
    state: Annotated[bytes, Meta(min_length=STATE_BYTES, max_length=STATE_BYTES)]
    seal: Hash
    key: Hash
    after: CarriedFile

    @property
    def record(self) -> PeerRecord:
        """What the peer publishes before the deadline."""
        return PeerRecord(self.window, self.state, self.seal)

    @property
    def opened(self) -> PeerRecord:
        """What the peer publishes after it."""
        return self.record.revealed(self.key)


class PeerMemory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is carried into the next window, and the window that is sealed and not yet decided."""

    carried: CarriedFile | None = None
    sealed: SealedWindow | None = None


class MemoryFile:
    """The file at ``path``. ``now`` is what stands in it."""

    def __init__(self, path: Path) -> None:
        """A file that is damaged counts as none: the peer goes on as a newcomer."""
        self._path = path
        self.now = PeerMemory()
        raw = read_limited(path, MEMORY_BYTES_MAX)
        self.was_damaged = False
        if raw is not None:
            try:
                self.now = msgspec.msgpack.decode(raw, type=PeerMemory)
            except msgspec.MsgspecError:
                self.was_damaged = True

    def keep(self, memory: PeerMemory) -> None:
        """Write ``memory`` down; when this returns, it survives. Unavailable if the disk is
        full."""
        write_atomic(self._path, msgspec.msgpack.encode(memory))
        self.now = memory
