"""Whose answer is worked on next. Pure: no threads, no clock.

Adds to an engine a fair order. Work comes in small steps (a token), and after each step the turn
passes on: callers that go first (validators with a permit) before all others, within a kind from
caller to caller, and for one caller one answer after the other. So neither long answers nor many
of them buy a rival more than its share, and nothing that a rival without a permit asks for holds up
a validator by more than one step.

Bounds. A caller has at most ``open_max`` answers open, and all who do not go first together
``others_max``; who goes first may always have one open, and more of them while all who do have
fewer than ``first_max``. What goes beyond is refused, so that neither one nor many fill the memory,
or the places that a server has for requests. At most ``sharing_max`` answers for the others are
under way at once, because each holds a cache; further callers begin when one of these ends, in the
order in which they came. Those who go first share at once up to ``first_sharing_max``, which is all
of them while the model is small: a few hostile ones with long answers would else keep the rest from
beginning until it is too late.

It does not know what a step is, nor who may go first: it is told.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from assay.errors import Unavailable

OPEN_MAX: Final = 8
"""A validator has one a round; a client that wants more at once spreads them over miners."""
OTHERS_MAX: Final = 32
"""Half of the requests that an axon runs at once (``wire.limits``): the other half is left to
validators, however many hotkeys a rival has registered."""
FIRST_MAX: Final = 16
"""Two validators' worth of ``OPEN_MAX``. With one more for each of the others, half of the requests
that an axon runs are not all taken before sixteen of them want something at once."""
SHARING_MAX: Final = 8
"""Caches of a small model take a few megabytes each; a large one's caller waits longer anyway."""
FIRST_SHARING_MAX: Final = 64
"""As many as have a validator permit on a subnet by default, so that none of them waits for another
to end; and all the requests that an axon runs. ``first_sharing`` has fewer for a large model."""
CACHES_BYTES_MAX: Final = 2**30
"""For the caches of those who go first, each taken for as long as a context. With more, a model
whose caches have a hundred megabytes could be made to fill the memory of its machine."""

Job = TypeVar("Job", bound=Hashable)


class Busy(Unavailable):
    """As many answers are open as may be, for all of this kind together."""

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
    """The caller itself has as many answers open as it may have."""

    _whose = "for this caller"


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom an answer is made. ``first``: before all who are not."""

    name: str
    first: bool = False


class _Line(Generic[Job]):
    """The askers of one kind: who has an answer under way, and what waits behind it."""

    def __init__(self, sharing_max: int) -> None:
        self._sharing_max = sharing_max
        self._begun: deque[tuple[str, Job]] = deque()
        """In the order of turns; at most one for each name."""
        self._waiting: OrderedDict[str, deque[Job]] = OrderedDict()
        """By name, the one that has waited longest first."""

    def add(self, name: str, job: Job) -> None:
        self._waiting.setdefault(name, deque()).append(job)

    def next(self) -> Job | None:
        self._begin()
        if not self._begun:
            return None
        self._begun.rotate(-1)
        return self._begun[-1][1]

    def remove(self, name: str, job: Job) -> None:
        if (name, job) in self._begun:
            self._begun.remove((name, job))
            if name in self._waiting:
                self._waiting.move_to_end(name)  # others came before what it asked for besides
            return
        behind = self._waiting[name]
        behind.remove(job)
        if not behind:
            del self._waiting[name]

    def _begin(self) -> None:
        names = {name for name, _ in self._begun}
        for name in [name for name in self._waiting if name not in names]:
            if len(self._begun) >= self._sharing_max:
                return
            behind = self._waiting[name]
            # Behind all who are under way: else one short answer after the other, from a caller
            # who asks again and again, would leave them no turn at all.
            self._begun.append((name, behind.popleft()))
            if not behind:
                del self._waiting[name]


def first_sharing(cache_bytes: int) -> int:
    """How many who go first share an engine whose answers hold so much each: as many as fit, and
    never fewer than of the others."""
    return max(SHARING_MAX, min(FIRST_SHARING_MAX, CACHES_BYTES_MAX // max(cache_bytes, 1)))


class Turns(Generic[Job]):
    """All open answers of one engine."""

    def __init__(
        self,
        *,
        open_max: int = OPEN_MAX,
        others_max: int = OTHERS_MAX,
        first_max: int = FIRST_MAX,
        sharing_max: int = SHARING_MAX,
        first_sharing_max: int = FIRST_SHARING_MAX,
    ) -> None:
        self._open_max = open_max
        self._others_max = others_max
        self._first_max = first_max
        self._lines = {True: _Line[Job](first_sharing_max), False: _Line[Job](sharing_max)}
        self._askers: dict[Job, Asker] = {}
        self._open: Counter[str] = Counter()
        self._others = 0

    def __len__(self) -> int:
        return len(self._askers)

    def add(self, job: Job, asker: Asker) -> None:
        """Put an answer in line; Busy if there are too many already."""
        if self._open[asker.name] >= self._open_max:
            raise CallerBusy(self._open_max)
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
        """The answer to take a step on now; None if there is nothing to do."""
        job = self._lines[True].next()
        return job if job is not None else self._lines[False].next()

    def remove(self, job: Job) -> None:
        """It is finished, or nobody wants it any more. Nothing happens the second time."""
        asker = self._askers.pop(job, None)
        if asker is None:
            return
        self._lines[asker.first].remove(asker.name, job)
        self._open[asker.name] -= 1
        self._others -= not asker.first
        if not self._open[asker.name]:
            del self._open[asker.name]

    def clear(self) -> list[Job]:
        """Forget all; what was open."""
        jobs = list(self._askers)
        for job in jobs:
            self.remove(job)
        return jobs
