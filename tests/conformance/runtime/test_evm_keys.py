"""A neuron and a key of Ethereum's kind, through the shipped Wasm and the host's key recovery.

The wallet's side is eth-account's, as contract developers use it: it knows nothing of this chain.
"""

from __future__ import annotations

from typing import Any, Final

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak

from tests.conformance.runtime.world import NETUID, World, account, address

BLOCK: Final = 3
HOTKEY: Final = "founder hot"


def agreement(wallet: Any, hotkey: str = HOTKEY, block: int = BLOCK) -> dict[str, Any]:
    text = account(hotkey) + keccak(block.to_bytes(8, "little"))
    signed = wallet.sign_message(encode_defunct(text))
    return {
        "netuid": NETUID,
        "evm_key": wallet.address.lower(),
        "block_number": block,
        "signature": bytes(signed.signature),
    }


def founded() -> World:
    world = World()
    world.fund(HOTKEY, "founder")
    world.begin_block(10)
    assert world.submit("founder", "register_network", {"hotkey": address(HOTKEY)}) is None
    return world


def test_a_wallet_s_signature_associates_its_key() -> None:
    world, wallet = founded(), Account.create("entropy")
    call = agreement(wallet)
    free = world.free(HOTKEY)
    assert world.submit(HOTKEY, "associate_evm_key", call) is None
    assert world.free(HOTKEY) == free, "its owner pays"
    key, since = world.get("AssociatedEvmAddress", NETUID, 0)
    assert (key, since) == (wallet.address.lower(), 10)
    found = world.get("AssociatedUidsByEvmAddress", NETUID, wallet.address.lower())
    assert [tuple(each) for each in found] == [(0, 10)]
    refused = world.submit(HOTKEY, "associate_evm_key", call)
    assert refused == "refused:20", "in the pool, by the number that clients know"
    again = world.submit_in_batch(HOTKEY, "associate_evm_key", call)
    assert again == "EvmKeyAssociateRateLimitExceeded"


def test_what_is_not_signed_so_is_refused_by_name() -> None:
    world, wallet = founded(), Account.create("entropy")
    other = agreement(wallet, hotkey="founder")
    assert world.submit(HOTKEY, "associate_evm_key", other) == "InvalidRecoveredPublicKey"
    later = agreement(wallet) | {"block_number": BLOCK + 1}
    assert world.submit(HOTKEY, "associate_evm_key", later) == "InvalidRecoveredPublicKey"
    for garbage in (bytes(65), b"\xff" * 65):
        none = agreement(wallet) | {"signature": garbage}
        # It is none of any key, which the pool can tell.
        assert world.submit(HOTKEY, "associate_evm_key", none) == "refused:255"
    assert world.submit("founder", "associate_evm_key", agreement(wallet)) == "refused:19"
