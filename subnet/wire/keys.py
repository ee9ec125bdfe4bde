"""sr25519 keys: the one file that touches the ``sr25519`` package.

Adds a local signer made from a 32-byte seed and a verifier that answers False to anything odd.
Both use schnorrkel's ``substrate`` context, as every Substrate chain and the SDK do. Wallet files
are not read here: the chain room opens them and hands over an object with the same shape.
"""

from __future__ import annotations

from typing import Final

import sr25519

from assay.types import Ss58, ss58_encode

SEED_BYTES: Final = 32
PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


class SeedSigner:
    """A hotkey in memory, from its 32-byte mini secret."""

    __slots__ = ("_pair", "address", "public_key")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")
        self._pair: tuple[bytes, bytes] = sr25519.pair_from_seed(seed)
        self.public_key: bytes = self._pair[0]
        self.address: Ss58 = ss58_encode(self.public_key)

    def sign(self, message: bytes, /) -> bytes:
        signature: bytes = sr25519.sign(self._pair, message)
        return signature

    def __repr__(self) -> str:  # never the secret
        return f"SeedSigner({self.address})"


def verify(signature: bytes, message: bytes, public_key: bytes) -> bool:
    """Whether ``public_key`` signed ``message``; malformed input is a plain no."""
    try:
        return bool(sr25519.verify(signature, message, public_key))
    except ValueError:
        return False
