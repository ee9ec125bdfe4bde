"""`assay miner run`: one miner, local or public. The lab starts its wrapped ones the same way.

Adds the command line to ``neurons.run_miner``; it knows nothing of what the work is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from subnet.cli import options
from subnet.cli.tasks import CONTEXT_SETTINGS, settings_of

app = typer.Typer(no_args_is_help=True, help="Run a miner.")

Host = Annotated[str, typer.Option("--host", help="The address that the axon listens on.")]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65_535, help="The axon's port; 0 takes a free one.")
]
Announce = Annotated[
    str | None,
    typer.Option(
        "--announce",
        metavar="HOST:PORT",
        show_default=False,
        help="What the chain is told, if others reach the axon elsewhere (behind NAT).",
    ),
]
Serve = Annotated[
    str,
    typer.Option("--serve", metavar="WHO", help="Who is answered: registered, permit or anybody."),
]


@app.callback()
def _group() -> None:
    """Run a miner."""


@app.command(context_settings=CONTEXT_SETTINGS)
def run(
    context: typer.Context,
    netuid: options.Netuid,
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
    """Serve a task's requests until Ctrl-C. Options the command does not know go to the task."""
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
    )


def launch(
    words: list[str],
    *,
    netuid: int,
    wallet: str,
    hotkey: str,
    task: str,
    chain: str,
    state_dir: Path,
    wallet_path: Path | None,
    host: str,
    port: int,
    announce: str | None,
    serve: str,
    register: bool,
    password_file: Path | None,
    log_level: str,
    json: bool,
    wrap: Callable[[Any], Any] = lambda task: task,
) -> None:
    """Run a miner whose task is ``wrap``ped from outside (by default not at all)."""
    from subnet.chain.interface import Endpoint
    from subnet.cli import output
    from subnet.cli.neurons import Identity, run_miner
    from subnet.cli.process import configure_log, run_async
    from subnet.neuron.loader import load_miner
    from subnet.types import NetUid

    configure_log(log_level)
    kind = load_miner(task)
    settings = settings_of(kind, words)
    _check_serve(serve)

    def ready(at: int) -> None:
        if json:
            output.line({"ready": True, "netuid": netuid, "host": host, "port": at})

    run_async(
        lambda: run_miner(
            Identity(
                chain,
                NetUid(netuid),
                wallet,
                hotkey,
                state_dir,
                wallet_path,
                register,
                password_file=password_file,
            ),
            lambda: wrap(kind()),
            settings,
            bind=Endpoint(host, port),
            announce=_endpoint(announce) if announce else None,
            serve=serve,
            ready=ready,
        )
    )


def _check_serve(serve: str) -> None:
    from subnet.errors import UserError

    if serve not in ("registered", "permit", "anybody"):
        raise UserError(f"--serve {serve} is unknown.", "Give registered, permit or anybody.")


def _endpoint(text: str) -> Any:
    from subnet.chain.interface import Endpoint
    from subnet.errors import UserError

    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise UserError(f"{text!r} is not HOST:PORT.", "Give for instance 203.0.113.7:8091.")
    return Endpoint(host.strip("[]"), int(port))
