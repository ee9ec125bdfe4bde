"""`assay subnet`: create one, start it, list them.

Adds the command line to the chain client's own steps. Creating a subnet is an ordinary
extrinsic in clear; nothing here seals it.
"""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli import arguments
from assay.cli.command import Command, LazyGroup


@click.group(cls=LazyGroup)
def subnet() -> None:
    """Create and start subnets, list them."""


@subnet.command(cls=Command)
@arguments.wallet("owner")
@arguments.hotkey
@arguments.chain
@arguments.state_dir
@arguments.wallet_path
@arguments.password_file
@click.option(
    "--start/--no-start", default=True, help="Also let its token trade and its emission flow."
)
@arguments.max_price
@arguments.yes
@arguments.json
def register(
    wallet: str,
    hotkey: str,
    chain: str,
    state_dir: Path,
    wallet_path: Path | None,
    password_file: Path | None,
    start: bool,
    max_price: str | None,
    yes: bool,
    json: bool,
) -> None:
    """Create a subnet; the wallet's coldkey pays and owns it, its hotkey takes uid 0."""
    from assay.chain.wallets import open_hotkey
    from assay.cli import output
    from assay.cli.amounts import in_tao, parse_amount
    from assay.cli.consent import Consent, Payer
    from assay.cli.neurons import open_chain
    from assay.cli.process import run_async
    from assay.clock import SystemClock

    payer = Payer(wallet, state_dir, wallet_path, password_file)
    owner = payer.open()
    hot = open_hotkey(payer.folder, wallet, hotkey).address
    most = parse_amount(max_price) if max_price is not None else None
    consent = Consent(chain, most, yes)

    async def run() -> None:
        async with open_chain(chain, state_dir, SystemClock()) as client:
            money = await client.is_money()
            payer.check(chain, money=money)
            price, before = await client.subnet_price(), await client.balance(owner.address)
            consent.to("a subnet", price, owner.address, before, money=money)
            created = await client.create_subnet(owner, hot)
            paid = before - await client.balance(owner.address)
            if start:
                output.note(f"Subnet {created.netuid} is created")  # also if its start fails
                await client.start_subnet(created.netuid, owner)
        if json:
            output.document(
                {
                    "netuid": created.netuid,
                    "owner": owner.address,
                    "hotkey": hot,
                    "started": start,
                    "paid_rao": paid,
                    "block": created.receipt.block.number,
                }
            )
        else:
            output.text(
                f"Subnet {created.netuid} is {'running' if start else 'created'}; "
                f"{owner.address} owns it and paid {in_tao(paid)} TAO"
            )

    run_async(run)


@subnet.command(cls=Command)
@arguments.netuid()
@arguments.wallet("owner")
@arguments.chain
@arguments.state_dir
@arguments.wallet_path
@arguments.password_file
@arguments.json
def start(
    netuid: int,
    wallet: str,
    chain: str,
    state_dir: Path,
    wallet_path: Path | None,
    password_file: Path | None,
    json: bool,
) -> None:
    """Let a subnet's token trade and its emission flow; its owner signs."""
    from assay.cli import output
    from assay.cli.consent import Payer
    from assay.cli.neurons import open_chain
    from assay.cli.process import run_async
    from assay.clock import SystemClock

    payer = Payer(wallet, state_dir, wallet_path, password_file)
    owner = payer.open()

    async def run() -> None:
        async with open_chain(chain, state_dir, SystemClock()) as client:
            payer.check(chain, money=await client.is_money())
            receipt = await client.start_subnet(netuid, owner)
        block = receipt.block.number if receipt is not None else None
        if json:
            output.document({"netuid": netuid, "new": receipt is not None, "block": block})
        else:
            since = f"is started, in block {block}" if block else "was started before"
            output.text(f"Subnet {netuid} {since}")

    run_async(run)


@subnet.command("list", cls=Command)
@arguments.chain
@arguments.state_dir
@arguments.json
def list_(chain: str, state_dir: Path, json: bool) -> None:
    """List the chain's subnets."""
    from assay.cli import output
    from assay.cli.neurons import open_chain
    from assay.cli.process import run_async
    from assay.clock import SystemClock

    async def run() -> None:
        async with open_chain(chain, state_dir, SystemClock()) as client:
            found = await client.subnets()
        if json:
            output.document(
                [
                    {
                        "netuid": s.netuid,
                        "owner": s.owner_coldkey,
                        "started": s.started,
                        "neurons": s.neurons,
                        "max_uids": s.max_uids,
                        "tempo": s.tempo,
                        "registration_price_rao": s.registration_price,
                        "alpha_price_rao": s.alpha_price,
                    }
                    for s in found
                ]
            )
            return
        output.table(
            "Subnets",
            ("netuid", "neurons", "tempo", "price of a uid (TAO)", "alpha (TAO)", "started"),
            [
                (
                    str(s.netuid),
                    f"{s.neurons}/{s.max_uids}",
                    str(s.tempo),
                    f"{s.registration_price / 1e9:.4f}",
                    f"{s.alpha_price / 1e9:.6f}",
                    "yes" if s.started else "no",
                )
                for s in found
            ],
        )

    run_async(run)
