"""A fingerprint of the numbers behind an answer: a few projections of the last hidden state.

Tokens tell a changed precision badly: an answer of fp16 differs from one of fp32 only where two
tokens nearly tie. The hidden state from which the logits of a token are made differs everywhere. A
miner sends k = 16 random projections of it at a few of its answer's tokens; a validator, whose
replay has the same state, compares:

    distance = |a - b| / |b|,   a = P x_miner, b = P x_judge, P in {-1, 1}^(k x width)

Projections with random signs keep lengths: E |P x|^2 = k |x|^2, with a relative deviation of the
square of at most sqrt(2 / k) (Achlioptas, "Database-friendly random projections", 2003), so a
distance of projections is one of states to within a factor of two. The use for inference is that of
TOPLOC (arXiv 2501.16007) and Activation-DiFR (arXiv 2511.20621), which sends random projections.

The signs come from Philox4x64-10, keyed by a hash of the model's root: both sides make the same
matrix and nobody sends it. Bit i of the generator's words, from the block with counter 1 on and the
least significant bit first, is the sign in row i div width and column i mod width; 1 is plus.

The tokens whose states count are drawn by a hash over the request's key and all of the answer's
tokens, so that a miner learns them only with its last token, and a short answer is covered as a
long one. A projection is sent as fp32, little-endian, 64 bytes a token: the rounding of fp16 is as
large as the difference that is to be seen.

What it does not tell: whoever runs one true pass over the finished text has the true states. Such a
pass costs about a sixth of the answer, and its maker also knows each token's true margin; what it
then sends is the true model's answer, by another way. So the fingerprint bounds what another
precision saves, and tokens say that the text is right.

This module knows no model: hidden states come in as arrays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.scoring.inference.precision import TOLERANCES

PROJECTIONS: Final = 16
"""Numbers for one token. With 16 of them every changed model that was measured lay beyond every
honest one at a single token; half as many would double the spread of a distance."""
PLACES: Final = 2
"""Tokens of an answer that are looked at. One sufficed; the second is for a miner that computes the
last token alone in the declared precision."""
BYTES: Final = 4 * PROJECTIONS
"""Of one token's projections."""
TOLERANCE_FP32: Final = TOLERANCES["fp32"].distance
"""The largest distance for fp32 against fp32. Ten times the honest maximum over caches, batches,
threads, kernels and instruction sets (2.3e-6 at 1,344 tokens), and a tenth of the smallest distance
of fp16 (2.5e-4)."""


@lru_cache(maxsize=4)
def signs(root: bytes, width: int) -> NDArray[np.float64]:
    """Return the matrix of ones and minus ones, of shape (``PROJECTIONS``, ``width``), that belongs
    to the model with this ``root``."""
    key = hashlib.blake2b(root, digest_size=16, person=b"assay-signs/1").digest()
    words = np.frombuffer(key, dtype="<u8").astype(np.uint64)
    raw = np.random.Philox(key=words).random_raw(-(-PROJECTIONS * width // 64))
    bits = np.unpackbits(raw.astype("<u8").view(np.uint8), bitorder="little")
    matrix = 2.0 * bits[: PROJECTIONS * width].astype(np.float64) - 1.0
    return matrix.reshape(PROJECTIONS, width)


def places(tokens: Sequence[int], key: bytes) -> list[int]:
    """Return which of an answer's ``tokens`` are looked at, in rising order, for a request with
    this ``key``: ``PLACES`` of them, or all if there are fewer. ValueError without tokens."""
    if not tokens:
        raise ValueError("an answer has tokens")
    state = hashlib.blake2b(key, digest_size=16, person=b"assay-places/1")
    state.update(np.array(tokens, dtype="<u4").tobytes())
    words = np.frombuffer(state.digest(), dtype="<u8").astype(np.uint64)
    generator = np.random.Philox(key=words)
    left = list(range(len(tokens)))
    chosen: list[int] = []
    while left and len(chosen) < PLACES:
        chosen.append(left.pop(int(generator.random_raw()) % len(left)))
    return sorted(chosen)


def project(states: NDArray[np.float32], root: bytes) -> NDArray[np.float32]:
    """Return the projections of ``states`` (n, width), of shape (n, ``PROJECTIONS``)."""
    with np.errstate(over="ignore", invalid="ignore"):  # a broken model's states
        projected: NDArray[np.float64] = states.astype(np.float64) @ signs(root, states.shape[1]).T
        return projected.astype(np.float32)


def pack(projections: NDArray[np.float32], tokens: Sequence[int], key: bytes) -> bytes:
    """Return the fingerprint of an answer: of its ``projections`` (n, ``PROJECTIONS``), one row for
    each of its ``tokens``, those of the places that count. A row belongs to the state from which
    the token was drawn. ValueError for another number of rows than of tokens."""
    if projections.shape != (len(tokens), PROJECTIONS):
        raise ValueError(f"{len(tokens)} tokens have as many rows, not {projections.shape}")
    return projections[places(tokens, key)].astype("<f4").tobytes()


def distance(
    fingerprint: bytes, states: NDArray[np.float32], tokens: Sequence[int], root: bytes, key: bytes
) -> float:
    """Return the largest relative distance of a miner's ``fingerprint`` from the judge's own
    ``states`` (n, width), one for each of the answer's ``tokens``; infinite for a fingerprint of
    another length, or with numbers that are not finite."""
    counted = places(tokens, key)
    if len(fingerprint) != BYTES * len(counted):
        return float("inf")
    own = project(states[counted], root).astype(np.float64)
    claimed = np.frombuffer(fingerprint, dtype="<f4").astype(np.float64).reshape(own.shape)
    lengths = np.linalg.norm(own, axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        apart = np.linalg.norm(claimed - own, axis=1) / np.maximum(
            lengths, np.finfo(np.float64).tiny
        )
    worst = float(apart.max())
    return worst if np.isfinite(worst) else float("inf")


def fingerprint_verdict(apart: float, tolerance: float = TOLERANCE_FP32) -> bool:
    """Return whether a fingerprint that lies ``apart`` from the judge's is of the declared
    precision."""
    return apart <= tolerance
