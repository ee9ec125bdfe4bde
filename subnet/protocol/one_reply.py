"""Whether calls of miners are those of one reply to a client. Pure.

A reply has one answer or several, numbered by ``choice``, and each answer takes one call or, where
miners fail, several. In come the calls in the order in which they were made; out comes what is
wrong with them, if they can not all be of one reply: all calls ask for the same thing, the seeds of
the answers follow one another, a call goes on where the calls before it stopped, and each answer
has an end. What a miner has signed beyond what it was asked for makes no receipt false: a gateway
cannot keep a miner from it.

This module knows no signatures: its caller checks who has signed what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from assay.protocol.inference import SEED_MAX, Complete, Piece


@dataclass(slots=True)
class _Answer:
    """One answer, as far as the calls say it."""

    wish: Complete
    first: str = ""
    """The miner that began."""
    tokens: list[int] = field(default_factory=list)
    is_over: bool = False


class OneReply:
    """The calls of one reply, one after the other."""

    def __init__(self) -> None:
        self._answers: dict[int, _Answer] = {}

    def add(self, choice: int, miner: str, ask: Complete, pieces: Sequence[Piece]) -> str | None:
        """Return what is wrong with the next call, as a sentence's part that follows "call 3"; None
        if it fits: ``miner`` was asked ``ask`` for the answer ``choice``, and said ``pieces``."""
        wish = _wish(ask)
        answer = self._answers.setdefault(choice, _Answer(wish))
        known_choice, known = next(iter(self._answers.items()))
        if wish != answer.wish or _of_all(wish, choice) != _of_all(known.wish, known_choice):
            return "asked for something else than the calls before it"
        if ask.begun != answer.tokens[: len(ask.begun)] or (
            ask.begun and ask.miner != answer.first
        ):
            return "goes on with tokens that no call before it has"
        if not ask.begun:  # nothing of what came before was used
            if ask.miner != miner:
                return "names another miner than the one that was asked"
            answer.first = miner
        # A miner may have signed more than it was asked for; the gateway has left that out.
        said = [token for piece in pieces for token in piece.tokens]
        answer.tokens[len(ask.begun) :] = said
        answer.is_over = len(said) >= ask.max_tokens or any(
            piece.end is not None and piece.end.finish == "stop" for piece in pieces
        )
        return None

    def end(self, *, whole: bool = True) -> str | None:
        """Return what is wrong with all calls together, as a sentence; None if nothing is.
        ``whole`` says whether each answer must have an end."""
        if not self._answers:
            return "it has no call"
        for choice, answer in self._answers.items():
            if whole and not answer.is_over:
                return f"the answer {choice} has no end: it broke off"
        return None


def _wish(ask: Complete) -> Complete:
    """What ``ask`` wants of the whole answer, whoever makes it."""
    return replace(ask, miner="", begun=[], max_tokens=len(ask.begun) + ask.max_tokens)


def _of_all(wish: Complete, choice: int) -> Complete:
    """What all answers of a reply have in common with ``wish``, which is about the answer
    ``choice``: all but the prompt, and the seed but for the answer's number."""
    return replace(wish, prompt="", seed=(wish.seed - choice) % (SEED_MAX + 1))
