"""`assay wallet`: make a wallet of the SDK's own kind, show its addresses and balance.

Adds the command line to the SDK's wallets, so that a walkthrough needs no second tool; btcli reads
and makes the same files. Secrets are never printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from assay.cli import arguments
from assay.cli.command import Command, LazyGroup


@click.group(cls=LazyGroup)
def wallet() -> None:
    """Make wallets, show their addresses and balances."""


@wallet.command(cls=Command)
@arguments.wallet_name
@arguments.hotkey
@arguments.state_dir
@arguments.wallet_path
@click.option(
    "--password/--no-password",
    default=None,
    show_default="locked unless it lies under the state folder, where TAO is play money",
    help="Lock the coldkey by a password, which is asked for and never an argument.",
)
@arguments.json
def create(
    name: str,
    hotkey: str,
    state_dir: Path,
    wallet_path: Path | None,
    password: bool | None,
    json: bool,
) -> None:
    """Make a wallet: a coldkey that holds money and a hotkey that works."""
    from assay.chain.wallets import Secret, create_wallet, missing_keys
    from assay.cli import output
    from assay.cli.consent import is_of_state
    from assay.cli.streams import is_person
    from assay.errors import UserError

    folder = arguments.wallets_of(state_dir, wallet_path)
    missing = missing_keys(folder, name, hotkey)
    if password and "coldkey" not in missing:
        raise UserError(
            f"There is a wallet {name} already, and its coldkey stays as it is.",
            "Choose another name, or leave out --password to add a hotkey.",
        )
    if password is None:
        password = "coldkey" in missing and not is_of_state(folder, state_dir)
        if password and not is_person(sys.stdin):
            raise UserError(
                f"Nobody is here to type a password for the coldkey in {folder.absolute()}.",
                "Give --password and send it as the first line of stdin, or --no-password.",
            )
    secret = Secret(_asked_password()) if password else None

    def show_phrase(role: str, phrase: str) -> None:
        # Seen once, by the person who sits there, and kept nowhere else: never in a pipe or a log.
        if is_person(sys.stderr):
            output.note(f"Recovery phrase of the {role}, shown only now: {phrase}")

    made = create_wallet(folder, name, hotkey, password=secret, show_phrase=show_phrase)
    address = made.hotkeys[hotkey]
    path = (folder / name).absolute()
    if json:
        output.document(
            {
                "name": name,
                "coldkey": made.coldkey,
                "hotkey": address,
                "path": str(path),
                "made": list(missing),
            }
        )
        return
    if not missing:
        output.note(f"There is a wallet {name} with a hotkey {hotkey} already; nothing was made.")
    elif "coldkey" not in missing:
        output.note(f"The wallet {name} was there already; the hotkey {hotkey} is new.")
    output.text(f"coldkey  {made.coldkey}\nhotkey   {address}\nfolder   {path}")


def _asked_password() -> str:
    """From the person at the terminal, twice and unseen, or the first line of a pipe."""
    from assay.cli.streams import is_person
    from assay.errors import UserError

    if is_person(sys.stdin):
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return typed
    line = arguments.one_line(sys.stdin.readline(arguments.PASSWORD_BYTES_MAX))
    if not line:
        raise UserError(
            "No password was given.", "Type it when asked, or send it as the first line of stdin."
        )
    return line


@wallet.command("list", cls=Command)
@arguments.state_dir
@arguments.wallet_path
@arguments.json
def list_(state_dir: Path, wallet_path: Path | None, json: bool) -> None:
    """List the wallets of a folder with their addresses; no chain is asked, no key is opened."""
    from assay.chain.wallet_addresses import list_wallets
    from assay.cli import output

    folder = arguments.wallets_of(state_dir, wallet_path)
    found = list_wallets(folder)
    if json:
        output.document(
            [
                {"name": each.name, "coldkey": each.coldkey, "hotkeys": each.hotkeys}
                for each in found
            ]
        )
        return
    if not found:
        output.note(f"There is no wallet in {folder.absolute()}.")
        return
    output.table(
        f"Wallets in {folder.absolute()}",
        ("wallet", "hotkey", "address"),
        [
            (each.name, hotkey, address or "(not told by its files)")
            for each in found
            for hotkey, address in [("(coldkey)", each.coldkey), *each.hotkeys.items()]
        ],
    )


@wallet.command(cls=Command)
@arguments.existing_wallet
@arguments.hotkey
@arguments.chain
@arguments.state_dir
@arguments.wallet_path
@arguments.json
def show(
    name: str, hotkey: str, chain: str, state_dir: Path, wallet_path: Path | None, json: bool
) -> None:
    """Show a wallet's addresses, its TAO, and its stake on every subnet."""
    from assay.chain.wallet_addresses import wallet_info
    from assay.chain.wallets import open_hotkey
    from assay.cli import output
    from assay.cli.amounts import in_tao
    from assay.cli.neurons import open_chain
    from assay.cli.process import run_async
    from assay.clock import SystemClock

    folder = arguments.wallets_of(state_dir, wallet_path)
    cold = wallet_info(folder, name).coldkey
    hot = open_hotkey(folder, name, hotkey).address

    async def run() -> None:
        async with open_chain(chain, state_dir, SystemClock()) as client:
            balance, stakes = await client.balance(cold), await client.stakes(cold)
        if json:
            output.document(
                {
                    "name": name,
                    "coldkey": cold,
                    "hotkey": hot,
                    "balance_rao": balance,
                    "stakes": [
                        {"netuid": s.netuid, "hotkey": s.hotkey, "alpha_rao": s.alpha}
                        for s in stakes
                    ],
                }
            )
            return
        output.text(f"coldkey  {cold}\nhotkey   {hot}\nbalance  {in_tao(balance)} TAO")
        output.table(
            "Stake",
            ("netuid", "hotkey", "alpha"),
            [(str(s.netuid), s.hotkey, in_tao(s.alpha)) for s in stakes],
        )

    run_async(run)
