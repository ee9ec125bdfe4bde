"""A task that moves files and computes in child processes, between real neurons on a real chain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from assay.chain.connect import connect
from assay.chain.wallets import open_hotkey
from assay.clock import SystemClock
from assay.localnet.testing import node_process
from assay.neuron import MinerTask, Pace, TaskContext, Turn, ValidatorTask, Verdict
from assay.neuron.run import open_subnet, run_miner, run_validator
from assay.objects import Root
from assay.workers import WorkerCall, WorkerSpec
from tests.e2e.test_embedding import stand_up

pytestmark = pytest.mark.e2e

FILE_BYTES = 3_000_000


class Pattern(msgspec.Struct):
    """A file, and the byte that all of it should be."""

    path: str
    byte: int


def open_checker(_: None) -> Callable[[Pattern, WorkerCall], bool]:
    """The worker's function: says whether a file is what its miner promised."""

    def check(asked: Pattern, call: WorkerCall) -> bool:
        return Path(asked.path).read_bytes() == bytes([asked.byte]) * FILE_BYTES

    return check


class Shares(MinerTask):
    name, objects_bytes_max = "files", 100_000_000

    async def start(self, context: TaskContext) -> None:
        root = await context.objects.put(b"\x07" * FILE_BYTES, pin=True)
        await context.publish(root)


class Checks(ValidatorTask):
    name, objects_bytes_max, pace = "files", 100_000_000, Pace.blocks(2)

    async def start(self, context: TaskContext) -> None:
        self.context = context
        self.right: list[bool] = []
        self.checker = await context.workers.start(
            WorkerSpec("checker", f"{__name__}:open_checker")
        )

    async def turn(self, turn: Turn) -> Sequence[Verdict]:
        return [Verdict(t.hotkey, await self._is_right(t.hotkey, t.commitment))
                for t in turn.targets if t.commitment]  # fmt: skip

    async def _is_right(self, hotkey: str, root: bytes) -> float:
        peer = self.context.peers.find_peer(hotkey)
        if peer is None:
            return 0.0
        into = self.context.state_dir / "got"
        await self.context.objects.get(Root(root), [peer], into=into)
        found = await self.checker.call(Pattern(str(into), 7), bool, deadline_s=30.0)
        self.right.append(found)
        return float(found)


async def test_a_file_is_fetched_checked_by_a_worker_and_paid(tmp_path: Path) -> None:
    with node_process("--in-memory", "--block-time", "250") as node:
        chain = await connect(
            node.url, cache_dir=tmp_path / "cache", clock=SystemClock(), patience_s=30.0
        )
        wallets = tmp_path / "wallets"
        netuid, miner, _ = await stand_up(chain, node.url, wallets)
        judge = Checks()
        async with open_subnet(node.url, netuid, state_dir=tmp_path / "state") as subnet:
            neurons = [
                asyncio.create_task(
                    run_miner(subnet, open_hotkey(wallets, "miner", "default"), Shares())
                ),
                asyncio.create_task(
                    run_validator(subnet, open_hotkey(wallets, "judge", "default"), judge)
                ),
            ]
            async with asyncio.timeout(90):
                while True:
                    for neuron in neurons:
                        if neuron.done():
                            await neuron
                    paid = (await chain.metagraph(netuid)).by_hotkey(str(miner.hotkeys["default"]))
                    if paid is not None and paid.emission > 0:
                        break
                    await asyncio.sleep(0.2)
            for neuron in neurons:
                neuron.cancel()
            await asyncio.gather(*neurons, return_exceptions=True)
        await chain.close()
    assert judge.right, "the worker has looked at a file"
    assert all(judge.right)
