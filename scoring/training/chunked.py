"""The published form of a message: the largest values of each tile, packed into 14 bits each.

This is the form of SparseLoCo (arXiv 2508.15706), which ours is compared with: a matrix falls into
tiles of 64 x 64 values and a vector into runs of 4,096; of each the 64 largest are sent, with 12
bits for the place in the tile and 2 for the value, which makes 131,072 bits into 896: 146 times
fewer. The two bits are a sign and one of two magnitudes of the tensor. A tile at an edge is
smaller and sends as large a part of its values, rounded up.

    1 byte    the form
    4 bytes   of each tensor: its two magnitudes, rising, as bfloat16
    14 bits   of each sent value: place in the tile, whether the upper magnitude, whether negative
    0-7 bits  of zeros

Places rise within a tile. Tiles go from left to right and from top to bottom; whole tiles come
first, then those at the right edge, at the lower edge, and in the corner. Bits fill bytes from the
lowest one on, and numbers are little-endian. The length depends on the run alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.scoring.training.policy import PPM, CodecPolicy
from assay.scoring.training.refusal import DeltaRefused
from assay.scoring.training.selection import MAGNITUDE_MAX, mean_magnitudes
from assay.scoring.training.shapes import (
    Floats,
    ModelShape,
    Places,
    SparseUpdate,
    TensorShape,
)

SIDE: Final = 64
RUN: Final = SIDE * SIDE
"""Values of a tile: as many as 12 bits name."""
VALUE_BITS: Final = 14
TENSOR_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class _Tiles:
    """``down`` x ``across`` tiles of one size in a tensor, the first at ``row`` and ``column``."""

    row: int
    column: int
    down: int
    across: int
    height: int
    width: int

    def sent(self, policy: CodecPolicy) -> int:
        """How many values of each tile are sent."""
        return -(-self.height * self.width * policy.sent_ppm // PPM)

    def values(self, table: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the tiles of a tensor's ``table``, one a row."""
        rows = slice(self.row, self.row + self.down * self.height)
        columns = slice(self.column, self.column + self.across * self.width)
        cut = table[rows, columns].reshape(self.down, self.height, self.across, self.width)
        return cut.swapaxes(1, 2).reshape(self.down * self.across, self.height * self.width)

    def places(self, locals_: Places, columns: int) -> Places:
        """Return the places in a tensor with ``columns`` of the places in each tile, one a row."""
        down, across = np.divmod(np.arange(self.down * self.across), self.across)
        rows, inner = np.divmod(locals_, self.width)
        rows += (self.row + down * self.height)[:, None]
        inner += (self.column + across * self.width)[:, None]
        return rows * columns + inner


def _tilings(tensor: TensorShape) -> Iterator[_Tiles]:
    height, width = (1, RUN) if tensor.rows == 1 else (SIDE, SIDE)
    for row, down, high in _cuts(tensor.rows, height):
        for column, across, wide in _cuts(tensor.columns, width):
            yield _Tiles(row, column, down, across, high, wide)


def _cuts(length: int, side: int) -> list[tuple[int, int, int]]:
    """Return where the whole sides begin, how many there are and their length, and what is left."""
    whole, left = divmod(length, side)
    cuts = [(0, whole, side), (whole * side, 1, left)]
    return [cut for cut in cuts if cut[1] and cut[2]]


def _values_sent(shape: ModelShape, policy: CodecPolicy) -> int:
    return sum(
        tiles.down * tiles.across * tiles.sent(policy)
        for tensor in shape.tensors
        for tiles in _tilings(tensor)
    )


