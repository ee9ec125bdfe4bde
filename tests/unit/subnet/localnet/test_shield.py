"""What is sealed to the local chain's key is opened and handed on; nothing else is."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from subnet.localnet.backend import BuiltBlock
from subnet.localnet.errors import InvalidTransaction
from subnet.localnet.executor.host.hashing import twox
from subnet.localnet.shield import KEY_HASH, SEED, Unsealer, hchacha20, sealed_part, unseal

PRESET = Path(__file__).resolve().parents[4] / "runtime" / "presets" / "local.json"
PUBLIC = MLKEM768PrivateKey.from_seed_bytes(SEED).public_key()
NONCE = bytes(range(24))
INNER = b"an extrinsic of some length"


def seal(inner: bytes = INNER) -> bytes:
    shared, kem = PUBLIC.encapsulate()
    aead = ChaCha20Poly1305(hchacha20(shared, NONCE[:16]))
    body = aead.encrypt(bytes(4) + NONCE[16:], inner, None)
    return KEY_HASH + len(kem).to_bytes(2, "little") + kem + NONCE + body


def carrier(sealed: bytes) -> bytes:
    """An extrinsic that submits it; what comes before the call does not matter here."""
    length = (len(sealed) << 2 | 1).to_bytes(2, "little")
    return b"length, signature, extensions" + bytes((30, 1)) + length + sealed


@dataclass
class Pool:
    refuses: bool = False
    taken: list[bytes] = field(default_factory=list)

    def submit(self, extrinsic: bytes) -> None:
        if self.refuses:
            raise InvalidTransaction("Stale")
        self.taken.append(extrinsic)


def block(*extrinsics: bytes) -> BuiltBlock:
    return cast(BuiltBlock, SimpleNamespace(block=SimpleNamespace(extrinsics=extrinsics)))


def test_the_inner_cipher_is_the_published_one() -> None:
    # draft-irtf-cfrg-xchacha-03, section 2.2.1
    nonce = bytes.fromhex("000000090000004a0000000031415927")
    expected = "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    assert hchacha20(bytes(range(32)), nonce).hex() == expected


def test_the_local_preset_names_the_key_that_the_node_holds() -> None:
    key = PUBLIC.public_bytes_raw()
    assert json.loads(PRESET.read_text())["mevShield"]["nextKey"] == "0x" + key.hex()
    assert twox(key, 128) == KEY_HASH


def test_what_was_sealed_is_opened() -> None:
    sealed = sealed_part(carrier(seal()))
    assert sealed is not None
    assert unseal(sealed) == INNER


@pytest.mark.parametrize("at", [16, 40, 16 + 2 + 1088, -1])
def test_what_was_changed_on_the_way_is_not_opened(at: int) -> None:
    sealed = bytearray(seal())
    sealed[at] ^= 1
    assert unseal(bytes(sealed)) is None


@pytest.mark.parametrize(
    "extrinsic",
    [
        b"",
        b"a transfer",
        carrier(KEY_HASH),  # nothing behind the hash
        carrier(seal())[:-1],  # shorter than it says
        carrier(seal()).replace(bytes((30, 1)), bytes((30, 0)), 1),  # another call
        carrier(bytes(16) + seal()[16:]),  # another key
    ],
)
def test_other_extrinsics_are_left_alone(extrinsic: bytes) -> None:
    assert sealed_part(extrinsic) is None


async def test_a_block_s_sealed_extrinsics_go_to_the_pool_once_it_knows_the_block() -> None:
    pool = Pool()
    Unsealer(pool).tell_block(block(b"a transfer", carrier(seal()), carrier(seal(b"another"))))
    assert pool.taken == []
    await asyncio.sleep(0)
    assert pool.taken == [INNER, b"another"]


async def test_neither_damage_nor_a_refusal_ends_anything() -> None:
    damaged = bytearray(seal())
    damaged[-1] ^= 1
    pool = Pool(refuses=True)
    Unsealer(pool).tell_block(block(carrier(bytes(damaged)), carrier(seal())))
    await asyncio.sleep(0)
    pool.refuses = False
    Unsealer(pool).tell_block(block(carrier(seal())))
    await asyncio.sleep(0)
    assert pool.taken == [INNER]
