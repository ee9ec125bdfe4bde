"""Opens sealed extrinsics, so that clients which insist on sealing them can use a local chain.

Some clients submit some calls only inside ``MevShield.submit_encrypted``, sealed to the key that
the chain names. On the public chain the block's author holds the secret half. Here it is
everybody's: the key is made from a seed that stands below, as ``//Alice`` is, since a chain on
one's own machine has nobody to hide from. Invariant: whatever a ciphertext holds, it can do no
more than an extrinsic that came by RPC, because the pool takes it as one.

It knows the sealing and where the call begins; it knows nothing of blocks' making. A chain with
another key, or none, is left alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
from typing import Final, Protocol

from loguru import logger

from subnet.errors import AssayError
from subnet.localnet.backend import BuiltBlock

SEED: Final = hashlib.sha512(b"assay: the shield of a chain on one's own machine").digest()
"""64 bytes: of a secret ML-KEM-768 key, in the form of FIPS 203."""

KEY_HASH: Final = bytes.fromhex("e01b6c13eb8db94c18dee3dd63fcfe92")
"""twox-128 of the public key, with which each ciphertext begins. Written down, not computed, so
that a node that never sees one need not load the library."""

_KEM_BYTES: Final = 1088
"""A key sealed by ML-KEM-768."""
_NONCE_BYTES: Final = 24
_TAG_BYTES: Final = 16
_LENGTH: Final = struct.Struct("<H")
_HEAD_BYTES: Final = len(KEY_HASH) + _LENGTH.size + _KEM_BYTES + _NONCE_BYTES
_CALL: Final = bytes((30, 1))
"""MevShield.submit_encrypted, by pallet and call."""


class Submitter(Protocol):
    """What takes an opened extrinsic: the service."""

    def submit(self, extrinsic: bytes) -> object: ...


class Unsealer:
    """Hands what is sealed in a block to the pool, for the next one."""

    def __init__(self, service: Submitter) -> None:
        self._service = service

    def tell_block(self, built: BuiltBlock) -> None:
        """Called with every block; the pool is told after it has learned of the block itself."""
        for extrinsic in built.block.extrinsics:
            sealed = sealed_part(extrinsic)
            if sealed is not None:
                asyncio.get_running_loop().call_soon(self._open, sealed)

    def _open(self, sealed: bytes) -> None:
        opened = unseal(sealed)
        if opened is None:
            logger.warning("a sealed extrinsic cannot be opened: it is damaged")
            return
        try:
            self._service.submit(opened)
        except AssayError as refusal:
            logger.warning("a sealed extrinsic is refused: {}", refusal)


def sealed_part(extrinsic: bytes) -> bytes | None:
    """The ciphertext in an extrinsic that is a submission sealed to our key."""
    at = extrinsic.find(KEY_HASH)
    if at < 0:
        return None
    sealed = extrinsic[at:]  # the call is the last part of an extrinsic, this its last argument
    # Lengths from 64 to 16383 are two bytes: the value times four, plus one.
    length = _LENGTH.pack((len(sealed) << 2 | 1) & 0xFFFF)
    if len(sealed) < _HEAD_BYTES + _TAG_BYTES or not extrinsic[:at].endswith(_CALL + length):
        return None
    return sealed


def unseal(sealed: bytes) -> bytes | None:
    """What was sealed to our key: 16 bytes of its hash, the length of the sealed key in two bytes,
    the sealed key, 24 bytes of nonce, and XChaCha20-Poly1305 of the extrinsic."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    (kem_bytes,) = _LENGTH.unpack_from(sealed, len(KEY_HASH))
    if kem_bytes != _KEM_BYTES:
        return None
    kem_at = len(KEY_HASH) + _LENGTH.size
    kem, nonce = (
        sealed[kem_at : kem_at + _KEM_BYTES],
        sealed[_HEAD_BYTES - _NONCE_BYTES : _HEAD_BYTES],
    )
    key = hchacha20(MLKEM768PrivateKey.from_seed_bytes(SEED).decapsulate(kem), nonce[:16])
    try:
        return ChaCha20Poly1305(key).decrypt(bytes(4) + nonce[16:], sealed[_HEAD_BYTES:], None)
    except InvalidTag:
        return None


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """The key that XChaCha20 gives to ChaCha20: 20 rounds over the first 16 bytes of the nonce."""
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))
    for _ in range(10):
        for a, b, c, d in _QUARTERS:
            _quarter(state, a, b, c, d)
    return struct.pack("<8I", *state[:4], *state[12:])


_QUARTERS: Final = (
    *((i, i + 4, i + 8, i + 12) for i in range(4)),
    *((i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4) for i in range(4)),
)
"""The columns of the state, then its diagonals."""


def _quarter(state: list[int], a: int, b: int, c: int, d: int) -> None:
    for to, by, mixed, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[to] = (state[to] + state[by]) & 0xFFFFFFFF
        word = state[mixed] ^ state[to]
        state[mixed] = (word << turn | word >> (32 - turn)) & 0xFFFFFFFF
