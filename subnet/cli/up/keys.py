"""The wallets of a run: made under the state folder by its first start, opened by the later ones.

A wallet has the name of its member. Coldkeys have no password, because they hold a local chain's
play money. btcli reads the wallets with ``--wallet-path``. This module knows the plan, and nothing
of the chain but its address.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from assay.chain.wallets import create_wallet, dev_signer, open_coldkey, open_hotkey
from assay.cli.up.bootstrap import Funds, MemberKeys
from assay.cli.up.plan import HOTKEY, Plan
from assay.errors import UserError
from assay.files import read_limited
from assay.types import Ss58

_PUBLIC_BYTES_MAX: Final = 4_096
"""A public key's file holds two hashes and an address."""
_WALLETS_MAX: Final = 1_024
"""Beyond so many files a look for names would take longer than the table's interval."""


class _PublicKey(msgspec.Struct, rename={"address": "ss58Address"}):
    address: Ss58


def make_keys(plan: Plan) -> dict[str, MemberKeys]:
    """The keys of each member of ``plan``, by the member's name; missing ones are made."""
    keys = {}
    for member in plan.members:
        create_wallet(plan.wallets_dir, member.name, HOTKEY)
        keys[member.name] = MemberKeys(
            open_coldkey(plan.wallets_dir, member.name),
            open_hotkey(plan.wallets_dir, member.name, HOTKEY),
        )
    return keys


def own_funds(plan: Plan) -> Funds:
    """Who gives TAO on the chain that the run begins itself: the account that holds the first coins
    of every preset, and its root."""
    return Funds(dev_signer("//Alice", chain_url=plan.endpoint), is_root=True)


def wallet_names(wallets_dir: Path) -> dict[Ss58, str]:
    """The wallet's name of every hotkey under ``wallets_dir``; files that cannot be read are left
    out. Only public halves are read."""
    found: dict[Ss58, str] = {}
    for path in sorted(wallets_dir.glob("*/hotkeys/*pub.txt"))[:_WALLETS_MAX]:
        try:
            data = read_limited(path, _PUBLIC_BYTES_MAX)
            public = msgspec.json.decode(data or b"", type=_PublicKey)
        except (UserError, msgspec.MsgspecError, UnicodeDecodeError):
            continue
        found[public.address] = path.parts[-3]
    return found
