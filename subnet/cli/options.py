"""The options that several commands share: one spelling, one default, one line of help each.

Adds to typer the project's common settings, each also settable by an environment variable that the
help names. What only one command takes stands in that command's file; a task's own options are in
its ``settings`` class (``tasks.py``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from assay.cli.process import STATE_DIR as STATE_DIR
from assay.cli.process import STATE_DIR_VARIABLE

if TYPE_CHECKING:
    from assay.chain.wallets import Secret

Chain = Annotated[
    str,
    typer.Option(
        "--chain",
        envvar="ASSAY_CHAIN",
        metavar="URL",
        help="The chain: local, test, finney, or a ws:// address.",
    ),
]
StateDir = Annotated[
    Path,
    typer.Option(
        "--state-dir",
        envvar=STATE_DIR_VARIABLE,
        metavar="DIR",
        file_okay=False,
        help="Where everything is kept: chain, wallets, checkpoints, caches, logs.",
    ),
]
WalletPath = Annotated[
    Path | None,
    typer.Option(
        "--wallet-path",
        envvar="ASSAY_WALLET_PATH",
        metavar="DIR",
        file_okay=False,
        help="Folder of the SDK's wallets.",
        show_default="STATE_DIR/wallets",
    ),
]
Wallet = Annotated[
    str,
    typer.Option("--wallet", envvar="ASSAY_WALLET", metavar="NAME", help="The wallet's name."),
]
Hotkey = Annotated[
    str,
    typer.Option("--hotkey", envvar="ASSAY_HOTKEY", metavar="NAME", help="The hotkey's name."),
]
Netuid = Annotated[
    int,
    typer.Option(
        "--netuid", envvar="ASSAY_NETUID", min=0, max=65_535, metavar="N", help="The subnet."
    ),
]
Task = Annotated[
    str,
    typer.Option("--task", metavar="NAME|FILE.py", help="The work: a task's name or its file."),
]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout instead of text for people.")
]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
LogLevel = Annotated[
    Level,
    typer.Option(
        "--log-level",
        envvar="ASSAY_LOG_LEVEL",
        case_sensitive=False,
        help="How much goes to the log, which is stderr.",
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        envvar="ASSAY_PASSWORD_FILE",
        metavar="FILE",
        show_default=False,
        help="A file that holds the coldkey's password, if it is locked.",
    ),
]
Register = Annotated[
    bool,
    typer.Option(
        "--register", help="Buy the hotkey a uid first if it has none; its coldkey pays the price."
    ),
]
MaxPrice = Annotated[
    str | None,
    typer.Option(
        "--max-price",
        metavar="TAO",
        show_default="whatever it costs",
        help="Pay no price above this.",
    ),
]
Yes = Annotated[
    bool,
    typer.Option("--yes", help="Pay without being asked; on a local chain nobody is."),
]

Host = Annotated[
    str, typer.Option("--host", metavar="IP", help="The address that the axon listens on.")
]
Port = Annotated[
    int,
    typer.Option(
        "--port", min=0, max=65_535, metavar="N", help="The axon's port; 0 takes a free one."
    ),
]
Announce = Annotated[
    str | None,
    typer.Option(
        "--announce",
        metavar="IP:PORT",
        show_default="where the axon listens",
        help="What the chain is told, if others reach the axon elsewhere (behind NAT). "
        "IPv6 as [IP]:PORT.",
    ),
]
Serve = Annotated[
    Literal["registered", "permit", "anybody"],
    typer.Option(
        "--serve", help="Who is answered: hotkeys of the subnet, those with a permit, all."
    ),
]


def finite(value: float | None) -> float | None:
    """For options in floating point, whose bounds do not keep ``nan`` out; BadParameter for it."""
    if value is not None and value != value:
        raise typer.BadParameter("nan is not a number.")
    return value


PASSWORD_BYTES_MAX: Final = 4_096
"""A password file longer than this is some other file."""


def read_password(path: Path | None) -> Secret | None:
    """The password in a file, without the newline at its end."""
    if path is None:
        return None
    from assay.chain.wallets import Secret
    from assay.errors import UserError
    from assay.files import read_limited

    data = read_limited(path, PASSWORD_BYTES_MAX)
    if data is None:
        raise UserError(f"There is no password file {path}.", "Check --password-file.")
    try:
        return Secret(data.decode().removesuffix("\n"))
    except UnicodeDecodeError:
        raise UserError(f"{path} is not text.", "Check --password-file.") from None


def wallets_of(state_dir: Path, wallet_path: Path | None) -> Path:
    """The wallets' folder: the one given, or the state folder's own."""
    return wallet_path if wallet_path is not None else state_dir / "wallets"
