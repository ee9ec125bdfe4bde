"""What the two sides of a running call share, Wasm's and Python's: the first failure, and a meter.

Host functions are Python and burn no fuel, so each call of one is counted, and dear ones are
charged as many. When the meter is empty the next host call fails, and with it the runtime call.
"""

from __future__ import annotations


class OutOfHostCalls(Exception):
    """A runtime call used up its host calls."""

    def __str__(self) -> str:
        return "the call used up its host function calls"


class Crossing:
    """One per Wasm machine."""

    __slots__ = ("calls_left", "failure")

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.calls_left = 0

    def begin(self, calls: int) -> None:
        self.failure = None
        self.calls_left = calls

    def fail(self, failure: BaseException) -> None:
        """Keep what went wrong; the first failure is the cause of all later ones."""
        if self.failure is None:
            self.failure = failure

    def charge(self, calls: int) -> None:
        """Work that costs as much as so many host calls."""
        self.calls_left -= calls
        if self.calls_left < 0:
            raise OutOfHostCalls
