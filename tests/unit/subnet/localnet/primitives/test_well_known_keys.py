"""Keys as every explorer of a Substrate chain shows them."""

from __future__ import annotations

from assay.localnet.primitives.well_known_keys import (
    ACCOUNTS,
    AURA_CURRENT_SLOT,
    CODE_KEY,
    SUDO_KEY,
    TIMESTAMP_NOW,
    blake2_128_concat,
)


def test_published_keys() -> None:
    assert CODE_KEY == b":code"
    assert TIMESTAMP_NOW.hex() == "f0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb"
    assert AURA_CURRENT_SLOT.hex() == (
        "57f8dc2f5ab09467896f47300f04243806155b3cd9a8c9e5e9a23fd5dc13a5ed"
    )
    assert SUDO_KEY.hex() == "5c0d1176a568c1f92944340dbfed9e9c530ebca703c85910e7164cb7d1c9e47b"
    assert ACCOUNTS.hex() == "26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9"


def test_alices_account_key() -> None:
    alice = bytes.fromhex("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")
    assert blake2_128_concat(alice).hex() == "de1e86a9a8c739864cf3cc5ec2bea59f" + alice.hex()
