"""The two chains the suite runs against: one in memory, one a node in a process of its own.

A world gives the suite what only its kind can: keys with money, time that passes, and a chain that
goes away and comes back. Everything else the suite does through the ``Chain`` protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from assay.chain.deadlines import Deadlines
from assay.chain.fake import FakeChain, FakeLedger
from assay.chain.fake_state import FakeState
from assay.chain.interface import BlockRef, Call, Chain, Metagraph, NewSubnet
from assay.clock import SystemClock
from assay.localnet.testing import NodeProcess, start_process
from assay.types import RAO_PER_TAO, NetUid, Rao, Signer, Ss58, ss58_encode

TAO = RAO_PER_TAO
DEADLINES = Deadlines(read_s=5.0, write_s=30.0)
BLOCK_MS = 100
"""Fast enough for the suite to see several epochs, slow enough for a busy machine."""


class NamedKey:
    """A key made of its name, for a chain that checks no signatures."""

    def __init__(self, name: str) -> None:
        self.public_key = blake2b(name.encode(), digest_size=32).digest()
        self.address: Ss58 = ss58_encode(self.public_key)

    def sign(self, message: bytes) -> bytes:
        return blake2b(message, key=self.public_key, digest_size=64).digest()


class World(Protocol):
    chain: Chain
    rich: Signer
    """Holds 900,000 TAO or more at the start."""

    def key(self) -> Signer:
        """A key that nobody has used."""
        ...

    async def blocks(self, count: int) -> BlockRef:
        """Let blocks pass; the finalized head afterwards."""
        ...

    async def commit_reveal(self, netuid: NetUid) -> None:
        """Switch commit-reveal on; ``rich`` owns the subnet."""
        ...

    async def stop_chain(self) -> None: ...

    async def start_chain(self) -> None: ...

    async def another_client(self) -> Chain: ...


class FakeWorld:
    def __init__(self, finality_lag: int) -> None:
        self.rich: Signer = NamedKey("rich")
        funds: dict[str, int] = {self.rich.address: 1_000_000 * TAO}
        self.ledger = FakeLedger(SystemClock(), balances=funds, finality_lag=finality_lag)
        self.chain: Chain = FakeChain(self.ledger, DEADLINES)
        self._names = itertools.count()

    def key(self) -> Signer:
        return NamedKey(f"key {next(self._names)}")

    async def blocks(self, count: int) -> BlockRef:
        target = self.ledger.finalized.number + count
        while self.ledger.finalized.number < target:
            self.ledger.advance()
            await asyncio.sleep(0)
        return self.ledger.finalized

    async def commit_reveal(self, netuid: NetUid) -> None:
        def switched(state: FakeState) -> FakeState:
            subnet = state.subnet(netuid)
            settings = replace(subnet.settings, commit_reveal=True)
            return state.with_subnet(replace(subnet, settings=settings))

        self.ledger.edit(switched)

    async def stop_chain(self) -> None:
        self.ledger.down = True

    async def start_chain(self) -> None:
        self.ledger.down = False

    async def another_client(self) -> Chain:
        return FakeChain(self.ledger, DEADLINES)


class Restartable(Protocol):
    """A node that can be killed, and comes back at the same address with the same state."""

    @property
    def url(self) -> str: ...

    def start(self) -> None: ...

    def kill(self) -> None: ...


class NodeWorld:
    def __init__(self, node: Restartable, cache_dir: Path) -> None:
        from assay.chain.wallets import dev_signer

        self._node = node
        self._cache_dir = cache_dir
        self._prefix = random.SystemRandom().getrandbits(64)
        self._names = itertools.count()
        self.rich: Signer = dev_signer("//Alice", chain_url=node.url)
        self.chain: Chain

    @property
    def url(self) -> str:
        return self._node.url

    async def open(self) -> None:
        self.chain = await self.another_client()

    def key(self) -> Signer:
        from assay.chain.wallets import dev_signer

        return dev_signer(f"//{self._prefix}//{next(self._names)}", chain_url=self._node.url)

    async def blocks(self, count: int) -> BlockRef:
        now = await self.chain.finalized()
        return await self.chain.wait_for_block(now.number + count, timeout_s=30 + count)

    async def commit_reveal(self, netuid: NetUid) -> None:
        arguments = {"netuid": netuid, "enabled": True}
        call = Call("AdminUtils", "sudo_set_commit_reveal_weights_enabled", arguments)
        await self.chain.submit(call, self.rich)

    async def stop_chain(self) -> None:
        self._node.kill()

    async def start_chain(self) -> None:
        await asyncio.to_thread(self._node.start)

    async def another_client(self) -> Chain:
        from assay.chain.connect import connect

        return await connect(
            self._node.url,
            cache_dir=self._cache_dir,
            rng=random.Random(1),
            deadlines=DEADLINES,
            patience_s=30.0,
        )


class RestartableNode:
    """``assay chain start`` that comes back at the same port with the same state."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._process: NodeProcess | None = None
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    def start(self) -> None:
        if self._process is None:
            self._process = start_process(
                "--state-dir", str(self._state_dir), "--port", str(self._port),
                "--block-time", str(BLOCK_MS), "--log-level", "WARNING",
            )  # fmt: skip
            self._port = self._process.port

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(AttributeError):
                self._process.process.stdout.close()  # type: ignore[union-attr]
            self._process = None


# What most tests begin with


async def funded(world: World, tao: float) -> Signer:
    """A new account with money."""
    key = world.key()
    await world.chain.transfer(world.rich, key.address, Rao(int(tao * TAO)))
    return key


async def new_subnet(world: World, *, started: bool = True) -> tuple[NewSubnet, Signer, Signer]:
    """A subnet with its owner's coldkey and hotkey."""
    hotkey = world.key()
    created = await world.chain.create_subnet(world.rich, hotkey.address)
    if started:
        await world.chain.start_subnet(created.netuid, world.rich)
    return created, world.rich, hotkey


async def next_epoch(world: World, netuid: int) -> Metagraph:
    """The metagraph after the next epoch has run."""
    before = await world.chain.metagraph(netuid)
    while True:
        await world.blocks(1)
        graph = await world.chain.metagraph(netuid)
        if graph.epoch.index > before.epoch.index:
            return graph
        assert graph.at.number <= before.epoch.next_block + 5, "the epoch is overdue"
