"""The Task interface: what a subnet builder writes, and all that a neuron knows of the work.

A task has two halves. A miner's half (``MinerTask``) serves methods; a validator's half
(``ValidatorTask``) takes turns: in each turn the validator asks miners, and says what their work is
worth. Both halves may serve methods, run work of their own, publish a record and read the chain.
Large tasks keep the halves in packages of their own (``miners/<task>``, ``validators/<task>``). The
usual case, one message pair and one judgement, is ``assay.neuron.rounds.Task``: serve, challenge,
score.

The neuron owns time, keys, transport, memory and weights; the task owns what is said and what it is
worth. Everything a task may do reaches the task as a value in its ``TaskContext`` or its ``Turn``.

What this module does not know: sockets, how a chain is connected, or any particular task.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from assay.chain.interface import Call, Receipt
from assay.chain.view import ChainView, Moment
from assay.clock import Clock
from assay.errors import UserError
from assay.neuron.faults import BrokenTask
from assay.neuron.opinions import Opinion, Reason, proportional
from assay.neuron.peers import Answer, Peers, Question, Target
from assay.neuron.record import Role
from assay.neuron.settings import TaskSettings as TaskSettings
from assay.objects import Objects, nobody_may_put
from assay.types import BlockNumber, Ss58
from assay.wire.interface import Caller, Method
from assay.wire.synapse import Synapse
from assay.workers import Workers

Req = TypeVar("Req", bound=Synapse)
Rep = TypeVar("Rep", bound=Synapse)


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What a task is handed when it starts; the same for both halves.

    ``publish(data)`` puts up to ``record.DATA_BYTES_MAX`` bytes under the hotkey on chain. It
    returns at once: the neuron sends the record as soon as the hotkey has a uid, and sends it again
    whenever the chain shows another one.
    """

    settings: TaskSettings
    hotkey: Ss58
    role: Role
    state_dir: Path
    """A folder of this neuron alone, by chain, subnet and hotkey. It survives restarts."""
    clock: Clock
    rng: random.Random
    """Unpredictable, and not recorded; what must be recheckable comes from ``Turn.rng``."""
    chain: ChainView
    publish: Callable[[bytes], Awaitable[None]]
    peers: Peers
    submit: Callable[[Call], Awaitable[Receipt]]
    """Signs a call of the chain's runtime with the hotkey and sends it; returns once it is
    finalized. BrokenTask for a call that the task's ``calls`` do not name."""
    workers: Workers
    """Child processes for heavy work. They end with the neuron."""
    object_store: Objects | None = None
    """What ``objects`` gives, or None for a task that declares no objects."""

    @property
    def objects(self) -> Objects:
        """Files that are named by a hash of their bytes, kept here and moved between neurons.

        ``peers.find_peer`` says where a holder listens. BrokenTask for a task whose
        ``objects_bytes_max`` is 0.
        """
        if self.object_store is None:
            raise BrokenTask(
                "The task uses objects, and declares no room for them.",
                "Give its class objects_bytes_max, the most bytes that its objects may take.",
            )
        return self.object_store


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a validator takes a turn. Make one with ``seconds``, ``blocks`` or ``epochs``."""

    unit: str
    length: float

    @classmethod
    def seconds(cls, length: float) -> Pace:
        """A turn begins ``length`` seconds after the turn before has ended."""
        return cls("seconds", length)

    @classmethod
    def blocks(cls, length: int) -> Pace:
        """One turn in every ``length`` blocks, counted from block 0."""
        return cls("blocks", length)

    @classmethod
    def epochs(cls, length: int) -> Pace:
        """One turn in every ``length`` epochs of the subnet."""
        return cls("epochs", length)

    def __post_init__(self) -> None:
        whole = self.unit in ("blocks", "epochs")
        if self.unit not in ("seconds", "blocks", "epochs") or not (
            self.length >= 1 if whole else self.length >= 0
        ):
            raise ValueError(f"a pace is some seconds, blocks or epochs, not {self!r}")
        if whole and self.length != int(self.length):
            raise ValueError(f"{self.unit} come whole, not {self.length!r}")

    def number(self, moment: Moment) -> int | None:
        """The number of the turn that ``moment`` lies in; None for a pace in seconds, whose turns
        the validator counts."""
        if self.unit == "seconds":
            return None
        if self.unit == "blocks":
            return self.number_at(moment.at.number)
        return moment.epoch.index // int(self.length)

    def number_at(self, block: BlockNumber) -> int | None:
        """The number of the turn at a block, where the block alone tells it: at a pace in
        blocks."""
        return block // int(self.length) if self.unit == "blocks" else None


Questions = Sequence[Question[Any, Any]]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a validator: what it may look at, and the way to ask."""

    number: int
    """Of the pace: the block's or the epoch's number divided by the pace's length, or a count."""
    moment: Moment
    targets: Sequence[Target]
    """The subnet's miners that publish an address, by uid."""
    rng: random.Random
    """All randomness that a third party must be able to recheck. See ``assay.neuron.seeds``."""
    rng_of: Callable[[Ss58], random.Random]
    """Such a generator for one target alone, so that its challenge does not depend on others."""
    ask: Callable[[Questions], Awaitable[list[Answer[Any, Any]]]]
    """Asks all questions at once; the answers come in the questions' order."""
    organic: Sequence[Answer[Any, Any]] = ()
    """Answers that miners gave to clients since the last turn, where a gateway hands them over."""
    post: Callable[[Questions, float], None] | None = None
    """Asks these questions within so many seconds and waits for none: their answers are in
    ``late`` of a later turn, so that a slow target takes no turns from the others. None where
    there is no later turn."""
    late: Sequence[Answer[Any, Any]] = ()
    """What came of posted questions since the last turn."""
    waiting: Collection[Ss58] = ()
    """The hotkeys that had a posted question open when the turn began; each may have one."""
    settle: Callable[[float, Collection[Ss58]], Awaitable[list[Answer[Any, Any]]]] | None = None
    """Waits until some hotkeys have answered what this turn has posted to them, so many seconds at
    most, and returns what came meanwhile, of whomever; it is in no turn's ``late``. None where
    ``post`` is."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one hotkey's work in a turn is worth: ``value`` in [0, 1].

    ``weight`` says how much this verdict counts beside one ordinary verdict: at 0 only the reasons
    are kept. ``reasons`` may be plain texts, or one. Numbers of any kind are kept as floats;
    ValueError for what is none, and for one out of its range.
    """

    hotkey: Ss58
    value: float
    weight: float = 1.0
    reasons: Sequence[Reason | str] = ()
    latency_s: float = 0.0
    forfeits: bool = False
    """Whether the hotkey also loses what it earned since weights were last set."""

    def __post_init__(self) -> None:
        if not isinstance(self.hotkey, str):
            raise ValueError(f"a verdict is on a hotkey's address, not on {self.hotkey!r:.100}")
        _keep(self, "value", _number(self.value, "a verdict's value", 1.0))
        _keep(self, "weight", _number(self.weight, "a verdict's weight", WEIGHT_MAX))
        _keep(self, "latency_s", _number(self.latency_s, "a verdict's latency_s", LATENCY_S_MAX))
        _keep(self, "reasons", _reasons(self.reasons))


