"""What a gateway knows of each miner from its own calls: speed, load, and whether to ask at all.

``Health`` is told how calls begin, go on and end, and says of each miner how long an answer may
take (``expect_s``), how many calls are open, and from when on the miner may be asked
(``asks_from_s``). The times of an answer's first token and of the tokens behind it are measured
apart: a miner that sends one token at once and the rest slowly is a slow one. A miner that fails
several times in a row is left alone for a while, then tried by one call; each further failure
doubles the while. A miner that says it is busy while calls of ours are open has shown how many it
takes at one time, and is asked for no more until as many have been served; one that is busy with
others' is left alone for as long as it says. Old measurements fade: a miner that was slow an hour
ago is tried again.

All times are in seconds of a monotonic clock, and arguments. This module knows no chain and no
wire. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from assay.types import Ss58

FAILURES_MAX: Final = 3
"""Failures in a row before a miner is left alone: one or two happen to honest ones."""
REST_S: Final = 5.0
"""The first rest. A miner that is being started again is back in less."""
REST_S_MAX: Final = 300.0
"""The longest rest: a miner that was repaired gets clients again within five minutes."""
BUSY_S_MIN, BUSY_S_MAX = 0.1, 60.0
"""The shortest and the longest that a miner may send us away for by one word. Sent away for no
time, a request that waits would ask again and again. The shortest doubles each time until the miner
serves a call: a miner that is paid by validators and says to every client that it is busy would
else be asked first by each request, and hundreds of them would hold it up by as many round
trips."""
FADES_S: Final = 60.0
"""In this time a measurement loses half of its weight against the best miner's."""
NEWEST: Final = 0.2
"""The share of the newest measurement in a miner's average: the last ten or so count."""
UNKNOWN_S: Final = 0.5
"""What a first token is expected to take before anything was measured."""
UNKNOWN_TOKEN_S: Final = 0.03
"""The same for each token behind the first. With any number all miners are alike then."""
WHOLE_TOKENS, WHOLE_S = 16, 1.0
"""A pace that was measured over so many tokens, or for so long, counts as one measurement; a
shorter one counts for less, because a single token's time is mostly chance."""
MINERS_MAX: Final = 4_096
"""Miners that are remembered: several times a full subnet, whose uids change hands."""


