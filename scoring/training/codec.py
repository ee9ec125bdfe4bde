"""A trainer's change of a model as a message, and back.

    compress(change, shape, policy, feedback, past, gradients) -> message, new feedback
    extract(message, shape, policy, past)           -> what the message says
    estimate(shape, policy)                         -> its expected length

What is sent is chosen from the change and from what earlier messages left out (error feedback,
arXiv 1901.09847):

    a = change + decay x feedback,   new feedback = a - what the message says

The coded form sends the values with the largest |a| x gradient: by about so much each lowers the
loss. By |a| alone all of a message goes to values that the optimiser moves far for tiny gradients,
such as embeddings of tokens that hardly occur, and a run with a real vocabulary learns nothing.

The same arguments make the same bytes on every machine. A message is read under the limits of the
run's ``shape`` and ``policy`` before memory is spent on it; whatever is wrong with it raises
DeltaRefused. docs/reference/training-codec.md gives the format to the byte. Where messages come
from, who signed them and what is done with them is not known here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.scoring.training import chunked
from assay.scoring.training.past import (
    CLASSES,
    LEANINGS,
    Classes,
    PublicPast,
    place_classes,
    sign_expectations,
)
from assay.scoring.training.policy import CodecForm, CodecPolicy
from assay.scoring.training.rans import (
    LONGER,
    Integers,
    StreamReader,
    StreamWriter,
    geometric,
    yes_or_no,
)
from assay.scoring.training.refusal import DeltaRefused
from assay.scoring.training.selection import MAGNITUDE_MAX, MAGNITUDE_MIN, largest, mean_magnitudes
from assay.scoring.training.shapes import Floats, ModelShape, Places, SparseUpdate

SCALE_BITS: Final = 6
SCALES: Final = np.array(
    [0.0]
    + [
        math.ldexp(eighth, -((code - 1) // 8))
        for code in range(1, 1 << SCALE_BITS)
        for eighth in [(65536, 60097, 55109, 50535, 46341, 42495, 38968, 35734)[(code - 1) % 8]]
    ]
)
"""Magnitudes by their code, in 2**-16 of the message's unit: 0 for none, then falling by an eighth
of an octave each (65536 x 2**(-i/8), rounded), over 8 octaves. The rounding of at most 4.4 % goes
into the feedback; with twice as many steps a message is 1 % longer."""
LENGTH_BITS: Final = 6
"""In which the length of a class's count is written."""
PART_BITS: Final = 6
"""In which the part of expected signs, or of the upper magnitude, is written."""
HEADER_BYTES: Final = 2
"""The form, and the exponent of the message's unit plus 128."""


