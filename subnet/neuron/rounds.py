"""The usual shape of a task: one message pair, and rounds in which everybody is asked once.

``Serving`` makes a miner's half out of ``serve``: one method. ``Rounds`` makes a validator's half
out of ``challenge`` and ``score``: each turn asks every target one question and judges all answers
together, clients' answers included. ``Task`` is both in one class, the one-file task.

This module knows no transport, no chain and no particular task.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Generic

from assay.neuron.faults import BrokenTask, WrongResult
from assay.neuron.peers import Answer, Question, Rep, Req, Target, UnsendableMessage
from assay.neuron.task import MinerTask, Score, Turn, ValidatorTask, Verdict
from assay.wire.interface import Caller, Method


class Serving(MinerTask, ABC, Generic[Req, Rep]):
    """A miner's half that serves one method, called like the task."""

    request: type[Req]
    reply: type[Rep]
    """The two messages, as class attributes."""

    @abstractmethod
    async def serve(self, request: Req, caller: Caller) -> Rep:
        """Answer one request. Blocking work belongs in a thread (``asyncio.to_thread``)."""

    def methods(self) -> Sequence[Method[Any, Any]]:
        """The one method: ``serve``."""
        return (replace(_method(self), handler=self.serve),)


class Rounds(ValidatorTask, Generic[Req, Rep]):
    """A validator's half that asks every target one question a turn and judges the answers."""

    request: type[Req]
    reply: type[Rep]
    """The two messages, as class attributes."""

    @abstractmethod
    def challenge(self, rng: random.Random, target: Target) -> Req:
        """A request for ``target``. All randomness comes from ``rng``, so that a third party can
        draw the same request again."""

    @abstractmethod
    async def score(
        self, rng: random.Random, answers: Sequence[Answer[Req, Rep]]
    ) -> Sequence[Score]:
        """One score an answer, in the same order.

        The answers of one turn come together, so that speed can be judged relative to the others.
        A failure is an answer too.
        """

    async def turn(self, turn: Turn) -> Sequence[Verdict]:
        """Challenge, ask, score.

        BrokenTask for a challenge that is no message, and for scores that are none, or too many, or
        too few. WrongResult for a challenge that cannot be sent.
        """
        method = _method(self)
        # Drawn before anything is sent: a challenge depends on its generator alone.
        questions = [
            Question(target, method, self._drawn(turn.rng_of(target.hotkey), target))
            for target in turn.targets
        ]
        try:
            answers: list[Answer[Any, Any]] = await turn.ask(questions)
        except UnsendableMessage as error:
            raise WrongResult(self.challenge, f"The challenge cannot be sent: {error}") from error
        answers += [answer for answer in turn.organic if answer.method == method.name]
        scores = await self.score(turn.rng, answers)
        return [
            Verdict(
                answer.target.hotkey,
                score.value,
                reasons=(*answer.failure_reasons, *score.reasons),
                latency_s=answer.latency_s,
                forfeits=score.forfeits,
            )
            for answer, score in zip(answers, self._checked(scores, len(answers)), strict=True)
        ]

    def _drawn(self, rng: random.Random, target: Target) -> Req:
        message: object = self.challenge(rng, target)
        if isinstance(message, self.request):
            return message
        raise BrokenTask.of(
            self.challenge,
            f"The challenge() of task {self.name} returned a {type(message).__name__}.",
            f"Let it return a {self.request.__name__}.",
        )

    def _checked(self, scores: Sequence[Score], wanted: int) -> Sequence[Score]:
        if not isinstance(scores, Sequence) or len(scores) != wanted:
            given = len(scores) if isinstance(scores, Sequence) else type(scores).__name__
            raise BrokenTask.of(
                self.score,
                f"The task {self.name} gave {given} scores for {wanted} answers.",
                "Let its score() return one Score for each answer, in their order.",
            )
        for score in scores:
            if not isinstance(score, Score):
                raise BrokenTask.of(
                    self.score,
                    f"The score() of task {self.name} returned a {type(score).__name__}.",
                    "Let it return Score objects: Score(value, reasons).",
                )
        return scores


class Task(Serving[Req, Rep], Rounds[Req, Rep]):
    """Both halves in one class: the one-file task."""


def _method(half: Serving[Any, Any] | Rounds[Any, Any]) -> Method[Any, Any]:
    return Method("", half.request, half.reply)
