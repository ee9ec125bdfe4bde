"""The slots of a cache: who has which, and what the free ones still hold.

In come the tokens of an answer that begins, with whose it is; out comes a free slot, and
where the cache holds the beginning of these tokens already. A slot that is given back keeps what
was computed in it until it is needed for something else, so a prompt that begins like an earlier
one is not computed again from the start. The cache is no larger for it.

What is kept serves the same owner alone: the caller, and what it tells its clients apart by. The
time to the first token would otherwise tell somebody whether somebody else has asked for a text
that begins like this.

This module knows no tensors and no clock.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

KEPT_MAX: Final = 16
"""Free slots that may keep something, where the lowest free slot is one of them. With more, a
caller's next prompt is found more often, and the cache takes more memory while little is asked."""
REUSED_MIN: Final = 16
"""Fewer tokens are computed in one pass anyway, together with the rest of the prompt."""


@dataclass(frozen=True, slots=True)
class Span:
    """``tokens`` that stand at the positions from ``start`` on in ``slot`` of the cache."""

    slot: int
    start: int
    tokens: tuple[int, ...]
    drawn_from: bool = True
    """Whether the logits after the last of ``tokens`` are wanted."""

    @property
    def end(self) -> int:
        return self.start + len(self.tokens)


@dataclass(frozen=True, slots=True)
class Taken:
    """What to do with the cache before an answer uses ``slot``, in this order: move what ``slot``
    holds to ``moved_to``, if that is not None; copy the first ``reused`` tokens of ``source``."""

    slot: int
    source: int
    reused: int
    moved_to: int | None = None


class CacheSlots:
    """At most ``most`` slots, numbered from 0. The lowest are in use, so that they lie side by side
    and attend in one call; what is kept lies above them."""

    def __init__(self, most: int) -> None:
        self._held: dict[int, tuple[Hashable, Sequence[int]]] = {}
        """What each slot in use or kept holds, and whose it is."""
        self._free = set(range(most))
        self._kept: dict[int, None] = {}
        """The free slots that hold something, the one that was given back first in front."""

    def take(self, owner: Hashable, tokens: Sequence[int]) -> Taken:
        """Take a slot for an answer that begins with ``tokens`` and is ``owner``'s.

        The last token is never reused: what follows it has to be computed. LookupError if no slot
        is free.
        """
        if not self._free:
            raise LookupError("no slot is free")
        slot = min(self._free)
        source, reused = self._best(owner, tokens[:-1])
        if not reused:
            source = slot
        self._free.discard(slot)
        moved_to = None
        if slot in self._kept:
            if source != slot or not reused:
                moved_to = self._place_for_kept(slot, source)
            if moved_to is None:
                del self._kept[slot]
            else:
                self._held[moved_to] = self._held[slot]
                self._kept = {moved_to if kept == slot else kept: None for kept in self._kept}
        self._held[slot] = (owner, tokens[:reused])
        return Taken(slot, source, reused, moved_to)

    def _place_for_kept(self, slot: int, source: int) -> int | None:
        """Another free slot than ``slot`` and ``source``: an empty one, or the one that was kept
        longest if that is not ``slot`` itself."""
        empty = self._free - self._kept.keys()
        if empty and len(self._kept) < KEPT_MAX:
            return min(empty)
        oldest = next(kept for kept in self._kept if kept != source or len(self._kept) == 1)
        if oldest in (slot, source):
            return None
        del self._kept[oldest]
        return oldest

    def holds(self, slot: int, tokens: Sequence[int]) -> None:
        """Note that ``slot``, which is in use, holds ``tokens``."""
        self._held[slot] = (self._held[slot][0], tokens)

    def spoil(self, taken: Taken) -> None:
        """Note that ``taken`` could not be filled: nobody knows what its slots hold."""
        for slot in (taken.slot, taken.moved_to):
            if slot is not None:
                self._held[slot] = (self._held[slot][0], ())

    def give_back(self, slot: int) -> None:
        """Free ``slot``. What it holds is kept for now."""
        self._free.add(slot)
        self._kept[slot] = None

    def _best(self, owner: Hashable, tokens: Sequence[int]) -> tuple[int, int]:
        """The slot that holds most of the beginning of ``tokens``, and how much of it."""
        shared = {
            slot: _common(held, tokens)
            for slot, (whose, held) in self._held.items()
            if whose == owner
        }
        best = max(shared, key=lambda slot: (shared[slot], -slot), default=0)
        reused = shared.get(best, 0)
        return (best, reused) if reused >= REUSED_MIN else (best, 0)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many tokens both begin with."""
    for count, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return count
    return min(len(one), len(other))
