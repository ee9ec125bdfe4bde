"""Whether two messages of a window say the same: who copied sends what another one sent.

Of a message its places and signs are compared. They are drawn by hash: each place with its sign has
a hash keyed by randomness that comes after the messages, and the ``SAMPLES`` smallest are kept
(Andrei Broder, "On the resemblance and containment of documents", 1997; Bar-Yossef and others,
2002). Of two messages A and B, with r the part of the smallest hashes of both together
that both have,

    |A and B| = r (|A| + |B|) / (1 + r),     overlap = |A and B| / min(|A|, |B|)

Messages of up to ``SAMPLES`` values are compared in full. For larger ones the standard deviation is
0.016 at most.

Honest trainers overlap as well, because what is large is large for all of them: mostly after a
start or a change of the learning rate. So there is no fixed limit. A copy is a pair that lies more
than half of the way from the window's middle pair to a full copy:

    limit = (1 + median of all pairs' overlaps) / 2,  at most LIMIT_MAX

Measured on three runs of four trainers (AdamW at two rates, Muon; 0.16 M parameters, 24 windows of
15 steps, 0.25 to 1.6 % sent): after the fourth window no honest pair had more than 0.41, and none
came nearer to its window's limit than 0.27. In the first four windows after a start one had 0.60,
and one came within 0.001: these windows are not to be judged. A copier that replaces a part of the
places has the rest, and escapes only by making about half of its message itself.

Who committed first is known to the caller, and is the original.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.scoring.training.shapes import SparseUpdate

SAMPLES: Final = 1024
"""Hashes of a sketch, 8 KiB. A quarter of it doubles the deviation, and a limit that lies 0.1 above
the highest honest pair must lie six deviations above it."""
LIMIT_MAX: Final = 0.8
"""However much all overlap, a copy of four fifths is one: else copiers who are many enough to be
the middle pair would make each other honest."""

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class PlaceSketch:
    """The smallest ``hashes`` of a message's places and signs, rising, and how many there are."""

    hashes: Hashes
    size: int


def sketch(update: SparseUpdate, key: int) -> PlaceSketch:
    """Return the sketch of an ``update`` under the window's ``key`` of 64 bits."""
    signed = 2 * update.places + (update.values > 0)
    hashes = _mixed(signed.astype(np.uint64) ^ _mixed(np.array([key], dtype=np.uint64)))
    if hashes.size > SAMPLES:
        hashes = np.partition(hashes, SAMPLES)[:SAMPLES]
    return PlaceSketch(np.sort(hashes), update.places.size)


def _mixed(words: Hashes) -> Hashes:
    """Return each of ``words`` mixed by splitmix64's last steps, which lose nothing: different
    words have different hashes."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def overlap(first: PlaceSketch, second: PlaceSketch) -> float:
    """Return which part of the shorter message's values the other one has, from 0 to 1; 0 if one
    of them has none."""
    if not first.size or not second.size:
        return 0.0
    both = np.union1d(first.hashes, second.hashes)
    seen = min(max(first.hashes.size, second.hashes.size), both.size)
    if first.size == first.hashes.size and second.size == second.hashes.size:
        seen = both.size
    common = np.isin(first.hashes, second.hashes) & (first.hashes <= both[seen - 1])
    resemblance = int(np.count_nonzero(common)) / seen
    shared = resemblance * (first.size + second.size) / (1 + resemblance)
    return min(1.0, shared / min(first.size, second.size))


@dataclass(frozen=True, slots=True)
class Copy:
    """That the message number ``later`` overlaps with number ``earlier``, and by how much."""

    later: int
    earlier: int
    overlap: float


def copies(sketches: Sequence[PlaceSketch]) -> list[Copy]:
    """Return the copies among messages with these ``sketches``, which come in the order in which
    they were committed: of each later message the earlier one that it has most of."""
    pairs = {
        (later, earlier): overlap(sketches[later], sketches[earlier])
        for later in range(len(sketches))
        for earlier in range(later)
    }
    limit = copy_limit(list(pairs.values()))
    found = []
    for later in range(1, len(sketches)):
        earlier = max(range(later), key=lambda other: (pairs[later, other], -other))
        if pairs[later, earlier] > limit:
            found.append(Copy(later, earlier, pairs[later, earlier]))
    return found


def copy_limit(overlaps: Sequence[float]) -> float:
    """Return beyond which overlap a pair is a copy, in a window whose pairs have ``overlaps``."""
    middle = float(np.median(overlaps)) if len(overlaps) > 1 else 0.0
    return min((1.0 + middle) / 2, LIMIT_MAX)
