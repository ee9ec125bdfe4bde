"""What the makers of blocks ask of the shield: a key to announce, and what a ciphertext holds.

Adds to the keyring and the cipher the order of the questions. It is told of blocks and asks the
runtime through what its caller hands it; it executes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from assay.localnet.errors import BudgetSpent, InvalidTransaction, RuntimeTrap
from assay.localnet.primitives.scale import ScaleError, compact, decode_compact
from assay.localnet.primitives.well_known_keys import item_key
from assay.localnet.shield.cipher import unseal
from assay.localnet.shield.envelope import (
    Sealed,
    Unsealed,
    may_be_sealed,
    read_sealed,
    read_unsealed,
)
from assay.localnet.shield.keyring import Keyring

INHERENT_ID: Final = b"shieldpk"
"""Under this name the runtime is told the author's key."""

NEXT_KEY: Final = item_key("MevShield", "NextKey")
"""Where the chain shows the key that clients seal to."""

_DECODE: Final = "ShieldApi_try_decode_shielded_tx"

_UNKNOWN_KEY: Final = 24
"""Clients know this code as ``InvalidShieldedTxPubKeyHash``."""

Ask = Callable[[str, bytes], bytes]
"""Calls the method of the runtime with the argument, and drops what it changes."""


class Shield:
    """The shield of one node, which makes all blocks of its chain."""

    def __init__(self, keyring: Keyring | None = None) -> None:
        self._keyring = Keyring() if keyring is None else keyring

    def announcement(self, number: int, time_ms: int) -> bytes:
        """What the runtime is told for block ``number``: ``Some`` of the key, encoded."""
        public_key = self._keyring.to_announce(number, time_ms)
        return b"\1" + compact(len(public_key)) + public_key

    def sealed_in(self, extrinsic: bytes, ask: Ask) -> Sealed | None:
        """What ``extrinsic`` carries, if it is a sealed one. ``ask`` the runtime, which knows.

        InvalidTransaction if it is sealed to a key that this node does not hold (any more): it
        could only stay in the pool until its time is over.
        """
        if not may_be_sealed(extrinsic):
            return None
        try:
            sealed = read_sealed(ask(_DECODE, extrinsic))
        except BudgetSpent:
            raise
        except (RuntimeTrap, ScaleError):
            return None  # no extrinsic, or a runtime without the shield or with another kind of it
        if sealed is not None and self._keyring.held(sealed.key_hash) is None:
            raise InvalidTransaction("Custom", _UNKNOWN_KEY)
        return sealed

    def open(self, sealed: Sealed) -> Unsealed | None:
        """The extrinsic in ``sealed``; None if it holds none that may be in a block."""
        secret = self._keyring.held(sealed.key_hash)
        if secret is None:
            return None
        text = unseal(secret, sealed.kem_ct, sealed.nonce, sealed.aead_ct)
        return None if text is None else read_unsealed(text)

    def block_made(self, number: int, next_key: bytes | None) -> None:
        """Note that block ``number`` was made; ``next_key`` is what the state has at NEXT_KEY."""
        if next_key is not None:
            _, at = decode_compact(next_key)
            next_key = next_key[at:]
        self._keyring.block_made(number, next_key)
