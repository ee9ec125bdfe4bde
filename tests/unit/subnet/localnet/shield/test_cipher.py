"""The cipher beside the draft's vector and beside the client's own implementation."""

from __future__ import annotations

import bittensor_core
import pytest

from assay.localnet.shield.cipher import KEM_BYTES, hchacha20, new_key, unseal

_KEY_HASH_BYTES = 16
_LENGTH_BYTES = 2
_NONCE_BYTES = 24


def _sealed(public_key: bytes, text: bytes) -> tuple[bytes, bytes, bytes]:
    """What the client makes of ``text``: the encapsulated key, the nonce and the rest."""
    blob = bytes(bittensor_core.encrypt_mlkem768(public_key, text, include_key_hash=True))
    rest = blob[_KEY_HASH_BYTES + _LENGTH_BYTES :]
    kem_ct, rest = rest[:KEM_BYTES], rest[KEM_BYTES:]
    return kem_ct, rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]


def test_hchacha20_gives_the_drafts_vector() -> None:
    """draft-irtf-cfrg-xchacha-03, section 2.2.1."""
    nonce = bytes.fromhex("000000090000004a0000000031415927")
    expected = "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    assert hchacha20(bytes(range(32)), nonce).hex() == expected


@pytest.mark.parametrize("length", [1, 63, 64, 65, 7_000])
def test_what_the_client_seals_is_opened(length: int) -> None:
    key, text = new_key(), bytes(at % 251 for at in range(length))
    kem_ct, nonce, rest = _sealed(key.public_key().public_bytes_raw(), text)
    assert unseal(key, kem_ct, nonce, rest) == text


def test_what_was_sealed_to_another_or_changed_is_not() -> None:
    key, text = new_key(), b"a text"
    kem_ct, nonce, rest = _sealed(key.public_key().public_bytes_raw(), text)
    assert unseal(new_key(), kem_ct, nonce, rest) is None
    for part in range(3):
        parts = [kem_ct, nonce, rest]
        for at in (0, len(parts[part]) // 2, len(parts[part]) - 1):
            changed = bytearray(parts[part])
            changed[at] ^= 1
            damaged = [*parts[:part], bytes(changed), *parts[part + 1 :]]
            assert unseal(key, *damaged) is None, (part, at)
    for short in (kem_ct[:-1], b"", kem_ct + b"\0"):
        assert unseal(key, short, nonce, rest) is None
    for short in (b"", rest[:15]):
        assert unseal(key, kem_ct, nonce, short) is None
