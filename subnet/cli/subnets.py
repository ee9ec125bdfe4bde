"""`assay subnet`: create one, start it, list them.

Adds the command line to the chain client's own steps. Creating a subnet is an ordinary
extrinsic in clear; nothing here seals it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli import options

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Create and start subnets, list them."
)

Start = Annotated[
    bool,
    typer.Option("--start/--no-start", help="Also let its token trade and its emission flow."),
]


@app.callback()
def _group() -> None:
    """Create and start subnets, list them."""


@app.command()
def register(
    wallet: options.Wallet = "owner",
    hotkey: options.Hotkey = "default",
    chain: options.Chain = "local",
    state_dir: options.StateDir = options.STATE_DIR,
    wallet_path: options.WalletPath = None,
    password_file: options.PasswordFile = None,
    start: Start = True,
    max_price: options.MaxPrice = None,
    yes: options.Yes = False,
    json: options.Json = False,
) -> None:
    """Create a subnet; the wallet's coldkey pays and owns it, its hotkey takes uid 0."""
    from assay.chain.wallets import open_hotkey
    from assay.cli import output
    from assay.cli.amounts import in_tao, parse_amount
    from assay.cli.neurons import open_chain
    from assay.cli.payer import Payer
    from assay.cli.process import run_async
    from assay.cli.spending import Consent
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


@app.command("list")
def list_(
    chain: options.Chain = "local",
    state_dir: options.StateDir = options.STATE_DIR,
    json: options.Json = False,
) -> None:
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
