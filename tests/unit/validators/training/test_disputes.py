"""Disputes under real validators: the wrong step is named, and differences of machines, which grow
over a whole window, convict nobody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from assay.lab.cheats.training.computing import wrong_step
from assay.neuron import Caller, TaskContext, Verdict
from assay.protocol.training.asking import StepHeld, WhichStep
from assay.protocol.training.manifest import AuditTerms, Inner, Machine
from assay.protocol.training.schedule import Phase
from assay.scoring.training.shapes import Floats
from assay.training.inner import Moments, Reached, StepState, Tokens, WindowDone, run_window
from assay.training.network import FlatNetwork
from assay.training.run_folder import RunFolder
from assay.training.state import array_root
from assay.training.work import WindowWork
from assay.training.worker import TrainerProcess
from tests.unit.miners.training.net import LocalMiner
from tests.unit.subnet.training.local_workers import LocalWorker
from tests.unit.subnet.training.runs import INNER
from tests.unit.validators.training.judged import JudgedNet, judged_net, told

ALL = {"audit_share": 1.0, "worth_sequences": 0, "copies": False}
OFF = 2e-4
"""By so much of its own change each step of the drifting machine lies off, always to one side."""
TOLERATED = AuditTerms(share=0.5, distance=2.2e-4)


def drifting(
    network: FlatNetwork, terms: Inner, machine: Machine, start: Floats, moments: Moments,
    batches: Iterable[Tokens], told: Any, reached: Reached | None = None,
) -> WindowDone:  # fmt: skip
    """``run_window`` on a machine whose every step lies off by a little."""
    leans = np.random.default_rng(5).standard_normal(start.size)
    leans /= np.linalg.norm(leans)
    one = msgspec.structs.replace(terms, steps=1, boundaries=0)
    boundaries: list[bytes] = []
    losses: list[float] = []
    for number, batch in zip(range(1, terms.steps + 1), batches, strict=False):
        done = run_window(network, one, machine, start, moments, [batch])
        off = leans * (OFF * np.linalg.norm(done.end - start))
        start, moments = (done.end + off).astype(np.float32), done.moments
        losses += done.losses
        told(number, losses[-1])
        if number in terms.boundary_steps:
            boundaries.append(array_root("model", start))
            if reached is not None:
                reached(StepState(number, start, moments))
    return WindowDone(start, moments, tuple(boundaries), tuple(losses))


class DriftingMiner(LocalMiner):
    """A miner on such a machine."""

    def __init__(self, run: RunFolder) -> None:
        super().__init__()
        self._process = TrainerProcess(run)
        network, manifest = self._process._network, run.manifest
        self._process._work = WindowWork(manifest, network, run.corpus, drifting)

    async def start(self, context: TaskContext) -> None:
        workers: Any = OneProcess(self._process)
        await super().start(replace(context, workers=workers))


class OneProcess:
    """Starts the one process that a drifting miner has."""

    def __init__(self, process: TrainerProcess) -> None:
        self._process = process

    async def start(self, spec: object) -> Any:
        return LocalWorker(self._process)


class SilentMiner(DriftingMiner):
    """One that gives no states on its way."""

    async def which_step(self, request: WhichStep, caller: Caller) -> StepHeld:
        return StepHeld(root=None)


def of_last(judged: JudgedNet) -> list[Verdict]:
    """The first validator's verdicts on the last miner."""
    return judged.judges[0].of(judged.net.seats[-1].hotkey)


async def test_the_step_that_is_wrong_is_named(tmp_path: Path) -> None:
    async with judged_net(tmp_path, 1, validators=1, settings=ALL, cheats=("wrong-batch",)) as net:
        await net.to_phase(2, Phase.UPLOAD)
        verdicts = of_last(net)
        assert any(verdict.forfeits for verdict in verdicts)
        step = wrong_step(INNER.steps)
        assert f"step {step} of the window is not what the step before gives" in str(verdicts)
        assert "audit_wrong" not in told(net.judges[0].of(net.net.seats[0].hotkey))


@pytest.mark.slow
@pytest.mark.parametrize("miner", [DriftingMiner, SilentMiner])
async def test_a_machine_that_drifts_is_judged_part_by_part(
    tmp_path: Path, miner: type[DriftingMiner]
) -> None:
    """And who gives no state that decides is convicted as one that hands over nothing."""
    async with judged_net(
        tmp_path, 1, validators=1, settings=ALL, audit=TOLERATED,
    ) as net:  # fmt: skip
        await net.net.add(7, miner=miner(net.net.run))
        await net.to_phase(4 if miner is SilentMiner else 2, Phase.EVALUATE)
        verdicts = of_last(net)
        if miner is SilentMiner:
            assert "it goes on, and has not handed over states on its way" in str(verdicts)
            assert any(verdict.forfeits for verdict in verdicts)
        else:
            assert "each of its 3 parts is what the state before leads to" in str(verdicts)
            assert [verdict.value for verdict in verdicts] == [1.0] * len(verdicts)
