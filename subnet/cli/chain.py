"""``assay chain``: start the local chain, check a stored one, export its blocks.

Adds the command line to ``subnet.localnet``. Nothing heavy is imported before a command runs, and
``start`` never imports the SDK: a chain is up in half a second. With ``--json`` it prints one line
once it listens, and nothing else, so that a supervisor can wait for it.
"""

from __future__ import annotations

import asyncio
import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from subnet.localnet.sealing import SealingMode

if TYPE_CHECKING:
    from subnet.localnet.node import Node, NodeOptions

app = typer.Typer(no_args_is_help=True, help="The local chain: start, verify, export.")

PORT: Final = 9_944
"""Where every Substrate client looks for a node first; the SDK's ``local`` too."""
BLOCK_MS_MIN: Final = 2
"""The runtime halves it for the least distance of two blocks, which must not be zero."""
BLOCK_MS_MAX: Final = 3_600_000
DEFAULT_PRESET: Final = "local"
PROGRESS_BLOCKS: Final = 1_000
"""How often ``verify`` says where it is: every second or so."""
CHAIN_DIR: Final = Path(".assay/chain")
"""Under the current folder, where ``assay up`` keeps its chain as well."""


StateDir = Annotated[
    Path,
    typer.Option("--state-dir", metavar="DIR", file_okay=False, help="The chain's own folder."),
]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout instead of text for people.")
]
LogLevel = Annotated[
    str,
    typer.Option(
        "--log-level",
        envvar="ASSAY_LOG_LEVEL",
        metavar="LEVEL",
        help="DEBUG, INFO, WARNING or ERROR; the log goes to stderr.",
    ),
]
RuntimeFile = Annotated[
    Path | None,
    typer.Option(
        "--runtime", metavar="FILE.wasm", help="Another runtime than the one that is shipped."
    ),
]


Port = Annotated[
    int, typer.Option("--port", min=0, max=65_535, help="The RPC's port; 0 takes a free one.")
]
RpcAddress = Annotated[
    str,
    typer.Option(
        "--rpc-address",
        metavar="IP",
        help="The address to listen on. Anyone who reaches it can use the chain.",
    ),
]
InMemory = Annotated[
    bool, typer.Option("--in-memory", help="Keep nothing: the chain ends with the process.")
]
PresetName = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="local|upstream",
        help="Of a new chain: local (fast epochs) or upstream (the public network's values). "
        "[default: local]",
        show_default=False,
    ),
]
BlockTime = Annotated[
    int | None,
    typer.Option(
        "--block-time",
        min=BLOCK_MS_MIN,
        max=BLOCK_MS_MAX,
        metavar="MS",
        help="Of a new chain: milliseconds a block. [default: the preset's]",
        show_default=False,
    ),
]
Sealing = Annotated[
    SealingMode,
    typer.Option(
        "--sealing",
        help="When to build: at the block time, with a transaction, both, or by dev_newBlock.",
    ),
]
History = Annotated[
    int | None,
    typer.Option(
        "--history",
        min=1,
        metavar="BLOCKS",
        help="How many blocks keep their state. [default: all]",
        show_default=False,
    ),
]
AllowOrigin = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-origin",
        metavar="URL",
        help="A web page's origin that may use the RPC, besides loopback's. Repeatable.",
        show_default=False,
    ),
]
DevMethods = Annotated[
    bool, typer.Option("--dev-methods", help="Offer dev_newBlock. On with manual sealing.")
]


@app.command()
def start(
    port: Port = PORT,
    rpc_address: RpcAddress = "127.0.0.1",
    state_dir: StateDir = CHAIN_DIR,
    in_memory: InMemory = False,
    preset: PresetName = None,
    block_time: BlockTime = None,
    sealing: Sealing = SealingMode.INTERVAL,
    history: History = None,
    allow_origin: AllowOrigin = None,
    dev_methods: DevMethods = False,
    runtime: RuntimeFile = None,
    log_level: LogLevel = "INFO",
    json: Json = False,
) -> None:
    """Start a local chain and run it until Ctrl-C."""
    from subnet.cli.process import configure_log, run_async
    from subnet.localnet.node import (
        RUNTIME_PATH,
        NodeOptions,
        default_module_cache,
        genesis_of,
        read_runtime,
    )

    configure_log(log_level)
    options = NodeOptions(
        genesis=genesis_of(
            code=read_runtime(runtime or RUNTIME_PATH),
            preset=preset or DEFAULT_PRESET,
            block_time_ms=block_time,
        ),
        # Whoever names no property of a chain gets the one that is stored, whatever it is.
        continue_any=preset is None and block_time is None and runtime is None,
        state_dir=None if in_memory else state_dir,
        host=rpc_address,
        port=port,
        sealing=sealing,
        history_blocks=history,
        dev_methods=dev_methods or sealing is SealingMode.MANUAL,
        origins=tuple(allow_origin or ()),
        module_cache=default_module_cache(),
    )
    run_async(lambda: _serve(options, json=json))


@app.command("export-blocks")
def export_blocks(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", file_okay=False, help="Where the files go.")
    ],
    state_dir: StateDir = CHAIN_DIR,
    json: Json = False,
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
def verify(state_dir: StateDir = CHAIN_DIR, json: Json = False) -> None:
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


async def _serve(options: NodeOptions, *, json: bool) -> None:
    """Run a node until a signal or a failure."""
    from subnet.cli.process import stop_on_signals
    from subnet.clock import SystemClock
    from subnet.localnet.node import running

    stop = asyncio.Event()
    stop_on_signals(stop)
    async with running(options, SystemClock()) as node:
        # What was made so far lives as long as the process: the collector need not look at it.
        gc.collect()
        gc.freeze()
        _announce(node, options, json=json)
        stopped = asyncio.ensure_future(stop.wait())
        failed = asyncio.ensure_future(node.finished())
        await asyncio.wait((stopped, failed), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if failed.done():
            failed.result()
        failed.cancel()


def _announce(node: Node, options: NodeOptions, *, json: bool) -> None:
    from subnet.cli import output

    backend = node.backend
    if json:
        output.line(
            {
                "url": node.url,
                "port": node.port,
                "pid": os.getpid(),
                "chain": backend.chain_name,
                "genesis_hash": f"0x{backend.genesis_hash.hex()}",
                "head": backend.head.number,
                "block_time_ms": backend.slot_duration_ms(),
                "sealing": options.sealing.value,
            }
        )
        return
    output.note(
        f"{backend.chain_name} at {node.url}, block {backend.head.number}, "
        f"{backend.slot_duration_ms()} ms a block, sealing by {options.sealing.value}. "
        "Ctrl-C ends it."
    )
