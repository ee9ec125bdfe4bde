"""``assay chain start``: the node as a process. Its options, its signals, its one line of output.

Parses with argparse, not typer: this start is measured (``scripts/bench/chain``), and typer with
what it imports would take a third of it; ``chain.py`` reads the help off this parser. Nothing heavy
is imported before the options are known to be right, and the SDK never is. With ``--json`` one line
is printed once the port listens, and nothing else, so that a supervisor can wait for it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from assay.cli.process import (
    STATE_DIR,
    STATE_DIR_VARIABLE,
    configure_log,
    run_async,
    stop_on_signals,
)
from assay.errors import UserError
from assay.localnet.sealing import SealingMode

if TYPE_CHECKING:
    from assay.localnet.node import Node, NodeOptions

PORT: Final = 9_944
"""Where every Substrate client looks for a node first; the SDK's ``local`` too."""
BLOCK_MS_MIN: Final = 2
"""The runtime halves it for the least distance of two blocks, which must not be zero."""
BLOCK_MS_MAX: Final = 3_600_000
DEFAULT_PRESET: Final = "local"
_SETTLE_S: Final = 1.0
"""After the start, so that the first clients do not wait for it."""


def chain_dir() -> Path:
    """Where ``assay up`` keeps its chain: under the state folder that every command takes."""
    return Path(os.environ.get(STATE_DIR_VARIABLE) or STATE_DIR) / "chain"


class _Parser(argparse.ArgumentParser):
    """Leaves by the house's exit: one cause, one cure."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{number} is not within {least} and {most}")
        return number

    parse.__name__ = "number"
    return parse


def parser() -> argparse.ArgumentParser:
    """The options, with the words of ``--help``."""
    made = _Parser(prog="assay chain start", allow_abbrev=False, add_help=False)
    listen = made.add_argument_group("Where it listens")
    listen.add_argument(
        "--port", type=_whole(0, 65_535), default=PORT, metavar="N",
        help="The RPC's port; 0 takes a free one.",
    )  # fmt: skip
    listen.add_argument(
        "--rpc-address", default="127.0.0.1", metavar="IP",
        help="The address to listen on; who reaches it can use the chain.",
    )  # fmt: skip
    listen.add_argument(
        "--allow-origin", action="append", default=[], metavar="URL",
        help="A web page's origin that may use the RPC, besides loopback's; repeatable.",
    )  # fmt: skip
    listen.add_argument(
        "--dev-methods", action="store_true", help="Offer dev_newBlock; on with manual sealing."
    )
    chain = made.add_argument_group("The chain")
    chain.add_argument(
        "--state-dir", type=Path, default=chain_dir(), metavar="DIR",
        help=f"The chain's own folder; {STATE_DIR_VARIABLE} names the one around it.",
    )  # fmt: skip
    chain.add_argument(
        "--in-memory", action="store_true", help="Keep nothing: the chain ends with the process."
    )
    chain.add_argument(
        "--preset", metavar="NAME",
        help="Of a new chain: local (fast epochs, the default) or upstream (the public network's).",
    )  # fmt: skip
    chain.add_argument(
        "--block-time", type=_whole(BLOCK_MS_MIN, BLOCK_MS_MAX), metavar="MS",
        help="Of a new chain: milliseconds a block; the preset's without it.",
    )  # fmt: skip
    chain.add_argument(
        "--runtime", type=Path, metavar="FILE.wasm",
        help="Of a new chain: another runtime than the one that is shipped.",
    )  # fmt: skip
    chain.add_argument(
        "--sealing", choices=[mode.value for mode in SealingMode], metavar="MODE",
        default=SealingMode.INTERVAL.value,
        help="When to build: interval, transaction, mixed or manual.",
    )  # fmt: skip
    chain.add_argument(
        "--history", type=_whole(1, 2**32), metavar="BLOCKS",
        help="How many blocks keep their state; all without it.",
    )  # fmt: skip
    made.add_argument(
        "--log-level", default=os.environ.get("ASSAY_LOG_LEVEL", "INFO"), metavar="LEVEL",
        help="DEBUG, INFO, WARNING or ERROR; the log goes to stderr.",
    )  # fmt: skip
    made.add_argument(
        "--json", action="store_true", help="One line of JSON on stdout when it runs."
    )
    return made


def start(arguments: Sequence[str]) -> int:
    """Run a node until a signal ends it. UserError says what is in the way."""
    given = parser().parse_args(arguments)
    gc.disable()  # until the start is over: it makes little garbage and much that stays
    configure_log(given.log_level)
    from assay.localnet.node import (
        RUNTIME_PATH,
        NodeOptions,
        default_module_cache,
        genesis_of,
        read_runtime,
    )

    sealing = SealingMode(given.sealing)
    options = NodeOptions(
        genesis=genesis_of(
            code=read_runtime(given.runtime or RUNTIME_PATH),
            preset=given.preset or DEFAULT_PRESET,
            block_time_ms=given.block_time,
        ),
        # Whoever names no property of a chain gets the one that is stored, whatever it is.
        continue_any=given.preset is None and given.block_time is None and given.runtime is None,
        state_dir=None if given.in_memory else given.state_dir,
        host=given.rpc_address,
        port=given.port,
        sealing=sealing,
        history_blocks=given.history,
        dev_methods=given.dev_methods or sealing is SealingMode.MANUAL,
        origins=tuple(given.allow_origin),
        module_cache=default_module_cache(),
    )
    run_async(lambda: _serve(options, json=given.json))
    return 0


async def _serve(options: NodeOptions, *, json: bool) -> None:
    from assay.aio import first
    from assay.clock import SystemClock
    from assay.localnet.node import running

    stop = asyncio.Event()
    stop_on_signals(stop)
    async with running(options, SystemClock()) as node:
        _announce(node, options, json=json)
        asyncio.get_running_loop().call_later(_SETTLE_S, _settle_memory)
        await first(node.finished(), stop.wait())


def _settle_memory() -> None:
    """What the start made lives as long as the process: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.enable()


def _announce(node: Node, options: NodeOptions, *, json: bool) -> None:
    from assay.cli import output

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
    else:
        output.note(
            f"{backend.chain_name} at {node.url}, block {backend.head.number}, "
            f"{backend.slot_duration_ms()} ms a block, sealing by {options.sealing.value}. "
            "Ctrl-C ends it."
        )