@dataclass(frozen=True, slots=True)
class Looked:
    """What a turn returns that judges nobody."""


WEIGHT_MAX: Final = 1e6
"""A weight above it would make every other verdict count for nothing in a float's precision."""
LATENCY_S_MAX: Final = 1e6
"""No answer takes eleven days; and what a person is shown must be a number."""


def _keep(record: object, name: str, value: object) -> None:
    """Set a field of a frozen record while the record is made."""
    object.__setattr__(record, name, value)


def _number(value: object, what: str, most: float) -> float:
    """``value`` as a float in [0, ``most``]; ValueError if it is none. numpy's numbers are
    taken."""
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever a builder's code may give
    except (TypeError, ValueError):
        raise ValueError(f"{what} is a number, not {value!r:.100}") from None
    if not 0.0 <= number <= most:  # also refuses NaN
        raise ValueError(f"{what} lies in [0, {most:g}], not {value!r:.100}")
    return number


def _reasons(reasons: object) -> tuple[Reason | str, ...]:
    """``reasons`` as a tuple; ValueError unless it is a text, or some texts and Reasons."""
    several = (reasons,) if isinstance(reasons, str | Reason) else reasons
    if isinstance(several, Sequence) and all(isinstance(r, str | Reason) for r in several):
        return tuple(several)
    raise ValueError(f"reasons are texts or Reasons, not {reasons!r:.100}")


