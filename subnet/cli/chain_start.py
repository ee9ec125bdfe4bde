"""``assay chain start``: the node as a process. Its options, its signals, its one line of output.

Nothing heavy is imported before the options are known to be right, and the SDK never is: this start
is measured (``scripts/bench/chain``). With ``--json`` one line is printed once the port listens,
and nothing else, so that a supervisor can wait for it.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from assay.cli import arguments, chain_genesis
from assay.cli.command import Command
from assay.cli.log import configure_log
from assay.cli.param_types import FOLDER, STATE_DIR, STATE_DIR_VARIABLE, ChainName, absolute
from assay.cli.process import run_async, stop_on_signals
from assay.errors import UserError
from assay.localnet.sealing import SealingMode
from assay.types import PORT_MAX, RAO_PER_TAO

if TYPE_CHECKING:
    from assay.localnet.holders import Holders
    from assay.localnet.node import Node, NodeOptions
    from assay.metrics import Metrics

PORT: Final = 9_944
"""Where every Substrate client looks for a node first; the SDK's ``local`` too."""
HISTORY_BLOCKS_MAX: Final = 2**32
"""As many as block numbers of 32 bits can name."""
_SETTLE_S: Final = 1.0
"""After the start, so that the first clients do not wait for it."""


def chain_dir() -> Path:
    """Where `assay up` keeps its chain: under the state folder that every command takes."""
    return absolute(os.environ.get(STATE_DIR_VARIABLE) or STATE_DIR) / "chain"


state_dir: Final = click.option(
    "--state-dir", type=FOLDER, default=chain_dir, metavar="DIR",
    show_default=f"{STATE_DIR_VARIABLE}/chain, else {STATE_DIR}/chain",
    help="The chain's own folder.",
)  # fmt: skip


@click.command(cls=Command)
@click.option(
    "--port", type=click.IntRange(0, PORT_MAX), default=PORT, metavar="N",
    help="The RPC's port; 0 takes a free one.",
)  # fmt: skip
@click.option(
    "--rpc-address", default="127.0.0.1", metavar="IP",
    help="The address to listen on; who reaches it can use the chain.",
)  # fmt: skip
@click.option(
    "--allow-origin", multiple=True, metavar="URL",
    help="A web page's origin that may use the RPC, besides loopback's; repeatable.",
)  # fmt: skip
@click.option(
    "--expose-development-keys", is_flag=True,
    help="Serve others although anybody can act as //Alice, who may do everything.",
)  # fmt: skip
@click.option("--dev-methods", is_flag=True, help="Offer dev_newBlock; on with manual sealing.")
@state_dir
@click.option("--in-memory", is_flag=True, help="Keep nothing: the chain ends with the process.")
@chain_genesis.options
@click.option(
    "--sealing", type=click.Choice([mode.value for mode in SealingMode]), metavar="MODE",
    default=SealingMode.INTERVAL.value,
    help="When to build: interval, transaction, mixed or manual.",
)  # fmt: skip
@click.option(
    "--follow", type=ChainName(), metavar="URL", show_default="make blocks",
    help="Make no blocks: take and execute those of this node of the same chain, and hand it what"
    " is submitted here.",
)  # fmt: skip
@click.option(
    "--history", type=click.IntRange(1, HISTORY_BLOCKS_MAX), metavar="BLOCKS",
    help="How many blocks keep their state; all without it.",
)  # fmt: skip
@arguments.metrics_port
@arguments.metrics_host
@arguments.log_level("INFO")
@arguments.log_format
@arguments.log_file
@arguments.json
def start(**given: Any) -> int:
    """Start a local chain and run it until Ctrl-C."""
    gc.disable()  # until the start is over: it makes little garbage and much that stays
    configure_log(given["log_level"], given["log_format"], given["log_file"])
    from assay.localnet.node import NodeOptions, default_module_cache
    from assay.metrics import offered

    sealing = SealingMode(given["sealing"])
    options = NodeOptions(
        genesis=chain_genesis.genesis(given),
        # Whoever names no property of a chain gets the one that is stored, whatever it is.
        continue_any=all(given[each] is None for each in chain_genesis.NAMES),
        state_dir=None if given["in_memory"] else given["state_dir"],
        host=given["rpc_address"],
        port=given["port"],
        sealing=sealing,
        follow=_followed(given),
        # With the other modes the blocks are what somebody asks for, and nothing else.
        beacon=sealing is SealingMode.INTERVAL,
        history_blocks=given["history"],
        dev_methods=given["dev_methods"] or sealing is SealingMode.MANUAL,
        origins=tuple(given["allow_origin"]),
        expose_development_keys=given["expose_development_keys"],
        module_cache=default_module_cache(),
    )
    with offered(given["metrics_host"], given["metrics_port"]) as metrics:
        run_async(lambda: _serve(options, metrics, json=given["json"]))
    return 0


def _followed(given: dict[str, Any]) -> str | None:
    """The address of the node to follow, if there is one. UserError where blocks are to be made as
    well."""
    from assay.chain.address import resolve

    if given["follow"] is None:
        return None
    if given["dev_methods"] or given["sealing"] != SealingMode.INTERVAL.value:
        raise UserError(
            "A node that follows another makes no blocks.",
            "Leave out --follow, or --sealing and --dev-methods.",
        )
    return resolve(given["follow"])


async def _serve(options: NodeOptions, metrics: Metrics, *, json: bool) -> None:
    from assay.aio import first
    from assay.clock import SystemClock
    from assay.localnet.node import running

    stop = asyncio.Event()
    stop_on_signals(stop)
    async with running(options, SystemClock(), metrics) as node:
        _announce(node, options, json=json)
        asyncio.get_running_loop().call_later(_SETTLE_S, _settle_memory)
        await first(node.finished(), stop.wait())


def _settle_memory() -> None:
    """What the start made lives as long as the process: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.enable()


def _announce(node: Node, options: NodeOptions, *, json: bool) -> None:
    from assay.chain.address import shown
    from assay.cli import output
    from assay.localnet.holders import holders_of

    backend = node.backend
    holders = holders_of(backend.state())
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
                "sealing": None if options.follow else options.sealing.value,
                "follows": None if options.follow is None else shown(options.follow),
                "sudo": holders.sudo,
                "sudo_uri": holders.sudo_uri,
                "accounts": [
                    {"uri": each.uri, "address": each.address, "tao": each.free_rao / RAO_PER_TAO}
                    for each in holders.funded
                ],
            }
        )
    else:
        way = f"sealing by {options.sealing.value}"
        if options.follow is not None:
            way = f"following {shown(options.follow)}"
        output.note(
            f"{backend.chain_name} at {node.url}, block {backend.head.number}, "
            f"{backend.slot_duration_ms()} ms a block, {way}. Ctrl-C ends it."
        )
        for line in _told(holders):
            output.note(line)


def _told(holders: Holders) -> Iterator[str]:
    """Whose sudo it is, and which funded accounts anybody can use."""
    if holders.sudo is not None:
        of = f"{holders.sudo_uri}, whose key is public" if holders.sudo_uri else "its owner's alone"
        yield f"Sudo is {holders.sudo}: {of}."
    if holders.funded:
        sums = (f"{each.uri} {each.free_rao // RAO_PER_TAO:,}" for each in holders.funded)
        yield f"Development accounts with TAO: {', '.join(sums)}."
