"""A peer's work of one window, and the check that it was done: one computation, used twice.

A peer computes the window's steps from the common state, makes a message of the change, and carries
the rest. An auditor is given what the peer carried into the window, computes the same, and
compares: all bits on the same machine profile, else the distance of what the two messages say, in
parts of the change's own norm. A part of the steps, between two states on the way, is taken and
compared likewise. Nobody's secrets, deadlines or pay are known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.protocol.training.manifest import Inner, Machine, Manifest
from assay.scoring.training.codec import compress, extract
from assay.scoring.training.refusal import DeltaRefused
from assay.scoring.training.shapes import Floats
from assay.training.corpus import TrainingCorpus
from assay.training.inner import Moments, Reached, StepState, Tokens, WindowDone, run_window
from assay.training.network import FlatNetwork
from assay.training.order import assigned
from assay.training.state import TrainingState

SPLIT_MAX: Final = 0.1
"""Two messages of one change may lie so far from each other, in parts of their length, where the
bits behind them differ: one in 200 values that is another one. What is sent and kept together is
compared then, by the run's own distance. A step left out moves a message by 0.2 and more."""


class WindowRunner(Protocol):
    """What takes a window's steps: ``run_window`` in this process, or its like in several."""

    def __call__(
        self,
        network: FlatNetwork,
        terms: Inner,
        machine: Machine,
        start: Floats,
        moments: Moments,
        batches: Iterable[Tokens],
        told: Callable[[int, float], None],
        reached: Reached | None = None,
    ) -> WindowDone:
        """As ``run_window``."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class CarriedOver:
    """What a peer carries from window to window: the optimiser's ``moments``, and the ``feedback``,
    which is what its messages left out."""

    moments: Moments
    feedback: Floats

    @classmethod
    def none(cls, size: int) -> CarriedOver:
        """Return what a newcomer carries, for a model of ``size`` numbers."""
        return cls(Moments.none(size), np.zeros(size, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class WorkDone:
    """The ``message`` of a window's work, what is carried ``after`` it, and the steps behind it."""

    message: bytes
    after: CarriedOver
    steps: WindowDone


@dataclass(frozen=True, slots=True, eq=False)
class AuditFinding:
    """What a recomputation found: whether the message is right, how far what it says lies from what
    it should say (0 for equal bits), and why, for a person. ``after`` is what the peer should carry
    out of the window, to the bits of this machine."""

    right: bool
    distance: float
    reason: str
    after: CarriedOver | None = None
    boundaries: tuple[bytes, ...] = ()
    """The states on the way as they should be, as roots."""