@dataclass(slots=True)
class _Average:
    """A moving average of seconds."""

    seconds: float | None = None
    measured_s: float = 0.0

    def add(self, seconds: float, now_s: float, weight: float = 1.0) -> None:
        """Take in a measurement that counts as ``weight`` of a whole one."""
        old = self.seconds
        self.seconds = seconds if old is None else old + NEWEST * weight * (seconds - old)
        self.measured_s = now_s

    def faded(self, best: float, now_s: float) -> float:
        """The average at ``now_s``, on its way to the ``best`` of all miners."""
        if self.seconds is None:
            return best
        age = max(0.0, now_s - self.measured_s)
        return best + (self.seconds - best) * float(0.5 ** (age / FADES_S))


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast answers are made."""

    first_s: float
    """To the first token."""
    token_s: float
    """For each token behind it."""


@dataclass(slots=True)
class _Known:
    first: _Average = field(default_factory=_Average)
    """Of the time to a first token."""
    token: _Average = field(default_factory=_Average)
    """Of the time for each token behind it."""
    open: int = 0
    failures: int = 0
    rests: int = 0
    asks_from_s: float = 0.0
    places: int | None = None
    """How many calls the miner takes at one time, where it has shown that."""
    served: int = 0
    """Calls that were served since ``places`` changed."""
    sent_away: int = 0
    """How often it has sent us away without a call of ours open, since it served one."""
    probing: bool = False
    """Whether the one call after a rest is under way."""


class Health:
    """What is known of all miners, by hotkey."""

    def __init__(self) -> None:
        self._known: dict[Ss58, _Known] = {}

    def may_ask(self, hotkey: Ss58, now_s: float) -> bool:
        """Whether a call to this miner may begin."""
        known = self._known.get(hotkey)
        if known is None:
            return True
        full = known.places is not None and known.open >= known.places
        return known.asks_from_s <= now_s and not known.probing and not full

    def asks_from_s(self, hotkey: Ss58) -> float:
        """From when on this miner may be asked again."""
        known = self._known.get(hotkey)
        return known.asks_from_s if known is not None else 0.0

    def open(self, hotkey: Ss58) -> int:
        """Calls to this miner that are under way."""
        known = self._known.get(hotkey)
        return known.open if known is not None else 0

    def expect_s(self, hotkey: Ss58, tokens: float, now_s: float, best: Speed) -> float:
        """How long this miner may take for an answer of so many ``tokens``: its averages, which
        fade to the ``best`` ones. An unknown miner is expected to be as good as the best, so that
        it is tried."""
        known = self._known.get(hotkey)
        first, token = (known.first, known.token) if known is not None else (_Average(),) * 2
        behind = max(0.0, tokens - 1.0) * token.faded(best.token_s, now_s)
        return first.faded(best.first_s, now_s) + behind

    def best(self) -> Speed:
        """The best of all miners' averages, each by itself. Nobody is expected to be worse than a
        miner of which nothing is known at all: else the one miner that was measured, however slow,
        would be as good as any."""
        return Speed(
            min([UNKNOWN_S, *_measured(k.first for k in self._known.values())]),
            min([UNKNOWN_TOKEN_S, *_measured(k.token for k in self._known.values())]),
        )

    def usual_s(self) -> float:
        """The median of all miners' averages of the time to a first token."""
        measured = _measured(k.first for k in self._known.values())
        return median(measured) if measured else UNKNOWN_S

    def began(self, hotkey: Ss58, now_s: float) -> None:
        """A call to this miner begins."""
        known = self._of(hotkey)
        known.open += 1
        known.probing = known.failures >= FAILURES_MAX

    def ended(self, hotkey: Ss58) -> None:
        """A call to this miner is over, however it ended."""
        known = self._of(hotkey)
        known.open = max(0, known.open - 1)
        known.probing = False

    def first_token(self, hotkey: Ss58, seconds: float, now_s: float) -> None:
        """The first token of a call took ``seconds``."""
        self._of(hotkey).first.add(seconds, now_s)

    def went_on(self, hotkey: Ss58, tokens: int, seconds: float, now_s: float) -> None:
        """Behind the first token of a call, ``tokens`` more came in ``seconds``; none at all counts
        as one that takes at least so long."""
        weight = min(1.0, max(tokens / WHOLE_TOKENS, seconds / WHOLE_S))
        self._of(hotkey).token.add(seconds / max(1, tokens), now_s, weight)

    def served(self, hotkey: Ss58) -> None:
        """A call ended as it should: earlier failures are forgiven."""
        known = self._of(hotkey)
        known.failures = known.rests = known.sent_away = 0
        known.asks_from_s = 0.0
        if known.places is None:
            return
        known.served += 1
        if known.served > known.places:  # others may have left it room since
            known.places, known.served = known.places + 1, 0

    def failed(self, hotkey: Ss58, now_s: float) -> None:
        """A call failed by the miner's doing."""
        known = self._of(hotkey)
        known.failures += 1
        if known.failures >= FAILURES_MAX:
            rest_s = min(REST_S * 2**known.rests, REST_S_MAX)
            known.rests = min(known.rests + 1, 16)
            known.asks_from_s = now_s + rest_s

    def busy(self, hotkey: Ss58, retry_after_s: float, now_s: float) -> None:
        """The miner did not take a call, which is still open here, because it has too many."""
        known = self._of(hotkey)
        if known.open > 1:
            known.places, known.served = known.open - 1, 0
            return
        wait_s = min(max(retry_after_s, BUSY_S_MIN * 2**known.sent_away), BUSY_S_MAX)
        known.sent_away = min(known.sent_away + 1, 16)
        known.asks_from_s = max(known.asks_from_s, now_s + wait_s)

    def _of(self, hotkey: Ss58) -> _Known:
        known = self._known.get(hotkey)
        if known is None:
            if len(self._known) >= MINERS_MAX:
                idle = next((h for h, k in self._known.items() if not k.open), None)
                if idle is not None:
                    del self._known[idle]
            known = self._known[hotkey] = _Known()
        return known


def _measured(averages: Iterable[_Average]) -> list[float]:
    """The averages of which there is a measurement."""
    return [each.seconds for each in averages if each.seconds is not None]
