"""One turn of a validator: draw, hand the task its ``Turn``, check the verdicts.

``play`` makes a ``Turn`` from a moment and a seed, runs the task's ``turn`` within a deadline, and
returns the verdicts with what the loop must know besides: which hotkeys replied, and which could
not be reached. All randomness comes from the seed.

This module knows no memory and no task by name.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from assay.aio import ended, given_up
from assay.chain.view import Moment
from assay.clock import Clock
from assay.errors import UserError
from assay.neuron.background import Asked, Background, Late
from assay.neuron.faults import BrokenTask
from assay.neuron.peers import Answer, Origin, Peers, Question
from assay.neuron.record import Role
from assay.neuron.seeds import target_rng, turn_rng
from assay.neuron.task import Looked, Turn, ValidatorTask, Verdict
from assay.outcome import SourceLine, waiting_line
from assay.types import Ss58
from assay.wire.faults import HandlerCancelled

UNREACHED: Final = frozenset({"no_address", "peer_unreachable"})
"""Outcomes that say nothing of a miner's work: nobody was there to ask. A refusal's code would not
do: a peer chooses that word itself."""


CANCELLED_S: Final = 2.0
"""What a turn has for tidying up once it was cancelled. Together with a stop's grace it is less
than the ten seconds after which a supervisor kills."""


class TaskHangs(UserError):
    """A task that does not end its turn. ``place`` is where it waits, if known."""

    place: SourceLine | None = None


@dataclass(slots=True)
class Played:
    """What came of one turn."""

    verdicts: Sequence[Verdict] | Looked = ()
    answers: list[Answer[Any, Any]] = field(default_factory=list)
    """Everything that was asked in this turn and what came back, in the order asked."""
    late: Sequence[Late] = ()
    """What came of questions that this turn or earlier ones posted."""

    @property
    def _all(self) -> list[Answer[Any, Any]]:
        return [*self.answers, *(late.answer for late in self.late)]

    @property
    def replied(self) -> set[Ss58]:
        """The hotkeys that gave a reply, to the validator or to a client."""
        return {answer.target.hotkey for answer in self._all if answer.reply is not None}

    @property
    def unreached(self) -> set[Ss58]:
        """The hotkeys that were asked and could not be reached at all."""
        asked = {answer.target.hotkey for answer in self._all}
        reached = {a.target.hotkey for a in self._all if a.outcome not in UNREACHED}
        return asked - reached


async def play(
    task: ValidatorTask,
    peers: Peers,
    moment: Moment,
    *,
    asked: Asked,
    seed: bytes,
    background: Background,
    organic: Sequence[Answer[Any, Any]],
    clock: Clock,
    deadline_s: float,
    turn_deadline_s: float,
) -> Played:
    """Let the task take the turn ``asked``, with what came from the ``background``.

    ``deadline_s`` bounds each question, ``turn_deadline_s`` the whole turn. TaskHangs for a task
    that takes longer, BrokenTask for one that returns what is no verdict. What a task raises goes
    through to the caller: verdicts made up in their place would be paid for.
    """
    played = Played(
        answers=[a for a in organic if a.origin is Origin.ORGANIC],
        late=background.collect(asked.count),
    )

    async def ask(questions: Sequence[Question[Any, Any]]) -> list[Answer[Any, Any]]:
        answers = await peers.fan_out(questions, deadline_s=deadline_s)
        played.answers += answers
        return answers

    async def settle(within_s: float, hotkeys: Collection[Ss58]) -> list[Answer[Any, Any]]:
        await background.settle(asked.count, clock, within_s, hotkeys)
        # Whoever was asked before this turn has missed it: it was asked nothing here.
        came = background.collect(asked.count + 1)
        played.late = [*played.late, *came]
        return [late.answer for late in came]

    turn = Turn(
        asked.turn,
        moment,
        peers.of_role(Role.MINER),
        turn_rng(seed),
        lambda hotkey: target_rng(seed, hotkey),
        ask,
        tuple(organic),
        lambda questions, within_s: background.post(questions, asked, deadline_s=within_s),
        tuple(late.answer for late in played.late),
        background.waiting,
        settle,
    )
    played.verdicts = _checked(task, await _taken(task, turn, clock, turn_deadline_s))
    return played


async def _taken(task: ValidatorTask, turn: Turn, clock: Clock, deadline_s: float) -> object:
    """What the task returns for ``turn``; TaskHangs if it takes longer than ``deadline_s``.

    A turn that catches its own cancellation and goes on is left behind: nothing can end it but the
    end of the process.
    """
    taking = asyncio.ensure_future(task.turn(turn))
    try:
        in_time = await ended(clock, deadline_s, taking)
    except asyncio.CancelledError:
        await given_up(clock, CANCELLED_S, taking)
        raise
    if in_time:
        try:
            return taking.result()
        except asyncio.CancelledError as stray:  # nobody asked for it: the turn's own failure
            raise HandlerCancelled(stray) from None
    place = waiting_line(taking.get_coro())
    has_ended = await given_up(clock, CANCELLED_S, taking)
    if has_ended and not taking.cancelled():
        return taking.result()  # it was about to end: its own result, or its own error
    at = f"{place}: " if place is not None else ""
    went_on = "" if has_ended else ", and goes on although it was cancelled"
    hangs = TaskHangs(
        f"{at}The task {task.name} took more than {deadline_s:g} s for one turn{went_on}.",
        "Mend its turn() or score(), or give it less to judge."
        if has_ended
        else "Let its turn() and score() end when they are cancelled: catch Exception there, and "
        "neither BaseException nor CancelledError.",
    )
    hangs.place = place
    raise hangs


def _checked(task: ValidatorTask, verdicts: object) -> Sequence[Verdict] | Looked:
    if isinstance(verdicts, Looked):
        return verdicts
    if not isinstance(verdicts, Sequence) or not all(isinstance(v, Verdict) for v in verdicts):
        wrong = (
            next((v for v in verdicts if not isinstance(v, Verdict)), verdicts)
            if isinstance(verdicts, Sequence)
            else verdicts
        )
        raise BrokenTask.of(
            task.turn,
            f"The turn() of task {task.name} returned a {type(wrong).__name__}.",
            "Let it return a list of Verdict objects, Verdict(hotkey, value), or Looked() after a"
            " turn that judges nobody.",
        )
    return verdicts


def checked_weights(task: ValidatorTask, weights: object) -> Mapping[Ss58, float]:
    """What ``weights()`` of a task returned, as floats; BrokenTask unless it maps hotkeys to finite
    numbers from 0 on."""

    def broken(what: str) -> BrokenTask:
        return BrokenTask.of(
            task.weights,
            f"The weights() of task {task.name} returned {what}.",
            "Let it return a dict of hotkeys and finite numbers from 0 on.",
        )

    if not isinstance(weights, Mapping):
        raise broken(f"a {type(weights).__name__}")
    checked: dict[Ss58, float] = {}
    for hotkey, weight in weights.items():
        try:
            number = float(weight)
        except (TypeError, ValueError):
            number = math.nan
        if not isinstance(hotkey, str) or not 0.0 <= number < math.inf:
            raise broken(f"{weight!r:.60} for {hotkey!r:.60}")
        checked[Ss58(hotkey)] = number
    return checked
