"""What a peer needs to go on after a crash, in one file: the state, and what the peer carries.

A checkpoint is written whole or not at all (``kill -9`` leaves the one before), names its version
and its run, and is checked when it is read: the state's hash is computed anew. It is a safetensors
file, so that nothing in it is ever executed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta

from assay.errors import UserError
from assay.files import write_atomic
from assay.scoring.training.past import PublicPast
from assay.scoring.training.shapes import ModelShape
from assay.training.inner import Moments
from assay.training.state import TrainingState
from assay.training.work import CarriedOver

try:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file, save
except ImportError:
    from assay.models.source import inference_extra_missing

    raise inference_extra_missing() from None

VERSION: Final = 1
"""Of the file. Another version is refused: a peer catches up from the others instead."""
_NAMES: Final = (
    "model", "momentum", "rows", "columns", "leans", "first", "second", "feedback",
)  # fmt: skip


class CheckpointHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in a checkpoint beside its arrays."""

    version: int
    run: str
    state: str
    window: Annotated[int, Meta(ge=0)]
    cursor: Annotated[int, Meta(ge=0)]
    steps: Annotated[int, Meta(ge=0)]


def save_checkpoint(path: Path, run: bytes, state: TrainingState, carried: CarriedOver) -> None:
    """Write ``state`` and ``carried`` of the ``run`` into ``path``; durable when this returns."""
    head = CheckpointHead(
        version=VERSION,
        run=run.hex(),
        state=state.root.hex(),
        window=state.window,
        cursor=state.cursor,
        steps=carried.moments.steps,
    )
    arrays = (
        state.model, state.momentum, state.past.rows, state.past.columns, state.past.leans,
        carried.moments.first, carried.moments.second, carried.feedback,
    )  # fmt: skip
    held = {"head": msgspec.json.encode(head).decode()}
    write_atomic(path, save(dict(zip(_NAMES, arrays, strict=True)), metadata=held))


def load_checkpoint(
    path: Path, run: bytes, shape: ModelShape
) -> tuple[TrainingState, CarriedOver] | None:
    """Return the state and what is carried in ``path``; None if there is no such file. UserError
    for a file that is damaged, of another version or run, or of a model of another shape."""
    if not path.exists():
        return None
    try:
        head, arrays = _head(path), load_file(path)
        if head.version != VERSION:
            raise _refused(path, f"is of version {head.version}, and this is {VERSION}")
        if head.run != run.hex():
            raise _refused(path, "is of another run")
        state = TrainingState(
            shape=shape,
            window=head.window,
            cursor=head.cursor,
            model=arrays["model"],
            momentum=arrays["momentum"],
            past=PublicPast(arrays["rows"], arrays["columns"], arrays["leans"]),
        )
        carried = _carried(arrays, head.steps, shape.size)
    except (OSError, ValueError, KeyError, msgspec.MsgspecError, SafetensorError) as error:
        raise _refused(path, f"is damaged ({error})") from None
    if state.root.hex() != head.state:
        raise _refused(path, "is damaged (its state has another hash)")
    return state, carried


def _head(path: Path) -> CheckpointHead:
    """Read the head. The first eight bytes of the file say how long it is."""
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        if size > 2**20:
            raise ValueError("its head is too long")
        held = json.loads(stream.read(size))["__metadata__"]["head"]
    return msgspec.json.decode(held, type=CheckpointHead)


def _carried(arrays: dict[str, Any], steps: int, size: int) -> CarriedOver:
    for name in ("first", "second", "feedback"):
        if arrays[name].shape != (size,) or arrays[name].dtype != np.float32:
            raise ValueError(f"{name} has another size than the model")
    return CarriedOver(Moments(arrays["first"], arrays["second"], steps), arrays["feedback"])


def _refused(path: Path, how: str) -> UserError:
    return UserError(
        f"The checkpoint {path} {how}.", "Remove it: the peer then catches up from the others."
    )
