"""What a validator publishes of its hash chain never tells anybody its next challenges."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from assay.neuron import Target
from assay.neuron.record import parse
from assay.neuron.seeds import target_rng, turn_seed
from assay.wire.memory import MemoryNetwork
from examples.reverse import Reverse, ReverseTask
from tests.unit.subnet.neuron.worlds import (
    World,
    flowing,
    key,
    make_miner,
    make_validator,
    make_world,
    until,
)

VALIDATOR, MINER = key(1), key(2)


def shown_tip(world: World) -> bytes | None:
    """The link that anybody can read on chain now."""
    state = world.ledger.state_at(world.ledger.finalized)
    record = state.subnet(world.netuid).commitments.get(VALIDATOR.address)
    return parse(record.data).seed_tip if record else None


class Noted(ReverseTask):
    """Notes each challenge's generator beside the link that the chain showed just then."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.drawn: list[tuple[Any, bytes | None, Target]] = []

    def challenge(self, rng: Any, target: Target) -> Reverse:
        self.drawn.append((rng.getstate(), shown_tip(self.world), target))
        return super().challenge(rng, target)


async def test_a_new_hash_chain_is_not_drawn_from_the_link_that_it_publishes(
    tmp_path: Path,
) -> None:
    """The cure for seeds that cannot be read, followed in the middle of an epoch."""
    world = await make_world({VALIDATOR: None, MINER: None})
    network = MemoryNetwork()
    task = Noted(world)
    async with flowing(world), asyncio.TaskGroup() as group:
        miner = make_miner(world, network, MINER, ReverseTask())
        group.create_task(miner.run())
        first = make_validator(world, network, VALIDATOR, tmp_path)
        running = group.create_task(first.run())
        await until(lambda: first.memory.round >= 2, "turns")
        first.stop.set()
        await running
        (tmp_path / "seeds.json").rename(tmp_path / "moved away")
        second = make_validator(world, network, VALIDATOR, tmp_path, task)
        running = group.create_task(second.run())
        before = second.memory.round
        await until(lambda: second.memory.round >= before + 20, "turns go on")
        second.stop.set()
        await running
        miner.stop.set()
    last = world.ledger.finalized.number
    hashes = [bytes.fromhex(world.ledger.ref_of(n).hash[2:]) for n in range(last + 1)]
    guessed = sum(
        target_rng(turn_seed(tip, at, number), target.hotkey).getstate() == state
        for state, tip, target in task.drawn
        if tip is not None
        for at in hashes
        for number in range(1, before + 22)
    )
    assert task.drawn
    assert guessed == 0
