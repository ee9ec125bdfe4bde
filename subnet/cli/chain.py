"""``assay chain``: start the local chain, check a stored one, export its blocks or a new spec, and
bring a beacon's pulses to one.

Adds the command line to ``assay.localnet``; ``start`` and ``beacon`` have files of their own
(``chain_start.py``, ``chain_beacon.py``).
Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from assay.cli import arguments, chain_genesis
from assay.cli.chain_beacon import beacon
from assay.cli.chain_start import start, state_dir
from assay.cli.command import Command, LazyGroup
from assay.cli.param_types import FILE, FOLDER

PARA_ID_MAX: Final = 2**32 - 1
"""The field has 32 bits."""
PROGRESS_BLOCKS: Final = 1_000
"""How often ``verify`` says where it is: every second or so."""


@click.group(cls=LazyGroup)
def chain() -> None:
    """The local chain: start, verify, export-blocks, export-spec, beacon."""


chain.add_command(start)
chain.add_command(beacon)


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


@chain.command("export-spec", cls=Command)
@click.argument("file", type=FILE, metavar="FILE.json", help="Where the spec goes.")
@chain_genesis.options
@click.option("--raw", is_flag=True, help="Write the first state itself, not its configuration.")
@click.option(
    "--id", "chain_id", default="assay_local", metavar="ID",
    help="The chain's identifier, by which a node names its folder.",
)  # fmt: skip
@click.option(
    "--para-id", type=click.IntRange(0, PARA_ID_MAX), default=2_000, metavar="N",
    help="A field that the node wants; a chain without a relay chain does not use it.",
)  # fmt: skip
@click.option(
    "--relay-chain", default="rococo-local", metavar="NAME", help="Likewise; nothing of it is run."
)
@arguments.json
def export_spec(file: Path, json: bool, **given: Any) -> None:
    """Write the chain spec of a new chain, which Parity's polkadot-omni-node runs unchanged.

    A node that begins with it has the genesis that `assay chain start` has with the same options,
    or with --spec FILE.json. What a FILE.json holds already is replaced.
    """
    from assay.cli import output
    from assay.files import write_atomic
    from assay.localnet.blocks.genesis import canonical_json
    from assay.localnet.blocks.spec_writing import SpecFields, write_spec
    from assay.localnet.executor.machine.module_cache import ModuleCache
    from assay.localnet.node import default_module_cache

    cache = default_module_cache()
    fields = SpecFields(given["chain_id"], given["para_id"], given["relay_chain"], given["raw"])
    written = write_spec(
        chain_genesis.genesis(given), fields, module_cache=ModuleCache(cache) if cache else None
    )
    # Others may read it: a node can run as another user, and no key is in it.
    write_atomic(file, canonical_json(written.document), 0o644)
    if json:
        output.document(
            {
                "file": str(file.absolute()),
                "chain": written.document["name"],
                "id": fields.chain_id,
                "raw": written.raw,
                "genesis_hash": _hex(written.genesis_hash),
                "block_time_ms": written.block_time_ms,
                "para_id": fields.para_id,
                "relay_chain": fields.relay_chain,
            }
        )
    else:
        output.text(
            f"{file}: genesis {_hex(written.genesis_hash)}, {written.block_time_ms} ms a block"
        )


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
