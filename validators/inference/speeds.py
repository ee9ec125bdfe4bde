"""How fast each miner is: what a validator remembers of its answers' frames.

In comes each verified answer to a question of the validator's own; out come the rate that the miner
is paid for and how many tokens a burst asks it for. Only bursts tell what a machine can do; until
its first one a miner is paid as the slowest are, so that newcomers whose first answers came while
a machine was busy are paid as others. A burst is a third more than the miner draws in a window:
then the window, and not the burst's size, ends what counts, and little is drawn that nobody counts.
A burst that came to nothing, of a miner that answers else, counts as one in which no token came.

Behind a foreign engine each answer comes in one piece, because its text is looked at as a whole.
They are paid by the time of all their tokens. This module judges nothing.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from assay.neuron import Answer
from assay.protocol.bursts import Burst, BurstFrame
from assay.protocol.inference import ModelCommitment, NumericPath, Piece
from assay.scoring.inference.speed import (
    LAST,
    SLOW_PER_S,
    WINDOW_S,
    Vector,
    drawn_in_window,
    engine_time,
    rate_over_turns,
    steady_rate,
    window_rate,
)
from assay.types import Ss58
from assay.validators.inference.answers import Finding

GROWTH: Final = 4 / 3
"""How many times what a miner drew it is asked for next. An honest machine's speed varies by a
tenth from one answer to the next; with a smaller factor it would be done within its window, and
with a larger one it draws more that does not count."""
DRAWN_LAST: Final = 3
"""Answers whose most tokens count for the next question: one that the model ends early, or whose
packets were lost, makes no short question."""
FIRSTS_LAST: Final = 60
"""Answers of which the soonest first frame bounds a miner's distance: about four minutes. With few,
a miner could seem far for as long as it holds them back; kept for ever, one that moves would be
paid by the old place."""
MINERS_MAX: Final = 4_096
"""Miners that are remembered: those of sixteen full subnets, whose uids change hands."""
LOOKS_MAX: Final = 40
"""Batches of answers after which a validator no longer waits for everybody's first burst: about a
minute. A miner that answers no burst holds back everybody's speed for so long, and only after the
validator's start."""
LATENCY_S_MIN: Final = 1e-6
"""No network is faster. A test's clock may stand still over a whole answer, which then took no
time, and an answer's speed would be infinite."""


@dataclass(slots=True)
class _Known:
    """What is remembered of one miner."""

    rates: deque[float] = field(default_factory=lambda: deque(maxlen=LAST))
    """Of bursts."""
    alone: deque[float] = field(default_factory=lambda: deque(maxlen=LAST))
    """Of ordinary answers, until the first burst that tells."""
    drawn: deque[float] = field(default_factory=lambda: deque(maxlen=DRAWN_LAST))
    """Tokens of a window, of the last bursts, or of the last ordinary answer before them."""
    firsts: deque[float] = field(default_factory=lambda: deque(maxlen=FIRSTS_LAST))
    """When the first frames of the last answers came, in seconds."""
    has_burst: bool = False
    """Whether it has answered a burst."""
    has_answered: bool = False
    """Whether it has answered its last question."""


