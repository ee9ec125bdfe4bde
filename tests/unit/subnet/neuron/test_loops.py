"""Both loops, run over the in-memory wire and the fake chain: miners serve, weights follow work."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from assay.chain.errors import ChainUnavailable, NotRegistered
from assay.chain.interface import Endpoint
from assay.neuron import Answer, Caller, Score
from assay.neuron.checkpoint import CheckpointFile
from assay.neuron.faults import BrokenTask
from assay.neuron.opinions import Reason
from assay.wire.memory import MemoryNetwork
from examples.reverse import Reverse, Reversed, ReverseTask
from tests.unit.subnet.neuron.worlds import (
    GENESIS,
    flowing,
    key,
    make_miner,
    make_validator,
    make_world,
    until,
)


class Lazy(ReverseTask):
    """Answers without doing the work."""

    async def serve(self, request: Reverse, caller: Caller) -> Reversed:
        return Reversed(text=request.text)


class Miscounting(ReverseTask):
    async def score(
        self, rng: random.Random, answers: Sequence[Answer[Reverse, Reversed]]
    ) -> list[Score]:
        return []


class Numbers(ReverseTask):
    async def score(
        self, rng: random.Random, answers: Sequence[Answer[Reverse, Reversed]]
    ) -> list[Score]:
        return [1.0 for _ in answers]  # type: ignore[misc]  # as an untyped task may


VALIDATOR, HONEST, LAZY = key(1), key(2), key(3)


async def test_work_is_paid_and_idleness_is_not(tmp_path: Path) -> None:
    world = await make_world({VALIDATOR: None, HONEST: None, LAZY: None})
    network = MemoryNetwork()
    miners = [
        make_miner(world, network, HONEST, ReverseTask()),
        make_miner(world, network, LAZY, Lazy()),
    ]
    validator = make_validator(world, network, VALIDATOR, tmp_path)
    async with flowing(world), asyncio.TaskGroup() as group:
        for neuron in (*miners, validator):
            group.create_task(neuron.run())
        await until(lambda: validator.memory.weights_epoch is not None, "weights were set")
        for neuron in (validator, *miners):
            neuron.stop.set()
    metagraph = await world.chain.metagraph(world.netuid)
    uids = {neuron.hotkey: neuron.uid for neuron in metagraph.neurons}
    rows = await world.chain.weights(world.netuid)
    assert [uid for uid, _ in rows[uids[VALIDATOR.address]]] == [uids[HONEST.address]]
    lazy = validator.memory.opinions[LAZY.address]
    assert lazy.average == 0.0
    assert lazy.reasons == (Reason("told", "the text is not the reverse"),)
    assert (
        CheckpointFile(tmp_path / "checkpoint.json").load(GENESIS, world.netuid, VALIDATOR.address)
        == validator.memory
    ), "what is on disk is what is in memory"


async def test_a_restarted_validator_goes_on_from_its_last_round(tmp_path: Path) -> None:
    world = await make_world({VALIDATOR: None, HONEST: None})
    network = MemoryNetwork()
    miner = make_miner(world, network, HONEST, ReverseTask())
    first = make_validator(world, network, VALIDATOR, tmp_path)
    async with flowing(world), asyncio.TaskGroup() as group:
        group.create_task(miner.run())
        killed = group.create_task(first.run())
        await until(lambda: first.memory.round >= 3, "three rounds")
        killed.cancel()  # as abrupt as it gets inside one process
        stored = CheckpointFile(tmp_path / "checkpoint.json").load(
            GENESIS, world.netuid, VALIDATOR.address
        )
        assert stored.block is not None
        assert 0 < stored.block <= world.ledger.finalized.number
        second = make_validator(world, network, VALIDATOR, tmp_path)
        assert second.memory == stored
        group.create_task(second.run())
        await until(lambda: second.memory.round > stored.round, "the rounds go on")
        second.stop.set()
        miner.stop.set()


async def test_a_chain_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    world = await make_world({VALIDATOR: None, HONEST: None})
    network = MemoryNetwork()
    miner = make_miner(world, network, HONEST, ReverseTask())
    validator = make_validator(world, network, VALIDATOR, tmp_path)
    async with flowing(world), asyncio.TaskGroup() as group:
        group.create_task(miner.run())
        group.create_task(validator.run())
        await until(lambda: validator.memory.round >= 1, "a round")
        world.ledger.down = True
        before = world.clock.monotonic()
        await until(lambda: world.clock.monotonic() > before + 20, "twenty seconds pass")
        world.ledger.down = False
        seen = validator.memory.round
        await until(lambda: validator.memory.round > seen, "rounds after the chain is back")
        validator.stop.set()
        miner.stop.set()


async def test_patience_ends(tmp_path: Path) -> None:
    world = await make_world({VALIDATOR: None})
    validator = make_validator(world, MemoryNetwork(), VALIDATOR, tmp_path)
    async with flowing(world):
        running = asyncio.create_task(validator.run())
        await until(lambda: validator.memory.round >= 1, "a round")
        world.ledger.down = True
        gone = world.clock.monotonic()
        with pytest.raises(ChainUnavailable):
            await running
    assert world.clock.monotonic() >= gone + 600


async def test_an_unregistered_validator_is_told_so(tmp_path: Path) -> None:
    world = await make_world({HONEST: None})
    validator = make_validator(world, MemoryNetwork(), VALIDATOR, tmp_path)
    with pytest.raises(NotRegistered):
        await validator.run()


@pytest.mark.parametrize(
    ("task", "said"), [(Miscounting(), "0 scores for 1 answers"), (Numbers(), "returned a float")]
)
async def test_a_task_that_scores_wrongly_stops_its_validator_before_anybody_is_paid(
    tmp_path: Path, task: ReverseTask, said: str
) -> None:
    endpoint = Endpoint("127.0.0.1", 20_999)
    world = await make_world({VALIDATOR: None, HONEST: endpoint})
    validator = make_validator(world, MemoryNetwork(), VALIDATOR, tmp_path, task)
    async with flowing(world):
        with pytest.raises(BrokenTask, match=said):
            await validator.run()
    assert validator.memory.round == 0


async def test_a_miner_tells_the_chain_where_it_is_and_strangers_no(tmp_path: Path) -> None:
    world = await make_world({HONEST: None})
    network = MemoryNetwork()
    miner = make_miner(world, network, HONEST, ReverseTask())
    ports: list[int] = []
    async with flowing(world), asyncio.TaskGroup() as group:
        group.create_task(miner.run(ports.append))

        def published() -> bool:
            slots = world.ledger.state_at(world.ledger.finalized).subnet(world.netuid).slots
            return any(slot.axon is not None for slot in slots)

        await until(published, "the axon's address is on chain")
        neuron = (await world.chain.metagraph(world.netuid)).by_hotkey(HONEST.address)
        assert neuron is not None
        assert neuron.axon == Endpoint("127.0.0.1", ports[0])
        stranger = make_validator(world, network, key(9), tmp_path)
        with pytest.raises(NotRegistered):
            await stranger.run()
        miner.stop.set()


async def test_a_miner_without_a_uid_is_refused_before_it_serves() -> None:
    world = await make_world({VALIDATOR: None})
    network = MemoryNetwork()
    miner = make_miner(world, network, HONEST, ReverseTask())
    ports: list[int] = []
    with pytest.raises(NotRegistered):
        await miner.run(ports.append)
    assert ports == []
