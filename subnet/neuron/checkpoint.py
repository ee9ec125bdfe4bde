"""A validator's memory between turns, and across ``kill -9``.

One JSON file, replaced atomically after each turn, holds the opinions by hotkey, the count of
finished turns, and the last turn's verdicts with their reasons (``assay status`` and the live table
read them too). Loading is strict: a file that is not whole, not of this version, or of another
chain, subnet or hotkey is refused with its cure, never half used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from assay.chain.sealing import SealedRow
from assay.errors import UserError
from assay.files import read_limited, write_atomic
from assay.neuron.opinions import Opinion, Window
from assay.types import BlockNumber, NetUid, Ss58

VERSION: Final = 3
"""Goes up when a field changes its meaning; an older file is then refused instead of misread."""
SIZE_BYTES_MAX: Final = 64 * 1024 * 1024
"""4,096 uids with as many reasons as are kept (``opinions``), every character of them escaped in
six bytes, take 48 MB; a larger file is not ours."""


class KeptRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of weights that was sealed and is not opened yet."""

    row: SealedRow
    epoch: int
    """The index of the epoch whose weights the row is."""
    reveal_epoch: int | None = None
    """The index of the epoch in which it can be opened; None until the chain has told it."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a validator must remember."""

    version: int = VERSION
    genesis: str
    """The chain that all of this is about: ``0x`` and 64 hex digits."""
    netuid: NetUid
    hotkey: Ss58
    round: int = 0
    """Turns finished since this validator first ran."""
    turn: int | None = None
    """The number of the last finished turn, of the task's pace; None before the first."""
    block: BlockNumber | None = None
    """The chain's finalized block when the last turn began; None before the first."""
    opinions: dict[Ss58, Opinion] = {}
    """By hotkey, never by uid: a uid may change hands between two turns."""
    window: Window = Window()
    """The turns since weights were last set: what the opinions' averages are means of."""
    earned: bool | None = None
    """Whether any verdict was above zero since weights were last set; None while no turn has ended
    since then."""
    weights_epoch: int | None = None
    """The chain's epoch index for which weights were last read back from a finalized block."""
    sealed: tuple[KeptRow, ...] = ()
    """Sealed rows, oldest first. Their salts are secret until the rows are opened."""
    seed_epoch: int | None = None
    """The epoch index in which the newest link of the hash chain was given out."""


class CheckpointFile:
    """One checkpoint at one path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, genesis: str, netuid: NetUid, hotkey: Ss58) -> Checkpoint:
        """The stored checkpoint, or an empty one if there is none yet."""
        stored = self.read()
        if stored is None:
            return Checkpoint(genesis=genesis, netuid=netuid, hotkey=hotkey)
        if (stored.genesis, stored.netuid, stored.hotkey) != (genesis, netuid, hotkey):
            raise UserError(
                f"The checkpoint {self.path} belongs to hotkey {stored.hotkey} on subnet "
                f"{stored.netuid} of the chain {stored.genesis}.",
                "Give this validator a state folder of its own with --state-dir.",
            )
        return stored

    def read(self) -> Checkpoint | None:
        """The stored checkpoint, whosever it is, or None if there is none."""
        data = read_limited(self.path, SIZE_BYTES_MAX)
        if data is None:
            return None
        try:
            version = msgspec.json.decode(data, type=_Versioned).version
            if version == VERSION:
                return msgspec.json.decode(data, type=Checkpoint)
            problem = f"it is of version {version}, not {VERSION}"
        except msgspec.MsgspecError as error:
            problem = str(error)
        raise UserError(
            f"The checkpoint {self.path} cannot be read: {problem}.",
            "Move it away to start from no scores, or restore it from a copy.",
        )

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace the stored checkpoint; durable when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self.path, msgspec.json.encode(checkpoint))


class _Versioned(msgspec.Struct):
    """The one field that every version has."""

    version: int


class ValidatorMemory:
    """A checkpoint in memory and on disk at once: ``now`` is what the file holds."""

    def __init__(self, file: CheckpointFile, loaded: Checkpoint) -> None:
        self._file = file
        self.now = loaded

    def remember(self, **changes: object) -> None:
        """Replace some fields; on disk before in memory."""
        changed = msgspec.structs.replace(self.now, **changes)
        self._file.save(changed)
        self.now = changed
