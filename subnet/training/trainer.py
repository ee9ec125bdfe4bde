"""A neuron's trainer: the handle of a process that computes a run's windows.

    trainer = await Trainer.start(context.workers, run)
    state = await trainer.first(folder / "state-0")
    done = await trainer.compute(Path(state.path), None, place, folder / "window-0")

All arrays stay in the process and in files; the neuron sees paths, roots and numbers. A call ends
with its reply or a ``WorkerError``; a call that is given up ends in the process too, at its next
step. Files are written atomically: after a crash the old one stands there, or the new one. Who the
peers are, and what is on chain, is not known here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from loguru import logger

from assay.spawn import compute_environment
from assay.training.messages import (
    STOP,
    Checked,
    CheckSteps,
    CheckWindow,
    CompareMessages,
    Computed,
    ComputeWindow,
    CopyFound,
    Counted,
    DescribeRun,
    ExportedModel,
    ExportModel,
    FoldedRef,
    FoldWindow,
    MakeFirst,
    MakeNewcomer,
    MeasureHeldOut,
    OpenedFile,
    ReadState,
    RunFacts,
    SkipWindow,
    StateRef,
    StepDone,
    TakeSteps,
    TrainerRequest,
    TrainerSettings,
    Weighed,
    WeighMessages,
    Worth,
)
from assay.training.run_folder import RunFolder
from assay.workers import Worker, Workers, WorkerSpec

Rep = TypeVar("Rep")

WINDOW_DEADLINE_S: Final = 3_600.0
"""For a window's steps, where the caller does not say: a public window of 20 minutes, three times.
Callers who know their schedule give less."""
CALL_DEADLINE_S: Final = 600.0
"""For everything else: a fold of 100 million numbers takes seconds, a held-out loss a minute."""
START_DEADLINE_S: Final = 300.0
"""Within which torch, the model and the corpus are there; all their bytes are hashed."""
CANCEL_GRACE_S: Final = 10.0
"""A step of a large model on two cores, after which a given-up call ends by itself."""
HELD_OUT_SEQUENCES: Final = 256
"""For a held-out loss: of 128 tokens each, its standard error is about 0.02 nats."""


class Trainer:
    """The trainer of one run. ``start`` makes it; it ends with the ``Workers`` it was started
    in."""

    def __init__(self, worker: Worker, run: RunFolder, facts: RunFacts) -> None:
        self._worker = worker
        self.run = run
        self.facts = facts

    @classmethod
    async def start(
        cls,
        workers: Workers,
        run: RunFolder,
        *,
        name: str = "trainer",
        niceness: int = 0,
        threads: int | None = None,
        processes: int | None = None,
    ) -> Trainer:
        """Start the process ``name`` for ``run``; it takes calls when this returns.

        ``threads`` is what its libraries may use outside of a window's steps, whose threads the
        manifest names; by default the same. ``processes`` is among how many the process divides a
        window's steps, each on a device of its own where there are GPUs; by default as the manifest
        says. A machine that differs from the manifest's is told in the log. WorkerNotStarted if the
        run cannot be loaded.
        """
        machine = run.manifest.machine
        worker = await workers.start(
            WorkerSpec(
                name,
                "assay.training.worker:open_trainer",
                TrainerSettings(str(run.path), processes or machine.processes),
                environment=compute_environment(threads=threads or machine.threads),
                niceness=niceness,
                start_deadline_s=START_DEADLINE_S,
                cancel_grace_s=CANCEL_GRACE_S,
            )
        )
        facts = await worker.call(DescribeRun(), RunFacts, deadline_s=CALL_DEADLINE_S)
        if (difference := facts.machine.difference(machine)) is not None:
            logger.warning("{}", difference)
        return cls(worker, run, facts)

    async def first(self, into: Path) -> StateRef:
        """Write the state before window 0 into the file ``into``."""
        return await self._call(MakeFirst(str(into)), StateRef)

    async def newcomer(self, into: Path) -> None:
        """Write what a newcomer carries into the file ``into``: zeros, and no steps."""
        await self._call(MakeNewcomer(str(into)), type(None))

    async def read_state(self, path: Path) -> StateRef:
        """Return what state the file ``path`` holds, whose hash is checked; WorkerFailed for
        anything else."""
        return await self._call(ReadState(str(path)), StateRef)

    async def compute(
        self,
        state: Path,
        carried: Path | None,
        place: int,
        into: Path,
        told: Callable[[StepDone], None] = lambda done: None,
        *,
        way: Path | None = None,
        deadline_s: float = WINDOW_DEADLINE_S,
    ) -> Computed:
        """Compute the window that begins from ``state`` as the peer at ``place``, and write the
        message and what is carried out of it into the folder ``into``.

        ``carried`` is what the peer carries into it, None for a newcomer. ``told`` is called after
        each step. The states on the way are kept in the folder ``way``, if one is named. ``finish``
        ends the window early, with the steps that were taken until then.
        """
        request = ComputeWindow(str(state), _named(carried), place, str(into), _named(way))
        return await self._call(request, Computed, deadline_s, told)

    async def take_steps(
        self,
        state: Path,
        carried: Path | None,
        place: int,
        last: int,
        into: Path,
        *,
        begin: Path | None = None,
        deadline_s: float = WINDOW_DEADLINE_S,
    ) -> None:
        """Write the state after the step ``last`` of the peer at ``place`` into the file ``into``:
        from the state on the way in the file ``begin``, or from the window's first step on."""
        request = TakeSteps(str(state), _named(carried), place, _named(begin), last, str(into))
        await self._call(request, type(None), deadline_s)

    async def check_steps(
        self,
        state: Path,
        carried: Path | None,
        place: int,
        last: int,
        end: Path,
        *,
        begin: Path | None = None,
        root: bytes | None = None,
        deadline_s: float = WINDOW_DEADLINE_S,
    ) -> Checked:
        """Take the steps of the peer at ``place`` from the state in the file ``begin``, or from the
        window's first step on, and compare with the state in ``end``, after the step ``last``.
        ``root`` is what the peer's seal names for that state, if it names it. ``carried`` and
        ``begin`` were found right before; whatever is wrong with ``end`` is a finding."""
        request = CheckSteps(
            str(state), _named(carried), place, _named(begin), last, str(end), root
        )
        return await self._call(request, Checked, deadline_s)

    @staticmethod
    def finish(into: Path) -> None:
        """End the window that is being computed into the folder ``into`` with the step under way; a
        window that several processes compute goes on to its end."""
        with contextlib.suppress(OSError):  # a full disk: the window's work then fails for it
            (into / STOP).touch()

    async def check(
        self,
        state: Path,
        carried: Path | None,
        place: int,
        message: Path,
        told: Callable[[StepDone], None] = lambda done: None,
        *,
        after_root: bytes | None = None,
        after: Path | None = None,
        begin: Path | None = None,
        steps: int | None = None,
        deadline_s: float = WINDOW_DEADLINE_S,
    ) -> Checked:
        """Compute the window of the peer at ``place`` again, of as many ``steps`` as its seal names
        (by default all), from what it ``carried`` into it, and compare with its opened
        ``message``, and with what it carries on: the object ``after_root``,
        whose hash is enough where the bits are equal, and else its bytes in the file ``after``.
        With ``begin``, a file with a state on the way that was found right, only the steps behind
        it are taken. Whatever is wrong with what the peer made is a finding, and no error."""
        request = CheckWindow(
            str(state),
            _named(carried),
            place,
            str(message),
            after_root,
            _named(after),
            _named(begin),
            steps,
        )
        return await self._call(request, Checked, deadline_s, told)

    async def fold(
        self, state: Path, messages: Sequence[Counted], read: int, into: Path
    ) -> FoldedRef:
        """Write what ``state`` becomes after a window that counts ``messages`` and read so many
        sequences into the file ``into``."""
        return await self._call(FoldWindow(str(state), list(messages), read, str(into)), FoldedRef)

    async def skip(self, state: Path, into: Path) -> StateRef:
        """Write what ``state`` becomes after a void window into the file ``into``."""
        return await self._call(SkipWindow(str(state), str(into)), StateRef)

    async def worth(
        self,
        state: Path,
        messages: Sequence[Weighed],
        *,
        sequences: int,
        seed: int,
        deadline_s: float = CALL_DEADLINE_S,
    ) -> list[Worth]:
        """Return by how much the loss of ``state`` falls by each of ``messages`` alone, on so many
        ``sequences`` of each kind, drawn by ``seed``."""
        return await self._call(
            WeighMessages(str(state), list(messages), sequences, seed), list[Worth], deadline_s
        )

    async def copies(
        self, state: Path, messages: Sequence[OpenedFile], *, key: int
    ) -> list[CopyFound]:
        """Return the copies among ``messages`` of the window that begins from ``state``, which come
        in the order in which they were committed. ``key`` is drawn after them."""
        request = CompareMessages(str(state), list(messages), key)
        return await self._call(request, list[CopyFound])

    async def held_out(self, state: Path, *, sequences: int = HELD_OUT_SEQUENCES) -> float:
        """Return the loss of ``state`` on up to so many held-out ``sequences``, in nats a token."""
        return await self._call(MeasureHeldOut(str(state), sequences), float)

    async def export(self, state: Path, into: Path) -> ExportedModel:
        """Write the model of ``state`` into the folder ``into``, in the standard form and with its
        lineage, and return its root and that lineage."""
        return await self._call(ExportModel(str(state), str(into)), ExportedModel)

    async def _call(
        self,
        request: TrainerRequest,
        reply: type[Rep],
        deadline_s: float = CALL_DEADLINE_S,
        told: Callable[[Any], None] | None = None,
    ) -> Rep:
        return await self._worker.call(
            request, reply, deadline_s=deadline_s, progress=told, progress_type=StepDone
        )


def _named(path: Path | None) -> str | None:
    return None if path is None else str(path)
