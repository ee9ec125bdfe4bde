"""How much of one limited thing each sender holds, and who holds most of it. Pure.

When the pool is full, the sender that holds most gives way to one that would hold less: so a few
senders can fill the pool while nobody else wants it, and cannot keep others out.
"""

from __future__ import annotations

import heapq
from typing import Final

_STALE_MAX: Final = 1_024
"""Outdated rows that the heap may hold beside the current ones. More would be memory for nothing,
fewer would make the heap be built anew all the time."""


class Shares:
    """The amount that each sender holds, with the largest one at hand."""

    def __init__(self) -> None:
        self._held: dict[bytes, int] = {}
        self._heap: list[tuple[int, bytes]] = []  # (-amount, sender); outdated rows stay a while

    def of(self, sender: bytes) -> int:
        """What ``sender`` holds; 0 if it holds nothing."""
        return self._held.get(sender, 0)

    def change(self, sender: bytes, by: int) -> None:
        """Add ``by`` to what ``sender`` holds. A negative ``by`` takes away."""
        held = self.of(sender) + by
        if held:
            self._held[sender] = held
            heapq.heappush(self._heap, (-held, sender))
        else:
            del self._held[sender]
        if len(self._heap) > len(self._held) + _STALE_MAX:
            self._heap = [(-amount, name) for name, amount in self._held.items()]
            heapq.heapify(self._heap)

    def largest(self) -> bytes | None:
        """The sender that holds most; None if nobody holds anything."""
        heap = self._heap
        while heap and self.of(heap[0][1]) != -heap[0][0]:
            heapq.heappop(heap)
        return heap[0][1] if heap else None

    def as_dict(self) -> dict[bytes, int]:
        """What every sender holds. For tests."""
        return dict(self._held)
