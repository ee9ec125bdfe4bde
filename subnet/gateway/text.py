"""From the tokens of an answer to the text that a client is shown, as far as it is certain.

The gateway spells tokens itself, with the model's own tokenizer. So what a client reads is what the
miner's tokens say, whatever the miner claims beside them, and an answer that another miner goes on
with has no seam: half a character or half a stop text that came from one miner is completed by the
next one's tokens.

``AnswerText`` holds back the bytes of a character that is not whole, and whatever may become one of
the stop texts. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol

from assay.protocol.inference import first_stop

REPLACEMENT: Final = "\ufffd"
"""What a tokenizer shows for the bytes of a character that is not whole."""
HELD_TOKENS_MAX: Final = 8
"""Tokens that may be held back for one character: four bytes are four tokens at most. A model that
draws bytes of no character would else hold back all that follows."""


class Spelling(Protocol):
    """What a gateway needs of a tokenizer."""

    ends: frozenset[int]
    """The tokens that end a text."""

    def decode(self, tokens: Sequence[int]) -> str:
        """The text that tokens spell; special tokens spell nothing."""
        ...


class AnswerText:
    """The text of one answer, growing by tokens."""

    def __init__(self, spelling: Spelling, stops: Sequence[str], max_tokens: int) -> None:
        self._spelling = spelling
        self._stops = tuple(stops)
        self._longest = max(map(len, self._stops), default=0)
        self._max_tokens = max_tokens
        self._tokens: list[int] = []
        self._before, self._read = 0, 0
        """Tokens before ``_read`` are spelt. They are spelt again from ``_before`` on, together
        with what follows: how a token is spelt may depend on the one before it."""
        self._text = ""
        self._sent = 0
        self.finish: Literal["length", "stop"] | None = None
        """How the answer has ended, once it has."""

    def add(self, tokens: Sequence[int]) -> str:
        """The text that is certain once ``tokens`` have come, beyond what was certain before.
        Tokens after the end are left out."""
        for token in tokens:
            if self.finish is None:
                self._tokens.append(token)
                self._spell(whole=False)
                self._look()
        return self._certain()

    def end(self, finish: Literal["length", "stop"]) -> str:
        """The rest of the text of an answer that is over; ``finish`` counts where the tokens alone
        do not tell how it ended."""
        self._spell(whole=True)
        self._look()
        self.finish = self.finish or finish
        return self._certain()

    def is_over(self) -> bool:
        """Whether the answer has ended."""
        return self.finish is not None

    def _spell(self, *, whole: bool) -> None:
        """Spell the tokens that have come, unless the last character is not ``whole``."""
        known = self._spelling.decode(self._tokens[self._before : self._read])
        now = self._spelling.decode(self._tokens[self._before :])
        held = len(self._tokens) - self._read
        if now.endswith(REPLACEMENT) and not whole and held < HELD_TOKENS_MAX:
            return
        if len(now) > len(known):
            self._text += now[len(known) :]
            self._before, self._read = self._read, len(self._tokens)

    def _look(self) -> None:
        """Find out whether the answer is over by what its tokens are."""
        if self._stops:
            begins = max(0, self._sent - self._longest)
            place = first_stop(self._text[begins:], self._stops)
            if place is not None:
                self._text = self._text[: begins + place]
                self.finish = "stop"
                return
        if self._tokens and self._tokens[-1] in self._spelling.ends:
            self.finish = "stop"
        elif len(self._tokens) >= self._max_tokens:
            self.finish = "length"
        if self.finish is not None:
            self._spell(whole=True)

    def _certain(self) -> str:
        held = 0 if self.finish is not None else self._may_become_a_stop()
        until = max(self._sent, len(self._text) - held)
        fresh, self._sent = self._text[self._sent : until], until
        return fresh

    def _may_become_a_stop(self) -> int:
        """How many characters at the end of the text are the beginning of a stop text."""
        most = min(self._longest - 1, len(self._text)) if self._longest else 0
        for length in range(most, 0, -1):
            tail = self._text[-length:]
            if any(stop.startswith(tail) for stop in self._stops):
                return length
        return 0
