"""Sampling that can be checked: Gumbel-max with noise from a counter-based generator.

In come logits, a temperature and a key; out comes a token. To draw from ``softmax(logits / T)`` one
may add T times a Gumbel variate to each logit and take the largest. Here the variate of (position,
token) is a pure function of a 16-byte key, so whoever has the key, the prompt and the model can
draw the same token again, at any position, in any order.

The generator is Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011),
keyed by the key's two little-endian words. Word ``i`` of a position's stream is lane ``i mod 4`` of
the block with counter ``(1 + i div 4, position, 0, 0)``; its upper 53 bits give the uniform
``(n + 1/2) / 2^53``, never 0 or 1. Arithmetic is in doubles; ties go to the smallest token id.

This module does not know what a key is made of or where logits come from.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

KEY_BYTES: Final = 16
POSITIONS_MAX: Final = 2**32
"""Positions that an answer may have; no answer has as many. A position is one 64-bit word of the
counter, and beyond it two positions would share their noise."""
_UNIT: Final = 2.0**-53


def gumbel_noise(key: bytes, position: int, size: int) -> Vector:
    """Return ``size`` standard Gumbel variates, one for each token id, at ``position`` of an
    answer.

    ValueError for a key that is not 16 bytes long or a position outside [0, 2^32).
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    if not 0 <= position < POSITIONS_MAX:
        raise ValueError(f"position {position} is outside [0, 2^32)")
    words = np.frombuffer(key, dtype="<u8").astype(np.uint64)
    generator = np.random.Philox(counter=np.array([0, position, 0, 0], dtype=np.uint64), key=words)
    raw: NDArray[np.uint64] = generator.random_raw(size)
    uniform = ((raw >> np.uint64(11)).astype(np.float64) + 0.5) * _UNIT
    noise: Vector = -np.log(-np.log(uniform))
    return noise


def perturb(logits: NDArray[np.float32], temperature: float, key: bytes, position: int) -> Vector:
    """Return ``logits`` plus ``temperature`` times the noise of ``position``; the logits alone at
    0."""
    values = logits.astype(np.float64)
    if temperature == 0.0:
        return values
    return values + temperature * gumbel_noise(key, position, values.shape[-1])


def choose(logits: NDArray[np.float32], temperature: float, key: bytes, position: int) -> int:
    """Return the token drawn at ``position``: that of the largest perturbed logit, and of several
    the smallest id."""
    return int(np.argmax(perturb(logits, temperature, key, position)))
