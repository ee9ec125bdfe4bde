"""``ext_hashing_*``: the hash functions, each answering the address of its digest.

Most calls to the twox and blake2 ones never arrive here: the helper module answers them inside Wasm
(``helper.py``). These are the complete set in Python, by ``hashlib``, ``xxhash`` and pycryptodome's
Keccak (hashlib's SHA-3 pads differently), which comes with the SDK; without it that one is missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from assay.localnet.executor.host.context import HostCallError, HostContext
from assay.localnet.primitives.hashing import blake2, twox


def keccak(data: bytes, bits: int) -> bytes:
    try:
        from Crypto.Hash import keccak as implementation
    except ImportError:
        raise HostCallError("Keccak is not available: pycryptodome is not installed") from None
    return implementation.new(digest_bits=bits, data=data).digest()


def hashing_functions(context: HostContext) -> Mapping[str, Callable[..., Any]]:
    """The table of this file's functions."""
    give_address = context.memory.give_address

    def read(span: int) -> bytes:
        context.charge_bytes(span >> 32)
        return context.memory.read(span)

    def function(digest: Callable[[bytes, int], bytes], bits: int) -> Callable[[int], int]:
        return lambda data: give_address(digest(read(data), bits))

    def sha2_256(data: int) -> int:
        return give_address(hashlib.sha256(read(data)).digest())

    return {
        "ext_hashing_blake2_128_version_1": function(blake2, 128),
        "ext_hashing_blake2_256_version_1": function(blake2, 256),
        "ext_hashing_twox_64_version_1": function(twox, 64),
        "ext_hashing_twox_128_version_1": function(twox, 128),
        "ext_hashing_twox_256_version_1": function(twox, 256),
        "ext_hashing_keccak_256_version_1": function(keccak, 256),
        "ext_hashing_keccak_512_version_1": function(keccak, 512),
        "ext_hashing_sha2_256_version_1": sha2_256,
    }
