"""The tree of commands under ``assay``. Says what there is; what each does is in its own file.

Each member is imported when it is asked for, so that no command pays for another's imports, and
``assay --help`` for none. ``main.py`` enters here.
"""

from __future__ import annotations

from typing import Final

from assay.cli.command import LazyGroup

COMMANDS: Final = {
    "up": ("assay.cli.up.command:up", "Run a whole subnet here: chain, validators, miners."),
    "chain": ("assay.cli.chain:chain", "The local chain: start, verify, export-blocks."),
    "fund": ("assay.cli.fund:fund", "Give an address TAO on a local chain."),
    "subnet": ("assay.cli.subnets:subnet", "Create and start subnets, list them."),
    "miner": ("assay.cli.miner:miner", "Run a miner."),
    "validator": ("assay.cli.validator:validator", "Run a validator."),
    "wallet": ("assay.cli.wallet:wallet", "Make wallets, show their addresses and balances."),
    "status": ("assay.cli.status:status", "Show a subnet: uids, stake, incentive, rewards."),
    "receipt": ("assay.cli.receipt:receipt", "A validator's receipts: list, export, verify."),
    "lab": ("assay.cli.lab:lab", "Cheats and faults, to see a validator catch them."),
}
"""By name: where the command is, and the line of help beside it."""

app: Final = LazyGroup(
    "assay",
    members=COMMANDS,
    help="Build and run a Bittensor-style subnet: local chain, miners, validators, rewards.",
)
