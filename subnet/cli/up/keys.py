"""The wallets of a run: made once under the state folder, opened after that.

Adds to the SDK's wallets the names of the cast. Coldkeys are not locked: they hold a local chain's
play money. btcli reads them with ``--wallet-path``.
"""

from __future__ import annotations

from assay.chain.wallets import create_wallet, dev_signer, open_coldkey, open_hotkey
from assay.cli.up.bootstrap import Keys
from assay.cli.up.plan import HOTKEY, Plan
from assay.types import Signer


def make_keys(plan: Plan) -> dict[str, Keys]:
    """Each member's keys by name; what is missing of them is made."""
    keys = {}
    for member in plan.members:
        create_wallet(plan.wallets_dir, member.name, HOTKEY)
        keys[member.name] = Keys(
            open_coldkey(plan.wallets_dir, member.name),
            open_hotkey(plan.wallets_dir, member.name, HOTKEY),
        )
    return keys


def faucet(plan: Plan) -> Signer:
    """The account that every development chain gives its first coins to."""
    return dev_signer("//Alice", chain_url=plan.endpoint)
