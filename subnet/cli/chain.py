"""``assay chain``: start the local chain, check a stored one, export its blocks.

Adds the command line to ``subnet.localnet``. ``start`` is in ``chain_start.py``, because it must be
up before typer would be imported; it stands here so that it is listed and can be called through
this app as well. Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from subnet.cli import options
from subnet.cli.chain_start import chain_dir

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="The local chain: start, verify, export-blocks.",
)

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


@app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    }
)
def start(context: typer.Context) -> None:
    """Start a local chain and run it until Ctrl-C. See assay chain start --help."""
    from subnet.cli.chain_start import start

    raise typer.Exit(start(context.args))


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
    from subnet.cli import output
    from subnet.localnet import export

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
    from subnet.cli import output
    from subnet.localnet.node import default_module_cache
    from subnet.localnet.verify import verify_chain

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
