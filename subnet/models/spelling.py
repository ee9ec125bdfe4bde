"""From an answer's tokens, one after the other, to the text that is certain already.

In come tokens as they are drawn; out comes the text that no later token can change, for a reader
who sees an answer grow. Two things are held back: bytes that are not a whole character yet, and
what may be the beginning of a stop string. An answer ends with the first token after which its text
holds a stop string, and its text ends before it; of several, before the one that begins first.

The pieces, joined, are the text that all tokens spell together. Where an answer goes on from tokens
that were drawn elsewhere, they are the text after what those spell; half a character there belongs
to them, and a stop string may begin there.

This module draws nothing and knows no requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

UNFINISHED: Final = "\ufffd"
"""How tokenizers write bytes that are no whole character."""


class Decoder(Protocol):
    """A tokenizer's way back, ``Tokens`` for instance."""

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text that ``tokens`` spell."""
        ...


class CertainText:
    """The text of one answer after the tokens ``begun``, which ends before any of ``stops``."""

    def __init__(
        self,
        decoder: Decoder,
        stops: Iterable[str] = (),
        begun: Sequence[int] = (),
        *,
        held_tokens_max: int | None = None,
    ) -> None:
        """``held_tokens_max`` tokens in a row that spell no whole character are told as they are:
        a model that draws bytes of no character would else hold back all that it draws. The pieces
        are then no longer what all tokens spell together. None: they are held back to the end."""
        self._decoder = decoder
        self._held_tokens_max = held_tokens_max
        self._stops = tuple(stops)
        self._tokens: list[int] = []
        self._settled = self._read = 0
        """Tokens before ``_settled`` need not be decoded again; those before ``_read`` spell text
        that is in ``_text``. Some tokens between both are decoded together with each new one,
        because what a token spells may depend on the one before it."""
        self._text = ""
        self._tail = ""
        """What the tokens from ``_read`` on spell so far, unfinished characters included."""
        self._told = 0
        self._ends: int | None = None
        if begun:
            self._add(begun)
            self._told = self._whole()

    @property
    def stopped(self) -> bool:
        """Whether the text holds a stop string."""
        return self._ends is not None

    def add(self, tokens: Iterable[int]) -> str:
        """Take in ``tokens``; return the text that has become certain with them."""
        if self._stops:
            for token in tokens:
                self._add([token])
        else:
            self._add(tokens)
        end = self._ends
        if end is None:
            end = self._whole()
            end -= self._held_back(end)
        return self._tell(end)

    def finish(self) -> str:
        """Return the rest of the text; no token follows."""
        whole = len(self._text) + len(self._tail)
        return self._tell(whole if self._ends is None else self._ends)

    def _add(self, tokens: Iterable[int]) -> None:
        before = self._decoder.decode(self._tokens[self._settled : self._read])
        self._tokens.extend(tokens)
        self._tail = self._decoder.decode(self._tokens[self._settled :])[len(before) :]
        if self._stops and self._ends is None:
            self._ends = self._find_stop()
        if self._tail and not (self._tail.endswith(UNFINISHED) and self._may_be_finished()):
            self._text += self._tail
            self._tail = ""
            self._settled, self._read = self._read, len(self._tokens)

    def _may_be_finished(self) -> bool:
        """Whether a later token is waited for, to make a whole character of the last bytes."""
        held = len(self._tokens) - self._read
        return self._held_tokens_max is None or held < self._held_tokens_max

    def _whole(self) -> int:
        """The length of the text up to where its last character is whole."""
        return len(self._text) + len(self._tail.rstrip(UNFINISHED))

    def _find_stop(self) -> int | None:
        """Where the first stop string begins that is in the text. Before what is held back there is
        none, unless it begins in the text that was there before."""
        text = self._text + self._tail
        near = max(0, self._told - max(map(len, self._stops)))
        found = [at for stop in self._stops if (at := text.find(stop, near)) >= 0]
        return min(found, default=None)

    def _held_back(self, end: int) -> int:
        """The length of the longest part of the text before ``end`` that a stop string begins with
        and that has not been told."""
        text = (self._text + self._tail)[:end]
        longest = min(max(map(len, self._stops), default=0) - 1, end - self._told)
        for length in range(longest, 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stops):
                return length
        return 0

    def _tell(self, end: int) -> str:
        told = (self._text + self._tail)[self._told : end]
        self._told = max(self._told, end)
        return told
