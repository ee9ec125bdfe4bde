"""`assay fund ADDRESS AMOUNT`: TAO out of a local chain's development account.

Adds to a transfer the account that every development chain gives its first coins to. It signs an
ordinary extrinsic; on a chain elsewhere that account has nothing, and the command refuses to try.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from assay.cli import arguments
from assay.cli.command import Command
from assay.cli.param_types import WalletName

FAUCET: Final = "//Alice"
"""The account that every development chain gives its first coins to; its key is public."""


# A negative amount is an amount that is refused, not an option.
@click.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument(
    "address", type=WalletName(), metavar="ADDRESS", help="An SS58 address, or a wallet's name."
)
@click.argument("amount", metavar="AMOUNT", help="How many TAO.")
@arguments.chain
@arguments.state_dir
@arguments.wallet_path
@arguments.json
def fund(
    address: str,
    amount: str,
    chain: str,
    state_dir: Path,
    wallet_path: Path | None,
    json: bool,
) -> None:
    """Give an address (or a wallet's coldkey) TAO. Local chains only."""
    from assay.chain.address import is_loopback, resolve
    from assay.chain.errors import TooLittleBalance
    from assay.chain.wallets import dev_signer
    from assay.cli import output
    from assay.cli.accounts import coldkey_address
    from assay.cli.amounts import in_tao, parse_amount
    from assay.cli.neurons import open_chain
    from assay.cli.process import run_async
    from assay.clock import SystemClock
    from assay.errors import UserError

    rao = parse_amount(amount)
    url = resolve(chain)
    if not is_loopback(url):
        raise UserError(
            f"{chain} is not a chain on this machine.",
            "TAO on a public chain comes from people who have some.",
        )
    to = coldkey_address(arguments.wallets_of(state_dir, wallet_path), address)

    async def run() -> None:
        async with open_chain(chain, state_dir, SystemClock()) as client:
            faucet = dev_signer(FAUCET, chain_url=url)
            try:
                receipt = await client.transfer(faucet, to, rao)
            except TooLittleBalance as refusal:
                left = await client.balance(faucet.address)
                raise TooLittleBalance(
                    f"{FAUCET}, the account that a local chain's TAO is given from, has"
                    f" {in_tao(left)} TAO left.",
                    "Ask for less, or begin a new chain: nothing refills that account.",
                    refusal.reason,
                ) from None
            balance = await client.balance(to)
        if json:
            output.document(
                {
                    "address": to,
                    "funded_rao": rao,
                    "balance_rao": balance,
                    "block": receipt.block.number,
                }
            )
        else:
            output.text(f"{to} now has {in_tao(balance)} TAO (block {receipt.block.number})")

    run_async(run)
