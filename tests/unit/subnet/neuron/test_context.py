"""What a task's context lets a builder do, and what it refuses with a cure."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from assay.chain.follow import Follower
from assay.chain.interface import Call
from assay.neuron import MinerTask, Peers, Role, TaskContext
from assay.neuron.context import make_context, open_resources
from assay.neuron.faults import BrokenTask
from assay.neuron.folder import NeuronFolder
from assay.wire.memory import MemoryDendrite, MemoryNetwork
from tests.unit.subnet.neuron.worlds import flowing, key, make_world

TRANSFER = "Balances.transfer_keep_alive"


class Keeps(MinerTask):
    name = "keeps"
    calls = (TRANSFER,)
    objects_bytes_max = 10_000_000


class Plain(MinerTask):
    name = "plain"


@contextlib.asynccontextmanager
async def started(
    task: MinerTask, state_dir: Path, *, objects_bytes_max: int | None = None
) -> AsyncIterator[TaskContext]:
    world = await make_world({key(1): None})
    folder = NeuronFolder.of(state_dir, "0x" + "ab" * 32, world.netuid, key(1).address)
    rng = random.Random(0)
    dendrite = MemoryDendrite(key(1), MemoryNetwork())
    async with contextlib.AsyncExitStack() as stack:
        resources = await open_resources(
            task, folder, dendrite, stack,
            clock=world.clock, rng=rng, objects_bytes_max=objects_bytes_max,
        )  # fmt: skip

        async def publish(data: bytes) -> None:
            raise ValueError("more than the chain takes")

        view = Follower(world.chain, world.netuid, clock=world.clock, rng=rng)
        await stack.enter_async_context(flowing(world))
        await stack.enter_async_context(view)
        peers = Peers(dendrite, task=task.name, own=key(1).address, now=view.now)
        yield make_context(
            task, Role.MINER, None,
            hotkey=key(1), folder=folder, clock=world.clock, rng=rng, chain=world.chain,
            view=view, peers=peers, resources=resources, publish=publish,
        )  # fmt: skip


async def test_a_declared_call_is_signed_by_the_hotkey(tmp_path: Path) -> None:
    async with started(Keeps(), tmp_path) as context:
        call = Call("Balances", "transfer_keep_alive", {"dest": key(7).address, "value": 5})
        paid = await context.submit(call)
        assert paid.block.number > 0


async def test_a_call_that_was_not_declared_is_refused(tmp_path: Path) -> None:
    async with started(Plain(), tmp_path) as context:
        with pytest.raises(BrokenTask, match="does not declare") as caught:
            await context.submit(Call("Balances", "transfer_all", {}))
        assert 'calls = ("Balances.transfer_all",)' in (caught.value.cure or "")


async def test_objects_are_there_for_a_task_that_declares_room(tmp_path: Path) -> None:
    async with started(Keeps(), tmp_path) as context:
        root = await context.objects.put(b"kept")
        assert await context.objects.read(root, 0, 4) == b"kept"
    async with started(Keeps(), tmp_path) as context:
        assert await context.objects.has(root), "the store survives the neuron"


@pytest.mark.parametrize("task", [Plain(), Keeps()])
async def test_without_room_there_are_no_objects(tmp_path: Path, task: MinerTask) -> None:
    room = None if isinstance(task, Plain) else 0
    async with started(task, tmp_path, objects_bytes_max=room) as context:
        with pytest.raises(BrokenTask, match="no room"):
            _ = context.objects
    made = {folder.name for folder in tmp_path.rglob("*")}  # noqa: ASYNC240
    assert "objects" not in made, "no folder is made for nothing"


async def test_what_cannot_be_published_is_named(tmp_path: Path) -> None:
    async with started(Plain(), tmp_path) as context:
        with pytest.raises(BrokenTask, match="publishes 3 bytes: more than the chain takes"):
            await context.publish(b"abc")
        with pytest.raises(BrokenTask, match="publishes a str"):
            await context.publish("abc")  # type: ignore[arg-type]
