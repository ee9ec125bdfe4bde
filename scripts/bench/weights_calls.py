"""Calls of the runtime, put together by hand from Substrate's format.

``scripts/bench/weights`` times them. Pallets and calls are given by the numbers that the runtime's
metadata has, and fields are encoded in its order, so that no client stands between the benchmark
and what it measures. Whoever signs them, and what they cost, is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from bittensor_core import Keypair
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from assay.localnet.primitives.hashing import twox
from assay.localnet.primitives.scale import compact, encode_bytes

SYSTEM, BALANCES, SUBTENSOR, UTILITY = 0, 5, 7, 11
SUDO, COMMITMENTS, ADMIN_UTILS, SWAP = 12, 18, 19, 28


def u16(value: int) -> bytes:
    return value.to_bytes(2, "little")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


def call(index: int, *fields: bytes) -> bytes:
    return bytes((SUBTENSOR, index)) + b"".join(fields)


def account(key: Keypair) -> bytes:
    return bytes(key.public_key)


def register_network(hotkey: Keypair) -> bytes:
    return call(59, account(hotkey))


def start_call(netuid: int) -> bytes:
    return call(92, u16(netuid))


def associate(hotkey: Keypair) -> bytes:
    return call(91, account(hotkey))


def burned_register(netuid: int, hotkey: Keypair) -> bytes:
    return call(7, u16(netuid), account(hotkey))


def add_stake(hotkey: Keypair, netuid: int, rao: int) -> bytes:
    return call(2, account(hotkey), u16(netuid), u64(rao))


def remove_stake(hotkey: Keypair, netuid: int, rao: int) -> bytes:
    return call(3, account(hotkey), u16(netuid), u64(rao))


def set_weights(netuid: int, uids: range) -> bytes:
    row = compact(len(uids)) + b"".join(map(u16, uids))
    return call(119, u16(netuid), b"\0", row, row, u64(0))


def associate_evm_key(hotkey: Keypair) -> bytes:
    """With a wallet of the hotkey's own, which signs what wallets sign."""
    wallet = PrivateKey(account(hotkey))
    text = account(hotkey) + keccak(u64(0))
    digest = keccak(b"\x19Ethereum Signed Message:\n64" + text)
    signature = wallet.sign_msg_hash(digest).to_bytes()
    key = wallet.public_key.to_canonical_address()
    return call(93, u16(1), bytes(key), u64(0), bytes(signature))


def serve_axon(port: int) -> bytes:
    ip = 0x7F000001.to_bytes(16, "little")
    return call(4, u16(1), (1).to_bytes(4, "little"), ip, u16(port), b"\x04\0\0\0")


def set_identity() -> bytes:
    long = encode_bytes(b"x" * 200)
    return call(78, u16(1), *[long] * 8)


def set_children(hotkey: Keypair, children: Sequence[Keypair]) -> bytes:
    share = u64((2**64 - 1) // len(children))
    listed = compact(len(children)) + b"".join(share + account(child) for child in children)
    return call(67, account(hotkey), u16(1), listed)


def set_commitment(content: bytes) -> bytes:
    """One field: the variant says how many bytes follow (``Raw0`` is 1)."""
    field = bytes((len(content) + 1,)) + content
    return bytes((COMMITMENTS, 0)) + u16(1) + compact(1) + field


def set_tempo(netuid: int, blocks: int) -> bytes:
    return bytes((ADMIN_UTILS, 30)) + u16(netuid) + u16(blocks)


def set_max_validators(netuid: int, count: int) -> bytes:
    return bytes((ADMIN_UTILS, 25)) + u16(netuid) + u16(count)


def remark(content: bytes) -> bytes:
    return bytes((SYSTEM, 0)) + encode_bytes(content)


def transfer(to: Keypair, rao: int) -> bytes:
    return bytes((BALANCES, 3, 0)) + account(to) + compact(rao)


def batch(calls: list[bytes]) -> bytes:
    return bytes((UTILITY, 2)) + compact(len(calls)) + b"".join(calls)


def set_storage(items: dict[bytes, bytes]) -> bytes:
    """Root alone may."""
    listed = b"".join(encode_bytes(key) + encode_bytes(value) for key, value in items.items())
    return bytes((SYSTEM, 4)) + compact(len(items)) + listed


def set_child_cooldown(blocks: int) -> bytes:
    """Blocks before announced children take effect. No call of its own sets them."""
    key = twox(b"SubtensorModule", 128) + twox(b"PendingChildKeyCooldown", 128)
    return set_storage({key: u64(blocks)})


def write_items(count: int, salt: int) -> bytes:
    """Sets storage under keys that are new, as long as an account's."""
    keys = (blake2b(b"%d %d" % (salt, n), digest_size=48).digest() for n in range(count))
    return set_storage(dict.fromkeys(keys, b"v" * 80))


def read_items(count: int) -> bytes:
    """Upgrades accounts that need none: each is read."""
    accounts = (blake2b(b"%d" % n, digest_size=32).digest() for n in range(count))
    return bytes((BALANCES, 6)) + compact(count) + b"".join(accounts)


def sudo(inner: bytes) -> bytes:
    return bytes((SUDO, 0)) + inner