def compress(
    change: Floats,
    shape: ModelShape,
    policy: CodecPolicy,
    feedback: Floats,
    past: PublicPast,
    gradients: Floats | None = None,
) -> tuple[bytes, Floats]:
    """Return the message for a ``change`` of a model, and the new feedback.

    ``feedback`` is what the message before left out, zeros at first, and ``past`` what all
    trainers sent before. ``gradients`` are about how large each value's gradient is, without signs;
    None where they are not known, or alike. ValueError for arrays of another size than ``shape``,
    for numbers that are not finite, and for numbers beyond 2**40.
    """
    for array in (change, feedback) if gradients is None else (change, feedback, gradients):
        if array.shape != (shape.size,) or array.dtype != np.float32:
            raise ValueError(f"{shape.size} fp32 values are wanted, not {array.dtype}{array.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        wanted = feedback * np.float32(policy.feedback_decay)
        wanted += change
        sane = bool(np.all(np.abs(wanted) <= MAGNITUDE_MAX))
        if gradients is not None:
            sane = sane and bool(np.all((gradients >= 0) & (gradients <= MAGNITUDE_MAX)))
    if not sane:
        raise ValueError("a change has numbers that are not finite, or are beyond 2**40")
    if policy.form is CodecForm.CHUNKED:
        message = chunked.pack(wanted, shape, policy)
        said = extract(message, shape, policy, past)
    else:
        places = _chosen(wanted, gradients, shape, policy)
        message, said = _encode(wanted[places], places, shape, policy, past)
    wanted[said.places] -= said.values
    return message, wanted


def extract(
    message: bytes, shape: ModelShape, policy: CodecPolicy, past: PublicPast
) -> SparseUpdate:
    """Return what a ``message`` says; DeltaRefused if no trainer with this ``policy`` can have
    made it."""
    if len(message) > bytes_max(shape, policy):
        raise DeltaRefused(f"{len(message)} bytes are more than {policy.name} ever sends")
    if len(message) < HEADER_BYTES or message[0] != policy.form:
        raise DeltaRefused(f"the message is not of the form {policy.form.name}")
    if policy.form is CodecForm.CHUNKED:
        return chunked.unpack(message, shape, policy)
    return _decode(message, shape, policy, past)


def estimate(shape: ModelShape, policy: CodecPolicy) -> int:
    """Return how many bytes a message has, where nothing is known of what was sent before; what is
    known makes it shorter."""
    if policy.form is CodecForm.CHUNKED:
        return chunked.length(shape, policy)
    count = policy.count(shape)
    part = count / shape.size
    gap = -math.log2(part) - (1 - part) / part * math.log2(1 - part) if part < 1 else 0.0
    head = len(shape.tensors) * policy.levels * SCALE_BITS + 64
    return HEADER_BYTES + 4 + math.ceil((count * (gap + policy.levels) + head) / 8)


def bytes_max(shape: ModelShape, policy: CodecPolicy) -> int:
    """Return how many bytes a message has at most.

    A gap's symbol costs at most 14 bits and its raw bits fewer than a place's number has, a sign
    and an upper magnitude at most 7 bits each. There are at most a sixth as many symbols for longer
    gaps as values, of 14 bits each.
    """
    if policy.form is CodecForm.CHUNKED:
        return chunked.length(shape, policy)
    value_bits = 14 + shape.size.bit_length() + 7 + 7 + 3
    head = len(shape.tensors) * policy.levels * SCALE_BITS + CLASSES * 48 + 64
    return HEADER_BYTES + 8 + (policy.count(shape) * value_bits + head) // 8


def _chosen(
    wanted: Floats, gradients: Floats | None, shape: ModelShape, policy: CodecPolicy
) -> Places:
    sizes = np.abs(wanted)
    weighted = sizes.copy() if gradients is None else sizes * gradients
    weighted[sizes < MAGNITUDE_MIN] = 0.0
    for tensor, start in zip(shape.tensors, shape.starts, strict=False):
        weight = policy.weights[tensor.role]
        if weight != 1.0:
            weighted[start : start + tensor.size] *= np.float32(weight)
    return largest(weighted, policy.count(shape))


# --- what a message says of its values' magnitudes -----------------------------------------------


def _scales(
    values: Floats, tensors: Places, shape: ModelShape, levels: int
) -> tuple[int, Integers, NDArray[np.bool_]]:
    """Return the exponent of the message's unit, the codes of each tensor's magnitudes (tensors,
    ``levels``), and which of ``values`` have their tensor's upper one."""
    bounds = np.searchsorted(tensors, np.arange(len(shape.tensors) + 1))
    means = np.zeros((len(shape.tensors), levels))
    upper = np.zeros(values.size, dtype=np.bool_)
    for number, (start, end) in enumerate(itertools.pairwise(bounds)):
        if start < end:
            means[number], upper[start:end] = mean_magnitudes(values[start:end], levels)
    exponent = int(np.frexp(means.max())[1])
    # The falling scales' midpoints: a mean takes the code of the nearest scale.
    middles = (SCALES[1:-1] + SCALES[2:]) / 2
    codes = 1 + np.searchsorted(-middles, -np.ldexp(means, 16 - exponent), side="left")
    codes[bounds[:-1] == bounds[1:]] = 0
    return exponent, codes.astype(np.int64), upper


def _magnitudes(exponent: int, codes: Integers) -> NDArray[np.float32]:
    magnitudes: NDArray[np.float32] = np.ldexp(SCALES[codes], exponent - 16).astype(np.float32)
    return magnitudes


# --- what it says of their places ----------------------------------------------------------------


def _write_gaps(stream: StreamWriter, ranks: Places, places: int) -> None:
    """Write rising ``ranks`` among ``places``."""
    table, low_bits = geometric(ranks.size, places)
    gaps = np.diff(ranks, prepend=-1) - 1
    high = gaps >> low_bits
    ends = np.cumsum(high // LONGER + 1)
    symbols = np.full(int(ends[-1]), LONGER, dtype=np.int64)
    symbols[ends - 1] = high % LONGER
    stream.symbols(table, symbols)
    stream.raw(gaps & ((1 << low_bits) - 1), low_bits)


def _read_gaps(stream: StreamReader, count: int, places: int) -> Places:
    """Return ``count`` rising ranks among ``places``."""
    table, low_bits = geometric(count, places)
    symbols = stream.symbols(table, count)
    while missing := count - int(np.count_nonzero(symbols != LONGER)):
        if (symbols.size + missing - count) * LONGER << low_bits > places:
            raise DeltaRefused("gaps reach beyond the model")
        symbols = np.concatenate([symbols, stream.symbols(table, missing)])
    ends = np.flatnonzero(symbols != LONGER)
    high = (np.diff(ends, prepend=-1) - 1) * LONGER + symbols[ends]
    gaps = (high << low_bits) + stream.raw(low_bits, count)
    ranks = np.cumsum(gaps + 1) - 1
    if int(ranks[-1]) >= places:
        raise DeltaRefused("gaps reach beyond the model")
    return ranks


def _write_count(stream: StreamWriter, count: int) -> None:
    length = count.bit_length()
    stream.raw(np.array([length]), LENGTH_BITS)
    stream.raw(np.array([count - (1 << length >> 1)]), max(0, length - 1))


def _read_count(stream: StreamReader, count_max: int) -> int:
    length = int(stream.raw(LENGTH_BITS, 1)[0])
    if length > count_max.bit_length():
        raise DeltaRefused("more values are declared than may be sent")
    count = (1 << length >> 1) + int(stream.raw(max(0, length - 1), 1)[0])
    if count > count_max:
        raise DeltaRefused("more values are declared than may be sent")
    return count


def _write_yes(stream: StreamWriter, yes: NDArray[np.bool_]) -> None:
    """Write how often ``yes`` is true, and each of it; nothing if there is none."""
    if yes.size:
        part = min((int(np.count_nonzero(yes)) << PART_BITS) // yes.size, (1 << PART_BITS) - 1)
        stream.raw(np.array([part]), PART_BITS)
        stream.symbols(yes_or_no(part), yes.astype(np.int64))


def _read_yes(stream: StreamReader, count: int) -> NDArray[np.bool_]:
    if not count:
        return np.zeros(0, dtype=np.bool_)
    part = int(stream.raw(PART_BITS, 1)[0])
    yes: NDArray[np.bool_] = stream.symbols(yes_or_no(part), count).astype(np.bool_)
    return yes


def _encode(
    values: Floats, places: Places, shape: ModelShape, policy: CodecPolicy, past: PublicPast
) -> tuple[bytes, SparseUpdate]:
    """Return the message of ``values`` at ``places``, and what it says: reading it again would take
    as long as a third of making it."""
    tensors = shape.tensors_at(places)
    exponent, codes, upper = _scales(values, tensors, shape, policy.levels)
    stream = StreamWriter()
    stream.raw(codes.ravel(), SCALE_BITS)
    classes = place_classes(shape, past)
    for number, members in _members(classes):
        ranks = np.searchsorted(members, places[classes[places] == number])
        _write_count(stream, ranks.size)
        if ranks.size:
            _write_gaps(stream, ranks, members.size)
    expected, sureness = sign_expectations(shape, past, places)
    agrees = (values > 0) == expected
    for level in range(len(LEANINGS) + 1):
        _write_yes(stream, agrees[sureness == level])
    if policy.levels == 2:
        _write_yes(stream, upper)
    magnitudes = _magnitudes(exponent, codes)[tensors, upper.astype(np.int64) * (policy.levels - 1)]
    said = SparseUpdate(places, np.where(values > 0, magnitudes, -magnitudes))
    return bytes([policy.form, exponent + 128]) + stream.finish(), said


def _decode(
    message: bytes, shape: ModelShape, policy: CodecPolicy, past: PublicPast
) -> SparseUpdate:
    exponent = message[1] - 128
    if exponent > 41:
        raise DeltaRefused("magnitudes are beyond 2**40")
    stream = StreamReader(message[HEADER_BYTES:])
    codes = stream.raw(SCALE_BITS, len(shape.tensors) * policy.levels)
    codes = codes.reshape(len(shape.tensors), policy.levels)
    places = _read_places(stream, shape, policy, place_classes(shape, past))
    tensors = shape.tensors_at(places)
    expected, sureness = sign_expectations(shape, past, places)
    agrees = np.zeros(places.size, dtype=np.bool_)
    for level in range(len(LEANINGS) + 1):
        of_level = np.flatnonzero(sureness == level)
        agrees[of_level] = _read_yes(stream, of_level.size)
    upper = _read_yes(stream, places.size) if policy.levels == 2 else np.zeros(places.size, bool)
    stream.finish()
    magnitudes = _magnitudes(exponent, codes)[tensors, upper.astype(np.int64)]
    if not bool(np.all(magnitudes > 0)):
        raise DeltaRefused("a value has no magnitude")
    return SparseUpdate(places, np.where(agrees == expected, magnitudes, -magnitudes))


def _read_places(
    stream: StreamReader, shape: ModelShape, policy: CodecPolicy, classes: Classes
) -> Places:
    left = policy.count(shape)
    found = [np.empty(0, dtype=np.int64)]
    for _, members in _members(classes):
        count = _read_count(stream, min(left, members.size))
        left -= count
        if count:
            found.append(members[_read_gaps(stream, count, members.size)])
    return np.sort(np.concatenate(found))


def _members(classes: Classes) -> Iterator[tuple[int, Places]]:
    """Yield each class that has places, from the seldom to the often, and its rising places."""
    for number in range(CLASSES):
        members = np.flatnonzero(classes == number)
        if members.size:
            yield number, members
