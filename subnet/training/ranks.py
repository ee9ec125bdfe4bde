"""One of several processes that take a window's steps together: what torchrun starts.

    python -m torch.distributed.run --standalone --nproc-per-node N -m assay.training.ranks FOLDER

The folder holds the window (``RankJob`` and arrays); each process takes an equal part of each
step's sequences, and torch's DistributedDataParallel averages the gradients, so that all hold the
same numbers after each step. The first process writes a line of JSON for each step, and the result
into the folder. What the steps are for is not known here; ``parallel`` starts all this.
"""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.protocol.training.manifest import Inner, Machine
from assay.training.inner import Moments, Reached, StepState, WindowDone, run_window
from assay.training.network import FlatNetwork

try:
    import torch
    from safetensors.numpy import load_file, save_file
except ImportError:
    from assay.models.source import inference_extra_missing

    raise inference_extra_missing() from None

JOB, ARRAYS = "job.json", "arrays.safetensors"
RESULT, ENDED = "result.json", "end.safetensors"
WAY: Final = "way-{}.safetensors"
"""A state on the way, by its step."""
SILENCE_S: Final = 600.0
"""For how long the processes wait for one another at a step: a step takes seconds, and the first
one loads kernels."""


class RankJob(msgspec.Struct, frozen=True):
    """A window to compute: by the model in the folder ``model``, after ``steps_before`` steps.
    ``keeps`` the states on the way."""

    model: str
    inner: Inner
    machine: Machine
    steps_before: int
    keeps: bool = False


class RankStep(msgspec.Struct, frozen=True):
    """A line of the first process: a step is done, or ``fault`` says why no more will be."""

    step: int
    loss: float
    fault: str | None = None


class RankResult(msgspec.Struct, frozen=True):
    """What a window came to beside its arrays."""

    boundaries: list[bytes]
    losses: list[float]


def put_job(
    folder: Path, job: RankJob, start: Any, moments: Moments, tokens: NDArray[np.int64]
) -> None:
    """Write a window into ``folder``: ``tokens`` has the shape (steps, sequences, context + 1)."""
    arrays = {"start": start, "first": moments.first, "second": moments.second, "tokens": tokens}
    save_file(arrays, folder / ARRAYS)
    (folder / JOB).write_bytes(msgspec.json.encode(job))


def take_result(folder: Path, job: RankJob, reached: Reached | None = None) -> WindowDone:
    """Return what the first process wrote into ``folder`` for ``job``; ``reached`` is given each
    state on the way that was kept."""
    told = msgspec.json.decode((folder / RESULT).read_bytes(), type=RankResult)
    for step in job.inner.boundary_steps:
        if reached is None:
            break
        way = load_file(folder / WAY.format(step))
        moments = Moments(way["first"], way["second"], job.steps_before + step)
        reached(StepState(step, way["end"], moments))
    arrays = load_file(folder / ENDED)
    moments = Moments(arrays["first"], arrays["second"], job.steps_before + len(told.losses))
    return WindowDone(arrays["end"], moments, tuple(told.boundaries), tuple(told.losses))


def main(arguments: Sequence[str]) -> int:
    """Compute this process's part of the window in the folder that ``arguments`` name."""
    folder = Path(arguments[0])
    job = msgspec.json.decode((folder / JOB).read_bytes(), type=RankJob)
    arrays = load_file(folder / ARRAYS)
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    on_gpu = job.machine.device == "cuda"
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpu else None
    if device is not None:
        torch.cuda.set_device(device)
    torch.distributed.init_process_group(
        "nccl" if on_gpu else "gloo", timeout=datetime.timedelta(seconds=SILENCE_S)
    )
    try:
        network = FlatNetwork.load(Path(job.model))
        if device is not None:
            network.network.to(device)
        together = torch.nn.parallel.DistributedDataParallel(network.network)
        losses: list[float] = []

        def told(step: int, loss: float) -> None:
            mean = torch.tensor(loss, dtype=torch.float64, device=device)
            torch.distributed.all_reduce(mean)
            losses.append(float(mean) / count)
            if rank == 0:
                _tell(RankStep(step, losses[-1]))

        tokens = arrays["tokens"]
        part = tokens.shape[1] // count
        own = tokens[:, rank * part : (rank + 1) * part]
        moments = Moments(arrays["first"], arrays["second"], job.steps_before)

        def keep(state: StepState) -> None:
            _put_ends(folder / WAY.format(state.step), state.model, state.moments)

        keeps = keep if job.keeps and rank == 0 else None
        done = run_window(
            network, job.inner, job.machine, arrays["start"], moments, own, told, keeps, together
        )
        if rank == 0:
            _put_ends(folder / ENDED, done.end, done.moments)
            result = RankResult(list(done.boundaries), losses)
            (folder / RESULT).write_bytes(msgspec.json.encode(result))
    except FloatingPointError as error:
        _tell(RankStep(0, 0.0, str(error)))
        return 1
    finally:
        torch.distributed.destroy_process_group()
    return 0


def _put_ends(path: Path, model: Any, moments: Moments) -> None:
    save_file({"end": model, "first": moments.first, "second": moments.second}, path)


def _tell(step: RankStep) -> None:
    sys.stdout.write(msgspec.json.encode(step).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    # Without the interpreter's own end: a thread of torch that asks for the interpreter's lock
    # meanwhile is ended inside C++, which aborts the process, and the launcher takes a window that
    # is done for one that failed (once in some hundred windows on a busy machine).
    os._exit(code)
