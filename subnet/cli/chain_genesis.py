"""What a new chain begins with: options of the commands that make one, and the recipe they give.

``options`` decorates a command; ``genesis`` makes the recipe of what was given. A chain spec says
all of a new chain, so it stands alone. Nothing is run here, and nothing heavy is imported before a
command runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from assay.cli import arguments
from assay.cli.param_types import FILE
from assay.errors import UserError
from assay.types import ss58_decode

if TYPE_CHECKING:
    from assay.localnet.backend import Genesis

BLOCK_MS_MIN: Final = 2
"""The runtime halves it for the least distance of two blocks, which must not be zero."""
BLOCK_MS_MAX: Final = 3_600_000
DEFAULT_PRESET: Final = "local"
NAMES: Final = ("preset", "block_time", "runtime", "sudo", "spec")
"""The options' parameters: what a new chain is begun with, and a stored one is held to where it is
named."""


class _Address(click.ParamType[str]):
    """The SS58 address of an account."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            ss58_decode(str(value))
        except ValueError as error:
            self.fail(f"{value!r} is no SS58 address: {error}.", param, ctx)
        return str(value)


options: Final = arguments.all_of(
    click.option(
        "--preset", metavar="NAME",
        help="Of a new chain: local (fast epochs, without it), fast-localnet (as a public node's), "
        "upstream (the public network's), or default (a runtime's own).",
    ),
    click.option(
        "--block-time", type=click.IntRange(BLOCK_MS_MIN, BLOCK_MS_MAX), metavar="MS",
        help="Of a new chain: milliseconds a block; the preset's without it.",
    ),
    click.option(
        "--sudo", type=_Address(), metavar="SS58",
        help="Of a new chain: who may do everything and holds all money; //Alice without it.",
    ),
    click.option(
        "--runtime", type=FILE, metavar="FILE.wasm",
        help="Of a new chain: another runtime than the one that is shipped.",
    ),
    click.option(
        "--spec", type=FILE, metavar="FILE.json",
        help="Of a new chain: a Substrate chain spec, plain or raw, in place of all of these.",
    ),
)  # fmt: skip
"""What a new chain is begun with."""


def genesis(given: dict[str, Any]) -> Genesis:
    """The recipe that the options ``given`` ask for. UserError where they contradict each other."""
    from assay.localnet.blocks.spec import read_spec
    from assay.localnet.node import RUNTIME_PATH, genesis_of, read_runtime

    if given["spec"] is None:
        return genesis_of(
            code=read_runtime(given["runtime"] or RUNTIME_PATH),
            preset=given["preset"] or DEFAULT_PRESET,
            block_time_ms=given["block_time"],
            sudo=given["sudo"],
        )
    others = [each for each in NAMES if each != "spec" and given[each] is not None]
    if others:
        named = " and ".join(f"--{each.replace('_', '-')}" for each in others)
        raise UserError(
            f"A chain spec says all of a new chain; {named} would contradict it.",
            f"Leave out --spec or {named}.",
        )
    return read_spec(given["spec"])
