"""Signers from a seed: the well-known keys, and no seed of another length."""

from __future__ import annotations

import pytest

from assay.types import ss58_encode
from assay.wire.keys import SeedSigner, verify

# The mini secret of //Alice and her address, as every Substrate development chain has them
# (`subkey inspect //Alice`).
ALICE_SEED = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


def test_the_well_known_seed_has_the_well_known_address() -> None:
    signer = SeedSigner(bytes.fromhex(ALICE_SEED))
    assert signer.address == ALICE == ss58_encode(signer.public_key)
    assert verify(signer.sign(b"message"), b"message", signer.public_key) is True
    assert verify(signer.sign(b"message"), b"another", signer.public_key) is False


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_seed_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="a seed has 32 bytes"):
        SeedSigner(bytes(length))
