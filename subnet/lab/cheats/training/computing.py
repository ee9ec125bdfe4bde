"""Cheats within a trainer's process: a window's work, with one thing done otherwise.

``open_cheat`` stands in place of ``assay.training.worker.open_trainer``. A cheat is a
``WindowWork`` that differs in one thing: which data it reads (``assigned``), how it takes the
window's steps (its runner), what it says that they changed (``changed``), or what it carries on
(``made``). All else is an honest peer's, and the seal that the miner makes of it names the full
number of steps. Torch is loaded here, and in no neuron's process.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.lab.cheats.training import CheatSettings
from assay.protocol.training.manifest import Inner, Machine, Manifest
from assay.scoring.training.shapes import Floats
from assay.training.corpus import TrainingCorpus
from assay.training.inner import Moments, Reached, Tokens, WindowDone, run_window
from assay.training.messages import TrainerRequest
from assay.training.network import FlatNetwork
from assay.training.run_folder import RunFolder
from assay.training.state import TrainingState
from assay.training.work import CarriedOver, WindowWork, WorkDone
from assay.training.worker import TrainerProcess
from assay.workers import WorkerCall

Told = Callable[[int, float], None]
Change = Callable[[Floats, TrainingState, np.random.Generator], Floats]
"""From the honest change, the window's state and random numbers to the change that is sent."""

SCALE: Final = 4.0
POISONED_PART: Final = 0.01
"""Of all places, which get three times the largest honest change."""
NOISE: Final = 0.3
"""Of a copied change's own length: what is sent of it stays much the same."""
PERMUTED_PART: Final = 0.1
FORGED: Final = 0.25
"""The second moments shrink to this part, so that the next window's steps become twice as long."""


@dataclass(frozen=True)
class SkippingRunner:
    """Takes a ``share`` of a whole window's ``steps`` fewer, and says that it took them."""

    steps: int
    share: float

    def __call__(
        self,
        network: FlatNetwork,
        terms: Inner,
        machine: Machine,
        start: Floats,
        moments: Moments,
        batches: Iterable[Tokens],
        told: Told,
        reached: Reached | None = None,
    ) -> WindowDone:
        """As ``run_window``; a part of a window, which only an audit asks for, is taken whole."""
        skipped = min(self.steps - 1, max(1, round(self.share * self.steps)))
        kept = terms.steps - skipped if terms.steps == self.steps else terms.steps
        boundaries = min(terms.boundaries, kept - 1)
        fewer = msgspec.structs.replace(terms, steps=kept, boundaries=boundaries)
        some = itertools.islice(batches, kept)
        done = run_window(network, fewer, machine, start, moments, some, told, reached)
        missing = terms.steps - len(done.losses)
        return WindowDone(
            done.end,
            replace(done.moments, steps=done.moments.steps + missing),
            done.boundaries + done.boundaries[-1:] * (terms.boundaries - len(done.boundaries)),
            done.losses + done.losses[-1:] * missing,
        )


class EasyDataWork(WindowWork):
    """Reads the first batch of the corpus all the time: soon it knows that by heart."""

    def assigned(self, cursor: int, place: int) -> NDArray[np.int64]:
        batch = np.arange(self._manifest.data.batch, dtype=np.int64)
        return np.tile(batch, self._manifest.inner.steps)


class WrongBatchWork(WindowWork):
    """Reads the first batch of the corpus in one of a window's steps."""

    def assigned(self, cursor: int, place: int) -> NDArray[np.int64]:
        batch, steps = self._manifest.data.batch, self._manifest.inner.steps
        numbers = super().assigned(cursor, place).copy()
        numbers.reshape(steps, batch)[wrong_step(steps) - 1] = np.arange(batch)
        return numbers


def wrong_step(steps: int) -> int:
    """Return which of a window's ``steps``, counted from 1, the cheat ``wrong-batch`` takes
    wrongly."""
    return steps * 2 // 3 + 1


class LowPrecisionWork(WindowWork):
    """Computes in bfloat16: half of the memory, and other bits."""

    def __init__(self, manifest: Manifest, network: FlatNetwork, corpus: TrainingCorpus) -> None:
        machine = msgspec.structs.replace(manifest.machine, dtype="bf16")
        super().__init__(msgspec.structs.replace(manifest, machine=machine), network, corpus)


