"""Clients' answers that wait for the judge: in turns by who sent them, and few at a time.

In come calls with the name of their sender, out they go one by one. A sender that has many waits
behind itself; where all places are taken, a sender with fewer gets the places of the one that has
most, the newest first. So nobody who sends without end keeps other senders' calls from the judge.

This module knows neither the calls nor what senders are.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

Call = TypeVar("Call")


class CallLine(Generic[Call]):
    """All calls that wait, ``most`` of them at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: OrderedDict[str, deque[Call]] = OrderedDict()
        """By sender, the one whose turn it is in front. No entry is empty."""

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def room(self, sender: str) -> int:
        """Return how many calls of ``sender`` could be added now."""
        own, most = len(self._waiting.get(sender, ())), len(self._longest())
        return max(self._most - len(self), (most - own) // 2, 0)

    def add(self, sender: str, call: Call) -> Call | None:
        """Let ``call`` wait; return the call that had to leave for it. ValueError where ``room`` is
        0."""
        if not self.room(sender):
            raise ValueError(f"{sender} has no room")
        left = self._longest().pop() if len(self) >= self._most else None
        self._waiting.setdefault(sender, deque()).append(call)
        return left

    def next(self) -> Call:
        """Return the call whose turn it is, which waits no longer; IndexError if none waits."""
        if not self._waiting:
            raise IndexError("no call waits")
        sender, calls = self._waiting.popitem(last=False)
        call = calls.popleft()
        if calls:
            self._waiting[sender] = calls
        return call

    def _longest(self) -> deque[Call]:
        """The calls of the sender that has most."""
        return max(self._waiting.values(), key=len, default=deque())
