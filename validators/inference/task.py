"""The inference validator: draw requests, replay answers, and say what each answer is worth.

In each turn every miner is asked once; out come verdicts with reasons. Each answer is examined on
its own by ``answers``; then all are compared for speed (``assay.scoring.inference.speed``), because
what is fast depends on the day and the network. ``requests`` draws what is asked and ``probation``
remembers who is not paid yet. A turn leaves no other trace in this object.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from loguru import logger

from assay.models.opening import open_model
from assay.neuron import (
    Answer,
    Method,
    Question,
    Score,
    Target,
    TaskContext,
    Turn,
    ValidatorTask,
    Verdict,
)
from assay.protocol.inference import NAME, Complete, Completion, ModelCommitment, NumericPath
from assay.scoring.inference.speed import speed_factors
from assay.validators.inference.answers import Finding, Judge, unjudged
from assay.validators.inference.probation import FILE, Probation
from assay.validators.inference.requests import Corpus, Requests
from assay.validators.inference.settings import ValidatorSettings

if TYPE_CHECKING:
    import random

Given = Answer[Complete, Completion]
METHOD: Final = Method("", Complete, Completion)
LATENCY_S_MIN: Final = 1e-6
"""No network is faster. A test's clock may stand still over a whole answer, which then took no
time, and an answer's speed would be infinite."""


class InferenceValidator(ValidatorTask):
    """Judges miners against one model."""

    name = NAME
    settings = ValidatorSettings
    preload = ("torch", "transformers", "transformers.models.llama.modeling_llama", "tokenizers")

    def __init__(self) -> None:
        self._requests: Requests | None = None
        self._judge: Judge | None = None
        self._probation: Probation | None = None

    async def start(self, context: TaskContext) -> None:
        settings = context.settings
        assert isinstance(settings, ValidatorSettings)
        opened = await open_model(
            settings.model, threads=settings.threads, tolerance=settings.tolerance
        )
        model, root = opened.model, opened.root
        corpus = await asyncio.to_thread(Corpus.open, settings.corpus)
        self._requests = Requests(
            corpus,
            root,
            count_tokens=lambda text: len(model.tokens.encode(text)),
            context_tokens=model.context_tokens,
        )
        self._judge = Judge(
            model, root, tolerance=settings.tolerance, accept_engines=settings.accept_engines
        )
        self._probation = Probation(context.state_dir / FILE)
        logger.info("Judging by the model {}; prompts from {} files", root.hex()[:16], len(corpus))

    async def turn(self, turn: Turn) -> list[Verdict]:
        """Ask each target for one text of the same length, and judge all answers together."""
        assert self._requests is not None, "start comes first"
        tokens = self._requests.tokens_of_turn(turn.rng)
        questions = [
            Question(
                target, METHOD, self.request_for(target, turn.rng_of(target.hotkey), tokens=tokens)
            )
            for target in turn.targets
        ]
        answers: list[Given] = await turn.ask(questions)
        answers += [answer for answer in turn.organic if answer.method == METHOD.name]
        return [
            Verdict(
                answer.target.hotkey,
                score.value,
                reasons=(*answer.failure_reasons, *score.reasons),
                latency_s=answer.latency_s,
            )
            for answer, score in zip(answers, await self.score(answers), strict=True)
        ]

    def request_for(self, target: Target, rng: random.Random, *, tokens: int) -> Complete:
        """Return a request for ``target``, drawn from ``rng``, for an answer of ``tokens`` tokens;
        a newcomer is asked for more."""
        assert self._requests is not None and self._probation is not None, "start comes first"
        commitment = ModelCommitment.parse(target.commitment)
        greedy = commitment is not None and commitment.path is NumericPath.ENGINE
        entrance = not self._probation.knows(target.hotkey)
        return self._requests.draw(rng, tokens=tokens, greedy=greedy, entrance=entrance)

    async def score(self, answers: Sequence[Given]) -> list[Score]:
        """Return one score for each of ``answers``, which are compared with one another for speed;
        remember who was verified and who was convicted."""
        assert self._probation is not None, "start comes first"
        findings = await asyncio.to_thread(lambda: [self._examine(answer) for answer in answers])
        verified = np.array([finding.verified for finding in findings], dtype=np.bool_)
        latencies = np.maximum([answer.latency_s for answer in answers], LATENCY_S_MIN)
        tokens = np.array([finding.tokens for finding in findings], dtype=np.float64)
        asked = np.array([answer.request.max_tokens for answer in answers], dtype=np.float64)
        factors = speed_factors(tokens, latencies, verified, asked)
        owed = [self._probation.owed(answer.target.hotkey) for answer in answers]
        await asyncio.to_thread(
            self._probation.record,
            [
                (answer.target.hotkey, finding.verified, finding.convicted)
                for answer, finding in zip(answers, findings, strict=True)
            ],
        )
        speeds = _speed_reasons(tokens, latencies, verified)
        return [
            _score(finding, float(factor), due, speed)
            for finding, factor, due, speed in zip(findings, factors, owed, speeds, strict=True)
        ]

    def _examine(self, answer: Given) -> Finding:
        """Return what the judge finds about one answer, or about none that came."""
        assert self._judge is not None, "score comes after start"
        commitment = ModelCommitment.parse(answer.target.commitment)
        if answer.reply is None:
            objection = self._judge.objection(commitment)
            return unjudged(objection if objection is not None else "no answer")
        try:
            return self._judge.examine(answer.request, answer.reply, commitment)
        except Exception as error:  # a miner's bytes must not end the validator of all others
            logger.error("uid {} could not be judged: {}", answer.target.uid, type(error).__name__)
            return unjudged(f"the judge failed ({type(error).__name__})")


def _score(finding: Finding, factor: float, owed: int, speed: tuple[str, ...]) -> Score:
    """Return the score for one finding: ``factor`` if its miner owes no clean answers. A clean
    answer that is owed is not paid."""
    if not finding.verified:
        return Score(0.0, finding.reasons)
    reasons = (*finding.reasons, *speed)
    if owed > 0:
        more = "answer" if owed == 1 else "answers"
        return Score(
            0.0, (*reasons, f"on probation: {owed} clean {more} unpaid, this one included")
        )
    return Score(factor, reasons)


def _speed_reasons(
    tokens: np.ndarray, latencies_s: np.ndarray, verified: np.ndarray
) -> list[tuple[str, ...]]:
    """Return, for each verified answer, its latency and throughput beside the turn's medians."""
    if not verified.any():
        return [()] * len(tokens)
    latency = float(np.median(latencies_s[verified]))
    throughput = float(np.median(tokens[verified] / latencies_s[verified]))
    return [
        (
            f"latency {took:.2f} s (median {latency:.2f} s)",
            f"{count / took:.0f} tokens/s (median {throughput:.0f})",
        )
        if good
        else ()
        for count, took, good in zip(tokens, latencies_s, verified, strict=True)
    ]
