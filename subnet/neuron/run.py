"""Put a neuron together, run it, take it apart: from Python, without a command line or signals.

    async with open_subnet("ws://127.0.0.1:9944", netuid=1, state_dir=Path("state")) as subnet:
        async with asyncio.TaskGroup() as group:
            group.create_task(run_miner(subnet, miner_hotkey, MyTask()))
            group.create_task(run_validator(subnet, validator_hotkey, MyTask()))

An ``OpenSubnet`` is a connected chain and the one view of it that all neurons of a process share. A
neuron runs until its ``stop`` event is set or its task is cancelled; both end it in order.

What can fail is tried before anything is paid: the folder is locked, the port is bound and the
task's ``start`` has returned before ``join`` is called, which may buy a uid.

This module asks nobody, prints nothing and handles no signals; the command line does.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loguru import logger

from assay.aio import bounded
from assay.chain.connect import connect
from assay.chain.errors import NotRegistered
from assay.chain.follow import Follower
from assay.chain.interface import Chain, Endpoint
from assay.chain.view import ChainView
from assay.clock import Clock, SystemClock
from assay.errors import Unavailable, UserError
from assay.files import held
from assay.metrics import NO_METRICS, Metrics
from assay.neuron.callers import Callers
from assay.neuron.checkpoint import CheckpointFile
from assay.neuron.context import AnyTask, Resources, make_context, open_resources
from assay.neuron.faults import BrokenTask, Slips, watched_loop, where
from assay.neuron.folder import NeuronFolder
from assay.neuron.miner import Miner
from assay.neuron.peers import Answer, Peers
from assay.neuron.presence import Presence
from assay.neuron.reach import reach_for
from assay.neuron.receipts import Receipts
from assay.neuron.record import NeuronRecord, Role
from assay.neuron.seeds import Seeds
from assay.neuron.server import NeuronServer, ServingConfig
from assay.neuron.task import MinerTask, Pace, TaskContext, TaskSettings, ValidatorTask
from assay.neuron.validator import ANSWER_DEADLINE_S, Validator, ValidatorConfig
from assay.outcome import Slip
from assay.types import NetUid, Signer
from assay.wire.admission import Admission, Serve
from assay.wire.axon import Axon
from assay.wire.dendrite import Dendrite
from assay.wire.interface import Reach
from assay.wire.nonce_file import CeilingFile

PATIENCE_S: Final = 30.0
"""How long the chain may be away when a subnet is opened: a machine may start both together."""
SEAT_S: Final = 60.0
"""How long a uid that was just bought may take to show: five blocks of a public chain."""
LOCAL: Final = Endpoint("127.0.0.1", 0)


@dataclass(frozen=True, slots=True)
class OpenSubnet:
    """One subnet of a connected chain, as the neurons of a process share it."""

    chain: Chain
    netuid: NetUid
    genesis: str
    view: ChainView
    state_dir: Path
    clock: Clock
    reach: Reach
    """Which of the addresses that the chain shows are called."""
    metrics: Metrics = NO_METRICS
    tell_slip: Callable[[Slip], None] = lambda slip: None
    """Is told a builder's mistakes that end no neuron, each place in the source once."""


@contextlib.asynccontextmanager
async def open_subnet(
    network: str,
    netuid: int,
    *,
    state_dir: Path,
    clock: Clock | None = None,
    patience_s: float = PATIENCE_S,
    metrics: Metrics = NO_METRICS,
) -> AsyncGenerator[OpenSubnet, None]:
    """Connect to the chain ``network`` (a URL, or a name that ``assay.chain`` knows) and follow the
    subnet ``netuid``. Unavailable if the chain does not answer within ``patience_s``."""
    clock = clock or SystemClock()
    chain = await connect(
        network,
        cache_dir=state_dir / "cache" / "sdk",
        clock=clock,
        patience_s=patience_s,
        metrics=metrics,
    )
    try:
        reach = reach_for(network, public=await chain.is_public())
        async with use_subnet(
            chain, netuid, state_dir=state_dir, clock=clock, reach=reach, metrics=metrics
        ) as subnet:
            yield subnet
    finally:
        await chain.close()


@contextlib.asynccontextmanager
async def use_subnet(
    chain: Chain,
    netuid: int,
    *,
    state_dir: Path,
    clock: Clock,
    reach: Reach,
    metrics: Metrics = NO_METRICS,
) -> AsyncGenerator[OpenSubnet, None]:
    """Follow the subnet ``netuid`` of a chain that is connected already, and stays so."""
    genesis = await chain.genesis_hash()
    rng = random.Random(secrets.randbits(64))
    async with Follower(chain, NetUid(netuid), clock=clock, rng=rng) as view:
        yield OpenSubnet(chain, NetUid(netuid), genesis, view, state_dir, clock, reach, metrics)


