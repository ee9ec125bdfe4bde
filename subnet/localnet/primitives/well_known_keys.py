"""Where the state keeps what a host must find without asking the runtime.

``:code`` is fixed by Substrate (``sp_core::storage::well_known_keys``). An item of a pallet lies
under the twox-128 of the pallet's name and that of the item's. Nothing here reads a state.
"""

from __future__ import annotations

from typing import Final

from assay.localnet.primitives.hashing import blake2, twox

CODE_KEY: Final = b":code"
"""The runtime's code, plain or compressed."""


def item_key(pallet: str, item: str) -> bytes:
    """The key of a storage item, or the prefix of its keys if the item is a map."""
    return twox(pallet.encode(), 128) + twox(item.encode(), 128)


def blake2_128_concat(key: bytes) -> bytes:
    """What a map with the hasher ``Blake2_128Concat`` puts behind its prefix for ``key``."""
    return blake2(key, 128) + key


TIMESTAMP_NOW: Final = item_key("Timestamp", "Now")
"""The last block's time, in milliseconds."""
AURA_CURRENT_SLOT: Final = item_key("Aura", "CurrentSlot")
"""The number of the last block's slot, in slots of the present length."""
SUDO_KEY: Final = item_key("Sudo", "Key")
"""The account that may do everything."""
ACCOUNTS: Final = item_key("System", "Account")
"""The prefix of the accounts, a map by account id with ``blake2_128_concat``."""
