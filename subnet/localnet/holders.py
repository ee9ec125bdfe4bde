"""Who has power over a chain: its sudo account, and the development accounts that hold money.

The keys of the development accounts (//Alice and so on) are public, so whatever they may do anybody
may do who reaches the chain. In comes a chain's state; out go names and amounts, for the line that
a node prints at its start and for the refusal to serve such a chain to others. It reads storage
only, by the layout of pallets Sudo and System, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from assay.localnet.primitives.well_known_keys import ACCOUNTS, SUDO_KEY, blake2_128_concat
from assay.localnet.state.view import State
from assay.types import Ss58, ss58_decode, ss58_encode

DEVELOPMENT: Final[Mapping[str, Ss58]] = {
    "//Alice": Ss58("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),
    "//Bob": Ss58("5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"),
    "//Charlie": Ss58("5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y"),
    "//Dave": Ss58("5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy"),
    "//Eve": Ss58("5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw"),
    "//Ferdie": Ss58("5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL"),
    "//Alice//stash": Ss58("5GNJqTPyNqANBkUVMN1LPPrxXnFouWXoe2wNSmmEoLctxiZY"),
    "//Bob//stash": Ss58("5HpG9w8EBLe5XCrbczpwq5TSXvedjrBGCwqxK1iQ7qUsSWFc"),
    "//One": Ss58("5Fxune7f71ZbpP2FoY3mhYcmM596Erhv1gRue4nsPwkxMR4n"),
    "//Two": Ss58("5CUjxa4wVKMj3FqKdqAUf7zcEMr4MYAjXeWmUf44B41neLmJ"),
    "//Three": Ss58("5FKiDJ3T1c59m3QwQVgXyk2QmibqBaYSzk2X5eiPjLR438pk"),
}
"""The accounts that development chains of Substrate fund, and those that the presets add. Each is
derived from a phrase that is printed in Substrate's documentation."""

_U64_INFO_BYTES: Final = 56
"""``AccountInfo`` where a balance is a u64: four counters of 4 bytes, three balances, flags."""
_FREE_AT: Final = 16


@dataclass(frozen=True, slots=True)
class Holder:
    """A development account that holds money."""

    uri: str
    address: Ss58
    free_rao: int


@dataclass(frozen=True, slots=True)
class Holders:
    """Who has power over one chain."""

    sudo: Ss58 | None
    """The account that may do everything; None if there is none."""
    sudo_uri: str | None
    """Its development name; None if its key is nobody's but its owner's."""
    funded: tuple[Holder, ...]

    @property
    def public_power(self) -> str | None:
        """What anybody could do who reaches the chain, as the end of a sentence; None: nothing."""
        if self.sudo_uri is not None:
            return f"do anything to the chain: its sudo is {self.sudo_uri}, whose key is public"
        if self.funded:
            names = ", ".join(each.uri for each in self.funded)
            return f"spend what the development accounts hold, whose keys are public: {names}"
        return None


def holders_of(state: State) -> Holders:
    """Read from ``state`` who has power."""
    raw = state.get(SUDO_KEY)
    sudo = ss58_encode(raw) if raw is not None and len(raw) == 32 else None
    names = {address: uri for uri, address in DEVELOPMENT.items()}
    funded = [
        Holder(uri, address, free_rao)
        for uri, address in DEVELOPMENT.items()
        if (free_rao := _free_rao(state, ss58_decode(address)))
    ]
    return Holders(sudo, names.get(sudo) if sudo is not None else None, tuple(funded))


def _free_rao(state: State, account: bytes) -> int:
    info = state.get(ACCOUNTS + blake2_128_concat(account))
    if info is None:
        return 0
    balance_bytes = 8 if len(info) == _U64_INFO_BYTES else 16
    return int.from_bytes(info[_FREE_AT : _FREE_AT + balance_bytes], "little")
