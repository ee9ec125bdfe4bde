"""``assay chain beacon``: brings a randomness beacon's pulses to a chain whose node does not.

Adds the command line to ``assay.localnet.beacon.remote``. Nothing heavy is imported before the
options are known to be right.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from assay.cli import arguments
from assay.cli.command import Command
from assay.cli.log import configure_log
from assay.cli.process import run_async, stop_on_signals

if TYPE_CHECKING:
    from assay.localnet.beacon.published import PulseSource

WEB: Final = ("http://", "https://")


@click.command(cls=Command)
@arguments.chain
@click.option(
    "--pulses", metavar="URL|FILE", show_default="made with the development key",
    help="Where the pulses come from: a drand chain's address, or a file with a round a line as"
    " drand writes it.",
)  # fmt: skip
@arguments.log_level("INFO")
@arguments.log_format
@arguments.log_file
@arguments.json
def beacon(chain: str, pulses: str | None, json: bool, **given: Any) -> None:
    """Bring the pulses of a randomness beacon to a chain, until Ctrl-C.

    The node of `assay chain start` brings those of the development beacon by itself. This is for
    Parity's node, and for a chain that follows drand's quicknet.
    """
    configure_log(given["log_level"], given["log_format"], given["log_file"])
    run_async(lambda: _bring(chain, pulses, json=json))


async def _bring(chain: str, pulses: str | None, *, json: bool) -> None:
    from assay.aio import first
    from assay.chain.address import resolve, shown
    from assay.cli import output
    from assay.clock import SystemClock
    from assay.localnet.beacon.remote import RemoteBeacon, SigningPulses
    from assay.localnet.rpc_client import RpcClient

    url = resolve(chain)
    async with AsyncExitStack() as open_ones:
        rpc = RpcClient(url, "The node", "--chain")
        open_ones.push_async_callback(rpc.close)
        source = SigningPulses(rpc) if pulses is None else _source(pulses)
        open_ones.push_async_callback(source.close)
        found = RemoteBeacon(rpc, source, SystemClock())
        config, last = await found.config(), await found.last_round()
        if isinstance(source, SigningPulses):
            await source.check(config)
        if json:
            output.line(
                {
                    "chain": shown(url),
                    "public_key": f"0x{config.public_key.hex()}",
                    "period_s": config.period_s,
                    "last_round": last,
                }
            )
        else:
            output.note(
                f"Bringing pulses to {shown(url)}; the last round there is {last}. Ctrl-C ends it."
            )
        stop = asyncio.Event()
        stop_on_signals(stop)
        await first(found.run(), stop.wait())


def _source(pulses: str) -> PulseSource:
    """The source that ``pulses`` names. UserError for a file that holds none."""
    from assay.localnet.beacon.published import PublishedPulses, RecordedPulses

    return PublishedPulses(pulses) if pulses.startswith(WEB) else RecordedPulses.read(Path(pulses))
