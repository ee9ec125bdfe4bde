"""How an inference validator judges one answer: by replaying it on the model it is said to be from.

In come a request, its reply and what the miner committed; out comes a finding with reasons. This
module decides which checks of ``assay.scoring.inference`` apply, in which order, and what a person
is told. A finding has one of three states: *verified* (every token holds), *convicted* (the answer
cannot come from the committed model) or neither (there is no answer, or none that can be judged).
Only a conviction puts a miner on probation. This module knows no turns and no speeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from assay.models.answer import GrowingAnswer
from assay.models.engine import EngineRequest, NotContinued, TooLong
from assay.models.spelling import UNFINISHED
from assay.protocol.inference import (
    CHARS_PER_TOKEN_MAX,
    Complete,
    Completion,
    ModelCommitment,
    NumericPath,
    first_stop,
    noise_key,
)
from assay.scoring.inference.agreement import (
    ENGINE_WORST,
    TOLERANCE_ENGINE,
    Agreement,
    compare,
    engine_verdict,
    logprobs,
    seeded_verdict,
)
from assay.scoring.inference.fingerprint import distance, fingerprint_verdict
from assay.scoring.inference.sampling import GREEDY

if TYPE_CHECKING:
    from assay.models.language import LanguageModel
    from assay.models.opening import OpenedModel
    from assay.validators.inference.replays import Replays

Without = Literal["convicts", "unpaid", "passes"]
"""What a right answer without a fingerprint comes to. Miners give one to permit holders alone, by
what the chain shows to *them*: a validator without a permit, or with one for a block, gets none of
an honest miner. So a validator's own question convicts nobody for it, and pays nobody either."""
ENGINE_LENGTH_MIN: Final = 0.75
"""The part of the tokens asked for that an engine's answer must have, unless the text ends: half an
answer is half the work. The judge cuts a whole answer into seldom fewer than nine in ten."""
RECUTS_MAX: Final = 2
"""Other cuts tried for one answer. Each costs a replay; one usually suffices."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the judge found about one answer."""

    verified: bool
    convicted: bool
    reasons: tuple[str, ...]
    tokens: int = 0
    """How many tokens were verified, as the judge counts them."""


def unjudged(*reasons: str) -> Finding:
    """Return a finding that is neither verified nor convicted: it earns nothing and costs
    nothing."""
    return Finding(False, False, reasons)


def convicted(*reasons: str) -> Finding:
    """Return a finding that convicts."""
    return Finding(False, True, reasons)


@dataclass(frozen=True, slots=True)
class _Spelt:
    """What an answer's tokens say as a text."""

    text: str
    stopped: bool = False
    """Whether the text was cut where a stop text begins."""
    too_long: bool = False
    """Whether a stop text was there before the last token."""


