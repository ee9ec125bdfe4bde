"""How fast each miner is: what a validator remembers of its answers' frames.

In comes each verified answer to a question of the validator's own; out come the rate that the miner
is paid for and how many tokens it is asked for next. A miner is asked for a third more than it
draws in a window: then the window, and not the answer's length, ends what counts, and little is
drawn that nobody counts. A newcomer or a slow miner is asked for what its judge needs.

Behind a foreign engine an answer comes in one piece, because its text is looked at as a whole. It
is paid by the time of all its tokens. This module judges nothing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from assay.neuron import Answer
from assay.protocol.inference import Complete, ModelCommitment, NumericPath, Piece
from assay.scoring.inference.speed import (
    LAST,
    WINDOW_S,
    drawn_in_window,
    engine_time,
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
LATENCY_S_MIN: Final = 1e-6
"""No network is faster. A test's clock may stand still over a whole answer, which then took no
time, and an answer's speed would be infinite."""


class Speeds:
    """The speeds of all miners of one subnet."""

    def __init__(self, pay_rate: float) -> None:
        self._most = math.ceil(pay_rate * WINDOW_S)
        self._rates: dict[Ss58, deque[float]] = {}
        self._drawn: dict[Ss58, deque[float]] = {}

    def tokens_to_ask(self, hotkey: Ss58, least: int) -> int:
        """Return how many tokens the miner ``hotkey`` is asked for, ``least`` or more."""
        drawn = max(self._drawn.get(hotkey, ()), default=0.0)
        return max(least, min(math.ceil(GROWTH * drawn), self._most))

    def rate(self, hotkey: Ss58) -> float:
        """Return the tokens a second that ``hotkey`` is paid for; 0 before its first answer."""
        rates = self._rates.get(hotkey)
        return steady_rate(tuple(rates)) if rates else 0.0

    def note(self, answer: Answer[Complete, Piece], finding: Finding) -> None:
        """Remember the speed of an ``answer`` that was verified, as ``finding`` says."""
        times = np.maximum(answer.frames_s, LATENCY_S_MIN)
        times = engine_time(times, np.full(len(times), answer.network_s))
        told = np.array([len(frame.tokens) for frame in answer.frames], dtype=np.float64)
        # An engine may have cut the text otherwise; what counts are the judge's tokens.
        tokens = told * (finding.tokens / max(told.sum(), 1.0))
        commitment = ModelCommitment.parse(answer.target.commitment)
        if commitment is not None and commitment.path is NumericPath.ENGINE:
            rate, drawn = float(finding.tokens / times[-1]), 0.0
        else:
            rate = window_rate(times, tokens, ended=_has_ended(answer.frames))
            drawn = drawn_in_window(times, tokens) * max(WINDOW_S / times[-1], 1.0)
        hotkey = answer.target.hotkey
        self._rates.setdefault(hotkey, deque(maxlen=LAST)).append(rate)
        self._drawn.setdefault(hotkey, deque(maxlen=DRAWN_LAST)).append(drawn)


def _has_ended(frames: Sequence[Piece]) -> bool:
    """Whether the model ended the text by itself."""
    end = frames[-1].end
    return end is not None and end.finish == "stop"
