"""An account as a person names it: by an SS58 address, or by the name of a wallet or a hotkey.

Names and addresses come in, addresses go out; a mistyped address is told as such, and is not
searched for among the wallets. No key is opened here but a hotkey's that a name stands for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from assay.errors import UserError
from assay.types import Ss58, ss58_decode

_ADDRESS_CHARS_MIN: Final = 40
"""An address has 47 or 48; a wallet's name of that length without a dash is unlikely."""


def coldkey_address(folder: Path, named: str) -> Ss58:
    """The address ``named``, or that of the coldkey of the wallet ``named`` in ``folder``."""
    from assay.chain.wallet_addresses import wallet_info

    return _address(named) or wallet_info(folder, named).coldkey


def hotkey_address(folder: Path, wallet: str, named: str) -> Ss58:
    """The address ``named``, or that of the hotkey ``named`` of ``wallet`` in ``folder``."""
    from assay.chain.wallets import open_hotkey

    return _address(named) or open_hotkey(folder, wallet, named).address


def _address(text: str) -> Ss58 | None:
    """``text`` if it is an address, None if it is a name."""
    try:
        ss58_decode(text)
    except ValueError:
        if len(text) >= _ADDRESS_CHARS_MIN and text.isalnum():
            raise UserError(
                f"{text:.80} is not an SS58 address of this kind of chain: it was mistyped.",
                "Copy it again; `assay wallet show NAME` has a wallet's.",
            ) from None
        return None
    return Ss58(text)