class WindowWork:
    """Computes windows of one run with one network."""

    def __init__(
        self,
        manifest: Manifest,
        network: FlatNetwork,
        corpus: TrainingCorpus,
        run: WindowRunner = run_window,
    ) -> None:
        """``run`` takes a window's steps. ValueError for a corpus that is not the run's, or too
        small for one step."""
        if corpus.root != manifest.data.corpus:
            raise ValueError("the corpus is not the run's: its root is another one")
        self._sequences = corpus.sequences(manifest.data.context)
        if self._sequences < manifest.data.batch:
            raise ValueError("the corpus is too small for one step")
        self._manifest, self._policy = manifest, manifest.codec.policy
        self._network, self._corpus, self._run = network, corpus, run

    @property
    def read(self) -> int:
        """How many sequences one peer reads in a window."""
        return self._manifest.inner.steps * self._manifest.data.batch

    def assigned(self, cursor: int, place: int) -> NDArray[np.int64]:
        """Return the numbers of the sequences that the peer at ``place`` reads in a window that
        begins at ``cursor``."""
        return assigned(
            seed=self._manifest.data.seed,
            sequences=self._sequences,
            cursor=cursor,
            place=place,
            count=self.read,
        )

    def compute(
        self,
        state: TrainingState,
        carried: CarriedOver,
        place: int,
        told: Callable[[int, float], None] = lambda step, loss: None,
        reached: Reached | None = None,
        begin: StepState | None = None,
    ) -> WorkDone:
        """Return the work of the peer at ``place`` in the window that begins from ``state``.

        ``told(step, loss)`` is called after each step, and may raise: ``Enough`` ends the window
        with that step, anything else ends the work. ``reached`` is given the states on the way.
        With ``begin``, a state on the way, only the steps behind it are taken. FloatingPointError
        where that leads to numbers that are not finite, or beyond 2**40.
        """
        last = self._manifest.inner.steps
        return self.made(
            state, carried, self.take(state, carried, place, last, told, reached, begin)
        )

    def changed(self, state: TrainingState, steps: WindowDone) -> Floats:
        """Return what ``steps`` have changed in ``state``, which is what a message says."""
        return steps.end - state.model

    def made(self, state: TrainingState, carried: CarriedOver, steps: WindowDone) -> WorkDone:
        """Return the message of what ``steps`` have changed in ``state``, and of what was left out
        before, with what is carried on. FloatingPointError for numbers beyond 2**40."""
        try:
            message, feedback = compress(
                self.changed(state, steps), state.shape, self._policy, carried.feedback, state.past,
                steps.moments.gradients,
            )  # fmt: skip
        except ValueError as error:  # of the right size they are
            raise FloatingPointError(str(error)) from None
        return WorkDone(message, CarriedOver(steps.moments, feedback), steps)

    def take(
        self,
        state: TrainingState,
        carried: CarriedOver,
        place: int,
        last: int,
        told: Callable[[int, float], None] = lambda step, loss: None,
        reached: Reached | None = None,
        begin: StepState | None = None,
    ) -> WindowDone:
        """Take the steps of the peer at ``place`` up to the step ``last``, from the state on the
        way ``begin``, or from the window's first step. ValueError unless ``last`` lies behind
        ``begin``, and within the window; the rest is as for ``compute``."""
        data, inner = self._manifest.data, self._manifest.inner
        first = 0 if begin is None else begin.step
        if not first < last <= inner.steps:
            raise ValueError(f"no steps from {first} to {last} in a window of {inner.steps}")
        if (first, last) != (0, inner.steps):
            inner = msgspec.structs.replace(inner, steps=last - first, boundaries=0)
        batches = self.assigned(state.cursor, place).reshape(-1, data.batch)[first:last]
        return self._run(
            self._network,
            inner,
            self._manifest.machine,
            state.model if begin is None else begin.model,
            carried.moments if begin is None else begin.moments,
            (self._corpus.batch(part, data.context) for part in batches),
            told,
            reached,
        )

    def check_steps(
        self,
        state: TrainingState,
        carried: CarriedOver,
        place: int,
        begin: StepState | None,
        end: StepState,
        told: Callable[[int, float], None] = lambda step, loss: None,
    ) -> AuditFinding:
        """Take the steps from ``begin`` to ``end``, two states on the way of the peer at ``place``,
        or from the window's first step for None, and compare ``end`` with what they give.

        The distance is in parts of what these steps change, so that differences of machines do not
        add up over a window's parts.
        """
        first = 0 if begin is None else begin.step
        try:
            own = self.take(state, carried, place, end.step, told, begin=begin)
        except FloatingPointError as error:
            return AuditFinding(False, float("inf"), f"from the state at step {first} {error}")
        if end.moments.steps != own.moments.steps:
            return AuditFinding(False, float("inf"), "it has another count of steps")
        start = state.model if begin is None else begin.model
        apart = max(
            relative_distance(end.model - start, own.end - start),
            relative_distance(end.moments.first, own.moments.first),
            relative_distance(end.moments.second, own.moments.second),
        )
        return self._found("the change lies", apart, None)

    def check(
        self,
        state: TrainingState,
        carried: CarriedOver,
        place: int,
        message: bytes,
        told: Callable[[int, float], None] = lambda step, loss: None,
        after: CarriedOver | None = None,
        begin: StepState | None = None,
        steps: int | None = None,
    ) -> AuditFinding:
        """Compute the window of the peer at ``place`` again, from what it ``carried`` into it, and
        compare its ``message`` with what that should be after as many ``steps`` as its seal names,
        by default all. ``told`` and ``begin`` are as for ``compute``.

        What the peer carries ``after`` the window is compared as well if it is given. Else a peer
        could send a right message, and carry on what nobody computed. Equal messages do not show
        that the bits behind them are equal: they say which values are large, and no more.
        """
        try:
            last = self._manifest.inner.steps if steps is None else steps
            taken = self.take(state, carried, place, last, told, begin=begin)
            own = self.made(state, carried, taken)
        except FloatingPointError as error:
            return AuditFinding(False, float("inf"), f"from what it carried in {error}")
        try:
            said = extract(message, state.shape, self._policy, state.past).dense(state.shape)
        except DeltaRefused as error:
            return AuditFinding(False, float("inf"), f"no message: {error}")
        should = extract(own.message, state.shape, self._policy, state.past).dense(state.shape)
        if own.message == message:
            found = AuditFinding(True, 0.0, "every bit of the message is right", own.after)
        else:
            found = self._found("the message lies", relative_distance(said, should), own.after)
            if after is not None and found.distance <= SPLIT_MAX:
                found = replace(found, right=self._manifest.audit.distance > 0.0)
        if not found.right:
            return replace(found, boundaries=own.steps.boundaries)
        if after is None:
            return found
        if after.moments.steps != own.after.moments.steps:
            return AuditFinding(False, float("inf"), "it carries on another count of steps")
        apart = max(
            relative_distance(after.moments.first, own.after.moments.first),
            relative_distance(after.moments.second, own.after.moments.second),
            # Two values of nearly the same size may change places with the bits: which of them is
            # sent may differ, what is sent and kept together may not.
            relative_distance(said + after.feedback, should + own.after.feedback),
        )
        compared = self._found("what it carries on lies", apart, own.after)
        return found if compared.right else compared

    def _found(self, what: str, distance: float, after: CarriedOver | None) -> AuditFinding:
        allowed = self._manifest.audit.distance
        return AuditFinding(
            distance <= allowed,
            distance,
            f"{what} {distance:.2g} of its length from what the steps give (tolerated {allowed:g})",
            after,
        )


def relative_distance(said: Floats, should: Floats) -> float:
    """Return the distance of ``said`` from ``should`` in parts of the length of ``should``;
    infinite where that is zero and they differ."""
    apart = float(np.linalg.norm(said.astype(np.float64) - should))
    length = float(np.linalg.norm(should.astype(np.float64)))
    if length == 0.0:
        return 0.0 if apart == 0.0 else float("inf")
    return apart / length
