"""Every command there is, found in the tree of commands, with words that make each one run.

A test over all commands takes its list from here, so that a new command is tested without being
asked. Words that a command needs to get past its parsing stand in ``NEEDS``; the chain they name is
one that nobody runs.
"""

from __future__ import annotations

from typing import Final

import click

from assay.cli.app import app

NOBODY: Final = ("--chain", "ws://127.0.0.1:9")
"""The discard port: a connection there is refused at once."""
NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "up": ("--task", "nosuch"),
    "chain start": ("--rpc-address", "203.0.113.7"),
    "chain verify": (),
    "chain beacon": NOBODY,
    "chain export-blocks": ("there",),
    "chain export-spec": ("spec.json", "--preset", "nosuch"),
    "fund": ("w", "5", *NOBODY),
    "subnet register": ("--wallet", "w", *NOBODY),
    "subnet start": ("--netuid", "1", "--wallet", "w", *NOBODY),
    "subnet list": NOBODY,
    "register": ("--netuid", "1", "--wallet", "w", *NOBODY),
    "stake": ("5", "--netuid", "1", "--wallet", "w", *NOBODY),
    "unstake": ("all", "--netuid", "1", "--wallet", "w", *NOBODY),
    "miner run": ("--netuid", "1", "--task", "nosuch"),
    "validator run": ("--netuid", "1", "--task", "nosuch"),
    "gateway run": ("--netuid", "1", "--model", "nosuch", *NOBODY),
    "gateway key add": ("k",),
    "gateway key list": (),
    "gateway key revoke": ("k",),
    "train eval": ("--wallet", "w", "--run", "nosuch", *NOBODY),
    "model pull": ("m", "--wallet", "w", "--run", "nosuch", *NOBODY),
    "train join": ("--netuid", "1", "--task", "nosuch"),
    "train run": ("--task", "nosuch"),
    "train status": ("--run", "nosuch", *NOBODY),
    "train new": ("run", "--source", "nosuch", "--start-block", "1"),
    "train corpus": ("nosuch", "c"),
    "model quantise": ("nosuch", "t"),
    "model calibrate": ("nosuch",),
    "wallet create": ("w",),
    "wallet list": (),
    "wallet show": ("w", *NOBODY),
    "status": NOBODY,
    "lab miner": ("--netuid", "1", "--task", "nosuch"),
    "receipt list": (),
    "receipt show": (".", "0"),
    "receipt export": (".", "0", "0", "receipt.json"),
    "receipt verify": ("receipt.json",),
    "receipt judge": ("receipt.json", "--task", "nosuch"),
    "receipt complain": ("receipt.json", *NOBODY),
    "version": (),
}
"""By command: what it is given so that it does its work, or as much of it as needs no chain."""


def commands(group: click.Command = app, path: str = "") -> dict[str, click.Command]:
    """Every command, by its words."""
    if not isinstance(group, click.Group):
        return {path: group}
    found: dict[str, click.Command] = {}
    with click.Context(group) as context:
        for name in group.list_commands(context):
            member = group.get_command(context, name)
            assert member is not None
            found |= commands(member, f"{path} {name}".strip())
    return found
