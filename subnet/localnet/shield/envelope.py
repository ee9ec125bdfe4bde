"""Says which extrinsics carry something sealed, and what may come out of one.

In come encoded extrinsics, each with its length prefix. Only the runtime can say for certain what
an extrinsic is; ``may_be_sealed`` spares it the question for nearly all others. Nothing here has a
key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from assay.localnet.primitives.scale import Reader, ScaleError, decode_compact

_SUBMIT_ENCRYPTED: Final = bytes((30, 1))
"""``MevShield.submit_encrypted`` as a call begins: the pallet's index and the call's, for good."""

_HEAD_BYTES_MAX: Final = 256
"""Before its call a signed extrinsic has its length, the version, the signer, the signature and
what the extensions add: about 120 bytes, or 180 with the longest form of each."""

_CIPHERTEXT_BYTES_MAX: Final = 8_192
"""``submit_encrypted`` takes no more."""

_SIGNED_V4: Final = 0x84
"""The first byte of a signed extrinsic of version 4, which is what all clients make."""

_BY_ACCOUNT: Final = 0
"""A signer is named by its account: the first form of a ``MultiAddress``."""

_ACCOUNT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ciphertext in its parts, as the runtime tells them."""

    key_hash: bytes
    kem_ct: bytes
    aead_ct: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Unsealed:
    """An extrinsic that came out of a ciphertext. Whether it is valid is not known yet."""

    extrinsic: bytes
    signer: bytes


def may_be_sealed(extrinsic: bytes) -> bool:
    """Whether the call of ``extrinsic`` could be ``submit_encrypted``.

    It is if those two bytes stand near its beginning and what follows is a byte string that ends
    with the extrinsic.
    """
    if len(extrinsic) > _HEAD_BYTES_MAX + _CIPHERTEXT_BYTES_MAX:
        return False
    at = extrinsic.find(_SUBMIT_ENCRYPTED, 0, _HEAD_BYTES_MAX)
    while at >= 0:
        try:
            length, begins = decode_compact(extrinsic, at + len(_SUBMIT_ENCRYPTED))
        except ScaleError:
            return False
        if begins + length == len(extrinsic):
            return True
        at = extrinsic.find(_SUBMIT_ENCRYPTED, at + 1, _HEAD_BYTES_MAX)
    return False


def read_sealed(answer: bytes) -> Sealed | None:
    """What ``answer``, of ``ShieldApi_try_decode_shielded_tx``, says. ScaleError if it is none."""
    reader = Reader(answer)
    if not reader.option():
        reader.end()
        return None
    sealed = Sealed(reader.take(16), reader.bytes(), reader.bytes(), reader.take(24))
    reader.end()
    return sealed


def read_unsealed(text: bytes) -> Unsealed | None:
    """The extrinsic that ``text``, out of a ciphertext, is; None if it is none that may be opened.

    It must be a signed one, and nothing but it. Anything else is an inherent or a call without an
    origin: in the middle of a block such a one would make the block invalid, and with it a stranger
    could announce a key of its own.
    """
    try:
        length, at = decode_compact(text)
    except ScaleError:
        return None
    signer = text[at + 2 : at + 2 + _ACCOUNT_BYTES]
    whole = at + length == len(text) and len(signer) == _ACCOUNT_BYTES
    if not whole or text[at : at + 2] != bytes((_SIGNED_V4, _BY_ACCOUNT)):
        return None
    return Unsealed(text, signer)
