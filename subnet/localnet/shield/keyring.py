"""Holds the author's ML-KEM keys: which one to announce, and which are still held.

In come block times and what the chain shows as its next key; out go public keys and, by the hash of
one, the secret key. Secret keys are in this process's memory alone: they are neither stored nor
printed, and a node that is started again begins with new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from assay.localnet.primitives.hashing import twox
from assay.localnet.shield.cipher import new_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

ROLL_MS: Final = 12_000
"""A key is announced for so long of the chain's time; then there is a new one. The public chain
makes a block in this time, and each block of an author has a new key."""

_OPEN_BLOCKS: Final = 8
"""Blocks for which a key is held after clients could last read it. What is sealed to it lives no
longer (``ERA_BLOCKS_MAX`` of the pallet), and so is never too late."""

_TURNS_MAX: Final = 32 + 2
"""Blocks after its announcement in which a key may first be shown to clients: the most authors
there can be, each with its turn, and the two that a key waits."""


def key_hash(public_key: bytes) -> bytes:
    """The name of a key in what is sealed to it."""
    return twox(public_key, 128)


@dataclass(slots=True)
class _Pair:
    public_key: bytes
    secret: MLKEM768PrivateKey = field(repr=False)
    since_ms: int
    """The time of the first block that it was made for."""
    until: int
    """The last block in which something that is sealed to it may be opened."""


class Keyring:
    """The keys of one author. ``generate`` makes a secret key."""

    def __init__(self, generate: Callable[[], MLKEM768PrivateKey] = new_key) -> None:
        self._generate = generate
        self._pairs: dict[bytes, _Pair] = {}
        self._latest: _Pair | None = None

    def __len__(self) -> int:
        return len(self._pairs)

    def to_announce(self, number: int, time_ms: int) -> bytes:
        """The public key for the block ``number`` of the time ``time_ms``.

        The last one announced, or a new one after ``ROLL_MS``.
        """
        pair = self._latest
        if pair is None or time_ms - pair.since_ms >= ROLL_MS:
            secret = self._generate()
            public_key = secret.public_key().public_bytes_raw()
            pair = _Pair(public_key, secret, time_ms, number)
            self._pairs[key_hash(public_key)] = self._latest = pair
        pair.until = max(pair.until, number + _TURNS_MAX + _OPEN_BLOCKS)
        return pair.public_key

    def held(self, hash_: bytes) -> MLKEM768PrivateKey | None:
        """The secret key whose public one has the hash ``hash_``; None if it is not held."""
        pair = self._pairs.get(hash_)
        return None if pair is None else pair.secret

    def block_made(self, number: int, next_key: bytes | None) -> None:
        """Note that block ``number`` was made and shows ``next_key`` to clients.

        Keys to which nothing can be sealed any more are dropped.
        """
        if next_key is not None and (shown := self._pairs.get(key_hash(next_key))) is not None:
            shown.until = max(shown.until, number + _OPEN_BLOCKS)
        self._pairs = {
            name: pair
            for name, pair in self._pairs.items()
            if pair.until > number or pair is self._latest
        }
