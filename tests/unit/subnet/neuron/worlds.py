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
from assay.chain.interface import Chain, Endpoint
from assay.clock import ManualClock
from assay.neuron.checkpoint import CheckpointFile
from assay.neuron.members import Members
from assay.neuron.miner import Miner, MinerConfig
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


def make_miner(world: World, network: MemoryNetwork, hotkey: SeedSigner, task: Any) -> Miner:
    members = Members()
    axon = MemoryAxon(
        hotkey,
        network,
        clock=world.clock,
        admission=Admission(
            now_s=world.clock.monotonic(), resolver=members, serve=Serve.REGISTERED
        ),
    )
    return Miner(
        MinerConfig(world.netuid, "127.0.0.1", sync_interval_s=0.5),
        chain=world.chain,
        axon=axon,
        members=members,
        task=task,
        hotkey=hotkey,
        clock=world.clock,
        rng=random.Random(1),
    )


def make_validator(
    world: World,
    network: MemoryNetwork,
    hotkey: SeedSigner,
    folder: Path,
    task: Any = None,
    chain: Chain | None = None,
) -> Validator:
    return Validator(
        ValidatorConfig(world.netuid, seed="s", round_interval_s=0.5, answer_deadline_s=2.0),
        chain=chain or world.chain,
        dendrite=MemoryDendrite(hotkey, network, clock=world.clock),
        task=task or ReverseTask(),
        hotkey=hotkey,
        checkpoints=CheckpointFile(folder / "checkpoint.json"),
        clock=world.clock,
        rng=random.Random(2),
    )


async def until(condition: Any, what: str) -> None:
    for _ in range(200_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError(f"never: {what}")
