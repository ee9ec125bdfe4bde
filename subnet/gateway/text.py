"""From the tokens of an answer to the text that a client is shown, as far as it is certain.

The gateway spells tokens itself, with the model's own tokenizer. So what a client reads is what the
miner's tokens say, whatever the miner claims beside them, and an answer that another miner goes on
with has no seam: half a character or half a stop text that came from one miner is completed by the
next one's tokens.

``AnswerText`` adds to ``CertainText`` when an answer is over. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol

from assay.models.spelling import CertainText, Decoder

HELD_TOKENS_MAX: Final = 8
"""Tokens that may be held back for one character: four bytes are four tokens at most."""


class Spelling(Decoder, Protocol):
    """What a gateway needs of a tokenizer."""

    ends: frozenset[int]
    """The tokens that end a text."""


class AnswerText:
    """The text of one answer, growing by tokens."""

    def __init__(self, spelling: Spelling, stops: Sequence[str], max_tokens: int) -> None:
        self._ends = spelling.ends
        self._text = CertainText(spelling, stops, held_tokens_max=HELD_TOKENS_MAX)
        self._left = max_tokens
        self.finish: Literal["length", "stop"] | None = None
        """How the answer has ended, once it has."""

    def add(self, tokens: Sequence[int]) -> str:
        """The text that is certain once ``tokens`` have come, beyond what was certain before.
        Tokens after the end are left out."""
        fresh = ""
        for token in tokens:
            if self.finish is None:
                fresh += self._text.add([token])
                self._left -= 1
                if self._text.stopped or token in self._ends:
                    fresh += self.end("stop")
                elif self._left <= 0:
                    fresh += self.end("length")
        return fresh

    def end(self, finish: Literal["length", "stop"]) -> str:
        """The rest of the text of an answer that is over; ``finish`` counts where the tokens alone
        do not tell how it ended."""
        self.finish = self.finish or finish
        return self._text.finish()

    def is_over(self) -> bool:
        """Whether the answer has ended."""
        return self.finish is not None
