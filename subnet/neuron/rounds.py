"""One round of asking: challenge every target, wait for all within a deadline, hand back answers.

Adds to a dendrite the fan-out: bounded concurrency, one deadline for each call, and every way a
call can end turned into an ``Answer``. It knows no weights and no task by name; the order of the
answers is the order of the targets, and all randomness comes from the generator passed in.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loguru import logger

from assay.aio import bounded
from assay.chain.interface import Commitment, Metagraph
from assay.clock import Clock
from assay.errors import UserError
from assay.neuron.task import Answer, Score, Target, ValidatorTask
from assay.types import Ss58
from assay.wire.errors import CallError
from assay.wire.interface import AnyDendrite, Peer
from assay.wire.synapse import Synapse

AnyValidatorTask = ValidatorTask[Any, Any]


class TaskHangs(UserError):
    """A task that does not end its judgement."""


class BrokenTask(UserError):
    """A task whose judgement is none: to start its validator again would not mend it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One target, how it answered, and the task's judgement of that."""

    answer: Answer[Any, Any]
    score: Score


def targets_of(
    metagraph: Metagraph, commitments: Mapping[Ss58, Commitment], own: Ss58
) -> list[tuple[Target, Peer]]:
    """Everyone but ourselves who publishes an address: a miner is who serves."""
    found = []
    for neuron in metagraph.neurons:
        if neuron.hotkey == own or neuron.axon is None:
            continue
        committed = commitments.get(neuron.hotkey)
        target = Target(neuron.uid, neuron.hotkey, committed.data if committed else None)
        found.append((target, Peer(neuron.hotkey, neuron.axon.host, neuron.axon.port)))
    return found


async def play(
    task: AnyValidatorTask,
    dendrite: AnyDendrite,
    targets: Sequence[tuple[Target, Peer]],
    *,
    rng: random.Random,
    clock: Clock,
    deadline_s: float,
    concurrency: int,
    score_deadline_s: float,
) -> list[Judged]:
    """Ask every target once and judge the answers together.

    TaskHangs for a task that judges for longer than ``score_deadline_s``, BrokenTask for one that
    gives the wrong number of scores or what is no score. What a task raises goes through to the
    caller: scores made up in its place would be paid for.
    """
    # Challenges are drawn before anything is sent, so that they depend on the generator alone.
    requests = [task.challenge(rng, target) for target, _ in targets]
    gate = asyncio.Semaphore(concurrency)

    async def ask(target: Target, peer: Peer, request: Synapse) -> Answer[Any, Any]:
        async with gate:
            started = clock.monotonic()
            try:
                reply = await dendrite.call(
                    peer, task.name, request, task.reply, deadline_s=deadline_s
                )
            except CallError as error:
                waited = clock.monotonic() - started
                logger.debug("uid {} did not answer: {}", target.uid, error)
                return Answer(target, request, None, error.what.removesuffix("."), waited)
            return Answer(target, request, reply.message, None, reply.latency_s)

    answers = await asyncio.gather(
        *(
            ask(target, peer, request)
            for (target, peer), request in zip(targets, requests, strict=True)
        )
    )
    scores = await _scores(task, rng, answers, clock, score_deadline_s)
    if len(scores) != len(answers):
        raise BrokenTask(
            f"The task {task.name} gave {len(scores)} scores for {len(answers)} answers.",
            "Let its score() return one Score for each answer, in their order.",
        )
    for score in scores:
        if not isinstance(score, Score):
            raise BrokenTask(
                f"The score() of task {task.name} returned a {type(score).__name__}.",
                "Let it return Score objects: Score(value, reasons).",
            )
    return [Judged(answer, score) for answer, score in zip(answers, scores, strict=True)]


async def _scores(
    task: AnyValidatorTask,
    rng: random.Random,
    answers: Sequence[Answer[Any, Any]],
    clock: Clock,
    deadline_s: float,
) -> Sequence[Score]:
    judging = asyncio.ensure_future(task.score(rng, answers))
    try:
        return await bounded(clock, deadline_s, judging)
    except TimeoutError:
        if not judging.cancelled():
            raise  # the task's own
        raise TaskHangs(
            f"The task {task.name} judged one round for more than {deadline_s:g} s.",
            "Mend its score(), or give it less to judge.",
        ) from None
