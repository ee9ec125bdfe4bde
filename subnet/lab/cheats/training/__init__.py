"""Training miners that take pay without the work, or do harm with it.

``computing`` cheats in the trainer's process: fewer steps, other data, other numbers, another's
message; everything else is an honest miner's. ``sealing`` cheats around it: what is shown, when,
and what is carried from window to window. ``TRAINING_CHEATS`` names them all.

What a cheat hopes for stands in its summary. All claim what an honest miner claims: their seals
name the full number of steps, and the moments' count of steps is right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from assay.errors import UserError
from assay.lab.around import Around
from assay.lab.cheats.training.sealing import (
    BombWork,
    HidingWork,
    LateWork,
    SelectiveWork,
    SwappingWork,
)
from assay.miners.training import TrainingMiner
from assay.miners.training.work import PeerWork
from assay.neuron import MinerTask, TaskContext
from assay.training.messages import TrainerSettings
from assay.workers import WorkerSpec

IN_THE_TRAINER: Final = {
    "skip-1": "leaves out one step in a hundred, at least one",
    "skip-10": "leaves out one step in ten",
    "skip-50": "leaves out every second step",
    "easy-data": "reads one batch again and again instead of its part of the data",
    "wrong-batch": "reads another batch than its own in one of a window's steps",
    "low-precision": "computes in bfloat16 what the run computes in float32",
    "scaled": "sends its change four times as large, to weigh more",
    "sign-flipped": "sends its change with the other sign",
    "random": "sends noise of the right length",
    "stale": "computes every second window, and sends the last change again in between",
    "poisoned": "takes all steps honestly, then adds what it wants to the change",
    "replayer": "sends what all peers together changed in the window before",
    "copier": "does the part of another peer, and sends that one's message",
    "copier-permuted": "sends another peer's message with some places exchanged",
    "copier-noise": "sends another peer's message under noise",
    "forged-moments": "sends the right message, and carries on moments that nobody computed",
}
"""What a trainer's process does otherwise; see ``computing``."""
AROUND_IT: Final[dict[str, tuple[str, type[PeerWork]]]] = {
    "late": ("shows its seal only after the deadline", LateWork),
    "selective-revealer": ("shows its key in every second window alone", SelectiveWork),
    "hider": ("hands nobody what it carries from window to window", HidingWork),
    "shape-bomb": ("seals a message of many times the size that the run allows", BombWork),
    "swapped-moments": ("carries into a window what left an older one", SwappingWork),
}
TRAINING_CHEATS: Final[dict[str, str]] = {
    **IN_THE_TRAINER,
    **{name: summary for name, (summary, _) in AROUND_IT.items()},
}


class CheatSettings(msgspec.Struct, frozen=True):
    """What a cheating trainer's process is started with."""

    folder: str
    cheat: str


@dataclass(frozen=True, slots=True)
class CheatingWorkers:
    """Starts trainers that cheat in place of honest ones."""

    inner: Any
    cheat: str

    async def start(self, spec: WorkerSpec) -> Any:
        """Start what ``spec`` asks for, or, of a trainer, the cheat in its place."""
        if isinstance(spec.settings, TrainerSettings):
            spec = replace(
                spec,
                reference="assay.lab.cheats.training.computing:open_cheat",
                settings=CheatSettings(spec.settings.folder, self.cheat),
            )
        return await self.inner.start(spec)


class WithTrainer(Around):
    """A training miner whose trainer cheats."""

    def __init__(self, honest: TrainingMiner, cheat: str) -> None:
        super().__init__(honest)
        self._cheat = cheat

    async def start(self, context: TaskContext) -> None:
        workers: Any = CheatingWorkers(context.workers, self._cheat)
        await super().start(replace(context, workers=workers))


def wrap_training(name: str) -> Callable[[MinerTask], MinerTask]:
    """Return what puts the training cheat called ``name`` around a training miner. That raises
    UserError for a miner of another task."""

    def wrap(honest: MinerTask) -> MinerTask:
        if not isinstance(honest, TrainingMiner):
            raise UserError(
                f"The task {honest.name} trains nothing, and {name} cheats in training.",
                "Use --cheat cached or --cheat garbage with it.",
            )
        if name in IN_THE_TRAINER:
            return WithTrainer(honest, name)
        honest.work_type = AROUND_IT[name][1]
        return honest

    return wrap
