"""Which block lies in which phase of which window of a run. Pure.

A run is a row of windows of equal length. Every window goes through the same phases, and a block's
number alone says where a run is, so that all who follow one chain agree without a message::

    train      peers compute; validators audit the window before
    upload     a peer's seal is on chain by the last block of this phase, or does not count
    reveal     a peer publishes the key that opens what it has sealed
    attest     validators say whose work they hold, whole and opened
    evaluate   the window's set of peers is known; validators measure what its work is worth
    advance    everybody folds the set's work into the state; the next window begins from it

Blocks before a run's first one are the phase ``join``; those after its last window are ``done``.
"""

from __future__ import annotations

import enum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

BLOCKS_MAX: Final = 2**31
"""Of a phase, and of a run's start: eight hundred years of blocks of twelve seconds."""
WINDOWS_MAX: Final = 10**6
"""Of a run: a record has room for 32 bits, and no run has that many."""

Blocks = Annotated[int, Meta(ge=1, le=BLOCKS_MAX)]


class Phase(enum.Enum):
    """What a run is at. ``JOIN`` and ``DONE`` lie outside of all windows."""

    JOIN = "join"
    TRAIN = "train"
    UPLOAD = "upload"
    REVEAL = "reveal"
    ATTEST = "attest"
    EVALUATE = "evaluate"
    ADVANCE = "advance"
    DONE = "done"


PHASES: Final = (
    Phase.TRAIN,
    Phase.UPLOAD,
    Phase.REVEAL,
    Phase.ATTEST,
    Phase.EVALUATE,
    Phase.ADVANCE,
)
"""The phases of a window, in their order."""


class Place(msgspec.Struct, frozen=True):
    """Where a block lies: in ``phase`` of ``window``, with ``blocks_left`` of that phase from this
    block on, this one included. ``join`` has window 0, and ``done`` the number of windows."""

    window: int
    phase: Phase
    blocks_left: int


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a run's phases are: its first block, how many windows it has, and how many blocks each
    phase of a window takes."""

    start: Annotated[int, Meta(ge=0, le=BLOCKS_MAX)]
    windows: Annotated[int, Meta(ge=1, le=WINDOWS_MAX)]
    train: Blocks
    upload: Blocks
    reveal: Blocks
    attest: Blocks
    evaluate: Blocks
    advance: Blocks

    def length(self, phase: Phase) -> int:
        """Return how many blocks ``phase`` takes in a window; ValueError for one that lies outside
        of all windows."""
        if phase not in PHASES:
            raise ValueError(f"{phase.value} is no phase of a window")
        blocks: int = getattr(self, phase.value)
        return blocks

    @property
    def window_blocks(self) -> int:
        """How many blocks a window takes."""
        return sum(self.length(phase) for phase in PHASES)

    @property
    def end(self) -> int:
        """The first block after the last window."""
        return self.start + self.windows * self.window_blocks

    def place(self, block: int) -> Place:
        """Return where ``block`` lies."""
        if block < self.start:
            return Place(0, Phase.JOIN, self.start - block)
        window, offset = divmod(block - self.start, self.window_blocks)
        if window >= self.windows:
            return Place(self.windows, Phase.DONE, 0)
        for phase in PHASES:
            if offset < (length := self.length(phase)):
                return Place(window, phase, length - offset)
            offset -= length
        raise AssertionError("an offset within a window lies in one of its phases")

    def blocks(self, window: int, phase: Phase) -> range:
        """Return the blocks of ``phase`` in ``window``; ValueError for a window that the run does
        not have."""
        if not 0 <= window < self.windows:
            raise ValueError(f"the run has {self.windows} windows, and none with number {window}")
        first = self.start + window * self.window_blocks
        first += sum(self.length(each) for each in PHASES[: PHASES.index(phase)])
        return range(first, first + self.length(phase))

    def deadline(self, window: int, phase: Phase) -> int:
        """Return the last block of ``phase`` in ``window``: what stands on chain in that block
        counts, and what comes later does not."""
        return self.blocks(window, phase)[-1]
