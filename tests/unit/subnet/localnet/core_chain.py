"""A real runtime for tests of the core, and transfers signed for it.

The runtime is the committed one under its preset ``local``. Extrinsics are put together by hand
from Substrate's format (version 4, signed, immortal), so that these tests need no client library.
"""

from __future__ import annotations

import os
import tempfile
from hashlib import blake2b
from pathlib import Path

from bittensor_core import Keypair

from assay.localnet.backend import Backend, BuiltBlock, Genesis
from assay.localnet.blocks.builder import named
from assay.localnet.primitives.hashing import twox
from assay.localnet.primitives.scale import compact, encode_bytes

RUNTIME = Path(__file__).parents[4] / "subnet/localnet/runtime/assay.wasm"

ALICE = Keypair.create_from_uri("//Alice")
BOB = Keypair.create_from_uri("//Bob")

# MultiSignature::Sr25519, MultiAddress::Id, and Balances.transfer_keep_alive.
_SR25519 = b"\x01"
_ID = b"\x00"
_TRANSFER = b"\x05\x03"
_SIGNED_V4 = b"\x84"
_SUDO_UNCHECKED_WEIGHT = b"\x0c\x01"
_SET_STORAGE = b"\x00\x04"

SLOT_DURATION = twox(b"SubtensorModule", 128) + twox(b"SlotDurationMs", 128)


def genesis(**overrides: object) -> Genesis:
    """The recipe of the test chain."""
    return Genesis(code=RUNTIME.read_bytes(), preset="local", overrides=overrides)


def module_cache() -> Path:
    """One for all tests of a user, so that the runtime is compiled once."""
    return Path(tempfile.gettempdir()) / f"assay-test-modules-{os.getuid()}"


def open_chain(path: Path | None = None, **options: object) -> Backend:
    return Backend.open(path, genesis(), module_cache=module_cache(), **options)  # type: ignore[arg-type]


def transfer(chain: Backend, nonce: int, amount: int = 10**9, *, to: bytes | None = None) -> bytes:
    """Alice sends to Bob (or to ``to``)."""
    call = _TRANSFER + _ID + (to or bytes(BOB.public_key)) + compact(amount)
    return sign(chain, ALICE, call, nonce)


def sign(
    chain: Backend, signer: Keypair, call: bytes, nonce: int, *, period: int | None = None
) -> bytes:
    """``call`` signed; valid for ever, or for ``period`` blocks (a power of two) from now on."""
    version = chain.runtime_version()
    era, birth = b"\x00", chain.genesis_hash
    if period is not None:
        phase = chain.head.number % period
        era = (period.bit_length() - 2 | phase << 4).to_bytes(2, "little")
        birth = chain.head.hash
    # Nonce, tip 0, metadata hash not checked.
    extra = era + compact(nonce) + compact(0) + b"\x00"
    implicit = (
        version.spec_version.to_bytes(4, "little")
        + version.transaction_version.to_bytes(4, "little")
        + chain.genesis_hash
        + birth
        + b"\x00"
    )
    payload = call + extra + implicit
    if len(payload) > 256:
        payload = blake2b(payload, digest_size=32).digest()
    signature = bytes(signer.sign(payload))
    body = _SIGNED_V4 + _ID + bytes(signer.public_key) + _SR25519 + signature + extra + call
    return compact(len(body)) + body


def by_root(chain: Backend, inner: bytes, nonce: int) -> bytes:
    """Alice, who is root here, makes a call that weighs nothing."""
    call = _SUDO_UNCHECKED_WEIGHT + inner + compact(0) + compact(0)
    return sign(chain, ALICE, call, nonce)


def set_u64(key: bytes, value: int) -> bytes:
    """The call that writes a number into the state, for root only."""
    item = encode_bytes(key) + encode_bytes(value.to_bytes(8, "little"))
    return _SET_STORAGE + compact(1) + item


def step(chain: Backend, *ready: bytes) -> BuiltBlock:
    """The next block, as early as it may be."""
    return chain.build(chain.earliest_timestamp_ms(), named(ready))


def grow(chain: Backend, blocks: int, *, first_nonce: int = 0, per_block: int = 1) -> int:
    """Build so many blocks with transfers in each; the next nonce."""
    nonce = first_nonce
    for _ in range(blocks):
        ready = [transfer(chain, nonce + at) for at in range(per_block)]
        built = step(chain, *ready)
        assert (built.failed, built.postponed) == ((), ())
        nonce += per_block
    return nonce
