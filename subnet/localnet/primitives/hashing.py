"""The hash functions by which Substrate names things and places keys.

BLAKE2b names blocks, extrinsics and runtimes; xxHash-64 ("twox") makes the prefixes of storage
keys. In come bytes, out comes a digest. It knows nothing of what is hashed.
"""

from __future__ import annotations

from hashlib import blake2b

import xxhash


def blake2(data: bytes, bits: int) -> bytes:
    """The BLAKE2b digest of ``data`` with ``bits`` bits."""
    return blake2b(data, digest_size=bits // 8).digest()


def blake2_256(data: bytes) -> bytes:
    """The BLAKE2b digest of ``data`` with 256 bits: the name of a block or an extrinsic."""
    return blake2b(data, digest_size=32).digest()


def twox(data: bytes, bits: int) -> bytes:
    """xxHash-64 of ``data`` with the seeds 0, 1, … for each 64 bits, each in little endian."""
    return b"".join(
        xxhash.xxh64_intdigest(data, seed).to_bytes(8, "little") for seed in range(bits // 64)
    )
