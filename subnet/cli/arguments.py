"""The options that several commands share: one spelling, one default, one line of help each.

Adds to click the project's common options, each a decorator of a command, and the records that a
neuron's commands hand on. An option that can also come from an environment variable says so in its
help. What only one command takes stands in that command's file; a task's own options are made from
its settings (``task_options.py``). Nothing here knows a task or starts anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from assay.cli import param_types
from assay.cli.param_types import (
    LOG_BYTES_MAX,
    LOG_STYLES,
    OLD_LOGS,
    STATE_DIR,
    STATE_DIR_VARIABLE,
)
from assay.types import PORT_MAX, U16_MAX

if TYPE_CHECKING:
    from assay.chain.wallets import Secret

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Decorator = Callable[[Decorated], Decorated]

OBJECTS_GB_MAX: Final = 1e6
"""A petabyte: whoever means more has mistyped."""
SERVES: Final = ("registered", "permit", "anybody")

chain: Final = click.option(
    "--chain", type=param_types.ChainName(), default="local", envvar="ASSAY_CHAIN", metavar="URL",
    help="The chain: local, test, finney, or a ws:// address.",
)  # fmt: skip
state_dir: Final = click.option(
    "--state-dir", type=param_types.FOLDER, default=STATE_DIR, envvar=STATE_DIR_VARIABLE,
    metavar="DIR", help="Where everything is kept: chain, wallets, checkpoints, caches, logs.",
)  # fmt: skip
wallet_path: Final = click.option(
    "--wallet-path", type=param_types.FOLDER, envvar="ASSAY_WALLET_PATH", metavar="DIR",
    show_default="STATE_DIR/wallets", help="Folder of the SDK's wallets.",
)  # fmt: skip
wallet_name: Final = click.argument(
    "name", type=param_types.WalletName(), metavar="NAME", help="The wallet's name."
)
existing_wallet: Final = click.argument(
    "name", type=param_types.ExistingWallet(), metavar="NAME", help="The wallet's name."
)
hotkey: Final = click.option(
    "--hotkey", type=param_types.HotkeyName(), default="default", envvar="ASSAY_HOTKEY",
    metavar="NAME", help="The hotkey's name.",
)  # fmt: skip
json: Final = click.option(
    "--json", is_flag=True, help="One JSON document on stdout instead of text for people."
)
json_events: Final = click.option(
    "--json", is_flag=True, help="One JSON document a line on stdout for each event."
)
password_file: Final = click.option(
    "--password-file", type=param_types.FILE, envvar="ASSAY_PASSWORD_FILE", metavar="FILE",
    help="A file that holds the coldkey's password, if it is locked.",
)  # fmt: skip
register: Final = click.option(
    "--register", is_flag=True,
    help="Buy the hotkey a uid first if it has none; its coldkey pays the price.",
)  # fmt: skip
max_price: Final = click.option(
    "--max-price", metavar="TAO", show_default="whatever it costs",
    help="Pay no price above this.",
)  # fmt: skip
yes: Final = click.option(
    "--yes", is_flag=True, help="Pay without being asked; on a local chain nobody is."
)
RATE_TOLERANCE_MAX: Final = 1.0
"""Whoever would pay more than twice the price wants no limit, and should think again."""
rate_tolerance: Final = click.option(
    "--rate-tolerance", type=param_types.Number(0.0, RATE_TOLERANCE_MAX), metavar="SHARE",
    show_default="0.05, that is 5 %; any change on a local chain",
    help="Trade nothing if that, or others meanwhile, moves the price of an alpha by more.",
)  # fmt: skip


def wallet(default: str) -> Callable[[Decorated], Decorated]:
    """The option that names a wallet."""
    return click.option(
        "--wallet", type=param_types.ExistingWallet(), default=default, envvar="ASSAY_WALLET",
        metavar="NAME", help="The wallet's name.",
    )  # fmt: skip


def task(default: str = "inference") -> Callable[[Decorated], Decorated]:
    """The option that names the work."""
    return click.option(
        "--task", type=param_types.TaskReference(), default=default, metavar="NAME|FILE.py",
        help="The work: a task's name or its file.",
    )  # fmt: skip


def netuid(default: int | None = None) -> Callable[[Decorated], Decorated]:
    """The option that names a subnet; required unless there is a ``default``."""
    given: dict[str, Any] = {"required": True} if default is None else {"default": default}
    return click.option(
        "--netuid", type=param_types.NetuidType(0, U16_MAX), envvar="ASSAY_NETUID", metavar="N",
        help="The subnet.", **given,
    )  # fmt: skip


def log_level(default: str) -> Callable[[Decorated], Decorated]:
    """The option that says how much is logged."""
    return click.option(
        "--log-level", type=param_types.LogLevel(), default=default,
        envvar="ASSAY_LOG_LEVEL", metavar="LEVEL",
        help=f"How much goes to the log, which is stderr: {', '.join(param_types.LOG_LEVELS)}.",
    )  # fmt: skip


log_format: Final = click.option(
    "--log-format", type=click.Choice(LOG_STYLES), default=LOG_STYLES[0], envvar="ASSAY_LOG_FORMAT",
    metavar="STYLE", help=f"How the log's lines look: {', '.join(LOG_STYLES)}.",
)  # fmt: skip
log_file: Final = click.option(
    "--log-file", type=param_types.FILE, envvar="ASSAY_LOG_FILE", metavar="FILE",
    show_default="stderr",
    help=f"Write the log to this file; {OLD_LOGS} older ones of {LOG_BYTES_MAX >> 20} MiB each are "
    "kept beside it.",
)  # fmt: skip


metrics_port: Final = click.option(
    "--metrics-port", type=click.IntRange(0, PORT_MAX), metavar="N", show_default="no metrics",
    help="Offer metrics for Prometheus at this port; 0 takes a free one, which the log names.",
)  # fmt: skip
metrics_host: Final = click.option(
    "--metrics-host", default="127.0.0.1", metavar="IP",
    help="The address that metrics are offered at; who reaches it can read them.",
)  # fmt: skip


def all_of(*decorators: Callable[[Any], Any]) -> Callable[[Decorated], Decorated]:
    """One decorator that adds the options of all ``decorators``, in their order."""

    def decorate(command: Decorated) -> Decorated:
        for each in reversed(decorators):
            command = each(command)
        return command

    return decorate


def trade_options(wallet_default: str) -> Callable[[Decorated], Decorated]:
    """The options of every command that trades on a subnet: those of ``TradeArguments``."""
    return all_of(
        netuid(), wallet(wallet_default), hotkey, chain, state_dir, wallet_path, password_file, yes,
        json,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class TradeArguments:
    """What every command that trades on a subnet is told on the command line."""

    netuid: int
    wallet: str
    hotkey: str
    chain: str
    state_dir: Path
    wallet_path: Path | None
    password_file: Path | None
    yes: bool
    json: bool


axon_options: Final = all_of(
    click.option(
        "--host", default="127.0.0.1", metavar="IP", help="The address that the axon listens on."
    ),
    click.option(
        "--port", type=click.IntRange(0, PORT_MAX), default=0, metavar="N",
        help="The axon's port; 0 takes a free one.",
    ),
    click.option(
        "--announce", metavar="IP:PORT", show_default="where the axon listens",
        help="What the chain is told, if others reach the axon elsewhere (behind NAT). "
        "IPv6 as [IP]:PORT.",
    ),
)  # fmt: skip
"""Where a neuron serves: a miner always, a validator if its task's validators serve anything."""

