"""Questions whose answers no turn waits for.

A turn that waits for its slowest target lets one target take turns from all others. A task may
therefore ``post`` a question: the question is asked beside the turns, and its answer is handed to
the turn that posted it, if it is there while that turn settles, or to the first turn that begins or
settles once it is there, with the number of turns that it took: the turn that posted it, and each
later one that could not ask the target meanwhile. A target has one posted question open at a time.

In come questions and the turn that they belong to; out come answers with that turn, under which
they are recorded. This module knows no task and no verdicts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from assay.aio import ended
from assay.chain.interface import BlockRef
from assay.clock import Clock
from assay.neuron.peers import Answer, Peers, Question
from assay.types import Ss58


@dataclass(frozen=True, slots=True)
class Asked:
    """The turn in which a question was posted."""

    turn: int
    """Its number, of the task's pace."""
    count: int
    """How many turns the validator had taken by then, this one included."""
    period: int
    """Of the hash chain that the question was drawn from."""
    at: BlockRef


@dataclass(frozen=True, slots=True)
class Late:
    """An answer to a question that was posted, and when it was."""

    answer: Answer[Any, Any]
    asked: Asked


CONCURRENCY: Final = 256
"""Posted questions in flight: one for each uid of a full subnet, so that all of them are asked at
one moment, however many never answer. With those of a turn (``peers.CONCURRENCY``) they are as many
as a dendrite has calls open, so that targets that never answer cannot keep a turn from asking."""


class Background:
    """The questions that are open beside the turns of one validator."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._places = asyncio.Semaphore(CONCURRENCY)
        self._open: dict[Ss58, tuple[Asked, asyncio.Task[list[Answer[Any, Any]]]]] = {}

    @property
    def waiting(self) -> frozenset[Ss58]:
        """The hotkeys that have a posted question open."""
        return frozenset(self._open)

    def post(
        self, questions: Sequence[Question[Any, Any]], asked: Asked, *, deadline_s: float
    ) -> None:
        """Ask these questions, drawn in the turn ``asked``, and wait for none. ValueError for a
        target that has a question open already, or two in ``questions``; UnsendableMessage, before
        anything is sent, if there is a message that no peer could take."""
        for question in questions:
            self._peers.check(question)
        for question in questions:
            hotkey = question.target.hotkey
            if hotkey in self._open:
                raise ValueError(f"{hotkey} has a posted question open")
            asking = asyncio.ensure_future(
                self._peers.fan_out([question], deadline_s=deadline_s, places=self._places)
            )
            self._open[hotkey] = (asked, asking)

    async def settle(
        self, count: int, clock: Clock, within_s: float, hotkeys: Collection[Ss58]
    ) -> None:
        """Return once ``hotkeys`` have answered what the validator's ``count``-th turn has posted
        to them, or after ``within_s``."""
        both = [self._open[hotkey] for hotkey in hotkeys if hotkey in self._open]
        new = [asking for asked, asking in both if asked.count == count]
        if new:
            await ended(clock, within_s, *new)

    def collect(self, count: int) -> list[Late]:
        """The answers that came since the last call, before the validator's ``count``-th turn
        asks."""
        done = {hotkey: both for hotkey, both in self._open.items() if both[1].done()}
        for hotkey in done:
            del self._open[hotkey]
        return [
            Late(replace(answer, turns_open=max(count - asked.count, 1)), asked)
            for asked, asking in done.values()
            for answer in asking.result()
        ]

    async def close(self) -> None:
        """Give up all open questions; what comes now is for nobody."""
        tasks = [asking for _, asking in self._open.values()]
        self._open.clear()
        for asking in tasks:
            asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
