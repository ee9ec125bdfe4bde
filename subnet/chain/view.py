"""What a neuron's loops and tasks see of a chain: one subnet, block by block, read once a block.

A ``Moment`` is everything about one subnet at one finalized block. A ``ChainView`` holds the newest
moment and gives it to any number of readers in a process without another question to the chain.
Values come in parsed and checked from a ``Chain``; nothing is written through a view.

This module does not know scores, tasks, keys or how a chain is connected.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Protocol

from assay.chain.interface import BlockRef, Commitment, EpochTiming, Metagraph
from assay.types import Ss58


@dataclass(frozen=True, slots=True)
class Moment:
    """One subnet at one finalized block: all fields are of the block ``at``."""

    at: BlockRef
    metagraph: Metagraph
    commitments: Mapping[Ss58, Commitment]
    """By hotkey, for the hotkeys of the metagraph that published one."""

    @property
    def epoch(self) -> EpochTiming:
        """When the subnet's epochs run."""
        return self.metagraph.epoch


class ChainView(Protocol):
    """One subnet of one chain, read once a block for all readers of a process."""

    def now(self) -> Moment:
        """The newest moment that was read. Asks the chain nothing."""
        ...

    def blocks(self) -> AsyncGenerator[Moment, None]:
        """The newest moment, then each newer one; a slow reader misses those in between.

        Raises ``ChainUnavailable`` once the chain has been silent for longer than the view waits.
        Leave it through ``contextlib.aclosing``.
        """
        ...