objects_max: Final = click.option(
    "--objects-max-gb", type=param_types.Number(0.0, OBJECTS_GB_MAX), metavar="GB",
    show_default="what the task asks for",
    help="The most disk that a task's objects take, if it keeps any.",
)  # fmt: skip


def neuron_options(wallet_default: str) -> Callable[[Decorated], Decorated]:
    """The options of every neuron: those of ``NeuronArguments``."""
    return all_of(
        netuid(), wallet(wallet_default), hotkey, task(), chain, state_dir, wallet_path, register,
        max_price, yes, password_file, axon_options, objects_max, metrics_port,
        metrics_host, log_level("INFO"), log_format, log_file,
    )  # fmt: skip


miner_options: Final = all_of(
    neuron_options("miner"),
    click.option(
        "--serve", type=click.Choice(SERVES), default="registered", metavar="WHO",
        help="Who is answered: hotkeys that are registered on the subnet, those with a permit, or"
        " anybody.",
    ),
    json_events,
)  # fmt: skip
"""The options of a miner, honest or not: those of ``MinerArguments``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NeuronArguments:
    """What every neuron is told on the command line."""

    netuid: int
    wallet: str
    hotkey: str
    task: str
    chain: str
    state_dir: Path
    wallet_path: Path | None
    register: bool
    max_price: str | None
    yes: bool
    password_file: Path | None
    host: str
    port: int
    announce: str | None
    objects_max_gb: float | None
    metrics_port: int | None
    metrics_host: str
    log_level: str
    log_format: str
    log_file: Path | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MinerArguments(NeuronArguments):
    """What a miner is told on the command line."""

    serve: str
    json: bool


PASSWORD_BYTES_MAX: Final = 4_096
"""A password file longer than this is some other file."""


def read_password(path: Path | None) -> Secret | None:
    """The password in the file ``path``, without the line end that follows it."""
    if path is None:
        return None
    from assay.chain.wallets import Secret
    from assay.errors import UserError
    from assay.files import read_limited

    data = read_limited(path, PASSWORD_BYTES_MAX)
    if data is None:
        raise UserError(f"There is no password file {path}.", "Check --password-file.")
    try:
        return Secret(one_line(data.decode()))
    except UnicodeDecodeError:
        raise UserError(f"{path} is not text.", "Check --password-file.") from None


def one_line(text: str) -> str:
    """``text`` without one line end at its end, of whichever system it is."""
    for end in ("\r\n", "\n", "\r"):
        if text.endswith(end):
            return text.removesuffix(end)
    return text


def wallets_of(state_dir: Path, wallet_path: Path | None) -> Path:
    """The wallets' folder: the one given, or the state folder's own."""
    return wallet_path if wallet_path is not None else state_dir / "wallets"
