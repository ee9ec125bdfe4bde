"""A chain that was there and does not answer, told once; and once more when it is back.

Adds to a client's retries a memory of since when they go on. A connection that breaks is replaced
in less than ``QUIET_S``, which nobody needs to know; whatever lasts longer leaves two lines in the
log, not one for each attempt. Of a chain that never answered it says nothing: whoever opened it
gets an error. It retries nothing itself and reads the time where it is told to.
"""

from __future__ import annotations

from typing import Final

from loguru import logger

from assay.clock import Clock

QUIET_S: Final = 2.0
"""A local chain restarts in less than a second, a public one's connection is as soon replaced."""


class Absence:
    """What one client knows of its chain's being away."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._met_s: float | None = None
        self._since_s: float | None = None
        self._told = False

    def missed(self, began_s: float, reason: str) -> None:
        """A question that was put at ``began_s`` has no answer yet."""
        if self._met_s is None:
            return
        if self._since_s is None:
            self._since_s = max(began_s, self._met_s)  # others may have been answered meanwhile
        away_s = self._clock.monotonic() - self._since_s
        if away_s >= QUIET_S and not self._told:
            self._told = True
            logger.warning(
                "The chain at {} has not answered for {:.0f} s: {} It is tried again and again.",
                self._name,
                away_s,
                reason,
            )

    def met(self) -> None:
        """The chain has answered."""
        self._met_s = self._clock.monotonic()
        if self._told and self._since_s is not None:
            away_s = self._met_s - self._since_s
            logger.info("The chain at {} answers again, after {:.0f} s", self._name, away_s)
        self._since_s = None
        self._told = False
