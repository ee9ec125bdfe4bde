"""`assay lab miner`: a miner that cheats or is slow, to see a validator catch it.

Adds to `assay miner run` a wrapper from ``subnet.lab``, put around the task from outside: the
miner, its loop and the validator know nothing of it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from subnet.cli import options
from subnet.cli.miner import Announce, Host, Port, Serve, launch
from subnet.cli.tasks import CONTEXT_SETTINGS

app = typer.Typer(no_args_is_help=True, help="Cheats and faults, to see a validator catch them.")


@app.callback()
def _group() -> None:
    """Cheats and faults, to see a validator catch them."""


@app.command(context_settings=CONTEXT_SETTINGS)
def miner(
    context: typer.Context,
    netuid: options.Netuid,
    cheat: Annotated[
        str | None, typer.Option("--cheat", metavar="NAME", help="What it does instead of work.")
    ] = None,
    slow: Annotated[
        float, typer.Option("--slow", min=1.0, help="How many times longer it takes.")
    ] = 1.0,
    wallet: options.Wallet = "miner",
    hotkey: options.Hotkey = "default",
    task: options.Task = "inference",
    chain: options.Chain = "local",
    state_dir: options.StateDir = options.STATE_DIR,
    wallet_path: options.WalletPath = None,
    host: Host = "127.0.0.1",
    port: Port = 0,
    announce: Announce = None,
    serve: Serve = "registered",
    register: options.Register = False,
    password_file: options.PasswordFile = None,
    log_level: options.LogLevel = "INFO",
    json: options.Json = False,
) -> None:
    """Run a miner that cheats, or that is slow."""
    from subnet.lab.around import AnyMiner
    from subnet.lab.cheats import wrap_cheat
    from subnet.lab.faults import wrap_slow

    def wrap(honest: AnyMiner) -> AnyMiner:
        wrapped = wrap_cheat(cheat, honest) if cheat else honest
        return wrap_slow(slow, wrapped) if slow > 1.0 else wrapped

    launch(
        context.args,
        netuid=netuid,
        wallet=wallet,
        hotkey=hotkey,
        task=task,
        chain=chain,
        state_dir=state_dir,
        wallet_path=wallet_path,
        host=host,
        port=port,
        announce=announce,
        serve=serve,
        register=register,
        password_file=password_file,
        log_level=log_level,
        json=json,
        wrap=wrap,
    )
