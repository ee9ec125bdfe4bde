"""The profile of this machine, as a run's manifest names one.

Two machines of one profile compute a window to the same bits. On another profile the result lies
some 5e-5 of an update's length off (``Machine.difference`` says in what two profiles differ).
"""

from __future__ import annotations

from typing import Literal

from assay.models.source import inference_extra_missing
from assay.protocol.training.manifest import Machine

try:
    import torch
except ImportError:
    raise inference_extra_missing() from None


def this_machine(
    *,
    threads: int = 1,
    processes: int = 1,
    device: Literal["cpu", "cuda"] = "cpu",
    dtype: Literal["fp32", "bf16"] = "fp32",
) -> Machine:
    """Return the profile of windows that are computed here, by torch as it is installed, with so
    many ``threads`` in each of ``processes``, on ``device``, and in ``dtype``."""
    instructions = (
        torch.cuda.get_device_name()
        if device == "cuda"
        else torch.backends.cpu.get_cpu_capability()
    )
    return Machine(
        torch=str(torch.__version__),
        device=device,
        instructions=instructions[:64],
        threads=threads,
        dtype=dtype,
        processes=processes,
    )
