"""`assay register`, `assay stake`, `assay unstake`: trades on a subnet without running a neuron.

Adds the command line to ``trades``: keys out of wallets, consent, and what is said afterwards. For
people whose miner or validator is another program, and for those who only stake.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

import click

from assay.cli import arguments
from assay.cli.arguments import TradeArguments
from assay.cli.command import Command

if TYPE_CHECKING:
    from assay.chain.interface import Chain, Receipt
    from assay.types import Signer, Ss58

    Trade = Callable[[Chain, Signer, Ss58], Coroutine[Any, Any, None]]
    """What is done with a chain, the coldkey that signs and the hotkey that it is about."""

ALL: Final = "all"


@click.command(cls=Command)
@arguments.trade_options("miner")
@arguments.max_price
def register(max_price: str | None, **given: Any) -> None:
    """Buy a hotkey a uid on a subnet, for a neuron that runs elsewhere or later."""
    from assay.cli import output
    from assay.cli.amounts import in_tao, parse_amount
    from assay.cli.consent import Consent
    from assay.cli.trades import beside, join
    from assay.types import NetUid

    asked = TradeArguments(**given)
    limit = parse_amount(max_price) if max_price is not None else None
    consent = Consent(asked.chain, limit, asked.yes)

    async def trade(chain: Chain, coldkey: Signer, hotkey: Ss58) -> None:
        netuid = NetUid(asked.netuid)
        bought = await join(
            chain, netuid, hotkey, lambda: coldkey, consent, register=True, stake=None
        )
        assert bought.uid is not None
        receipt = bought.uid.receipt
        if asked.json:
            output.document(
                {
                    "netuid": netuid,
                    "uid": bought.uid.uid,
                    "hotkey": hotkey,
                    "coldkey": coldkey.address,
                    "new": receipt is not None,
                    "told_rao": bought.uid_told,
                    "paid_rao": bought.paid,
                    "block": receipt.block.number if receipt is not None else None,
                }
            )
            return
        paid = "nothing: it held it"
        if receipt is not None:
            paid = f"{in_tao(bought.paid)} TAO"
            if said := beside(bought.uid_cost, bought.uid_told, "TAO"):
                paid += f", of which the uid cost {in_tao(bought.uid_cost)} TAO{said}"
        output.text(f"{hotkey} holds uid {bought.uid.uid} of subnet {netuid}; paid {paid}")

    _run(asked, trade)


@click.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("amount", metavar="AMOUNT", help="How many TAO.")
@arguments.trade_options("validator")
@arguments.rate_tolerance
def stake(amount: str, rate_tolerance: float | None, **given: Any) -> None:
    """Turn TAO into a subnet's alpha, staked on a hotkey."""
    from assay.cli import output
    from assay.cli.amounts import in_tao
    from assay.cli.consent import Consent
    from assay.cli.trades import beside, join, parse_stake
    from assay.errors import UserError
    from assay.types import NetUid

    asked = TradeArguments(**given)
    wanted = parse_stake(amount, rate_tolerance)
    if wanted is None:
        raise UserError("A stake of nothing changes nothing.", "Name how many TAO to stake.")
    consent = Consent(asked.chain, None, asked.yes)

    async def trade(chain: Chain, coldkey: Signer, hotkey: Ss58) -> None:
        netuid = NetUid(asked.netuid)
        bought = await join(
            chain, netuid, hotkey, lambda: coldkey, consent, register=False, stake=wanted, more=True
        )
        assert bought.stake is not None
        held = await chain.stake(hotkey, coldkey.address, netuid)
        if asked.json:
            told = {
                "staked_rao": wanted.amount,
                "told_alpha_rao": bought.alpha_told,
                "got_alpha_rao": bought.stake.alpha,
            }
            _tell(asked, coldkey, hotkey, told | {"held_alpha_rao": held}, bought.stake.receipt)
            return
        output.text(
            f"{in_tao(wanted.amount)} TAO became {in_tao(bought.stake.alpha)} alpha of subnet"
            f" {netuid} on {hotkey}, which holds {in_tao(held)} of this coldkey's now"
            + beside(bought.stake.alpha, bought.alpha_told, "alpha, at the spot price")
        )

    _run(asked, trade)


@click.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("amount", metavar="AMOUNT", help="How much alpha, or: all.")
@arguments.trade_options("validator")
@arguments.rate_tolerance
def unstake(amount: str, rate_tolerance: float | None, **given: Any) -> None:
    """Turn alpha that is staked on a hotkey back into TAO."""
    from assay.cli import output
    from assay.cli.amounts import in_tao, parse_amount
    from assay.cli.consent import Consent
    from assay.cli.trades import Sale, beside, sell
    from assay.types import AlphaRao, NetUid

    asked = TradeArguments(**given)
    alpha = None if amount == ALL else AlphaRao(parse_amount(amount, unit="alpha"))
    consent = Consent(asked.chain, None, asked.yes)

    async def trade(chain: Chain, coldkey: Signer, hotkey: Ss58) -> None:
        netuid = NetUid(asked.netuid)
        sold = await sell(chain, netuid, hotkey, coldkey, consent, Sale(alpha, rate_tolerance))
        held = await chain.stake(hotkey, coldkey.address, netuid)
        if asked.json:
            told = {
                "sold_alpha_rao": sold.alpha,
                "told_rao": sold.told,
                "got_rao": sold.removed.tao,
            }
            _tell(asked, coldkey, hotkey, told | {"held_alpha_rao": held}, sold.removed.receipt)
            return
        output.text(
            f"{in_tao(sold.alpha)} alpha of subnet {netuid} became {in_tao(sold.removed.tao)} TAO;"
            f" {in_tao(held)} stay on {hotkey}"
            + beside(sold.removed.tao, sold.told, "TAO, at the spot price")
        )

    _run(asked, trade)


def _tell(
    asked: TradeArguments, coldkey: Signer, hotkey: Ss58, told: dict[str, Any], receipt: Receipt
) -> None:
    """Print the JSON document of a trade of stake."""
    from assay.cli import output

    where = {"netuid": asked.netuid, "hotkey": hotkey, "coldkey": coldkey.address}
    output.document(where | told | {"fee_rao": receipt.fee, "block": receipt.block.number})


def _run(asked: TradeArguments, trade: Trade) -> None:
    """Open the keys that ``asked`` names and its chain, and let ``trade`` use them."""
    from assay.cli.accounts import hotkey_address
    from assay.cli.consent import Payer
    from assay.cli.neurons import open_chain
    from assay.cli.process import run_async
    from assay.clock import SystemClock

    payer = Payer(asked.wallet, asked.state_dir, asked.wallet_path, asked.password_file)
    coldkey, hotkey = payer.open(), hotkey_address(payer.folder, asked.wallet, asked.hotkey)

    async def run() -> None:
        async with open_chain(asked.chain, asked.state_dir, SystemClock()) as chain:
            payer.check(asked.chain, money=await chain.is_money())
            await trade(chain, coldkey, hotkey)

    run_async(run)
