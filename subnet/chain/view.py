"""What a neuron's loops and tasks see of a chain: one subnet, block by block, read once a block.

A ``Moment`` is everything about one subnet at one finalized block. A ``ChainView`` holds the newest
moment and gives it to any number of readers in a process without another question to the chain.
Values come in parsed and checked from a ``Chain``; nothing is written through a view.

This module does not know scores, tasks, keys or how a chain is connected.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from assay.chain.interface import BlockRef, Moment

__all__ = ["ChainView", "Moment"]


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

    async def block_hash(self, number: int) -> bytes:
        """The 32-byte hash of the finalized block ``number``; ``UnknownBlock`` if there is none yet
        or the chain no longer knows it."""
        ...

    async def moment_at(self, number: int) -> Moment:
        """The moment of the finalized block ``number``; ``UnknownBlock`` if there is none yet or
        the chain no longer keeps its state. A moment that was asked for lately is kept."""
        ...

    async def read(self, item: str, *keys: object, at: BlockRef | None = None) -> object:
        """The storage item ``item`` ("Pallet.Item") under ``keys`` at the block ``at``, by default
        the newest moment's; the item's default, or None, where nothing is stored. ``BadQuery``, a
        ValueError, for an item that the chain's metadata does not have, and for keys of the wrong
        number or type."""
        ...
