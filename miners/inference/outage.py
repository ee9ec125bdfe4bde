"""What a miner's operator is told about an engine that does not answer, and how often.

In come the outcomes of requests, one after the other; out come lines of the log: one when a kind of
trouble begins, one when the engine answers again, and none for each request in between. A miner
whose engine fails earns nothing meanwhile, and nobody else tells its operator. Nothing is told
here to callers.
"""

from __future__ import annotations

from typing import Final

from loguru import logger

from assay.clock import Clock
from assay.models.engine import EngineFailed, NotTaken, Trouble

AGAIN_S: Final = 600.0
"""Trouble that lasts is told anew after so long: often enough that who looks at the end of a log
sees it, seldom enough that it does not fill the log."""
QUIET_S: Final = 60.0
"""Trouble of one kind that ended and comes back sooner is not told: an engine that fails every
other request would else fill the log with both."""


class EngineOutage:
    """Remembers since when the engine fails, and when each kind of trouble was last told."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told_s: dict[str, float] = {}
        self._since_s: float | None = None
        self._failed = 0
        self._said = False

    def failed(self, error: EngineFailed) -> None:
        """Note that a request got no answer, and say why if that was not said lately."""
        pause_s = AGAIN_S
        if error.trouble is not Trouble.BUSY:  # a busy engine answers others meanwhile
            if self._since_s is None:
                self._since_s, pause_s = self._clock.monotonic(), QUIET_S
            elif self._told_s.get(error.trouble, 0.0) < self._since_s:
                pause_s = QUIET_S
            self._failed += 1
        told = self._tell(error.trouble, error, pause_s)
        self._said = self._said or (told and error.trouble is not Trouble.BUSY)

    def refused(self, error: NotTaken) -> None:
        """Note that the engine refused a request as wrong, and say so if that was not said lately:
        where all callers ask wrongly, it is the engine that is set up wrongly."""
        self._tell(error.told, error, AGAIN_S)
        self.answered()

    def answered(self) -> None:
        """Note that the engine answered; say it, if it was said that it did not."""
        if self._since_s is None:
            return
        if self._said:
            logger.info(
                "The engine answers again, after {:.0f} s in which {} requests got no answer",
                self._clock.monotonic() - self._since_s,
                self._failed,
            )
        self._since_s, self._failed, self._said = None, 0, False

    def _tell(self, kind: str, error: EngineFailed | NotTaken, pause_s: float) -> bool:
        now = self._clock.monotonic()
        if now - self._told_s.get(kind, float("-inf")) < pause_s:
            return False
        self._told_s[kind] = now
        logger.warning("{} {} Such a request earns nothing.", error.cause, error.cure)
        return True
