"""The order in which an engine works on the answers that are open.

In come answers (jobs of any kind) with the caller of each; out comes, step after step, the answer
to work on next (``next``), or all answers under way, for an engine that works on them together
(``under_way``). A step is small: one token. After each step the next caller has its turn. Callers
who *go first* (validators with a permit) come before all others; within a kind the turn passes from
caller to caller; one caller's answers are worked on one after the other, as long as other callers
could use the room. So neither long answers nor many of them buy a caller more than its share, and
what callers without a permit ask for delays a validator by one step at the most.

Bounds, so that neither one caller nor many fill the memory, or the places that a server has for
requests; what goes beyond them is refused with ``Busy``:

* A caller has at most ``open_max`` answers open; one who goes first ``first_open_max``.
* All callers who do not go first have at most ``others_max`` open together.
* A caller who goes first may always have one open, and more only while all who go first have fewer
  than ``first_max``.
* At most ``sharing_max`` of the others have answers under way at once, because each answer holds a
  cache. Further callers begin, in the order in which they came, when one of these ends.
* At most ``first_sharing_max`` callers who go first have answers under way at once. That is all of
  them while the model is small: a few hostile ones with long answers would otherwise keep the rest
  from beginning until it is too late.
* An engine that works on answers together gives a caller a second place, a third and so on while
  fewer than ``together_max`` answers of the kind are under way. These places do not count in the
  two bounds above, so whoever has many of them keeps nobody from beginning.

This module has no threads and no clock. It does not know what a step computes, nor who may go
first: it is told.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from assay.errors import Unavailable

OPEN_MAX: Final = 16
"""Of a caller who does not go first: half of what all of them may have. One who goes first has as
many as an engine makes together (``first_open_max``): with fewer, a gateway that asks for many
clients at once would leave rows idle that the engine computes anyway."""
OTHERS_MAX: Final = 32
"""Half of the requests that an axon runs at once (``wire.limits``). With more, a rival with many
registered hotkeys would leave validators less than the other half."""
BURSTS_MAX: Final = 4
"""Validators that may have all their places at one time. One that measures a miner's speed while
others have all places is given one of them, and finds the miner sixteen times as slow as it is.
Open answers beyond those under way hold no cache, and the requests that they came with are the
axon's to bound."""
FIRST_MAX: Final = BURSTS_MAX * OPEN_MAX
"""Answers open for all callers who go first, beside the one that each may always have."""
SHARING_MAX: Final = 8
"""Answers under way for callers who do not go first. Each holds a cache, of a few megabytes for a
small model. With a large model, callers wait longer in any case."""
FIRST_SHARING_MAX: Final = 64
"""As many validators as have a permit on a subnet by default, so that none of them waits for
another's answer to end. ``first_sharing`` gives fewer for a large model."""
TOGETHER_MAX: Final = 64
"""Answers beyond which no processor gains more, and as many as validators ask for at once
(``--burst``). In 64 the demo model draws 1.55 times as much as in 16 (0.37 and 0.58 ms a token,
passes alone), where each answer grows 2.6 times as slowly. With fewer, a machine with several uids
draws more for them together than one uid is ever asked for, and earns more than one income."""
TOGETHER_LEAST: Final = 16
"""The same for a model with large caches: as many as plain products compute at the price of one
(``llama_pass.TILE``)."""
ELSEWHERE_TOGETHER: Final = 64
"""The same of an engine elsewhere, behind which there is mostly an accelerator: most draw twice as
much in 64 answers as in 16."""
CACHES_BYTES_MAX: Final = 2**30
"""Memory for the caches of callers who go first, each as long as the context. With more, callers
could fill the machine's memory where the model has caches of a hundred megabytes."""

Job = TypeVar("Job", bound=Hashable)


class Busy(Unavailable):
    """The engine has as many answers open as it may, for all callers of this kind together."""

    def __init__(self, open_max: int) -> None:
        super().__init__(
            f"{open_max} answers {self._whose} are under way or wait.",
            "Wait for one of them before asking again.",
        )
        self._open_max = open_max

    _whose = "for callers like this one"

    def __reduce__(self) -> tuple[type[Busy], tuple[int]]:  # type: ignore[override]
        return type(self), (self._open_max,)


class CallerBusy(Busy):
    """The engine has as many answers open as it may for this one caller."""

    _whose = "for this caller"


@dataclass(frozen=True, slots=True)
class Asker:
    """A caller for whom an answer is made."""

    name: str
    first: bool = False
    """Whether this caller goes before all callers who do not go first."""


