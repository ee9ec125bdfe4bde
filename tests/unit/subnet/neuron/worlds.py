"""A subnet in one process for the neurons' tests: a fake ledger, keys, and a task to run.

Everything here is the shipped fake behind the shipped interfaces; nothing is patched.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.chain.fake import FakeChain, FakeLedger
from assay.chain.follow import Follower
from assay.chain.interface import Chain, Endpoint
from assay.clock import ManualClock
from assay.metrics import NO_METRICS, Metrics
from assay.neuron.callers import Callers
from assay.neuron.checkpoint import CheckpointFile
from assay.neuron.miner import Miner
from assay.neuron.peers import Peers
from assay.neuron.presence import Presence
from assay.neuron.receipts import Receipts
from assay.neuron.seeds import Seeds
from assay.neuron.server import NeuronServer, ServingConfig
from assay.neuron.task import Pace
from assay.neuron.validator import Validator, ValidatorConfig
from assay.types import NetUid, Rao
from assay.wire.admission import Admission, Serve
from assay.wire.keys import SeedSigner
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork
from examples.reverse import ReverseTask

TAO = 10**9


def key(number: int) -> SeedSigner:
    return SeedSigner(bytes([number]) * 32)


@dataclass
class World:
    clock: ManualClock
    ledger: FakeLedger
    chain: FakeChain
    netuid: NetUid
    owner: SeedSigner


async def make_world(axons: Mapping[SeedSigner, Endpoint | None]) -> World:
    """A started subnet whose owner holds uid 0 and on which these hotkeys are registered in order.

    Each hotkey is its own coldkey, and holds 100 TAO of stake, so that it gets a permit.
    """
    clock = ManualClock()
    owner = key(200)
    money = {k.address: Rao(100_000 * TAO) for k in (owner, *axons)}
    ledger = FakeLedger(clock, balances=money)
    chain = FakeChain(ledger)
    netuid = (await chain.create_subnet(owner, key(201).address)).netuid
    await chain.start_subnet(netuid, owner)
    for hotkey, endpoint in axons.items():
        await chain.register(netuid, hotkey, hotkey.address)
        await chain.add_stake(netuid, hotkey, hotkey.address, Rao(100 * TAO))
        if endpoint is not None:
            await chain.serve_axon(netuid, hotkey, endpoint)
    return World(clock, ledger, chain, netuid, owner)


@contextlib.asynccontextmanager
async def flowing(world: World) -> AsyncIterator[None]:
    """Let simulated time pass, in steps that leave room for what it wakes."""

    async def flow() -> None:
        while True:
            for _ in range(50):
                await asyncio.sleep(0)
            world.clock.advance(0.05)

    passing = asyncio.create_task(flow())
    sealing = asyncio.create_task(world.ledger.run())
    try:
        yield
    finally:
        for task in (passing, sealing):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


GENESIS = FakeLedger(ManualClock()).ref_of(0).hash
"""Of every fake chain that names no seed of its own."""


class InWorld:
    """A neuron with a view of its own, which is opened for as long as the neuron runs."""

    def __init__(self, neuron: Any, view: Follower) -> None:
        self._neuron = neuron
        self._view = view

    async def run(self, *arguments: Any) -> None:
        async with self._view:
            await self._neuron.run(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._neuron, name)


def make_server(
    world: World,
    hotkey: SeedSigner,
    task: Any,
    view: Follower,
    presence: Presence,
    network: MemoryNetwork | None,
) -> NeuronServer:
    """The serving half; without a ``network`` nothing is served, as by a task's validator."""
    callers = Callers()
    axon = None
    if network is not None:
        axon = MemoryAxon(
            hotkey,
            network,
            clock=world.clock,
            admission=Admission(
                now_s=world.clock.monotonic(), resolver=callers, serve=Serve.REGISTERED
            ),
        )
    return NeuronServer(
        ServingConfig(world.netuid, "127.0.0.1"),
        view=view,
        axon=axon,
        callers=callers,
        presence=presence,
        task=task,
        hotkey=hotkey,
    )


def make_miner(world: World, network: MemoryNetwork, hotkey: SeedSigner, task: Any) -> InWorld:
    view = Follower(world.chain, world.netuid, clock=world.clock, rng=random.Random(3))
    presence = Presence(world.chain, world.netuid, hotkey)
    server = make_server(world, hotkey, task, view, presence, network)
    miner = Miner(server, view=view, task=task, clock=world.clock, rng=random.Random(1))
    return InWorld(miner, view)


def make_validator(
    world: World,
    network: MemoryNetwork,
    hotkey: SeedSigner,
    folder: Path,
    task: Any = None,
    chain: Chain | None = None,
    pace: Pace | None = None,
    genesis: str = GENESIS,
    organic: Any = tuple,
    metrics: Metrics = NO_METRICS,
) -> InWorld:
    task, chain = task or ReverseTask(), chain or world.chain
    view = Follower(chain, world.netuid, clock=world.clock, rng=random.Random(4))
    presence = Presence(chain, world.netuid, hotkey)
    receipts = Receipts(folder / "receipts")
    validator = Validator(
        ValidatorConfig(world.netuid, pace or Pace.seconds(0.5), answer_deadline_s=2.0),
        chain=chain,
        view=view,
        genesis=genesis,
        server=make_server(world, hotkey, task, view, presence, None),
        presence=presence,
        peers=Peers(
            MemoryDendrite(hotkey, network, clock=world.clock),
            task=task.name,
            own=hotkey.address,
            now=view.now,
        ),
        task=task,
        hotkey=hotkey,
        checkpoints=CheckpointFile(folder / "checkpoint.json"),
        seeds=Seeds(
            folder / "seeds.json",
            new_secret=lambda: bytes([7]) * 32,
            newest_period=receipts.newest_period,
        ),
        receipts=receipts,
        clock=world.clock,
        rng=random.Random(2),
        organic=organic,
        metrics=metrics,
    )
    return InWorld(validator, view)


async def until(condition: Any, what: str) -> None:
    for _ in range(200_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError(f"never: {what}")
