"""`assay gateway`: the door for clients, and the keys that open it.

``run`` adds the command line to ``assay.gateway.run``. ``key add`` shows a key once: the file holds
its hash. A running gateway sees what the commands of ``key`` change at its next request.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from assay.child import tell_ready
from assay.cli import arguments
from assay.cli.command import Command, LazyGroup
from assay.scoring.inference.precision import PRECISIONS, Precision
from assay.types import PORT_MAX

if TYPE_CHECKING:
    from assay.gateway.keys import ClientKey, KeyFile

QUOTA_MAX: Final = 10**12
"""As ``assay.gateway.keys`` has it, without importing it for every help."""


@click.group(cls=LazyGroup)
def gateway() -> None:
    """OpenAI's interface in front of a subnet's miners: run it, and make keys for clients."""


@gateway.command("run", cls=Command)
@arguments.netuid()
@arguments.wallet("gateway")
@arguments.hotkey
@click.option(
    "--model", default="demo", metavar="NAME",
    help="The model that miners must serve: a folder, a Hugging Face id, or demo. Only its"
    " tokenizer is loaded.",
)  # fmt: skip
@click.option(
    "--served-name", metavar="NAME", show_default="the last part of --model",
    help="What clients call the model.",
)  # fmt: skip
@click.option(
    "--accept-engines", is_flag=True,
    help="Also ask miners behind foreign engines, for what they can be checked in.",
)  # fmt: skip
@click.option(
    "--precision", type=click.Choice(PRECISIONS), multiple=True, metavar="PRECISION",
    show_default="all",
    help="Only ask miners that compute in fp32, bf16 or fp16; repeat it for more.",
)  # fmt: skip
@click.option(
    "--host", default="127.0.0.1", metavar="IP",
    help="The address to listen on. Put a proxy with TLS before it if others reach it: keys"
    " travel in clear.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, PORT_MAX), default=8000, metavar="N",
    help="The port to listen on; 0 takes a free one.",
)  # fmt: skip
@click.option(
    "--allow-origin", default="*", metavar="URL",
    help="The web pages that may ask, by their origin; * for all. A page needs a key as well.",
)  # fmt: skip
@arguments.chain
@arguments.state_dir
@arguments.wallet_path
@arguments.metrics_port
@arguments.metrics_host
@arguments.log_level("INFO")
@arguments.log_format
@arguments.log_file
@arguments.json_events
def run(
    netuid: int,
    wallet: str,
    hotkey: str,
    model: str,
    served_name: str | None,
    accept_engines: bool,
    precision: tuple[Precision, ...],
    host: str,
    port: int,
    allow_origin: str,
    chain: str,
    state_dir: Path,
    wallet_path: Path | None,
    metrics_port: int | None,
    metrics_host: str,
    log_level: str,
    log_format: str,
    log_file: Path | None,
    json: bool,
) -> None:
    """Serve OpenAI's interface until Ctrl-C: chats and completions by this subnet's miners."""
    import asyncio

    from assay.chain.interface import Endpoint
    from assay.chain.wallets import open_hotkey
    from assay.cli import output
    from assay.cli.addresses import listening
    from assay.cli.log import configure_log
    from assay.cli.process import run_async, settle_memory, stop_on_signals
    from assay.gateway.model import OfferedModel
    from assay.gateway.run import accepted_paths, run_gateway
    from assay.metrics import offered
    from assay.neuron.run import open_subnet

    configure_log(log_level, log_format, log_file)
    bind = listening(host, port)
    signer = open_hotkey(arguments.wallets_of(state_dir, wallet_path), wallet, hotkey)
    offer = OfferedModel.load(model, served_name)

    def ready(at: int) -> None:
        settle_memory()
        tell_ready()
        if json:
            output.line({"event": "ready", "netuid": netuid, "host": host, "port": at})
        else:
            output.note(f"Serving {offer.name} at http://{Endpoint(bind.host, at)}/v1")

    with offered(metrics_host, metrics_port) as metrics:

        async def serve() -> None:
            stop = asyncio.Event()
            stop_on_signals(stop)
            async with open_subnet(chain, netuid, state_dir=state_dir, metrics=metrics) as subnet:
                await run_gateway(
                    subnet,
                    signer,
                    offer,
                    bind=bind,
                    paths=accepted_paths(precision, engines=accept_engines),
                    allow_origin=allow_origin,
                    ready=ready,
                    stop=stop,
                )

        run_async(serve)


@gateway.group(cls=LazyGroup)
def key() -> None:
    """The keys of clients: add, list, revoke."""


@key.command("add", cls=Command)
@click.argument("name", metavar="NAME", help="What to call the key, such as its user's name.")
@click.option(
    "--requests-per-minute", type=click.IntRange(1, QUOTA_MAX), metavar="N",
    show_default="no limit", help="The most requests of one minute.",
)  # fmt: skip
@click.option(
    "--tokens-per-day", type=click.IntRange(1, QUOTA_MAX), metavar="N", show_default="no limit",
    help="The most tokens of one day (UTC), prompts and answers together.",
)  # fmt: skip
@click.option(
    "--share-prompts", is_flag=True,
    help="Its owner agrees that what it asks is shown to validators, and asked again of other"
    " miners without its name, to find out who serves clients badly.",
)  # fmt: skip
@click.option(
    "--read-shared-prompts", is_flag=True,
    help="Show it what the keys with --share-prompts ask. For validators that send canaries.",
)  # fmt: skip
@arguments.state_dir
@arguments.json
def add(
    name: str,
    requests_per_minute: int | None,
    tokens_per_day: int | None,
    share_prompts: bool,
    read_shared_prompts: bool,
    state_dir: Path,
    json: bool,
) -> None:
    """Make a key and show it, once: only its hash is kept."""
    from assay.cli import output

    made, record = _keys(state_dir).add(
        name,
        requests_per_minute=requests_per_minute,
        tokens_per_day=tokens_per_day,
        shares_prompts=share_prompts,
        reads_shared_prompts=read_shared_prompts,
    )
    if json:
        output.document({"key": made} | _row(record))
        return
    output.note("Keep this key: it cannot be shown again.")
    output.text(made)


@key.command("list", cls=Command)
@arguments.state_dir
@arguments.json
def list_(state_dir: Path, json: bool) -> None:
    """List the keys, by id and name; a key itself is never shown again."""
    from assay.cli import output

    rows = [_row(record) for record in _keys(state_dir).all()]
    if json:
        output.document(rows)
        return
    for row in rows:
        uses = {"shares": row["shares_prompts"], "reads": row["reads_shared_prompts"]}
        row["prompts"] = ", ".join(name for name, is_so in uses.items() if is_so)
    columns = (
        "id", "name", "requests_per_minute", "tokens_per_day", "prompts", "created", "revoked",
    )  # fmt: skip
    output.table(
        "Keys",
        tuple(name.replace("_", " ") for name in columns),
        [tuple("" if row[name] is None else str(row[name]) for name in columns) for row in rows],
    )


@key.command("revoke", cls=Command)
@click.argument("which", metavar="NAME|ID", help="The key's name, or its id.")
@arguments.state_dir
@arguments.json
def revoke(which: str, state_dir: Path, json: bool) -> None:
    """End a key: the next request with it is refused."""
    from assay.cli import output

    record = _keys(state_dir).revoke(which)
    if json:
        output.document(_row(record))
    else:
        output.text(f"The key {record.name} ({record.id}) is revoked.")


def _keys(state_dir: Path) -> KeyFile:
    from assay.clock import SystemClock
    from assay.gateway.keys import KeyFile, key_path

    return KeyFile(key_path(state_dir), clock=SystemClock())


def _row(record: ClientKey) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "requests_per_minute": record.requests_per_minute,
        "tokens_per_day": record.tokens_per_day,
        "shares_prompts": record.shares_prompts,
        "reads_shared_prompts": record.reads_shared_prompts,
        "created": _day(record.created_s),
        "revoked": None if record.revoked_s is None else _day(record.revoked_s),
    }


def _day(unix_s: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(unix_s, UTC).isoformat().removesuffix("+00:00") + "Z"