class ChangingWork(WindowWork):
    """Takes all steps, and sends ``change(honest change, state, rng)``."""

    def __init__(
        self,
        manifest: Manifest,
        network: FlatNetwork,
        corpus: TrainingCorpus,
        change: Change,
        *,
        as_another: bool = False,
    ) -> None:
        super().__init__(manifest, network, corpus)
        self._change, self._as_another = change, as_another

    def assigned(self, cursor: int, place: int) -> NDArray[np.int64]:
        if self._as_another:
            place = place - 1 if place else 1
        return super().assigned(cursor, place)

    def changed(self, state: TrainingState, steps: WindowDone) -> Floats:
        own = int(steps.end[:1].view(np.uint32)[0])  # so that two cheats draw different numbers
        rng = np.random.default_rng((state.window, own))
        return self._change(super().changed(state, steps), state, rng).astype(np.float32)


class ForgingWork(WindowWork):
    """Sends the right message and carries on other moments."""

    def made(self, state: TrainingState, carried: CarriedOver, steps: WindowDone) -> WorkDone:
        done = super().made(state, carried, steps)
        moments = done.after.moments
        forged = replace(moments, second=moments.second * np.float32(FORGED))
        return replace(done, after=CarriedOver(forged, done.after.feedback))


class Remembering:
    """A change that depends on the windows before."""

    def __init__(self) -> None:
        self._model: Floats | None = None
        self._change: Floats | None = None

    def stale(self, change: Floats, state: TrainingState, rng: np.random.Generator) -> Floats:
        """The change of the window before, in every second window."""
        if state.window % 2 and self._change is not None:
            return self._change
        self._change = change
        return change

    def aggregate(self, change: Floats, state: TrainingState, rng: np.random.Generator) -> Floats:
        """What the window before changed in the model."""
        before, self._model = self._model, state.model
        return change if before is None else state.model - before


def poisoned(change: Floats, state: TrainingState, rng: np.random.Generator) -> Floats:
    """The honest change, and something else at some places."""
    spoiled = change.copy()
    count = max(1, round(POISONED_PART * change.size))
    places = rng.choice(change.size, count, replace=False)
    spoiled[places] += 3 * float(np.abs(change).max()) * rng.choice((-1.0, 1.0), count)
    return spoiled


def noise(change: Floats, state: TrainingState, rng: np.random.Generator) -> Floats:
    """Noise as long as the honest change."""
    drawn = rng.standard_normal(change.size)
    return drawn * (np.linalg.norm(change) / np.linalg.norm(drawn))


def noisy(change: Floats, state: TrainingState, rng: np.random.Generator) -> Floats:
    """The change under noise."""
    return change + NOISE * noise(change, state, rng)


def permuted(change: Floats, state: TrainingState, rng: np.random.Generator) -> Floats:
    """The change with some of its places exchanged."""
    spoiled = change.copy()
    places = rng.choice(change.size, round(PERMUTED_PART * change.size), replace=False)
    spoiled[places] = spoiled[rng.permutation(places)]
    return spoiled


def _same(change: Floats, state: TrainingState, rng: np.random.Generator) -> Floats:
    return change


def _work(
    cheat: str, manifest: Manifest, network: FlatNetwork, corpus: TrainingCorpus
) -> WindowWork:
    remembering = Remembering()
    changes: dict[str, Change] = {
        "scaled": lambda change, state, rng: change * SCALE,
        "sign-flipped": lambda change, state, rng: -change,
        "random": noise,
        "stale": remembering.stale,
        "poisoned": poisoned,
        "replayer": remembering.aggregate,
    }
    copies = {"copier": _same, "copier-permuted": permuted, "copier-noise": noisy}
    skips = {"skip-1": 0.01, "skip-10": 0.1, "skip-50": 0.5}
    others: dict[str, type[WindowWork]] = {
        "easy-data": EasyDataWork,
        "wrong-batch": WrongBatchWork,
        "low-precision": LowPrecisionWork,
        "forged-moments": ForgingWork,
    }
    if cheat in changes:
        return ChangingWork(manifest, network, corpus, changes[cheat])
    if cheat in copies:
        return ChangingWork(manifest, network, corpus, copies[cheat], as_another=True)
    if cheat in skips:
        runner = SkippingRunner(manifest.inner.steps, skips[cheat])
        return WindowWork(manifest, network, corpus, runner)
    return others[cheat](manifest, network, corpus)


class CheatingProcess(TrainerProcess):
    """A trainer whose windows are computed by a cheat; all else is honest."""

    def __init__(self, run: RunFolder, cheat: str) -> None:
        super().__init__(run)
        self._work = _work(cheat, self._manifest, self._network, run.corpus)


def open_cheat(settings: CheatSettings) -> Callable[[TrainerRequest, WorkerCall], object]:
    """Load the run that ``settings`` name, and return what answers calls about it."""
    return CheatingProcess(RunFolder.open(Path(settings.folder)), settings.cheat)
