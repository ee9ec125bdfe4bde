"""A state, what a peer carries, and a state on a window's way, as bytes: for an object that others
fetch, and for a restart.

All are safetensors, so that nothing in them is ever executed, and have one form: the same arrays
give the same bytes, so that an object's root names them. What comes from others is parsed under the
limits of the run's own model before memory is spent on it. A state is checked by its hash when it
is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from assay.models.source import inference_extra_missing
from assay.scoring.training.past import PublicPast
from assay.scoring.training.shapes import ModelShape
from assay.training.inner import Moments, StepState
from assay.training.lineage_book import BOOK_BYTES_MAX, LineageBook
from assay.training.state import TrainingState
from assay.training.work import CarriedOver

try:
    from safetensors import SafetensorError
    from safetensors.numpy import load, save
except ImportError:
    raise inference_extra_missing() from None

VERSION: Final = 2
"""Of these forms. Another version is refused: a peer catches up from the others instead. States of
version 1 had no lineage."""
HEAD_BYTES_MAX: Final = 4096
"""The head of each takes a kilobyte."""
COUNT_MAX: Final = 2**62
LINEAGE: Final = "lineage"
"""The array with the bytes of a state's lineage."""

Arrays = dict[str, NDArray[Any]]
Count = Annotated[int, Meta(ge=0, le=COUNT_MAX)]
Head = TypeVar("Head", "StoredStateHead", "CarriedHead", "StepHead")


class NotStored(ValueError):
    """Bytes that are not what they should be; the text is one sentence of why."""


class StoredStateHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in a stored state beside its arrays."""

    version: int
    window: Count
    cursor: Count
    root: str


class CarriedHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in what a peer carries beside its arrays."""

    version: int
    steps: Count


class StepHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in a stored state on the way beside its arrays: after which ``step`` of the window it
    stands, and how many ``steps`` the optimiser has taken."""

    version: int
    step: Count
    steps: Count


def pack_state(state: TrainingState) -> bytes:
    """Return ``state`` as bytes."""
    head = StoredStateHead(VERSION, state.window, state.cursor, state.root.hex())
    past = {"rows": state.past.rows, "columns": state.past.columns, "leans": state.past.leans}
    lineage = {LINEAGE: np.frombuffer(state.lineage.pack(), dtype=np.uint8)}
    return _pack({"model": state.model, "momentum": state.momentum, **past, **lineage}, head)


def parse_state(data: bytes, shape: ModelShape) -> TrainingState:
    """Return the state in ``data`` of a model of ``shape``; NotStored for anything else, and for a
    state whose hash is not the one it names."""
    numbers, (rows, columns) = shape.size, (shape.row_starts[-1], shape.column_starts[-1])
    head, arrays = _parse(
        data,
        StoredStateHead,
        {
            "columns": (int(columns), np.int64),
            "leans": (int(columns), np.int64),
            "model": (numbers, np.float32),
            "momentum": (numbers, np.float32),
            "rows": (int(rows), np.int64),
        },
        more=(LINEAGE, BOOK_BYTES_MAX),
    )
    past = PublicPast(arrays["rows"], arrays["columns"], arrays["leans"])
    try:
        state = TrainingState(
            shape, head.window, head.cursor, arrays["model"], arrays["momentum"], past,
            LineageBook.parse(arrays[LINEAGE].tobytes()),
        )  # fmt: skip
    except ValueError as error:
        raise NotStored(str(error)) from None
    if state.root.hex() != head.root:
        raise NotStored("the state has another hash than it names")
    return state


def pack_carried(carried: CarriedOver) -> bytes:
    """Return what a peer ``carried`` out of a window as bytes."""
    moments = carried.moments
    arrays = {"first": moments.first, "second": moments.second, "feedback": carried.feedback}
    return _pack(arrays, CarriedHead(VERSION, moments.steps))


def parse_carried(data: bytes, shape: ModelShape) -> CarriedOver:
    """Return what a peer carries, in ``data``, for a model of ``shape``; NotStored for anything
    else."""
    names = ("feedback", "first", "second")
    head, arrays = _parse(data, CarriedHead, dict.fromkeys(names, (shape.size, np.float32)))
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise NotStored("what is carried holds numbers that are not finite")
    return CarriedOver(Moments(arrays["first"], arrays["second"], head.steps), arrays["feedback"])


def pack_step(state: StepState) -> bytes:
    """Return a ``state`` on a window's way as bytes."""
    moments = state.moments
    arrays = {"first": moments.first, "model": state.model, "second": moments.second}
    return _pack(arrays, StepHead(VERSION, state.step, moments.steps))


def parse_step(data: bytes, shape: ModelShape) -> StepState:
    """Return the state on a window's way in ``data``, for a model of ``shape``; NotStored for
    anything else."""
    names = ("first", "model", "second")
    head, arrays = _parse(data, StepHead, dict.fromkeys(names, (shape.size, np.float32)))
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise NotStored("a state on the way holds numbers that are not finite")
    moments = Moments(arrays["first"], arrays["second"], head.steps)
    return StepState(head.step, arrays["model"], moments)


def _pack(arrays: Arrays, head: msgspec.Struct) -> bytes:
    held = {"head": msgspec.json.encode(head).decode()}
    packed: bytes = save(dict(sorted(arrays.items())), metadata=held)
    return packed


def _parse(
    data: bytes,
    kind: type[Head],
    wanted: Mapping[str, tuple[int, type[np.generic]]],
    more: tuple[str, int] | None = None,
) -> tuple[Head, Arrays]:
    """Return the head and the arrays in ``data``, which are flat, and of these counts and types.
    One ``more``, by its name, holds as many bytes as it does, up to a limit."""
    needed = sum(count * np.dtype(dtype).itemsize for count, dtype in wanted.values())
    if not needed <= len(data) <= needed + HEAD_BYTES_MAX + (0 if more is None else more[1]):
        raise NotStored(f"{needed} bytes of numbers are not in {len(data)} bytes")
    try:
        size = int.from_bytes(data[:8], "little")
        if size > HEAD_BYTES_MAX:
            raise NotStored("its head is too long")
        told = json.loads(data[8 : 8 + size])["__metadata__"]["head"]
        head = msgspec.json.decode(told, type=kind)
        arrays: Arrays = load(data)
    except (ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise NotStored(f"it cannot be read: {error}") from None
    if head.version != VERSION:
        raise NotStored(f"it is of another version than {VERSION}")
    found = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    if more is not None:
        (bytes_in, *_), dtype = found.pop(more[0], ((-1,), None))
        if dtype != np.uint8 or not 0 < bytes_in <= more[1]:
            raise NotStored(f"it holds no {more[0]} of at most {more[1]} bytes")
    if found != {name: ((count,), np.dtype(dtype)) for name, (count, dtype) in wanted.items()}:
        raise NotStored("it holds other arrays than the run's model has")
    if _pack(arrays, head) != data:
        raise NotStored("it has another form than its own")
    return head, arrays
