"""How an inference validator judges one answer: by replaying it on the model it is said to be from.

Adds to ``scoring`` the model and the message: which checks apply to an answer, in which order, and
what a person is told. An answer ends in one of three states: *verified* (every token holds),
*convicted* (it cannot come from the committed model) or neither (nothing was answered, or nothing
that can be judged). Only a conviction puts a miner on probation. It knows no rounds and no speeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scoring.agreement import TOLERANCE_ENGINE, compare, engine_verdict, seeded_verdict
from subnet.protocol.inference import (
    CHARS_PER_TOKEN_MAX,
    Commitment,
    Complete,
    Completion,
    NumericPath,
    noise_key,
)

if TYPE_CHECKING:
    from subnet.models.language import LanguageModel


@dataclass(frozen=True, slots=True)
class Finding:
    """What the judge found about one answer."""

    verified: bool
    convicted: bool
    reasons: tuple[str, ...]
    tokens: int = 0
    """How many tokens were verified, by the judge's own count."""


def unjudged(reason: str) -> Finding:
    """Neither verified nor convicted: earns nothing, costs nothing."""
    return Finding(False, False, (reason,))


def convicted(*reasons: str) -> Finding:
    return Finding(False, True, reasons)


class Judge:
    """Holds the model that answers are replayed on."""

    def __init__(
        self, model: LanguageModel, root: bytes, *, tolerance: float, accept_engines: bool
    ) -> None:
        self._model = model
        self._root = root
        self._tolerance = tolerance
        self._accept_engines = accept_engines

    def examine(
        self, request: Complete, reply: Completion, commitment: Commitment | None
    ) -> Finding:
        """Judge ``reply``. Computes one forward pass; call it outside the event loop."""
        if (objection := self.objection(commitment)) is not None:
            return unjudged(objection)
        assert commitment is not None
        if commitment.path is NumericPath.ENGINE:
            return self._examine_engine(request, reply)
        return self._examine_seeded(request, reply)

    def objection(self, commitment: Commitment | None) -> str | None:
        """Why answers under this commitment are not judged at all; None if they are."""
        if commitment is None:
            return "has committed no model on chain"
        if commitment.root != self._root:
            return (
                f"has committed the model {commitment.root.hex()[:16]}, not {self._root.hex()[:16]}"
            )
        if commitment.path is NumericPath.ENGINE and not self._accept_engines:
            return "answers through an engine, which this validator does not accept"
        return None

    def _examine_seeded(self, request: Complete, reply: Completion) -> Finding:
        tokens = reply.tokens
        if len(tokens) > request.max_tokens:
            return convicted(f"{len(tokens)} tokens, but only {request.max_tokens} were asked for")
        if any(self._model.is_end(token) for token in tokens[:-1]):
            return convicted("goes on after the end of the text")
        ended = self._model.is_end(tokens[-1])
        if ended != (reply.finish == "stop"):
            return convicted("says otherwise than its tokens why it ended")
        if not ended and len(tokens) < request.max_tokens:
            return convicted(f"stops after {len(tokens)} of {request.max_tokens} tokens")
        if not all(token < self._model.vocabulary for token in tokens):
            return convicted("holds tokens that the model does not have")
        if self._model.tokens.decode(tokens) != reply.text:
            return convicted("the text is not what its tokens spell")
        logits = self._replay(request, tokens)
        key = noise_key(request.seed, request.model)
        agreement = compare(logits, np.array(tokens), request.temperature, key)
        agreeing = f"{agreement.agreeing(self._tolerance)}/{agreement.tokens} tokens agree"
        if seeded_verdict(agreement, self._tolerance):
            return Finding(True, False, (agreeing,), agreement.tokens)
        return convicted(
            agreeing,
            f"worst margin {agreement.worst:.3g} logits (tolerated {self._tolerance:.3g})",
        )

    def _examine_engine(self, request: Complete, reply: Completion) -> Finding:
        # The judge's own cut of the text, not the one the miner sends: the text is what was sold.
        text = reply.text[: CHARS_PER_TOKEN_MAX * request.max_tokens]
        tokens = self._model.tokens.encode_answer(text)[: 2 * request.max_tokens]
        if not tokens:
            return convicted("an empty answer")
        # The engine's own tokens are not known; a text of half the length asked for is too short.
        if reply.finish != "stop" and 2 * len(tokens) < request.max_tokens:
            return convicted(f"stops after {len(tokens)} of {request.max_tokens} tokens")
        room = self._model.context_tokens - len(self._model.tokens.encode(request.prompt))
        tokens = tokens[:room]
        stopped = reply.finish == "stop" and len(tokens) < min(request.max_tokens, room)
        ends = sorted(self._model.ends)
        if stopped and not ends:
            return convicted("ends, and the model has no end of text")
        logits = self._replay(request, [*tokens, *ends[:1]] if stopped else tokens)
        # Else the first token alone would pass for a whole answer.
        if stopped and all(
            compare(logits[-1:], np.array([end]), 0.0, bytes(16)).worst > TOLERANCE_ENGINE
            for end in ends
        ):
            return convicted(f"ends after {len(tokens)} tokens, where the model goes on")
        agreement = compare(logits[: len(tokens)], np.array(tokens), 0.0, bytes(16))
        agreeing = f"{agreement.agreeing(TOLERANCE_ENGINE)}/{agreement.tokens} tokens plausible"
        if engine_verdict(agreement):
            return Finding(True, False, (agreeing,), min(agreement.tokens, request.max_tokens))
        return convicted(agreeing)

    def _replay(self, request: Complete, tokens: list[int]) -> np.ndarray:
        return self._model.replay(self._model.tokens.encode(request.prompt), tokens)