class _Half:
    """What both halves of a task have."""

    name: str
    """A short slug: lower-case letters, digits and dashes. Wire paths begin with it."""
    settings: type[TaskSettings] = TaskSettings
    preload: Sequence[str] = ()
    """Modules that take long to import. ``assay up`` imports them once for all its neurons."""
    calls: Sequence[str] = ()
    """The calls of the chain's runtime that this half signs with its hotkey, as ``Pallet.call``.
    An operator is told them at the start; ``TaskContext.submit`` refuses all others."""
    objects_bytes_max: int = 0
    """How much disk this half's objects take at most, in bytes. At 0 the neuron keeps no objects
    and serves none."""

    def methods(self) -> Sequence[Method[Any, Any]]:
        """The methods that this half serves. A method's name is put behind the task's: "" is served
        as ``<task>``, "part" as ``<task>.part``. Asked for once, after ``start``."""
        return ()

    def may_put(self, caller: Caller, size_bytes: int) -> str | None:
        """Whether ``caller`` may put an object of ``size_bytes`` into this neuron's store: None, or
        the reason why not. Nobody may unless a task says so."""
        return nobody_may_put(caller, size_bytes)

    async def start(self, context: TaskContext) -> None:
        """Load what the work needs. An error here ends the neuron before anything is paid."""

    async def run(self) -> None:
        """Do work that nobody asked for, until cancelled. Returning early is fine."""

    async def close(self) -> None:
        """Give back what ``start`` took. Called once, also after a failed start."""


class MinerTask(_Half):
    """The miner's half: does the work."""

    has_gateway: bool = False
    """Whether clients can ask the miners of this task through ``assay gateway run``. ``assay up``
    then runs a gateway beside them."""


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """What is found about one miner's part in an answer that a client got."""

    miner: Ss58
    right: bool | None
    """Whether the miner's signed answer is the right one; None: that cannot be judged."""
    reasons: tuple[str, ...]


class ValidatorTask(_Half, ABC):
    """The validator's half: asks for work and says what it is worth."""

    pace: Pace = Pace.seconds(1.0)

    @abstractmethod
    async def turn(self, turn: Turn) -> Sequence[Verdict] | Looked:
        """Ask and judge once. One hotkey may get several verdicts, or none: its opinion then stays
        as it is for as long as the hotkey publishes an address.

        ``Looked()`` for a turn that judges nobody: averages do not count it as a turn, so that a
        task whose work takes longer than a turn, or than an epoch, may look at every block. No
        verdicts (``[]``) say that nobody earned anything.
        """

    def organic(self) -> Sequence[Answer[Any, Any]]:
        """Answers that clients got since the last call, taken in by this half's own methods. The
        next turn has them in ``Turn.organic``, and the log of receipts keeps them."""
        return ()

    async def judge_receipt(self, receipt: bytes, settings: TaskSettings) -> Sequence[JudgedCall]:
        """Judge each call of ``receipt``, a file that a gateway gave to its client, as a turn would
        judge it under ``settings``. UserError for what is no receipt of this task, Refused for one
        whose signatures do not hold. Called on a task that was not started."""
        raise UserError(
            f"The task {self.name} judges no receipts of clients.", "Give the task it is of."
        )

    def weights(
        self,
        opinions: Mapping[Ss58, Opinion],
        moment: Moment,
    ) -> Mapping[Ss58, float]:
        """Relative weights for the chain, by hotkey; by default in proportion to the averages."""
        return proportional(opinions)


@dataclass(frozen=True, slots=True)
class Score:
    """A judgement of one answer: ``value`` in [0, 1], and the reasons a person is shown."""

    value: float
    reasons: Sequence[Reason | str] = field(default=())
    forfeits: bool = False
    """As of a ``Verdict``."""

    def __post_init__(self) -> None:
        _keep(self, "value", _number(self.value, "a score", 1.0))
        _keep(self, "reasons", _reasons(self.reasons))  # ("right") is a text and no tuple
