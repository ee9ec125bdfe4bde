"""The public side of wallets on disk, in the SDK's layout: names and addresses, no key opened.

Adds to the SDK's listing that nothing in a wallet's folder can break it: a file that is no key, a
folder that cannot be read, another program's address. A folder comes in, names and addresses go
out. Nothing here knows a secret or a chain.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from assay.chain.errors import WalletError
from assay.types import Ss58, ss58_decode

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""Names become file names; this keeps them inside their folder."""
_FILE_BYTES_MAX: Final = 65_536
"""The SDK's key files have some hundred bytes; a longer file is another program's."""
_NAMES_TOLD: Final = 4
"""As many wallets' names as a sentence holds."""
PUBLIC: Final = "pub.txt"
"""Ends the name of the file that holds a key's address without its secret."""


@dataclass(frozen=True, slots=True)
class WalletInfo:
    """A wallet's public side, read without opening anything."""

    name: str
    coldkey: Ss58
    hotkeys: dict[str, Ss58]


@dataclass(frozen=True, slots=True)
class ListedWallet:
    """What a wallet's folder tells of its addresses."""

    name: str
    coldkey: Ss58 | None
    """None where the folder holds no readable address of a coldkey, as on a miner's machine."""
    hotkeys: dict[str, Ss58 | None] = field(default_factory=dict)
    """By name; None for one whose files tell no address."""


def list_wallets(root: Path) -> list[ListedWallet]:
    """The wallets in the folder ``root``, by name; none if there is no such folder.

    WalletError if ``root`` is there and cannot be read.
    """
    try:
        names = sorted(path.name for path in root.iterdir() if path.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise WalletError(
            f"The wallets in {root.absolute()} cannot be read: {error.strerror}.",
            "Check the folder's permissions, or name another with --wallet-path.",
        ) from None
    # A name with a dot in front is a draft of a wallet that is being made.
    listed = [_listed(root / name) for name in names if is_name(name)]
    return [each for each in listed if each.coldkey is not None or each.hotkeys]


def wallet_info(root: Path, name: str) -> WalletInfo:
    """The addresses of the wallet ``name`` in ``root``; WalletError if there is none."""
    check_name(name)
    found = _listed(root / name)
    if found.coldkey is None:
        raise no_wallet(root, name)
    hotkeys = {hotkey: address for hotkey, address in found.hotkeys.items() if address is not None}
    return WalletInfo(name, found.coldkey, hotkeys)


def check_wallet(root: Path, name: str) -> None:
    """WalletError unless ``root`` has a folder for the wallet ``name``; no key is looked at."""
    check_name(name)
    if not (root / name).is_dir():
        raise no_wallet(root, name)


def no_wallet(root: Path, name: str) -> WalletError:
    """That the wallet ``name`` is not in ``root``, with the names that are like it, else those that
    are there."""
    there = [each.name for each in list_wallets(root) if each.name != name]
    likely = (get_close_matches(name, there) or there)[:_NAMES_TOLD]
    such = f"Name one that is there, such as {', '.join(likely)}; or c" if likely else "C"
    return WalletError(
        f"There is no wallet {name} in {root.absolute()}.",
        f"{such}reate it with `assay wallet create`, or name its folder with --wallet-path.",
    )


def is_name(name: str) -> bool:
    """Whether ``name`` can be a wallet's or a hotkey's."""
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> None:
    """WalletError unless ``name`` can be a wallet's or a hotkey's."""
    if not is_name(name):
        raise WalletError(
            f"{name!r:.80} cannot be a wallet's or a hotkey's name.",
            "Use letters, digits, dots, dashes and underscores, at most 64.",
        )


def _listed(folder: Path) -> ListedWallet:
    hotkeys = folder / "hotkeys"
    try:
        names = sorted(path.name for path in hotkeys.iterdir() if path.is_file())
    except OSError:  # no hotkeys, or none that this person may see
        names = []
    own = {name for name in names if is_name(name) and not name.endswith(PUBLIC)}
    own |= {name.removesuffix(PUBLIC) for name in names if name.endswith(PUBLIC)} - {""}
    return ListedWallet(
        folder.name,
        key_address(folder / f"coldkey{PUBLIC}"),
        {
            name: key_address(hotkeys / f"{name}{PUBLIC}") or key_address(hotkeys / name)
            for name in sorted(own)
        },
    )


def key_address(path: Path) -> Ss58 | None:
    """The address that a key file tells in clear; None if there is none in it."""
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(_FILE_BYTES_MAX))
        address = told["ss58Address"]
        ss58_decode(address)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Ss58(address)
