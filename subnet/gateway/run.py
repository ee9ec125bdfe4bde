"""Put a gateway together, run it, take it apart: from Python, without a command line or signals.

A gateway is a neuron that asks and serves nobody on the wire: it has a hotkey of its own, which is
registered, because miners answer no strangers. With a permit it can let another miner go on with an
answer that broke off. It follows the subnet through an ``OpenSubnet``, as miners and validators do,
and serves on with what it saw last while the chain is away.

Quotas that are counted by the day are written down every few seconds, and at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from collections.abc import AsyncGenerator, Callable, Collection
from pathlib import Path
from typing import Final

import msgspec
from loguru import logger

from assay.chain.errors import NotRegistered
from assay.chain.interface import Endpoint
from assay.clock import Clock
from assay.errors import Unavailable, UserError
from assay.files import held, read_limited, write_atomic
from assay.gateway.answers import Answering, Subject
from assay.gateway.handing_on import HandingOn
from assay.gateway.http import DRAIN_S_MAX, HttpServer
from assay.gateway.keys import KeyFile, key_path
from assay.gateway.model import OfferedModel
from assay.gateway.quotas import Quotas
from assay.gateway.receipts import ReceiptStore
from assay.gateway.router import Router
from assay.gateway.server import Gateway
from assay.gateway.shared_prompts import SharedPrompts
from assay.neuron.folder import NeuronFolder
from assay.neuron.run import OpenSubnet
from assay.protocol.inference import NumericPath
from assay.scoring.inference.precision import Precision
from assay.types import Signer
from assay.wire.dendrite import Dendrite

SEEDED: Final = frozenset(NumericPath) - {NumericPath.ENGINE}
"""The paths on which every token can be checked."""
SAVE_S: Final = 5.0
"""How often the day's tokens are written down: what a crash forgets is used twice."""
_USAGE_BYTES_MAX: Final = 2**20


def accepted_paths(
    precisions: Collection[Precision] = (), *, engines: bool = False
) -> frozenset[NumericPath]:
    """Return the numeric paths of the miners that are asked: those of ``precisions``, by default of
    all, and that of foreign ``engines``, for what of their answers can be checked."""
    seeded = frozenset(map(NumericPath.of, precisions)) or SEEDED
    return seeded | {NumericPath.ENGINE} if engines else seeded


class StoredUsage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the keys of a gateway have used in one day."""

    day: int
    tokens: dict[str, int]


async def run_gateway(
    subnet: OpenSubnet,
    hotkey: Signer,
    model: OfferedModel,
    *,
    bind: Endpoint,
    paths: Collection[NumericPath] = SEEDED,
    allow_origin: str = "*",
    ready: Callable[[int], None] = lambda port: None,
    stop: asyncio.Event | None = None,
    drain_s: float = DRAIN_S_MAX,
) -> None:
    """Run one gateway for ``model`` until ``stop`` is set; then answers may go on for ``drain_s``.

    ``bind`` is where it listens (port 0: any), ``paths`` are the numeric paths of miners that are
    asked, ``allow_origin`` is the web pages' origin that may ask. ``ready`` is told the port.
    """
    if subnet.view.now().metagraph.by_hotkey(hotkey.address) is None:
        raise NotRegistered.of(hotkey.address, subnet.netuid)
    folder = NeuronFolder.of(subnet.state_dir, subnet.genesis, subnet.netuid, hotkey.address)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(held(folder.lock, lambda holder: _in_use(folder, holder)))
        folder.claim(subnet.genesis, subnet.netuid, hotkey.address)
        stack.callback(model.close)
        quotas = await stack.enter_async_context(_kept(folder.client_usage, subnet.clock))
        dendrite, handing_on = await stack.enter_async_context(_asking(subnet, hotkey))
        router = Router(
            dendrite,
            spelling=model.spelling,
            root=model.root,
            paths=paths,
            own=hotkey.address,
            now=subnet.view.now,
            clock=subnet.clock,
            rng=random.SystemRandom(),
            metrics=subnet.metrics,
        )
        receipts = ReceiptStore(folder.client_receipts)
        shared = SharedPrompts(random.SystemRandom())
        answering = Answering(
            router,
            model,
            Subject(subnet.genesis, subnet.netuid, hotkey.address),
            quotas=quotas,
            receipts=receipts,
            clock=subnet.clock,
            new_id=_new_id,
            hand_on=handing_on.note,
            shared=shared,
            metrics=subnet.metrics,
        )
        gateway = Gateway(
            answering,
            model,
            keys=KeyFile(key_path(subnet.state_dir), clock=subnet.clock),
            quotas=quotas,
            receipts=receipts,
            clock=subnet.clock,
            new_id=_new_id,
            shared=shared,
            allow_origin=allow_origin,
            metrics=subnet.metrics,
        )
        async with _served(gateway, bind, subnet.clock, drain_s) as port:
            ready(port)
            await (stop or asyncio.Event()).wait()


@contextlib.asynccontextmanager
async def _served(
    gateway: Gateway, bind: Endpoint, clock: Clock, drain_s: float
) -> AsyncGenerator[int, None]:
    """The port at which ``gateway`` serves clients; its answers may go on for ``drain_s``."""
    server = HttpServer(gateway.handle, clock=clock)
    await server.start(bind.host, bind.port)
    logger.info("Clients are served at http://{}", Endpoint(bind.host, server.port))
    try:
        yield server.port
    finally:
        gateway.drain()
        await server.stop(drain_s)


@contextlib.asynccontextmanager
async def _asking(
    subnet: OpenSubnet, hotkey: Signer
) -> AsyncGenerator[tuple[Dendrite, HandingOn], None]:
    """What asks miners, and what shows validators their answers to clients, at work already."""
    dendrite = Dendrite(hotkey, clock=subnet.clock, reach=subnet.reach, metrics=subnet.metrics)
    handing_on = HandingOn(
        dendrite,
        own=hotkey.address,
        now=subnet.view.now,
        clock=subnet.clock,
        rng=random.SystemRandom(),
        metrics=subnet.metrics,
    )
    showing = asyncio.create_task(handing_on.run())
    try:
        yield dendrite, handing_on
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await showing
        await dendrite.close()


@contextlib.asynccontextmanager
async def _kept(path: Path, clock: Clock) -> AsyncGenerator[Quotas, None]:
    """Quotas that remember the day's tokens in ``path``."""
    quotas = Quotas()
    stored = read_limited(path, _USAGE_BYTES_MAX)
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        if stored is not None:
            usage = msgspec.json.decode(stored, type=StoredUsage)
            quotas.restore(usage.day, usage.tokens)
    saved = quotas.used()

    def save() -> None:
        nonlocal saved
        used = quotas.used()
        if used == saved:
            return
        try:
            write_atomic(path, msgspec.json.encode(StoredUsage(quotas.day, used)))
            saved = used
        except UserError as error:
            logger.warning("Used tokens were not written down: {} {}", error.cause, error.cure)

    async def keep() -> None:
        while True:
            await clock.sleep(SAVE_S)
            await asyncio.to_thread(save)

    keeping = asyncio.create_task(keep())
    try:
        yield quotas
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
        save()


def _new_id() -> str:
    return secrets.token_hex(16)


def _in_use(folder: NeuronFolder, holder: str) -> Unavailable:
    return Unavailable(
        f"Process {holder} runs a neuron in {folder.path} already.",
        "Stop it, or give the gateway a hotkey of its own.",
    )
