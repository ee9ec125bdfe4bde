"""The process's side of a trainer: loads a run once, and answers calls about its windows.

``open_trainer`` is what ``assay.workers`` starts. Requests and replies are those of ``messages``;
arrays come from files and go into files. What others made (messages, what a peer carried) is read
under the run's own limits, and a fault in it is a finding and no error.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from assay.errors import UserError
from assay.files import raise_disk_error, read_limited, write_atomic
from assay.models.language import quiet
from assay.objects.tree import object_root
from assay.scoring.training.codec import bytes_max, estimate, extract
from assay.scoring.training.overlap import PlaceSketch, copies, sketch
from assay.scoring.training.refusal import DeltaRefused
from assay.training.exported import export_model
from assay.training.fold import OpenedMessage, fold, skip
from assay.training.inner import Enough, StepState, Tokens, run_window
from assay.training.lineage import Lineage
from assay.training.lineage_book import BOOK_BYTES_MAX
from assay.training.measure import Losses, mean_loss, sequence_losses
from assay.training.messages import (
    STOP,
    Checked,
    CheckSteps,
    CheckWindow,
    CompareMessages,
    Computed,
    ComputeWindow,
    CopyFound,
    DescribeRun,
    ExportedModel,
    ExportModel,
    FoldedRef,
    FoldWindow,
    MakeFirst,
    MakeNewcomer,
    MeasureHeldOut,
    ReadState,
    RunFacts,
    SkipWindow,
    StateRef,
    StepDone,
    TakeSteps,
    TrainerRequest,
    TrainerSettings,
    WeighMessages,
    Worth,
)
from assay.training.network import FlatNetwork
from assay.training.parallel import ParallelRunner
from assay.training.profile import this_machine
from assay.training.run_folder import RunFolder
from assay.training.sealed import message_hash
from assay.training.state import TrainingState, array_root
from assay.training.stored import (
    HEAD_BYTES_MAX,
    NotStored,
    pack_carried,
    pack_state,
    pack_step,
    parse_carried,
    parse_state,
    parse_step,
)
from assay.training.work import SPLIT_MAX, CarriedOver, WindowWork
from assay.workers import WorkerCall

MESSAGE: Final = "message"
CARRIED: Final = "carried"
ROWS: Final = 16
"""Sequences whose loss is computed at once: of 1,024 tokens with 50,000 kinds, 3 GB of logits."""


def open_trainer(settings: TrainerSettings) -> Callable[[TrainerRequest, WorkerCall], object]:
    """Load the run that ``settings`` name, and return what answers calls about it."""
    quiet()
    return TrainerProcess(RunFolder.open(Path(settings.folder)), settings.processes)


class TrainerProcess:
    """Answers calls about one run, one at a time."""

    def __init__(self, run: RunFolder, processes: int = 1) -> None:
        self._run, self._manifest, self._processes = run, run.manifest, processes
        self._network = FlatNetwork.load(run.model)
        if self._manifest.machine.device == "cuda":
            self._network.network.to("cuda")
        self._begun = self._network.take()
        """The numbers that the run starts from."""
        self._shape = self._network.shape
        runner = run_window if processes == 1 else ParallelRunner(run.model, processes)
        self._work = WindowWork(self._manifest, self._network, run.corpus, runner)
        self._policy = self._manifest.codec.policy
        arrays = self._shape.size * 4
        past = 8 * (int(self._shape.row_starts[-1]) + 2 * int(self._shape.column_starts[-1]))
        self._state_bytes_max = 2 * arrays + past + BOOK_BYTES_MAX + HEAD_BYTES_MAX
        self._carried_bytes_max = 3 * arrays + HEAD_BYTES_MAX
        self._answers: dict[type, Callable[[Any, WorkerCall], object]] = {
            DescribeRun: self._describe,
            MakeFirst: self._first,
            MakeNewcomer: self._newcomer,
            ReadState: self._read_state,
            ComputeWindow: self._compute,
            TakeSteps: self._take_steps,
            CheckWindow: self._check,
            CheckSteps: self._check_steps,
            FoldWindow: self._fold,
            SkipWindow: self._skip,
            WeighMessages: self._weigh,
            CompareMessages: self._compare,
            MeasureHeldOut: self._held_out,
            ExportModel: self._export,
        }

    def __call__(self, request: TrainerRequest, call: WorkerCall) -> object:
        """Return the reply to ``request``, of the type that ``messages`` pairs it with."""
        return self._answers[type(request)](request, call)

    def _describe(self, request: DescribeRun, call: WorkerCall) -> RunFacts:
        machine = self._manifest.machine
        return RunFacts(
            numbers=self._shape.size,
            read=self._work.read,
            message_bytes=estimate(self._shape, self._policy),
            message_bytes_max=bytes_max(self._shape, self._policy),
            carried_bytes_max=self._carried_bytes_max,
            state_bytes_max=self._state_bytes_max,
            machine=this_machine(
                threads=machine.threads,
                processes=self._processes,
                device=machine.device,
                dtype=machine.dtype,
            ),
        )

    def _first(self, request: MakeFirst, call: WorkerCall) -> StateRef:
        return self._put_state(TrainingState.first(self._shape, self._begun), request.into)

    def _newcomer(self, request: MakeNewcomer, call: WorkerCall) -> None:
        carried = pack_carried(CarriedOver.none(self._shape.size))
        write_atomic(Path(request.into), carried, make_folders=True)

    def _read_state(self, request: ReadState, call: WorkerCall) -> StateRef:
        return _ref(self._state(request.path), request.path)

    def _compute(self, request: ComputeWindow, call: WorkerCall) -> Computed:
        state, into, data = self._state(request.state), Path(request.into), self._manifest.data
        carried, way = self._own_carried(request.carried), request.way

        def keep(reached: StepState) -> None:
            assert way is not None, "states are kept where they go somewhere"
            write_atomic(Path(way) / str(reached.step), pack_step(reached), make_folders=True)

        telling, stop = self._telling(call), into / STOP

        def told(step: int, loss: float) -> None:
            telling(step, loss)
            if self._processes == 1 and stop.exists():
                raise Enough

        began_s = time.monotonic()
        done = self._work.compute(
            state, carried, request.place, told, None if way is None else keep
        )
        seconds = time.monotonic() - began_s
        write_atomic(into / CARRIED, pack_carried(done.after), make_folders=True)
        write_atomic(into / MESSAGE, done.message, make_folders=True)
        return Computed(
            message=str(into / MESSAGE),
            carried=str(into / CARRIED),
            state=state.root,
            window=state.window,
            cursor=state.cursor,
            steps=len(done.steps.losses),
            end=array_root("model", done.steps.end),
            boundaries=list(done.steps.boundaries),
            opened=message_hash(done.message),
            loss=float(np.mean(done.steps.losses)),
            tokens=len(done.steps.losses) * data.batch * data.context,
            seconds=seconds,
        )

    def _take_steps(self, request: TakeSteps, call: WorkerCall) -> None:
        state, carried = self._state(request.state), self._own_carried(request.carried)
        begin = None if request.begin is None else self._on_the_way(request.begin)
        telling = self._telling(call)
        done = self._work.take(state, carried, request.place, request.last, telling, begin=begin)
        reached = pack_step(StepState(request.last, done.end, done.moments))
        write_atomic(Path(request.into), reached, make_folders=True)

    def _check_steps(self, request: CheckSteps, call: WorkerCall) -> Checked:
        state, carried = self._state(request.state), self._own_carried(request.carried)
        begin = None if request.begin is None else self._on_the_way(request.begin)
        try:
            end = self._on_the_way(request.end)
        except NotStored as error:
            reason = f"the state that it gives for step {request.last} is none: {error}"
            return Checked(False, float("inf"), reason, 0.0)
        if end.step != request.last:
            reason = f"it gives the state after step {end.step} as that after step {request.last}"
            return Checked(False, float("inf"), reason, 0.0)
        if request.root is not None and array_root("model", end.model) != request.root:
            reason = f"the state that it gives for step {end.step} is not the one in its seal"
            return Checked(False, float("inf"), reason, 0.0)
        began_s = time.monotonic()
        telling = self._telling(call)
        found = self._work.check_steps(state, carried, request.place, begin, end, telling)
        return Checked(found.right, found.distance, found.reason, time.monotonic() - began_s)

    def _check(self, request: CheckWindow, call: WorkerCall) -> Checked:
        state = self._state(request.state)
        begin = None if request.begin is None else self._on_the_way(request.begin)
        try:
            carried = self._carried(request.carried)
            after = None if request.after is None else self._carried(request.after)
        except NotStored as error:
            reason = f"what it carried in or out of the window is not that: {error}"
            return Checked(False, float("inf"), reason, 0.0)
        message = self._message(request.message)
        began_s = time.monotonic()
        telling = self._telling(call)
        found = self._work.check(
            state, carried, request.place, message, telling, after, begin, request.steps
        )
        seconds = time.monotonic() - began_s
        root, allowed = request.after_root, self._manifest.audit.distance
        if root is None or found.after is None or after is not None:
            own = list(found.boundaries)
            return Checked(found.right, found.distance, found.reason, seconds, boundaries=own)
        near = found.right or found.distance <= SPLIT_MAX
        if allowed and near:
            differs = not found.right or root != object_root(pack_carried(found.after))
            return Checked(True, found.distance, found.reason, seconds, needs_after=differs)
        if found.right and root != object_root(pack_carried(found.after)):
            reason = "the message is right, and what it carries on is not what the steps give"
            return Checked(False, float("inf"), reason, seconds)
        own = list(found.boundaries)
        return Checked(found.right, found.distance, found.reason, seconds, boundaries=own)

    def _own_carried(self, path: str | None) -> CarriedOver:
        """What a peer carries, in a file that is known to be one; a newcomer's for None."""
        if path is None:
            return CarriedOver.none(self._shape.size)
        return parse_carried(self._read(path, self._carried_bytes_max), self._shape)

    def _on_the_way(self, path: str) -> StepState:
        """The state on the way in the file ``path``, which has as many numbers as what is
        carried."""
        return parse_step(self._taken(path, self._carried_bytes_max), self._shape)

    def _carried(self, path: str | None) -> CarriedOver:
        """What a peer carries, in a file that it has filled; a newcomer's for None."""
        if path is None:
            return CarriedOver.none(self._shape.size)
        return parse_carried(self._taken(path, self._carried_bytes_max), self._shape)

    def _fold(self, request: FoldWindow, call: WorkerCall) -> FoldedRef:
        opened = {
            each.uid: OpenedMessage(self._message(each.path), each.weight, each.hotkey)
            for each in request.messages
        }
        folded = fold(self._state(request.state), self._manifest, opened, read=request.read)
        return FoldedRef(
            self._put_state(folded.state, request.into), folded.factors, folded.refused
        )

    def _skip(self, request: SkipWindow, call: WorkerCall) -> StateRef:
        return self._put_state(skip(self._state(request.state)), request.into)

    def _weigh(self, request: WeighMessages, call: WorkerCall) -> list[Worth]:
        state = self._state(request.state)
        places = {each.place for each in request.messages} | {e.other for e in request.messages}
        context = self._manifest.data.context

        def some(kind: int, of: Any) -> Any:
            """Drawn for each kind by itself: what one message is weighed on does not depend on
            which others are weighed with it."""
            rng = np.random.default_rng((request.seed, kind))
            return rng.choice(of, min(request.sequences, np.size(of)), replace=False)

        drawn = {
            place: some(1 + place, self._work.assigned(state.cursor, place))
            for place in sorted(places)
        }
        held = some(0, np.arange(self._run.corpus.held_sequences(context)))

        def losses(given: TrainingState, places: set[int]) -> dict[int | None, Losses]:
            found: dict[int | None, Losses] = {None: self._losses(given, held, call, held=True)}
            return found | {place: self._losses(given, drawn[place], call) for place in places}

        base = losses(fold(state, self._manifest, {}, read=0).state, places)
        found = []
        for each in request.messages:
            alone = {each.uid: OpenedMessage(self._message(each.path), 1)}
            folded = fold(state, self._manifest, alone, read=0)
            if each.uid in folded.refused:
                found.append(Worth(each.uid, 0.0, 0.0, 0.0, refused=folded.refused[each.uid]))
                continue
            after = losses(folded.state, {each.place, each.other})
            drops = [_drop(base[at] - after[at]) for at in (None, each.place, each.other)]
            (held_drop, held_error), (own, own_error), (other, other_error) = drops
            apart_error = math.hypot(own_error, other_error)
            found.append(Worth(each.uid, held_drop, own, other, held_error, apart_error))
        return found

    def _compare(self, request: CompareMessages, call: WorkerCall) -> list[CopyFound]:
        state = self._state(request.state)
        uids: list[int] = []
        sketches: list[PlaceSketch] = []
        for each in request.messages:
            call.check()
            try:
                said = extract(self._message(each.path), self._shape, self._policy, state.past)
            except DeltaRefused:
                continue  # which is found where it is folded
            uids.append(each.uid)
            sketches.append(sketch(said, request.key))
        return [
            CopyFound(uids[each.later], uids[each.earlier], each.overlap)
            for each in copies(sketches)
        ]

    def _held_out(self, request: MeasureHeldOut, call: WorkerCall) -> float:
        count = self._run.corpus.held_sequences(self._manifest.data.context)
        taken = min(request.sequences, count)
        numbers = np.arange(taken, dtype=np.int64) * count // taken
        return self._loss(self._state(request.state), numbers, call, held=True)

    def _export(self, request: ExportModel, call: WorkerCall) -> ExportedModel:
        state = self._state(request.state)
        lineage = Lineage.of(
            self._run.root, self._manifest.name, state.lineage, state.root, state.head,
            state.head_path,
        )  # fmt: skip
        into = Path(request.into)
        root = export_model(self._network, self._run.model, state.model, lineage, into)
        return ExportedModel(root, lineage)

    def _losses(
        self, state: TrainingState, numbers: Any, call: WorkerCall, *, held: bool = False
    ) -> Losses:
        batches, machine = self._batches(numbers, held=held), self._manifest.machine
        return sequence_losses(self._network, machine, state.model, batches, call.check)

    def _loss(
        self, state: TrainingState, numbers: Any, call: WorkerCall, *, held: bool = False
    ) -> float:
        batches, machine = self._batches(numbers, held=held), self._manifest.machine
        return mean_loss(self._network, machine, state.model, batches, call.check)

    def _batches(self, numbers: Any, *, held: bool) -> Iterator[Tokens]:
        """The sequences with these ``numbers``, of the data that is held out or trained on."""
        corpus, context = self._run.corpus, self._manifest.data.context
        read = corpus.held_batch if held else corpus.batch
        for start in range(0, len(numbers), ROWS):
            yield read(numbers[start : start + ROWS], context)

    def _telling(self, call: WorkerCall) -> Callable[[int, float], None]:
        data, steps = self._manifest.data, self._manifest.inner.steps
        began_s = time.monotonic()

        def told(step: int, loss: float) -> None:
            passed_s = max(time.monotonic() - began_s, 1e-9)
            rate = step * data.batch * data.context / passed_s
            call.progress(StepDone(step, steps, loss, rate))

        return told

    def _state(self, path: str) -> TrainingState:
        return parse_state(self._read(path, self._state_bytes_max), self._shape)

    def _put_state(self, state: TrainingState, into: str) -> StateRef:
        write_atomic(Path(into), pack_state(state), make_folders=True)
        return _ref(state, into)

    def _message(self, path: str) -> bytes:
        return self._taken(path, bytes_max(self._shape, self._policy))

    def _read(self, path: str, size_bytes_max: int) -> bytes:
        """The bytes of an own file; UserError if it is missing or too long."""
        data = read_limited(Path(path), size_bytes_max)
        if data is None:
            raise UserError(f"There is no file {path}.", "Fetch or compute it first.")
        return data

    def _taken(self, path: str, size_bytes_max: int) -> bytes:
        """The bytes of a file that somebody else filled, and at most one byte more than allowed:
        what is too long is refused where it is parsed."""
        try:
            with Path(path).open("rb") as file:
                return file.read(size_bytes_max + 1)
        except OSError as error:
            raise_disk_error(error, Path(path))


def _drop(drops: Losses) -> tuple[float, float]:
    """Return the mean of what single sequences' losses fall by, and its standard error."""
    count = len(drops)
    error = float(np.std(drops, ddof=1)) / math.sqrt(count) if count > 1 else 0.0
    return float(np.mean(drops)), error


def _ref(state: TrainingState, path: str) -> StateRef:
    return StateRef(path, state.root, state.window, state.cursor)
