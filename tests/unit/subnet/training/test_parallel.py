"""A window's steps in two processes: those of one but for the last bits; and faults are told."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from assay.clock import SystemClock
from assay.errors import UserError
from assay.training.inner import Moments, WindowDone, run_window
from assay.training.network import FlatNetwork
from assay.training.order import assigned
from assay.training.parallel import ParallelRunner
from assay.training.run_folder import RunFolder
from assay.training.state import array_root
from assay.training.stored import parse_carried
from assay.training.trainer import Trainer
from assay.training.work import relative_distance
from assay.workers import Workers
from tests.unit.subnet.training.runs import small_run

PROCESSES = 2


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return small_run(tmp_path_factory.mktemp("run"))


def held(path: str) -> bytes:
    return Path(path).read_bytes()


def batches(run: RunFolder) -> Iterator[np.ndarray]:
    data, inner = run.manifest.data, run.manifest.inner
    numbers = assigned(
        seed=data.seed, sequences=run.corpus.sequences(data.context), cursor=0, place=0,
        count=inner.steps * data.batch,
    )  # fmt: skip
    return (run.corpus.batch(part, data.context) for part in numbers.reshape(-1, data.batch))


@pytest.fixture(scope="module")
def together(run: RunFolder) -> tuple[WindowDone, list[int]]:
    """A window in two processes, and the steps that were told. To start them takes seconds."""
    network, manifest = FlatNetwork.load(run.model), run.manifest
    told: list[int] = []
    done = ParallelRunner(run.model, PROCESSES)(
        network, manifest.inner, manifest.machine, network.take(),
        Moments.none(network.shape.size), batches(run), lambda step, loss: told.append(step),
    )  # fmt: skip
    return done, told


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(
    run: RunFolder, together: tuple[WindowDone, list[int]]
) -> None:
    network, manifest = FlatNetwork.load(run.model), run.manifest
    start = network.take()
    alone = run_window(
        network, manifest.inner, manifest.machine, start, Moments.none(start.size), batches(run)
    )
    done, told = together
    assert told == list(range(1, manifest.inner.steps + 1))
    assert relative_distance(done.end - start, alone.end - start) < 1e-4
    assert done.losses == pytest.approx(alone.losses, abs=1e-4)
    assert done.moments.steps == alone.moments.steps
    assert relative_distance(done.moments.second, alone.moments.second) < 1e-3
    assert len(done.boundaries) == len(alone.boundaries)


@pytest.mark.slow
def test_a_caller_that_gives_up_ends_the_processes(run: RunFolder) -> None:
    network, manifest = FlatNetwork.load(run.model), run.manifest

    def give_up(step: int, loss: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ParallelRunner(run.model, PROCESSES)(
            network, manifest.inner, manifest.machine, network.take(),
            Moments.none(network.shape.size), batches(run), give_up,
        )  # fmt: skip


@pytest.mark.slow
def test_what_goes_wrong_in_the_processes_is_told(run: RunFolder, tmp_path: Path) -> None:
    network, manifest = FlatNetwork.load(run.model), run.manifest
    size = network.shape.size
    wild = Moments(np.full(size, 1e30, np.float32), np.full(size, -1.0, np.float32), 7)

    def compute(runner: ParallelRunner, moments: Moments) -> WindowDone:
        return runner(
            network, manifest.inner, manifest.machine, network.take(), moments, batches(run),
            lambda step, loss: None,
        )  # fmt: skip

    with pytest.raises(FloatingPointError, match="loss"):
        compute(ParallelRunner(run.model, PROCESSES), wild)
    with pytest.raises(UserError, match="ended with code"):
        compute(ParallelRunner(tmp_path / "nothing", PROCESSES), Moments.none(size))
    with pytest.raises(UserError, match="do not divide"):
        compute(ParallelRunner(run.model, 3), Moments.none(size))


@pytest.mark.slow
async def test_a_trainer_of_two_processes_has_the_same_bits_again(
    run: RunFolder, together: tuple[WindowDone, list[int]], tmp_path: Path
) -> None:
    workers = Workers(tmp_path / "workers", SystemClock(), random.Random(0))
    try:
        trainer = await Trainer.start(workers, run, processes=PROCESSES)
        assert trainer.facts.machine.processes == PROCESSES
        assert trainer.facts.machine.difference(run.manifest.machine) is not None
        state = await trainer.first(tmp_path / "state")
        done = await trainer.compute(Path(state.path), None, 0, tmp_path / "w")
    finally:
        await workers.close()
    carried = parse_carried(held(done.carried), FlatNetwork.load(run.model).shape)
    assert np.array_equal(carried.moments.first, together[0].moments.first)
    assert done.end == array_root("model", together[0].end)
    assert done.boundaries == list(together[0].boundaries)


def test_a_batch_that_does_not_divide_among_a_runs_processes_is_no_run(run: RunFolder) -> None:
    machine = msgspec.structs.replace(run.manifest.machine, processes=3)
    with pytest.raises(ValueError, match="do not divide among 3 processes"):
        msgspec.structs.replace(run.manifest, machine=machine).check()