@dataclass(slots=True)
class _Parts:
    """What both kinds of neuron are made of."""

    folder: NeuronFolder
    presence: Presence
    server: NeuronServer
    peers: Peers
    resources: Resources
    rng: random.Random


async def run_miner(
    subnet: OpenSubnet,
    hotkey: Signer,
    task: MinerTask,
    *,
    settings: TaskSettings | None = None,
    bind: Endpoint = LOCAL,
    announce: Endpoint | None = None,
    serve: Serve = Serve.REGISTERED,
    objects_bytes_max: int | None = None,
    old: Path | None = None,
    join: Callable[[], Awaitable[None]] | None = None,
    ready: Callable[[int], None] = lambda port: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run one miner until ``stop`` is set.

    ``bind`` is where the axon listens (port 0: any), ``announce`` what the chain is told if that
    differs, ``serve`` the least membership that is answered. ``objects_bytes_max`` is the most disk
    that the task's objects take; None: what the task asks for. ``join()`` may buy the hotkey its
    uid; ``ready`` is told the port. ``old`` is the folder of an older Assay, to take over. Raises
    what a person must mend.
    """
    async with _parts(
        subnet, hotkey, task, bind, announce, serve, old, objects_bytes_max, serving=True
    ) as parts:

        async def publish(data: bytes) -> None:
            parts.presence.record = NeuronRecord(Role.MINER, data).pack()

        context = _context(subnet, hotkey, task, parts, Role.MINER, settings, publish)
        async with _started(task, context):
            await _seat(subnet, hotkey, join)
            miner = Miner(
                parts.server, view=subnet.view, task=task, clock=subnet.clock, rng=parts.rng
            )
            miner.stop = stop or miner.stop
            await miner.run(ready)


async def run_validator(
    subnet: OpenSubnet,
    hotkey: Signer,
    task: ValidatorTask,
    *,
    settings: TaskSettings | None = None,
    pace: Pace | None = None,
    answer_deadline_s: float = ANSWER_DEADLINE_S,
    seed: str | None = None,
    bind: Endpoint = LOCAL,
    announce: Endpoint | None = None,
    organic: Callable[[], Sequence[Answer[Any, Any]]] = tuple,
    objects_bytes_max: int | None = None,
    old: Path | None = None,
    join: Callable[[], Awaitable[None]] | None = None,
    ready: Callable[[int | None], None] = lambda port: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run one validator until ``stop`` is set.

    ``pace`` takes the place of the task's own; ``seed`` that of an unguessable secret, for
    laboratories. ``bind`` and ``announce`` matter only for a task whose validators serve methods or
    objects.
    ``organic()`` hands over what miners answered to clients. The rest is as in ``run_miner``.
    """
    async with _parts(
        subnet, hotkey, task, bind, announce, Serve.REGISTERED, old, objects_bytes_max,
        serving=validators_serve(type(task)),
    ) as parts:  # fmt: skip
        receipts = Receipts(parts.folder.receipts)
        seeds = Seeds(
            parts.folder.seeds,
            new_secret=lambda: _secret(seed, hotkey),
            newest_period=receipts.newest_period,
        )
        validator = Validator(
            ValidatorConfig(subnet.netuid, pace, answer_deadline_s),
            chain=subnet.chain,
            view=subnet.view,
            genesis=subnet.genesis,
            server=parts.server,
            presence=parts.presence,
            peers=parts.peers,
            task=task,
            hotkey=hotkey,
            checkpoints=CheckpointFile(parts.folder.checkpoint),
            seeds=seeds,
            receipts=receipts,
            clock=subnet.clock,
            rng=parts.rng,
            organic=organic,
            metrics=subnet.metrics,
        )
        validator.stop = stop or validator.stop

        async def publish(data: bytes) -> None:
            validator.publish(data)

        context = _context(subnet, hotkey, task, parts, Role.VALIDATOR, settings, publish)
        async with _started(task, context):
            await _seat(subnet, hotkey, join)
            await validator.run(ready)


def validators_serve(task: type[ValidatorTask]) -> bool:
    """Whether the validators of ``task`` listen at a port, since they serve methods or objects."""
    # What a class of both halves serves is its miner half's: a validator that published an address
    # for it would be challenged by the others, and paid.
    return not issubclass(task, MinerTask) and (
        task.methods is not ValidatorTask.methods or task.objects_bytes_max > 0
    )


def _secret(seed: str | None, hotkey: Signer) -> bytes:
    """32 unguessable bytes, or those of a laboratory's seed, different for each hotkey."""
    if seed is None:
        return secrets.token_bytes(32)
    return random.Random(f"{seed}/{hotkey.address}").randbytes(32)


@contextlib.asynccontextmanager
async def _parts(
    subnet: OpenSubnet,
    hotkey: Signer,
    task: AnyTask,
    bind: Endpoint,
    announce: Endpoint | None,
    serve: Serve,
    old: Path | None,
    objects_bytes_max: int | None,
    *,
    serving: bool,
) -> AsyncGenerator[_Parts, None]:
    """The folder, locked and this neuron's own; an axon that holds its port; a dendrite."""
    folder = NeuronFolder.of(subnet.state_dir, subnet.genesis, subnet.netuid, hotkey.address)
    async with contextlib.AsyncExitStack() as stack:
        if old is not None:
            folder.take_over(old)
        stack.enter_context(held(folder.lock, lambda holder: _in_use(folder, holder)))
        folder.claim(subnet.genesis, subnet.netuid, hotkey.address)
        callers = Callers()
        dendrite = Dendrite(hotkey, clock=subnet.clock, reach=subnet.reach, metrics=subnet.metrics)
        stack.push_async_callback(dendrite.close)
        slips = Slips(task, subnet.tell_slip)
        axon = None
        if serving:
            # The axon closes it too, but only once it has served.
            nonces = stack.enter_context(contextlib.closing(CeilingFile(folder.nonces)))
            axon = Axon(
                hotkey,
                clock=subnet.clock,
                nonces=nonces,
                admission=Admission(now_s=subnet.clock.monotonic(), resolver=callers, serve=serve),
                metrics=subnet.metrics,
                on_fault=slips.failed,
                host=bind.host,
                port=bind.port,
            )
        rng = random.Random(secrets.randbits(64))
        resources = await open_resources(
            task, folder, dendrite, stack,
            clock=subnet.clock, rng=rng, objects_bytes_max=objects_bytes_max,
        )  # fmt: skip
        presence = Presence(subnet.chain, subnet.netuid, hotkey, subnet.metrics)
        server = NeuronServer(
            ServingConfig(
                subnet.netuid,
                announce.host if announce else bind.host,
                announce.port if announce else None,
            ),
            view=subnet.view,
            axon=axon,
            callers=callers,
            presence=presence,
            task=task,
            hotkey=hotkey,
            objects=resources.objects,
            metrics=subnet.metrics,
        )
        stack.push_async_callback(server.close)
        await server.bind()
        peers = Peers(
            dendrite,
            task=task.name,
            own=hotkey.address,
            now=subnet.view.now,
        )
        await stack.enter_async_context(watched_loop(task, stuck=slips.stuck))
        yield _Parts(folder, presence, server, peers, resources, rng)


def _in_use(folder: NeuronFolder, holder: str) -> Unavailable:
    return Unavailable(
        f"Process {holder} runs a neuron in {folder.path} already.",
        "Stop it, or give this one a state folder of its own with --state-dir.",
    )


def _context(
    subnet: OpenSubnet,
    hotkey: Signer,
    task: AnyTask,
    parts: _Parts,
    role: Role,
    settings: TaskSettings | None,
    publish: Callable[[bytes], Awaitable[None]],
) -> TaskContext:
    return make_context(
        task,
        role,
        settings,
        hotkey=hotkey,
        folder=parts.folder,
        clock=subnet.clock,
        rng=parts.rng,
        chain=subnet.chain,
        view=subnet.view,
        peers=parts.peers,
        resources=parts.resources,
        publish=publish,
    )


@contextlib.asynccontextmanager
async def _started(task: AnyTask, context: TaskContext) -> AsyncGenerator[None, None]:
    """A task between its start and its close; closed also when the start fails."""
    try:
        try:
            # It may load a model for minutes; until it has, this is the last word.
            logger.info("Starting the task {}", task.name)
            await task.start(context)
        except UserError:
            raise
        except Exception as error:  # whatever a builder's code may raise
            place = where(error, task)
            if place is None:
                raise
            broken = BrokenTask(
                f"{place}: {type(error).__name__}: {error}.",
                "Mend the task's start(); nothing was paid and nothing was published.",
            )
            broken.place = place
            raise broken from error
        yield
    finally:
        await task.close()


async def _seat(
    subnet: OpenSubnet, hotkey: Signer, join: Callable[[], Awaitable[None]] | None
) -> None:
    """Let ``join`` buy a uid, and wait until the view shows it; NotRegistered if nobody did."""
    if join is not None:
        await join()

    async def seen() -> None:
        async with contextlib.aclosing(subnet.view.blocks()) as moments:
            async for moment in moments:
                if moment.metagraph.by_hotkey(hotkey.address) is not None:
                    return

    if subnet.view.now().metagraph.by_hotkey(hotkey.address) is not None:
        return
    if join is None:
        raise NotRegistered.of(hotkey.address, subnet.netuid)
    try:
        await bounded(subnet.clock, SEAT_S, seen())
    except TimeoutError:
        raise NotRegistered.of(hotkey.address, subnet.netuid) from None