def length(shape: ModelShape, policy: CodecPolicy) -> int:
    """Return how many bytes each message of this form has."""
    head = 1 + TENSOR_BYTES * len(shape.tensors)
    return head + -(-_values_sent(shape, policy) * VALUE_BITS // 8)


def _largest(tiles: NDArray[np.int32], count: int) -> Places:
    """Return the rising places of the ``count`` largest of each row of ``tiles``; of equal ones
    the first are taken."""
    at = tiles.shape[1] - count
    least = np.partition(tiles, at, axis=1)[:, at : at + 1]
    above, equal = tiles > least, tiles == least
    missing = count - np.count_nonzero(above, axis=1)[:, None]
    chosen = above | (equal & (np.cumsum(equal, axis=1) <= missing))
    return np.nonzero(chosen)[1].reshape(tiles.shape[0], count)


def pack(wanted: Floats, shape: ModelShape, policy: CodecPolicy) -> bytes:
    """Return the message for what is ``wanted`` of a model of this ``shape``."""
    heads, codes = [], []
    for tensor, start in zip(shape.tensors, shape.starts, strict=False):
        values = wanted[start : start + tensor.size]
        bits = np.abs(values).view(np.int32).reshape(tensor.rows, tensor.columns)
        tiles = list(_tilings(tensor))
        locals_ = [_largest(kind.values(bits), kind.sent(policy)) for kind in tiles]
        places = np.concatenate(
            [
                kind.places(at, tensor.columns).ravel()
                for kind, at in zip(tiles, locals_, strict=True)
            ]
        )
        means, upper = mean_magnitudes(values[places], 2)
        rounded = np.array(means, dtype=np.float32).view(np.uint32) + np.uint32(1 << 15)
        heads.append((rounded >> np.uint32(16)).astype("<u2"))
        flat = np.concatenate([at.ravel() for at in locals_])
        codes.append(
            flat | upper.astype(np.int64) << 12 | (values[places] < 0).astype(np.int64) << 13
        )
    words = np.concatenate(codes).astype("<u2").view(np.uint8).reshape(-1, 2)
    bits_ = np.unpackbits(words, axis=1, count=VALUE_BITS, bitorder="little")
    body = np.packbits(bits_.ravel(), bitorder="little")
    return bytes([policy.form]) + np.concatenate(heads).tobytes() + body.tobytes()


def unpack(message: bytes, shape: ModelShape, policy: CodecPolicy) -> SparseUpdate:
    """Return what a ``message`` says; DeltaRefused if no trainer with this ``policy`` can have
    made it."""
    if len(message) != length(shape, policy):
        raise DeltaRefused(f"a message has {length(shape, policy)} bytes, not {len(message)}")
    tensors, sent = len(shape.tensors), _values_sent(shape, policy)
    words = np.frombuffer(message, dtype="<u2", offset=1, count=2 * tensors).astype(np.uint32)
    magnitudes = (words << np.uint32(16)).view(np.float32).reshape(tensors, 2)
    if not bool(np.all((magnitudes >= 0) & (magnitudes <= MAGNITUDE_MAX))):
        raise DeltaRefused("a magnitude is negative, not finite or beyond 2**40")
    body = np.frombuffer(message, dtype=np.uint8, offset=1 + TENSOR_BYTES * tensors)
    bits = np.unpackbits(body, bitorder="little")
    if bits[sent * VALUE_BITS :].any():
        raise DeltaRefused("bits behind the last value are not zero")
    values = bits[: sent * VALUE_BITS].reshape(sent, VALUE_BITS)
    codes = np.packbits(values, axis=1, bitorder="little").view("<u2").ravel().astype(np.int64)
    return _update(codes, magnitudes, shape, policy)


def _update(
    codes: Places, magnitudes: Floats, shape: ModelShape, policy: CodecPolicy
) -> SparseUpdate:
    places, values, taken = [], [], 0
    for tensor, start, pair in zip(shape.tensors, shape.starts, magnitudes, strict=False):
        for tiles in _tilings(tensor):
            count = tiles.down * tiles.across * tiles.sent(policy)
            own = codes[taken : taken + count].reshape(-1, tiles.sent(policy))
            taken += count
            locals_ = own & (RUN - 1)
            rising = bool(np.all(np.diff(locals_, axis=1) > 0))
            if not rising or int(locals_.max()) >= tiles.height * tiles.width:
                raise DeltaRefused("places in a tile do not rise, or lie outside it")
            places.append(start + tiles.places(locals_, tensor.columns).ravel())
            sized = pair[own >> 12 & 1]
            values.append(np.where(own >> 13 & 1, -sized, sized).ravel())
    every, said = np.concatenate(places), np.concatenate(values)
    order = np.argsort(every)
    order = order[said[order] != 0]
    return SparseUpdate(every[order], said[order])
