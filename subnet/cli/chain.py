"""``assay chain``: start the local chain, check a stored one, export its blocks.

Adds the command line to ``assay.localnet``; ``start`` has a file of its own (``chain_start.py``).
Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from assay.cli import arguments
from assay.cli.chain_start import start, state_dir
from assay.cli.command import Command, LazyGroup
from assay.cli.param_types import FOLDER

PROGRESS_BLOCKS: Final = 1_000
"""How often ``verify`` says where it is: every second or so."""


@click.group(cls=LazyGroup)
def chain() -> None:
    """The local chain: start, verify, export-blocks."""


chain.add_command(start)


@chain.command("export-blocks", cls=Command)
@click.argument("folder", type=FOLDER, metavar="FOLDER", help="Where the files go.")
@state_dir
@arguments.json
def export_blocks(folder: Path, state_dir: Path, json: bool) -> None:
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


@chain.command(cls=Command)
@state_dir
@arguments.json
def verify(state_dir: Path, json: bool) -> None:
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
