"""Tell the log once when a chain does not answer any more, and once when it is back.

``Outage`` is told of each question that has no answer yet and of each answer. A connection that
breaks is replaced in less than ``QUIET_S``, which nobody needs to know; an outage that lasts longer
leaves two lines in the log, not one for each attempt. A chain that never answered leaves none:
whoever opened it gets an error.

This module retries nothing, and reads the time from the clock that it is given.
"""

from __future__ import annotations

from typing import Final

from loguru import logger

from assay.clock import Clock

QUIET_S: Final = 2.0
"""A local chain restarts in less than a second, a public one's connection is as soon replaced."""


class Outage:
    """What one client knows of the time since its chain answered last."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._met_s: float | None = None
        self._since_s: float | None = None
        self._told = False

    def missed(self, began_s: float, reason: str) -> None:
        """Note that a question which was put at ``began_s`` has no answer yet, for ``reason``."""
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
        """Note that the chain has answered."""
        self._met_s = self._clock.monotonic()
        if self._told and self._since_s is not None:
            away_s = self._met_s - self._since_s
            logger.info("The chain at {} answers again, after {:.0f} s", self._name, away_s)
        self._since_s = None
        self._told = False
