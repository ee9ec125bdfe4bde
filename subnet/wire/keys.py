"""sr25519 keys: the one file that touches the ``sr25519`` package.

In come seeds, messages and signatures; out come signatures, and whether a signature holds. Both
ways use schnorrkel's context ``substrate``, as every Substrate chain and the bittensor SDK do. This
module reads no wallet files: ``assay.chain`` opens them and gives a signer of the same shape.
"""

from __future__ import annotations

from typing import Final

import sr25519

from assay.types import Ss58, ss58_encode

SEED_BYTES: Final = 32
PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


class SeedSigner:
    """A ``Signer`` whose hotkey is made from a 32-byte ``seed`` and kept in memory."""

    __slots__ = ("_pair", "address", "public_key")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")
        self._pair: tuple[bytes, bytes] = sr25519.pair_from_seed(seed)
        self.public_key: bytes = self._pair[0]
        self.address: Ss58 = ss58_encode(self.public_key)

    def sign(self, message: bytes, /) -> bytes:
        """Return the 64-byte signature over ``message``."""
        signature: bytes = sr25519.sign(self._pair, message)
        return signature

    def __repr__(self) -> str:
        """Name the address alone: tracebacks and logs show this text, and never the secret."""
        return f"SeedSigner({self.address})"


def verify(signature: bytes, message: bytes, public_key: bytes) -> bool:
    """Return whether ``signature`` is one of ``public_key`` over ``message``.

    A signature or key of the wrong form gives False."""
    try:
        return bool(sr25519.verify(signature, message, public_key))
    except ValueError:
        return False
