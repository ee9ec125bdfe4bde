"""A window's steps in several processes, by torch's own launcher (torchrun).

A peer with several GPUs divides each step's sequences among as many processes; on a CPU they talk
by gloo, which is for tests. All of a window is handed over in files, and nothing lives on between
windows: whatever happened to a process ends with its window. The result differs from that of one
process in the last bits, because the sum over sequences is made in another order; so the number of
processes belongs to a run's machine profile.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from assay.errors import UserError
from assay.protocol.training.manifest import Inner, Machine
from assay.scoring.training.shapes import Floats
from assay.training.inner import Moments, Reached, Tokens, WindowDone
from assay.training.network import FlatNetwork
from assay.training.ranks import RankJob, RankStep, put_job, take_result

MODULE: Final = "assay.training.ranks"
LOCAL: Final = "--local-addr=127.0.0.1"
"""All processes are here; the launcher would otherwise ask for this machine's name."""
STOP_S: Final = 10.0
"""Within which the launcher ends its processes after SIGTERM; it gives each of them five."""


class ParallelRunner:
    """Takes a window's steps in ``processes`` processes, with the model in the folder ``model``.
    Called as ``run_window`` is."""

    def __init__(self, model: Path, processes: int) -> None:
        self._model, self._processes = model, processes

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
        """As ``run_window``, but that ``reached`` is called once all is done, and that ``told``
        cannot end the window early; UserError for batches that do not divide among the processes,
        and for processes that end before the window."""
        tokens = np.stack(list(batches))
        if tokens.shape[1] % self._processes:
            raise UserError(
                f"A step's {tokens.shape[1]} sequences do not divide among"
                f" {self._processes} processes.",
                "Choose a number of processes that divides the run's batch.",
            )
        with tempfile.TemporaryDirectory(prefix="assay-window-") as made:
            folder = Path(made)
            keeps = reached is not None
            job = RankJob(str(self._model), terms, machine, moments.steps, keeps)
            put_job(folder, job, start, moments, tokens)
            self._launch(folder, told)
            return take_result(folder, job, reached)

    def _launch(self, folder: Path, told: Callable[[int, float], None]) -> None:
        launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", LOCAL)
        count = f"--nproc-per-node={self._processes}"
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            # Likewise gloo.
            "GLOO_SOCKET_IFNAME": "lo",
        }
        with subprocess.Popen(
            (*launcher, count, "-m", MODULE, str(folder)),
            stdout=subprocess.PIPE,
            env=environment,
        ) as process:
            try:
                fault = _follow(process, told)
                code = process.wait()
            except BaseException:
                _stop(process)
                raise
        if fault is not None:
            raise FloatingPointError(fault)
        if code:
            raise UserError(
                f"The {self._processes} processes of a window ended with code {code}.",
                "The trainer's log says why.",
            )


def _follow(process: subprocess.Popen[bytes], told: Callable[[int, float], None]) -> str | None:
    """Hand on what the first process tells; the fault that it names, if it does."""
    assert process.stdout is not None  # it is a pipe
    fault = None
    for line in process.stdout:
        try:
            step = msgspec.json.decode(line, type=RankStep)
        except msgspec.MsgspecError:
            sys.stdout.write(line.decode(errors="replace"))  # a library's, for the log
            continue
        if step.fault is not None:
            fault = fault or step.fault
        else:
            told(step.step, step.loss)
    return fault


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    process.kill()
