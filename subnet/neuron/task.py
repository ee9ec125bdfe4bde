"""The Task interface: what a subnet builder writes, and all that a neuron knows of the work.

A task has two halves. A miner's half answers requests (``serve``); a validator's half asks them
(``challenge``) and judges the answers (``score``). Large tasks keep the halves in packages of
their own (``miners/<task>``, ``validators/<task>``); a small one writes both in one class, a
``Task``, in one file. Every task is found by the same loader (``loader.py``) and run by the same
two loops (``miner.py``, ``validator.py``), which never look at a task's name.

The halves are generic in their two messages: ``class Reverse(Task[Question, Reply])``.

What this module does not know: the chain, sockets, weights, or any particular task.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic

from pydantic import BaseModel, ConfigDict

from assay.clock import Clock
from assay.types import Ss58, Uid
from assay.wire.interface import Caller, Rep, Req


class TaskSettings(BaseModel):
    """A task's own options. Each field becomes an option of ``assay miner|validator run``.

    ``model: str = Field("demo", description="...")`` is given as ``--model X`` on the command line.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What a task is handed when it starts.

    ``settings`` is an instance of the task's own ``settings`` class; ``state_dir`` is a folder that
    belongs to this neuron alone and survives restarts.
    """

    settings: TaskSettings
    hotkey: Ss58
    state_dir: Path
    clock: Clock


@dataclass(frozen=True, slots=True)
class MinerContext(TaskContext):
    """A miner's context. ``commit`` publishes at most 128 bytes under the hotkey on chain."""

    commit: Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ValidatorContext(TaskContext):
    """A validator's context."""


@dataclass(frozen=True, slots=True)
class Target:
    """The miner that a request goes to; ``commitment`` is what it last published on chain."""

    uid: Uid
    hotkey: Ss58
    commitment: bytes | None


@dataclass(frozen=True, slots=True)
class Answer(Generic[Req, Rep]):
    """One request and what came back. Exactly one of ``reply`` and ``failure`` is None.

    ``latency_s`` is from the first byte sent to the last byte read, as the validator saw it; for a
    failure it is the time until it was known.
    """

    target: Target
    request: Req
    reply: Rep | None
    failure: str | None
    latency_s: float


@dataclass(frozen=True, slots=True)
class Score:
    """A judgement of one answer: ``value`` in [0, 1], and the reasons a person is shown."""

    value: float
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:  # also refuses NaN
            raise ValueError(f"a score lies in [0, 1], not {self.value!r}")


class _Half(ABC, Generic[Req, Rep]):
    """What both halves of a task declare."""

    name: ClassVar[str]
    """A short slug: lower-case letters, digits and dashes. It is the path requests are sent to."""
    request: type[Req]
    reply: type[Rep]
    """The two messages, as class attributes."""
    settings: ClassVar[type[TaskSettings]] = TaskSettings
    preload: ClassVar[tuple[str, ...]] = ()
    """Modules that take long to import. ``assay up`` imports them once for all its neurons."""

    async def close(self) -> None:
        """Give back what ``start`` took. Called once, also after a failed start."""


class MinerTask(_Half[Req, Rep]):
    """The miner's half: does the work."""

    async def start(self, context: MinerContext) -> None:
        """Load what serving needs; publish a commitment if validators check against one."""

    @abstractmethod
    async def serve(self, request: Req, caller: Caller) -> Rep:
        """Answer one request. Blocking work belongs in a thread (``asyncio.to_thread``)."""


class ValidatorTask(_Half[Req, Rep]):
    """The validator's half: asks for work and judges it."""

    async def start(self, context: ValidatorContext) -> None:
        """Load what judging needs."""

    @abstractmethod
    def challenge(self, rng: random.Random, target: Target) -> Req:
        """A request for ``target``. All randomness comes from ``rng``: a round can be replayed."""

    @abstractmethod
    async def score(
        self, rng: random.Random, answers: Sequence[Answer[Req, Rep]]
    ) -> Sequence[Score]:
        """One score an answer, in the same order.

        The answers of one round come together, so that speed can be judged relative to the others.
        A failure is an answer too.
        """


class Task(MinerTask[Req, Rep], ValidatorTask[Req, Rep]):
    """Both halves in one class: the one-file task."""

    async def start(self, context: MinerContext | ValidatorContext) -> None:
        """Load what either half needs."""
