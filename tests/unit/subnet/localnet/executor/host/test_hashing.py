"""Hashes as the runtime gets them, against published digests and against other implementations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.localnet.executor.call import Executor
from tests.unit.subnet.localnet.executor import wat_runtime
from tests.unit.subnet.localnet.executor.wat_runtime import overlay

PUBLISHED = [
    # Substrate's storage prefixes, as every explorer shows them.
    ("twox_128", b"System", "26aa394eea5630e07c48ae0c9558cef7"),
    ("twox_128", b"Account", "b99d880ec681799c0cf30e8886371da9"),
    ("twox_128", b"Timestamp", "f0c365c3cf59d671eb72da0e7a4113c4"),
    # xxHash's specification: XXH64 of nothing with seed 0 is ef46db3751d8e999.
    ("twox_64", b"", "99e9d85137db46ef"),
    # RFC 7693, appendix A gives BLAKE2b-512; the shorter ones are those of the reference b2sum.
    ("blake2_256", b"abc", "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"),
    ("blake2_128", b"", "cae66941d9efbd404e4d88758ea67670"),
    # Ethereum's hash of nothing; SHA-3 pads differently and gives another.
    ("keccak_256", b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
    # FIPS 180-2, appendix B.
    ("sha2_256", b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
]


@pytest.fixture(scope="module")
def runtime() -> Executor:
    return wat_runtime.executor()


@pytest.mark.parametrize(("name", "data", "digest"), PUBLISHED)
def test_published_digests(runtime: Executor, name: str, data: bytes, digest: str) -> None:
    assert runtime.call(name, data, overlay()).hex() == digest


def _twox(data: bytes, seeds: int) -> bytes:
    return b"".join(
        xxhash.xxh64(data, seed=seed).intdigest().to_bytes(8, "little") for seed in range(seeds)
    )


OTHERS: dict[str, Callable[[bytes], bytes]] = {
    "twox_64": lambda data: _twox(data, 1),
    "twox_128": lambda data: _twox(data, 2),
    "twox_256": lambda data: _twox(data, 4),
    "blake2_128": lambda data: hashlib.blake2b(data, digest_size=16).digest(),
    "blake2_256": lambda data: hashlib.blake2b(data, digest_size=32).digest(),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("size", [*range(70), 127, 128, 129, 255, 256, 257, 1000])
def test_every_length_around_the_block_sizes(runtime: Executor, name: str, size: int) -> None:
    data = bytes((7 * at + size) & 0xFF for at in range(size))
    assert runtime.call(name, data, overlay()) == OTHERS[name](data)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=3_000))
def test_any_data(data: bytes) -> None:
    for name, other in OTHERS.items():
        assert _SHARED.call(name, data, overlay()) == other(data)


_SHARED = wat_runtime.executor()
