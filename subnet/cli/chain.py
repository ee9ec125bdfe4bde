"""``assay chain``: start the local chain, check a stored one, export its blocks.

Adds the command line to ``assay.localnet``. ``start`` is in ``chain_start.py``, because it must be
up before typer would be imported. It stands here so that it is listed, has its help in the one look
of all commands, and can be called through this app as well; its options are read off its parser.
Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

from assay.cli import chain_start, options
from assay.cli.chain_start import chain_dir

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="The local chain: start, verify, export-blocks.",
)

WORDS: Final = "words"
PROGRESS_BLOCKS: Final = 1_000
"""How often ``verify`` says where it is: every second or so."""

StateDir = Annotated[
    Path,
    typer.Option(
        "--state-dir",
        metavar="DIR",
        file_okay=False,
        default_factory=chain_dir,
        show_default="ASSAY_STATE_DIR/chain, else .assay/chain",
        help="The chain's own folder.",
    ),
]


class _HandedOn(TyperCommand):
    """Has options for its help alone: the words go on as they are."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if set(args) & set(ctx.help_option_names):
            return super().parse_args(ctx, args)
        ctx.meta[WORDS] = list(args)
        return []


def start(context: typer.Context, **_: Any) -> None:
    """Start a local chain and run it until Ctrl-C."""
    raise typer.Exit(chain_start.start(context.meta[WORDS]))


def _options(parser: argparse.ArgumentParser) -> Iterator[inspect.Parameter]:
    """What a parser takes, as parameters of a typer command; a group's title is its panel's."""
    for group in parser._action_groups:
        for action in group._group_actions:
            option = typer.Option(
                *action.option_strings,
                metavar=str(action.metavar) if action.metavar else None,
                help=action.help,
                show_default=action.default not in (None, False) and action.default != [],
                rich_help_panel=None if group is parser._optionals else group.title,
            )
            yield inspect.Parameter(
                action.dest,
                inspect.Parameter.KEYWORD_ONLY,
                default=action.default is True if action.nargs == 0 else str(action.default),
                annotation=Annotated[bool if action.nargs == 0 else str, option],
            )


_context, *_ = inspect.signature(start, eval_str=True).parameters.values()
_parameters = (_context, *_options(chain_start.parser()))
start.__signature__ = inspect.Signature(_parameters)  # type: ignore[attr-defined]
start.__annotations__ = {each.name: each.annotation for each in _parameters}
app.command(cls=_HandedOn)(start)


@app.command("export-blocks")
def export_blocks(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", file_okay=False, help="Where the files go.")
    ],
    state_dir: StateDir,
    json: options.Json = False,
) -> None:
    """Write a stored chain as files that another Substrate implementation can execute.

    The chain must not be running. Three files: the runtime, the genesis configuration, and one
    SCALE block a line, in hex.
    """
    from assay.cli import output
    from assay.localnet import export

    done = export.export_blocks(state_dir, folder)
    if json:
        output.document(
            {
                "folder": str(done.folder),
                "blocks": done.blocks,
                "genesis": _hex(done.genesis_hash),
                "head": _hex(done.head_hash),
                "state_root": _hex(done.head_state_root),
            }
        )
    else:
        output.text(f"{done.blocks} blocks in {done.folder}, head {_hex(done.head_hash)}")


@app.command()
def verify(state_dir: StateDir, json: options.Json = False) -> None:
    """Execute a stored chain again and compare every root, hash and change with what is stored.

    The chain must not be running.
    """
    from assay.cli import output
    from assay.localnet.node import default_module_cache
    from assay.localnet.verify import verify_chain

    def progress(done: int, blocks: int) -> None:
        if done % PROGRESS_BLOCKS == 0:
            output.note(f"{done} of {blocks} blocks")

    found = verify_chain(state_dir, module_cache=default_module_cache(), progress=progress)
    if json:
        output.document(
            {
                "first": found.first,
                "blocks": found.blocks,
                "head": _hex(found.head_hash),
                "state_root": _hex(found.head_state_root),
            }
        )
    else:
        last = found.first + found.blocks
        output.text(f"blocks {found.first} to {last} hold, head {_hex(found.head_hash)}")


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