class Judge:
    """Judges answers by ``replays``, the models of the precisions that are paid. ``root`` is that
    of the model."""

    def __init__(self, replays: Replays, root: bytes, *, accept_engines: bool) -> None:
        self._replays = replays
        self._root = root
        self._accept_engines = accept_engines
        self._shows_states = False
        """Whether the model was seen to have states to take a fingerprint of."""

    @property
    def _model(self) -> LanguageModel:
        """The model for what depends on no precision, and for engines, whose nobody knows."""
        return self._replays.first.model

    def examine(
        self,
        request: Complete,
        reply: Completion,
        commitment: ModelCommitment | None,
        *,
        without_fingerprint: Without = "convicts",
    ) -> Finding:
        """Return the finding about ``reply``, the answer to ``request`` of a miner that committed
        ``commitment``. ``without_fingerprint`` says what a right answer comes to that has none; a
        wrong one convicts. It computes a forward pass or more: call it outside the event loop."""
        if (objection := self.objection(commitment)) is not None:
            return unjudged(objection)
        assert commitment is not None
        precision = commitment.path.precision
        if precision is None:
            return self._examine_engine(request, reply)
        replay = self._replays.at(precision)
        return self._examine_seeded(request, reply, replay, without_fingerprint=without_fingerprint)

    def unread(self, reply: Completion, commitment: ModelCommitment | None) -> str | None:
        """Return why ``reply`` is not paid although nobody replays it; None if it may be. Without
        the fingerprint that it would be convicted by, what is not replayed would be paid whatever
        computed it, and what is replayed only be left unpaid."""
        is_seeded = commitment is not None and commitment.path.precision is not None
        is_owed = is_seeded and self._shows_states
        return "no fingerprint" if is_owed and not reply.fingerprint else None

    def examine_part(
        self, request: Complete, part: Completion, commitment: ModelCommitment | None
    ) -> Finding:
        """Return the finding about an answer to ``request`` that broke off; ``part`` has the tokens
        that there are. A wrong one convicts; right ones are no whole answer, and nothing else of
        ``part`` is looked at but their probabilities."""
        if (objection := self.objection(commitment)) is not None:
            return unjudged(objection)
        assert commitment is not None
        precision = commitment.path.precision
        if precision is None:
            return unjudged("broke off")
        replay = self._replays.at(precision)
        finding = self._examine_seeded(request, part, replay, whole=False)
        return finding if finding.convicted else unjudged(*finding.reasons, "broke off")

    def refusal(self, request: Complete) -> str | None:
        """Return why an honest miner of this model refuses ``request``, as a part of a sentence;
        None if it takes it."""
        if request.model != self._root:
            return f"it asks for the model {request.model.hex()[:16]}"
        ask = EngineRequest(
            prompt=request.prompt,
            max_tokens=request.max_tokens,
            seed=request.seed,
            key=bytes(16),
            sampling=request.sampling(),
            stop=tuple(request.stop),
            begun=tuple(request.begun),
        )
        try:
            taken = GrowingAnswer(ask, self._model, self._root)
        except TooLong:
            return "it exceeds the model's context"
        except NotContinued:
            return "what it goes on from has ended, or is none of this model's"
        return None if taken.prompt_tokens else "its prompt is empty"

    def objection(self, commitment: ModelCommitment | None) -> str | None:
        """Return why answers under ``commitment`` are not judged at all; None if they are
        judged."""
        if commitment is None:
            return "has committed no model on chain"
        if commitment.root != self._root:
            return (
                f"has committed the model {commitment.root.hex()[:16]}, not {self._root.hex()[:16]}"
            )
        if commitment.path is NumericPath.ENGINE and not self._accept_engines:
            return "answers through an engine, which this validator does not accept"
        precision = commitment.path.precision
        if precision is not None and precision not in self._replays.paid:
            return (
                f"computes in {precision}; this validator pays {', '.join(self._replays.paid)} only"
            )
        return None

    def _examine_seeded(
        self,
        request: Complete,
        reply: Completion,
        replay: OpenedModel,
        *,
        whole: bool = True,
        without_fingerprint: Without = "convicts",
    ) -> Finding:
        """Judge an answer that our sampler drew: each token must be the one that it draws from what
        ``replay`` computes. Of one that is not ``whole``, how it ends is not looked at."""
        if (wrong := self._wrong_form(request, reply, whole=whole)) is not None:
            return convicted(wrong)
        tokens, model, tolerated = reply.tokens, replay.model, replay.tolerance
        prompt = model.tokens.encode(request.prompt)
        drawing = model.replay_whole(prompt, [*request.begun, *tokens])
        logits = drawing.logits[len(request.begun) :]
        key = noise_key(request.seed, request.model, request.miner)
        agreement = compare(
            logits,
            np.array(tokens),
            request.sampling(),
            key,
            tolerance=tolerated.logits,
            prompt=prompt,
            begun=request.begun,
        )
        agreeing = f"{agreement.agreeing(tolerated.logits)}/{agreement.tokens} tokens agree"
        if not seeded_verdict(agreement, tolerated.logits):
            return convicted(
                agreeing,
                f"worst margin {agreement.worst:.3g} logits (tolerated {tolerated.logits:.3g})",
            )
        if (wrong := _wrong_logprobs(request, reply, logits, tolerated.logits)) is not None:
            return convicted(agreeing, wrong)
        hidden = drawing.hidden if whole else None
        self._shows_states = self._shows_states or drawing.hidden is not None
        if hidden is not None and not reply.fingerprint and without_fingerprint == "unpaid":
            return unjudged(agreeing, "no fingerprint")
        if hidden is not None and (reply.fingerprint or without_fingerprint == "convicts"):
            states = hidden[len(request.begun) :]
            apart = distance(reply.fingerprint, states, tokens, request.model, key)
            if not fingerprint_verdict(apart, tolerated.distance):
                return convicted(
                    agreeing,
                    f"hidden states {apart:.2g} apart (tolerated {tolerated.distance:.2g})",
                )
        return Finding(True, False, (agreeing,), agreement.tokens)

    def _wrong_form(self, request: Complete, reply: Completion, *, whole: bool) -> str | None:
        """Return what no answer to ``request`` looks like in ``reply``, whatever the numbers; None:
        nothing. Of one that is not ``whole``, how it ends is not looked at."""
        tokens = reply.tokens
        if len(tokens) > request.max_tokens:
            return f"{len(tokens)} tokens, but only {request.max_tokens} were asked for"
        if any(self._model.is_end(token) for token in tokens[:-1]):
            return "goes on after the end of the text"
        if not all(token < self._model.vocabulary for token in (*request.begun, *tokens)):
            return "holds tokens that the model does not have"
        spelt = self._spell(request, tokens)
        if spelt.too_long:
            return "goes on after a stop text"
        ended = self._model.is_end(tokens[-1]) or spelt.stopped
        if whole and ended != (reply.finish == "stop"):
            return "says otherwise than its tokens why it ended"
        if whole and not ended and len(tokens) < request.max_tokens:
            return f"stops after {len(tokens)} of {request.max_tokens} tokens"
        if whole and spelt.text != reply.text:
            return "the text is not what its tokens spell"
        return None

    def _spell(self, request: Complete, tokens: list[int]) -> _Spelt:
        """Return the text that ``tokens`` must come with, after the beginning that the request
        has."""
        decode = self._model.tokens.decode
        # What another miner's beginning left open is half a character, and belongs to this text.
        before = len(decode(request.begun).rstrip(UNFINISHED))
        whole = decode([*request.begun, *tokens])
        if not request.stop:
            return _Spelt(whole[before:])
        stop = first_stop(whole, request.stop)
        early = first_stop(decode([*request.begun, *tokens[:-1]]), request.stop) is not None
        return _Spelt(whole[before:stop], stopped=stop is not None, too_long=early)

    def _examine_engine(self, request: Complete, reply: Completion) -> Finding:
        """Judge a greedy answer of a foreign engine: most of its tokens must be plausible."""
        # The text is what was sold, so the judge cuts it into tokens itself. What cannot be spelt
        # is half a character, where the last token was cut off.
        text, unspelt, _ = reply.text.partition(UNFINISHED)
        text = text[: CHARS_PER_TOKEN_MAX * request.max_tokens]
        tokens = self._model.tokens.encode_answer(text)[: 2 * request.max_tokens]
        room = self._model.context_tokens - len(self._model.tokens.encode(request.prompt))
        tokens = tokens[:room]
        stopped = (
            reply.finish == "stop" and not unspelt and len(tokens) < min(request.max_tokens, room)
        )
        if not tokens and unspelt:
            return unjudged("nothing that can be judged")
        if not tokens and not stopped:
            return convicted("an empty answer")
        # Else the first token alone would pass for a whole answer.
        if stopped and not self._may_end(request, tokens):
            return convicted(f"ends after {len(tokens)} tokens, where the model goes on")
        if not tokens:
            return Finding(True, False, ("1/1 tokens plausible",), 1)
        tokens, agreement = self._compare_greedy(request, text, tokens, room)
        agreeing = f"{agreement.agreeing(TOLERANCE_ENGINE)}/{agreement.tokens} tokens plausible"
        if not engine_verdict(agreement):
            return convicted(agreeing)
        if agreement.worst > ENGINE_WORST:
            far = f"one of them {agreement.worst:.3g} logits away (paid for up to {ENGINE_WORST:g})"
            return unjudged(f"{agreeing}, {far}")
        if not stopped and len(tokens) < ENGINE_LENGTH_MIN * request.max_tokens:
            return unjudged(f"stops after {len(tokens)} of {request.max_tokens} tokens")
        return Finding(True, False, (agreeing,), min(agreement.tokens, request.max_tokens))

    def _may_end(self, request: Complete, tokens: list[int]) -> bool:
        """Return whether an engine may end the text after ``tokens``."""
        ends = sorted(self._model.ends)
        if not ends:
            return False
        logits = self._replay(request, [*tokens, ends[0]])[-1:]
        return any(
            compare(logits, np.array([end]), GREEDY, bytes(16)).worst <= TOLERANCE_ENGINE
            for end in ends
        )

    def _compare_greedy(
        self, request: Complete, text: str, tokens: list[int], room: int
    ) -> tuple[list[int], Agreement]:
        """Return the cut of ``text`` into tokens that an engine is likeliest to have made, and its
        agreement with the judge's choices. ``tokens`` is the tokenizer's cut.

        Where the judge's own next token spells what the text says, the engine may have made that
        token, and the tokenizer has cut the text otherwise. No cut has more than ``room`` tokens.
        """
        for recuts_left in range(RECUTS_MAX, -1, -1):
            logits = self._replay(request, tokens)
            agreement = compare(logits, np.array(tokens), GREEDY, bytes(16))
            off = np.flatnonzero(agreement.margins > TOLERANCE_ENGINE)
            if not recuts_left or not len(off):
                break
            begun = [*tokens[: off[0]], int(logits[off[0]].argmax())]
            spelt = self._model.tokens.decode(begun)
            if self._model.is_end(begun[-1]) or not text.startswith(spelt):
                break
            rest = self._model.tokens.encode_answer(text[len(spelt) :])
            tokens = [*begun, *rest][: min(len(tokens) + 1, room)]
        return tokens, agreement

    def _replay(self, request: Complete, tokens: list[int]) -> np.ndarray:
        return self._model.replay(self._model.tokens.encode(request.prompt), tokens)


def _wrong_logprobs(
    request: Complete, reply: Completion, logits: np.ndarray, tolerance: float
) -> str | None:
    """Return what is wrong with the probabilities that ``reply`` tells; None: nothing.

    They are differences of ``logits``, so rounding moves them by as much as a margin, by up to
    ``tolerance``.
    """
    if request.logprobs is None:
        return None if not reply.logprobs else "tells probabilities that nobody asked for"
    if len(reply.logprobs) != len(reply.tokens):
        return f"tells {len(reply.logprobs)} of {len(reply.tokens)} probabilities"
    ours = logprobs(logits)
    count = min(request.logprobs, logits.shape[1])
    for row, token, told in zip(ours, reply.tokens, reply.logprobs, strict=True):
        named = [other for other, _ in told.top]
        if len(set(named)) != count or not all(other < len(row) for other in named):
            return f"tells {len(named)} alternatives of a token, where {count} were asked for"
        said = np.array([told.logprob, *(value for _, value in told.top)])
        true = row[[token, *named]]
        least = np.partition(row, -count)[-count] if count else -np.inf
        if not (np.abs(said - true) <= tolerance).all() or ((true[1:] < least - tolerance).any()):
            return "tells probabilities that are not the model's"
    return None