class Speeds:
    """The speeds of all miners of one subnet."""

    def __init__(self, pay_rate: float) -> None:
        self._most = math.ceil(GROWTH * pay_rate * WINDOW_S)
        self._known: OrderedDict[Ss58, _Known] = OrderedDict()
        """The one that answered longest ago comes first."""
        self._looks = 0
        self._by_speed = False
        """Whether miners are paid by their speeds yet; see ``look``."""

    def __len__(self) -> int:
        """How many miners are remembered."""
        return len(self._known)

    def tokens_to_ask(self, hotkey: Ss58, least: int) -> int:
        """Return how many tokens a burst asks the miner ``hotkey`` for, ``least`` or more."""
        drawn = max(self._of(hotkey).drawn, default=0.0)
        return max(least, min(math.ceil(GROWTH * drawn), self._most))

    def rate(self, hotkey: Ss58) -> float:
        """Return the tokens a second that ``hotkey`` is paid for; 0 before its first answer."""
        known = self._of(hotkey)
        if known.rates:
            return steady_rate(tuple(known.rates))
        return min(steady_rate(tuple(known.alone)), SLOW_PER_S) if known.alone else 0.0

    def look(self) -> None:
        """Look whether every miner has shown its speed, before a batch of answers is judged.

        A validator that has just begun pays all as the slowest until then: one burst is worth more
        than a hundred ordinary answers, and whose first one happened to fail on a busy machine
        would have next to nothing of the first weights.
        """
        if not self._by_speed:
            self._looks += bool(self._known)
            shown = all(any(known.rates) for known in self._known.values())
            self._by_speed = (shown and bool(self._known)) or self._looks > LOOKS_MAX

    def paid(self, hotkey: Ss58, *, own: float, turns: int) -> float:
        """Return the tokens a second that an answer of ``hotkey`` is paid for, which came at
        ``own`` tokens a second by itself and was open for so many ``turns``."""
        rate = rate_over_turns(self.rate(hotkey), own=own, turns=turns)
        return rate if self._by_speed else min(rate, SLOW_PER_S)

    def note(self, answer: Answer[Any, Any], finding: Finding) -> None:
        """Remember the speed of an ``answer`` that was verified, as ``finding`` says."""
        known, request = self._remembered(answer.target.hotkey), answer.request
        known.has_answered = True
        times, tokens = _drawing(answer, finding, self.network_s(answer))
        known.firsts.append(answer.frames_s[0])
        commitment = ModelCommitment.parse(answer.target.commitment)
        is_burst = isinstance(request, Burst)
        if commitment is not None and commitment.path is NumericPath.ENGINE:
            rate = float(finding.tokens / times[-1])
            drawn = rate * WINDOW_S
        else:
            rate = window_rate(times, tokens, ended=not is_burst and _has_ended(answer.frames))
            if answer.turns_open > 1:
                # Else it could be asked at other moments than the other uids of its machine.
                rate = min(rate, float(finding.tokens / times[-1]))
            drawn = drawn_in_window(times, tokens) * max(WINDOW_S / times[-1], 1.0)
        if not is_burst:
            known.alone.append(rate)
            if not known.has_burst:
                known.drawn.clear()
                known.drawn.append(drawn)
            return
        known.drawn.append(drawn)
        is_first, was_asked_for_less = not known.has_burst, times[-1] <= WINDOW_S
        known.has_burst = True
        if not (is_first and was_asked_for_less):
            known.rates.append(rate)

    def network_s(self, answer: Answer[Any, Any]) -> float:
        """Return how far away the miner of ``answer`` is, in seconds: as the kernel measured it,
        and no farther than the soonest first frame of its last answers, this one included.

        A miner's kernel may answer the measurement late; but no frame is here before a round trip
        is over.
        """
        firsts = self._of(answer.target.hotkey).firsts
        return min(answer.network_s, *firsts, *answer.frames_s[:1], math.inf)

    def missed(self, answer: Answer[Any, Any]) -> None:
        """Remember that nothing came of a question that could be paid.

        A burst counts as one in which no token came, if the miner has answered the question before
        it: whoever picks its bursts is seen, and whoever is away is away once, however long.
        """
        known = self._of(answer.target.hotkey)
        if isinstance(answer.request, Burst) and known.has_answered:
            known.rates.append(0.0)
        known.has_answered = False

    def _of(self, hotkey: Ss58) -> _Known:
        """What is remembered of ``hotkey``; nothing yet, of one that is not."""
        return self._known.get(hotkey) or _Known()

    def _remembered(self, hotkey: Ss58) -> _Known:
        """The same, remembered from now on."""
        known = self._known[hotkey] = self._of(hotkey)
        self._known.move_to_end(hotkey)
        while len(self._known) > MINERS_MAX:
            self._known.popitem(last=False)
        return known


def _drawing(answer: Answer[Any, Any], finding: Finding, network_s: float) -> tuple[Vector, Vector]:
    """When each frame of ``answer`` was drawn by a miner ``network_s`` away, and how many of the
    judge's tokens it holds."""
    times = np.maximum(answer.frames_s, LATENCY_S_MIN)
    times = engine_time(times, np.full(len(times), network_s))
    told = np.array([_count(frame) for frame in answer.frames], dtype=np.float64)
    # An engine may have cut the text otherwise; what counts are the judge's tokens.
    return times, told * (finding.tokens / max(told.sum(), 1.0))


def _count(frame: Piece | BurstFrame) -> int:
    return frame.tokens if isinstance(frame, BurstFrame) else len(frame.tokens)


def _has_ended(frames: Sequence[Piece]) -> bool:
    """Whether the model ended the text by itself."""
    end = frames[-1].end
    return end is not None and end.finish == "stop"