class _Line(Generic[Job]):
    """The answers of all callers of one kind: those under way, and those that wait to begin."""

    def __init__(self, sharing_max: int, together_max: int) -> None:
        self._sharing_max = sharing_max
        self._together_max = together_max
        self._begun: deque[tuple[str, Job]] = deque()
        """The answers under way with their callers' names. The first in the deque is the next to
        be worked on."""
        self._waiting: OrderedDict[str, deque[Job]] = OrderedDict()
        """The answers that have not begun, by caller. The caller who waits longest comes first."""

    def add(self, name: str, job: Job) -> None:
        """Let ``job`` wait behind the other answers of the caller ``name``."""
        self._waiting.setdefault(name, deque()).append(job)

    def next(self) -> Job | None:
        """Return the answer whose turn it is; None if no answer is open."""
        self._begin()
        if not self._begun:
            return None
        self._begun.rotate(-1)
        return self._begun[-1][1]

    def under_way(self) -> list[Job]:
        """Return all answers under way, beginning with the one whose turn it is."""
        self._begin()
        while self._waiting and len(self._begun) < self._together_max:
            has = Counter(name for name, _ in self._begun)
            self._begin_one(min(self._waiting, key=lambda name: has[name]))
        jobs = [job for _, job in self._begun]
        self._begun.rotate(-1)
        return jobs

    def remove(self, name: str, job: Job) -> None:
        """Forget ``job`` of the caller ``name``, whether it is under way or waits."""
        if (name, job) in self._begun:
            self._begun.remove((name, job))
            if name in self._waiting:
                # Its next answer waits behind the callers who came meanwhile.
                self._waiting.move_to_end(name)
            return
        behind = self._waiting[name]
        behind.remove(job)
        if not behind:
            del self._waiting[name]

    def _begin(self) -> None:
        """Begin the next answer of each caller who has none under way, while there is room."""
        names = {name for name, _ in self._begun}
        for name in [name for name in self._waiting if name not in names]:
            if len(names) >= self._sharing_max:
                return
            self._begin_one(name)
            names.add(name)

    def _begin_one(self, name: str) -> None:
        behind = self._waiting[name]
        # Behind all answers under way: a caller who asks for one short answer after the other would
        # otherwise leave them no turn at all.
        self._begun.append((name, behind.popleft()))
        if not behind:
            del self._waiting[name]


def first_sharing(cache_bytes: int) -> int:
    """Return how many callers who go first have answers under way at once.

    ``cache_bytes`` is the memory that one answer holds. As many are let in as fit into
    ``CACHES_BYTES_MAX``, up to ``FIRST_SHARING_MAX``, and at least as many as other callers.
    """
    return max(SHARING_MAX, min(FIRST_SHARING_MAX, CACHES_BYTES_MAX // max(cache_bytes, 1)))


def first_together(cache_bytes: int) -> int:
    """Return how many answers for callers who go first are made together, where fewer such callers
    have one: up to ``TOGETHER_MAX``, as far as a quarter more than ``CACHES_BYTES_MAX`` has room.

    ``cache_bytes`` is the memory that one answer holds.
    """
    room = CACHES_BYTES_MAX // 4 // max(cache_bytes, 1)
    return max(min(TOGETHER_LEAST, first_sharing(cache_bytes)), min(TOGETHER_MAX, room))


class AnswerQueue(Generic[Job]):
    """All open answers of one engine, and whose turn it is. The header has the order and bounds."""

    def __init__(
        self,
        *,
        open_max: int = OPEN_MAX,
        others_max: int = OTHERS_MAX,
        first_open_max: int | None = None,
        first_max: int = FIRST_MAX,
        sharing_max: int = SHARING_MAX,
        first_sharing_max: int = FIRST_SHARING_MAX,
        together_max: int = TOGETHER_MAX,
    ) -> None:
        """``first_open_max`` is as large as ``open_max`` by default."""
        self._open_max = {True: first_open_max or open_max, False: open_max}
        """By whether a caller goes first."""
        self._others_max = others_max
        self._first_max = first_max
        self._lines = {
            True: _Line[Job](first_sharing_max, together_max),
            False: _Line[Job](sharing_max, together_max),
        }
        self._askers: dict[Job, Asker] = {}
        self._open: Counter[str] = Counter()
        self._others = 0

    def __len__(self) -> int:
        return len(self._askers)

    def add(self, job: Job, asker: Asker) -> None:
        """Take in the answer ``job`` for ``asker``; Busy if too many answers are open already."""
        most = self._open_max[asker.first]
        if self._open[asker.name] >= most:
            raise CallerBusy(most)
        if asker.first:
            if self._open[asker.name] and len(self._askers) - self._others >= self._first_max:
                raise Busy(self._first_max)
        elif self._others >= self._others_max:
            raise Busy(self._others_max)
        self._open[asker.name] += 1
        self._others += not asker.first
        self._askers[job] = asker
        self._lines[asker.first].add(asker.name, job)

    def next(self) -> Job | None:
        """Return the answer to work on for one step; None if no answer is open."""
        job = self._lines[True].next()
        return job if job is not None else self._lines[False].next()

    def under_way(self) -> tuple[list[Job], list[Job]]:
        """Return the answers to work on in one step: those for callers who go first, and those for
        others; each list begins with the answer whose turn it is."""
        return self._lines[True].under_way(), self._lines[False].under_way()

    def remove(self, job: Job) -> None:
        """Forget ``job``, which is finished or was given up. A second call does nothing."""
        asker = self._askers.pop(job, None)
        if asker is None:
            return
        self._lines[asker.first].remove(asker.name, job)
        self._open[asker.name] -= 1
        self._others -= not asker.first
        if not self._open[asker.name]:
            del self._open[asker.name]

    def clear(self) -> list[Job]:
        """Forget all answers and return those that were open."""
        jobs = list(self._askers)
        for job in jobs:
            self.remove(job)
        return jobs
