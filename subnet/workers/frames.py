"""What goes over the line between a neuron and its worker: frames of MessagePack, each with its
length in four bytes before it.

The neuron sends one ``Opening``, then ``Ask`` and ``Cancel``; the worker sends one ``Ready``, then
for each ``Ask`` any number of ``Progress`` and one ``WorkerReply``, ``Failure`` or ``Cancelled``.
Bodies are MessagePack within MessagePack: this module does not know their types.

A frame that is longer than agreed is refused before it is read.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from assay.outcome import SourceLine

PREFIX: Final = struct.Struct(">I")
"""A frame's length: at most 4 GiB, and in earnest at most what the worker's specification says."""
FRAME_EXTRA_BYTES: Final = 65_536
"""What a frame holds besides its body: a number, an error's words, or all of ``sys.path``."""


class Opening(msgspec.Struct, frozen=True, tag="opening"):
    """The first frame to a worker. ``path`` is where modules are searched for."""

    settings: msgspec.Raw
    path: list[str]


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """One call."""

    number: int
    body: msgspec.Raw


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """The caller of this call has given up."""

    number: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The worker takes calls."""


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far a call has come, in the worker's own terms."""

    number: int
    body: msgspec.Raw


class WorkerReply(msgspec.Struct, frozen=True, tag="reply"):
    """What a call came to."""

    number: int
    body: msgspec.Raw


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """The worker's function raised. ``cause`` is one sentence; the traceback is in the log."""

    number: int
    cause: str
    at: SourceLine | None


class Cancelled(msgspec.Struct, frozen=True, tag="cancelled"):
    """The worker's function heeded the cancellation."""

    number: int


ToWorker = Opening | Ask | Cancel
FromWorker = Ready | Progress | WorkerReply | Failure | Cancelled


class BadFrame(Exception):
    """What came over the line is no frame, or a longer one than agreed."""


def encode(frame: ToWorker | FromWorker, body_bytes_max: int) -> bytes:
    """The frame with its length before it. BadFrame if its body is longer than allowed."""
    data = msgspec.msgpack.encode(frame)
    check_length(len(data), body_bytes_max)
    return PREFIX.pack(len(data)) + data


def check_length(length: int, body_bytes_max: int) -> None:
    """BadFrame if a frame of ``length`` bytes cannot hold a body that is allowed."""
    if length > body_bytes_max + FRAME_EXTRA_BYTES:
        raise BadFrame(f"a frame of {length:,} bytes, where bodies may have {body_bytes_max:,}")


_TO_WORKER: Final = msgspec.msgpack.Decoder(ToWorker)
_FROM_WORKER: Final = msgspec.msgpack.Decoder(FromWorker)


def decode_to_worker(data: bytes) -> ToWorker:
    """The frame that a neuron sent; BadFrame if it is none."""
    try:
        frame: ToWorker = _TO_WORKER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadFrame(str(error)) from error
    return frame


def decode_from_worker(data: bytes) -> FromWorker:
    """The frame that a worker sent; BadFrame if it is none."""
    try:
        frame: FromWorker = _FROM_WORKER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadFrame(str(error)) from error
    return frame
