"""Opens what was sealed with ML-KEM-768 and XChaCha20-Poly1305.

In come a secret key and the parts of a ciphertext, out comes the text or None. The cryptography is
OpenSSL's. XChaCha20 is ChaCha20 under a key of its own for each nonce (draft-irtf-cfrg-xchacha-03);
OpenSSL has the cipher and not the making of that key, which is here. Nothing here knows what is
sealed, and nothing prints a secret.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

KEM_BYTES: Final = 1088
"""A key encapsulated with ML-KEM-768 (FIPS 203, table 3)."""

NONCE_BYTES: Final = 24
"""XChaCha20's nonce: 16 bytes make the key, 8 go into ChaCha20's own nonce."""

_HCHACHA_BYTES: Final = 16
_BLOCK: Final = struct.Struct("<16I")
_CONSTANTS: Final = struct.unpack("<4I", b"expand 32-byte k")
_WORD: Final = 2**32


def new_key() -> MLKEM768PrivateKey:
    """A new secret key, of the system's randomness."""
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

    return MLKEM768PrivateKey.generate()


def unseal(key: MLKEM768PrivateKey, kem_ct: bytes, nonce: bytes, aead_ct: bytes) -> bytes | None:
    """The text that was sealed to ``key``; None if it was not, or not like this.

    A wrong encapsulation gives another shared secret, not an error (implicit rejection), so it is
    the tag at the end of ``aead_ct`` that tells.
    """
    if len(kem_ct) != KEM_BYTES or len(nonce) != NONCE_BYTES:
        return None
    return open_xchacha(key.decapsulate(kem_ct), nonce, aead_ct)


def open_xchacha(secret: bytes, nonce: bytes, sealed: bytes) -> bytes | None:
    """The text of ``sealed`` under XChaCha20-Poly1305, without further data; None if it is not."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    subkey = hchacha20(secret, nonce[:_HCHACHA_BYTES])
    try:
        return ChaCha20Poly1305(subkey).decrypt(bytes(4) + nonce[_HCHACHA_BYTES:], sealed, None)
    except InvalidTag:
        return None


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """The key of 32 bytes that HChaCha20 makes of ``key`` (32 bytes) and ``nonce`` (16).

    HChaCha20 is the block function of ChaCha20 without its last step, which adds the words that it
    began with. So they are taken off again from the first block of ChaCha20's key stream.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

    stream = Cipher(ChaCha20(key, nonce), mode=None).encryptor().update(bytes(_BLOCK.size))
    began = (*_CONSTANTS, *struct.unpack("<8I", key), *struct.unpack("<4I", nonce))
    words = [
        (word - first) % _WORD for word, first in zip(_BLOCK.unpack(stream), began, strict=True)
    ]
    return struct.pack("<8I", *words[:4], *words[12:])
