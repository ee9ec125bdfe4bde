"""Types of command-line values that click does not have: paths, finite numbers, names to complete.

A type reads one text, whether it comes from the command line, an environment variable or a default,
and returns a value or fails with one sentence. So a path means the same wherever it is given: ``~``
is the home folder, and a relative path is made absolute before anybody else sees it.

What a completion offers is read from the state folder and from the installed tasks, without opening
a key or a chain.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem

from assay.home import home_folder

if TYPE_CHECKING:
    from click import Context, Parameter

STATE_DIR: Final = ".assay"
"""Under the current folder: nothing is left in the home folder unless asked for."""
STATE_DIR_VARIABLE: Final = "ASSAY_STATE_DIR"
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_STYLES: Final = ("text", "json")
LOG_BYTES_MAX: Final = 8 * 2**20
"""Of one log file: some 60,000 lines, a day of a busy validator."""
OLD_LOGS: Final = 4
"""How many older log files are kept: 40 MiB of log a process in all."""
COMPLETIONS_MAX: Final = 200
"""A person does not choose from more, and a shell that is handed thousands of words stalls."""


def absolute(text: str | os.PathLike[str]) -> Path:
    """The path that ``text`` names: ``~`` expanded, and absolute; links stay links.

    Raises ValueError where the home folder that ``~`` stands for is not known.
    """
    own = os.fspath(text).partition("/")[0] == "~"
    if own and home_folder() is None:
        raise ValueError("HOME names no folder; give the path in full, or set HOME")
    expanded = os.path.expanduser(text)
    if expanded.startswith("~"):
        raise ValueError("this machine does not know that home folder")
    return Path(os.path.abspath(expanded))


class PathType(click.Path):
    """A file or a folder, as an absolute path."""

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> Any:
        try:
            path = absolute(value)
        except ValueError as error:  # also a path with a zero byte
            self.fail(f"{os.fspath(value)!r} is not a path here: {error}.", param, ctx)
        return super().convert(path, param, ctx)


FOLDER: Final = PathType(file_okay=False, path_type=Path)
FILE: Final = PathType(readable=False, path_type=Path)
"""Whoever opens the file says what is wrong with it."""


class Finite(click.types.FloatParamType):
    """A number in floating point: neither ``nan`` nor infinite."""

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> float:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class Number(Finite, click.FloatRange):
    """A finite number within bounds. Bounds alone would let ``nan`` through."""


class LogLevel(click.Choice[str]):
    """How much is logged, in letters of either case."""

    def __init__(self) -> None:
        super().__init__(LOG_LEVELS)

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> str:
        return super().convert(str(value).upper(), param, ctx)


class WalletName(click.ParamType[str]):
    """A wallet's name; its wallets are looked for where the command would look."""

    name = "wallet"

    def shell_complete(
        self, ctx: Context, param: Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return _items(_folders(wallets_folder(ctx)), incomplete)


class ExistingWallet(WalletName):
    """The name of a wallet that is there already."""

    def check(self, ctx: Context, value: str) -> None:
        """WalletError if it is not, before the command imports what takes seconds."""
        from assay.chain.wallet_addresses import check_wallet

        check_wallet(wallets_folder(ctx), value)


class HotkeyName(click.ParamType[str]):
    """A hotkey's name: one of the wallet's that the same command names."""

    name = "hotkey"

    def shell_complete(
        self, ctx: Context, param: Parameter, incomplete: str
    ) -> list[CompletionItem]:
        wallet = ctx.params.get("wallet") or ctx.params.get("name") or ""
        found = _entries(wallets_folder(ctx) / wallet / "hotkeys")
        return _items((name for name in found if not name.endswith("pub.txt")), incomplete)


class NetuidType(click.IntRange):
    """A subnet's number; those that this state folder's neurons know are offered."""

    def shell_complete(
        self, ctx: Context, param: Parameter, incomplete: str
    ) -> list[CompletionItem]:
        neurons = state_folder(ctx) / "neurons"  # by chain, then by subnet
        found = {name for chain in _folders(neurons) for name in _folders(neurons / chain)}
        return _items((name for name in found if name.isdecimal()), incomplete)


class TaskReference(click.ParamType[str]):
    """A task's name, or the path of its file."""

    name = "task"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> str:
        text = str(value)
        if not text.startswith("~"):
            return text
        try:
            return str(absolute(text))
        except ValueError as error:
            self.fail(f"{text!r} is not a path here: {error}.", param, ctx)

    def shell_complete(
        self, ctx: Context, param: Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from assay.needs import MINERS, VALIDATORS, task_names

        found = _items({*task_names(MINERS), *task_names(VALIDATORS)}, incomplete)
        return found or [CompletionItem(incomplete, type="file")]


class ChainName(click.ParamType[str]):
    """A network's name, or a chain's address."""

    name = "chain"

    def shell_complete(
        self, ctx: Context, param: Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from assay.chain.address import NETWORKS

        return _items(NETWORKS, incomplete)


def state_folder(ctx: Context) -> Path:
    """The state folder that the words of ``ctx`` name, or the default one."""
    return ctx.params.get("state_dir") or absolute(os.environ.get(STATE_DIR_VARIABLE) or STATE_DIR)


def wallets_folder(ctx: Context) -> Path:
    """The folder of wallets that the words of ``ctx`` name, or the state folder's own."""
    return ctx.params.get("wallet_path") or state_folder(ctx) / "wallets"


def _folders(folder: Path) -> list[str]:
    return [name for name in _entries(folder) if (folder / name).is_dir()]


def _entries(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir() if entry.name[0] != ".")
    except OSError:  # no such folder: there is nothing to offer
        return []


def _items(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    fitting = sorted(word for word in words if word.startswith(incomplete))
    return [CompletionItem(word) for word in fitting[:COMPLETIONS_MAX]]
