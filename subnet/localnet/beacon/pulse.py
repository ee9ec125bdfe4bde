"""A beacon's configuration and its pulses: read from the chain's state, written as an extrinsic.

The layouts are those of the pallet ``drand``, which are the public chain's. A pulse is brought by
whoever has it, under any key of sr25519: what counts is the beacon's signature.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from assay.localnet.executor.host.crypto import Sr25519Key
from assay.localnet.primitives.scale import Reader, compact, encode_bytes
from assay.localnet.primitives.well_known_keys import item_key

SIGNATURE_BYTES: Final = 48
"""A compressed point of G1."""

DEVELOPMENT_SEED: Final = hashlib.sha256(b"assay local beacon").digest()
"""What the beacon's key in the preset ``local`` is made of. Anybody may open what is sealed to that
key."""

CONFIG_KEY: Final = item_key("Drand", "BeaconConfig")
LAST_ROUND_KEY: Final = item_key("Drand", "LastStoredRound")
AWAITED_ROUNDS_KEY: Final = item_key("Drand", "AwaitedRounds")
"""A key that begins so ends with a round that something is sealed to, the highest byte first."""
BROUGHT_KEY: Final = item_key("Drand", "BroughtIn")
"""What a runtime that names awaited rounds writes with every pulse."""
SEALED_TEXTS_KEY: Final = item_key("Commitments", "TimelockedIndex")
NONE_SEALED: Final = (None, b"\0")
"""What stands at ``SEALED_TEXTS_KEY`` while no text waits for a round: nothing, or an empty set."""
SEALED_ROWS_KEY: Final = item_key("SubtensorModule", "TimelockedWeightCommits")
"""A key that begins so has rows of weights that wait for a round."""

_WRITE_PULSE: Final = bytes((26, 0))
"""The pallet's index and the call's."""
_BARE: Final = b"\x05"
"""An extrinsic of version 5 that nobody signs."""
_SR25519: Final = b"\x01"
"""Its variant, of ``MultiSigner`` and of ``MultiSignature`` alike."""
_SOME: Final = b"\x01"


@dataclass(frozen=True, slots=True)
class BeaconConfig:
    """Which beacon a chain follows, as far as a beacon has to know."""

    public_key: bytes
    period_s: int
    genesis_s: int
    """Unix time of round 1."""

    @classmethod
    def read(cls, stored: bytes) -> BeaconConfig:
        """Read what the state has at ``CONFIG_KEY``. ScaleError if it is something else."""
        reader = Reader(stored)
        return cls(reader.bytes(), reader.uint(4), reader.uint(4))

    def round_at(self, time_ms: int) -> int:
        """The latest round at ``time_ms``; 0 before the first."""
        since_s = time_ms // 1_000 - self.genesis_s
        return 0 if since_s < 0 else since_s // max(self.period_s, 1) + 1


QUICKNET: Final = BeaconConfig(
    bytes.fromhex(
        "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d10"
        "64510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991e"
        "f5ece45a"
    ),
    period_s=3,
    genesis_s=1_692_803_367,
)
"""The public beacon, which a chain follows that has nothing at ``CONFIG_KEY``. As drand publishes
it."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """A round's signature."""

    round: int
    signature: bytes

    @property
    def randomness(self) -> bytes:
        """What drand publishes beside the signature."""
        return hashlib.sha256(self.signature).digest()

    def encoded(self) -> bytes:
        """The pulse as the pallet has it."""
        number = self.round.to_bytes(8, "little")
        return number + encode_bytes(self.randomness) + encode_bytes(self.signature)


class Bringer:
    """Wraps pulses in extrinsics, under a key that means nothing."""

    def __init__(self, seed: bytes) -> None:
        """``seed`` has 32 bytes; the key of whoever brings a pulse gives no right to anything."""
        self._key = Sr25519Key(seed)

    @staticmethod
    def check_block(number: int) -> None:
        """ValueError unless a block can have this ``number``."""
        if not 0 <= number < 2**32:
            raise ValueError("a block's number has 32 bits")

    def extrinsic(self, pulse: Pulse, block_number: int) -> bytes:
        """The extrinsic that brings ``pulse`` to a chain whose head is block ``block_number``."""
        payload = (
            block_number.to_bytes(4, "little")
            + compact(1)
            + pulse.encoded()
            + _SR25519
            + self._key.public
        )
        signature = self._key.sign(payload)
        return encode_bytes(_BARE + _WRITE_PULSE + payload + _SOME + _SR25519 + signature)


def awaited_round(key: bytes) -> int:
    """The round that ``key``, which begins with ``AWAITED_ROUNDS_KEY``, stands for."""
    return int.from_bytes(key[len(AWAITED_ROUNDS_KEY) :], "big")


def number_of(stored: bytes | None) -> int:
    """A whole number as the state has it; 0 if it has none."""
    return int.from_bytes(stored or b"", "little")
