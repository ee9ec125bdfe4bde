"""A message that nobody reads before its key is shown.

A peer draws a key of 32 bytes for each window, publishes the sealed message before the deadline and
the key after it: so nobody can copy another's work in time, and who has the key has the message.
ChaCha20-Poly1305 (RFC 8439) with a nonce of zeros, because a key seals one message. What is sealed
is bound to its run, window and hotkey. A seal names the message in clear by its hash::

    BLAKE3 derive_key "assay 2026 training message v1" over the message
"""

from __future__ import annotations

from typing import Final

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
"""By so much a sealed message is longer than the message."""
_NONCE: Final = bytes(12)
_DOMAIN: Final = b"assay/training/sealed/1"
_MESSAGE: Final = "assay 2026 training message v1"


class NotOpened(ValueError):
    """The key does not open it, or it was sealed for another run, window or hotkey."""


def seal(message: bytes, key: bytes, *, run: bytes, window: int, hotkey: str) -> bytes:
    """Return ``message``, sealed with ``key`` for one ``window`` of the ``run`` by ``hotkey``. A
    key must seal no second message."""
    return ChaCha20Poly1305(key).encrypt(_NONCE, message, _bound(run, window, hotkey))


def unseal(sealed: bytes, key: bytes, *, run: bytes, window: int, hotkey: str) -> bytes:
    """Return the message in ``sealed``; NotOpened if ``key`` does not open it."""
    if len(key) != KEY_BYTES:
        raise NotOpened(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    try:
        return ChaCha20Poly1305(key).decrypt(_NONCE, sealed, _bound(run, window, hotkey))
    except InvalidTag:
        raise NotOpened("the key does not open the sealed message") from None


def message_hash(message: bytes) -> bytes:
    """Return the hash by which a seal names the ``message`` in clear, of 32 bytes."""
    return blake3(message, derive_key_context=_MESSAGE).digest()


def _bound(run: bytes, window: int, hotkey: str) -> bytes:
    return _DOMAIN + run + window.to_bytes(8, "little") + hotkey.encode()
