"""Which sequences of a corpus a peer reads in a window. Pure.

The sequences of a corpus are read in rounds, each round in an order of its own that follows from
the run's seed. A window begins where the windows that closed before it ended (the ``cursor``), and
its peers take turns from there, each as many sequences as it reads in a row: so nobody is given
what another one reads, unless a window reads more than the whole corpus, and anybody can compute
what a peer was to read.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

ROUNDS_KEPT: Final = 2
"""Orders that are kept: a window lies in one round, or in two. One of a million sequences takes
8 MB."""
_DOMAIN: Final = b"assay/training/order/1"


def assigned(*, seed: int, sequences: int, cursor: int, place: int, count: int) -> Numbers:
    """Return the numbers of the ``count`` sequences that the peer at ``place`` reads in a window
    that begins at ``cursor``, of a corpus of so many ``sequences``; shape (count,).

    A peer's place is its rank among the peers of the window, by uid. ValueError for an empty corpus
    or a negative number.
    """
    if sequences < 1 or min(seed, cursor, place, count) < 0:
        raise ValueError("an order needs a corpus, and numbers that are not negative")
    first = cursor + place * count
    positions = np.arange(first, first + count, dtype=np.int64)
    rounds, offsets = np.divmod(positions, sequences)
    numbers = np.empty(count, dtype=np.int64)
    for number in np.unique(rounds):
        inside = rounds == number
        numbers[inside] = _order(seed, sequences, int(number))[offsets[inside]]
    return numbers


@lru_cache(maxsize=ROUNDS_KEPT)
def _order(seed: int, sequences: int, number: int) -> Numbers:
    """The order of round ``number``: by random keys, which are Philox's raw output, because that is
    the same in every release of numpy, unlike what it makes of it."""
    key = hashlib.blake2b(_DOMAIN + seed.to_bytes(8, "little"), digest_size=16).digest()
    generator = np.random.Philox(key=int.from_bytes(key, "little"), counter=[0, 0, 0, number])
    order = np.argsort(generator.random_raw(sequences), kind="stable").astype(np.int64)
    order.setflags(write=False)
    return order
