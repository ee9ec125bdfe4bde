"""A validator's memory between rounds, and across ``kill -9``.

One JSON file, replaced atomically after each round, holds the moving averages by hotkey, the number
of the last finished round, and that round's scores with their reasons (which is also what
``assay status`` and the live table read). Loading is strict: a file that is not whole, not of this
version, or of another neuron is refused with its cure, never half used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from assay.errors import UserError
from assay.files import read_limited, write_atomic
from assay.types import BlockNumber, NetUid, Ss58, Uid

VERSION: Final = 1
"""Goes up when a field changes its meaning; an older file is then refused instead of misread."""
SIZE_BYTES_MAX: Final = 64 * 1024 * 1024
"""4,096 uids with as many reasons as are kept (``standings``), every character of them escaped in
six bytes, take 40 MB; a larger file is not ours."""


class Standing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a validator thinks of one hotkey."""

    uid: Uid
    average: float
    """Moving average of the scores, in [0, 1]."""
    rounds: int
    """How many scores this average holds; 0 until the hotkey first answered."""
    score: float
    """The last round's score, in [0, 1]."""
    latency_s: float
    reasons: tuple[str, ...] = ()


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a validator must remember."""

    version: int = VERSION
    netuid: NetUid
    hotkey: Ss58
    round: int = 0
    """Rounds finished since this validator first ran."""
    block: BlockNumber | None = None
    """The chain's finalized block when the last round began; None before the first."""
    standings: dict[Ss58, Standing] = {}
    """By hotkey, never by uid: a uid may change hands between two rounds."""
    newest_weight: float = 0.0
    """What the last round's scores weighed in the averages that held many."""
    earned: bool = False
    """Whether any score was above zero since weights were last set."""
    weights_epoch: int | None = None
    """The chain's epoch index for which weights were last read back from a finalized block."""


class CheckpointFile:
    """One checkpoint at one path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, netuid: NetUid, hotkey: Ss58) -> Checkpoint:
        """The stored checkpoint, or an empty one if there is none yet."""
        stored = self.read()
        if stored is None:
            return Checkpoint(netuid=netuid, hotkey=hotkey)
        if stored.version != VERSION or (stored.netuid, stored.hotkey) != (netuid, hotkey):
            raise UserError(
                f"The checkpoint {self.path} belongs to subnet {stored.netuid}, hotkey "
                f"{stored.hotkey}, version {stored.version}.",
                "Give this validator a state folder of its own with --state-dir.",
            )
        return stored

    def read(self) -> Checkpoint | None:
        """The stored checkpoint, whosever it is, or None if there is none."""
        data = read_limited(self.path, SIZE_BYTES_MAX)
        if data is None:
            return None
        try:
            return msgspec.json.decode(data, type=Checkpoint)
        except msgspec.MsgspecError as error:
            raise UserError(
                f"The checkpoint {self.path} cannot be read: {error}.",
                "Move it away to start from no scores, or restore it from a copy.",
            ) from error

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace the stored checkpoint; durable when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self.path, msgspec.json.encode(checkpoint))
