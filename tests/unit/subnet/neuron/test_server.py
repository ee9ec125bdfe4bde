"""A task's own work: begun again after a fault, ever later, and ended by one that stays."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from assay.clock import ManualClock
from assay.neuron import MinerTask
from assay.neuron.faults import BrokenTask
from assay.neuron.server import AGAIN_S, run_own_work
from assay.wire.memory import MemoryNetwork, RawRequest
from examples.reverse import ReverseTask
from tests.unit.subnet.neuron.worlds import flowing, key, make_miner, make_world, until

MINER = key(2)


class Fails(MinerTask):
    """Its work fails with these errors, one after another, and is then done."""

    name = "fails"

    def __init__(self, clock: ManualClock, errors: list[Exception]) -> None:
        self._clock = clock
        self._errors = errors
        self.begun_s: list[float] = []

    async def run(self) -> None:
        self.begun_s.append(self._clock.monotonic())
        if self._errors:
            raise self._errors.pop(0)


class Longest(random.Random):
    """Draws the longest pause that it may; the bounds of each draw."""

    def __init__(self) -> None:
        super().__init__()
        self.bounds: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float) -> float:
        self.bounds.append((a, b))
        return b


async def worked(task: Fails, clock: ManualClock, rng: random.Random) -> None:
    """Let the task's own work end, while time passes."""
    working = asyncio.create_task(run_own_work(task, clock=clock, rng=rng))
    for _ in range(10_000):
        for _ in range(10):
            await asyncio.sleep(0)
        if working.done():
            break
        clock.advance(0.5)
    await working


async def test_work_that_fails_in_another_way_each_time_is_begun_again_ever_later() -> None:
    clock, rng = ManualClock(), Longest()
    kinds = (KeyError, ValueError, OSError, TypeError, IndexError, EOFError, NameError, ImportError)
    task = Fails(clock, [kind("away") for kind in kinds])
    await worked(task, clock, rng)
    first_s, longest_s = AGAIN_S
    pauses_s = [min(first_s * 2**number, longest_s) for number in range(len(kinds))]
    assert rng.bounds == [(pause_s / 2, pause_s) for pause_s in pauses_s]
    assert task.begun_s == [sum(pauses_s[:number]) for number in range(len(kinds) + 1)]


async def test_a_fault_that_stays_ends_the_work_with_its_place() -> None:
    clock = ManualClock()
    task = Fails(clock, [KeyError("one"), KeyError("two"), KeyError("three")])
    with pytest.raises(BrokenTask, match="KeyError: 'two'") as caught:
        await worked(task, clock, Longest())
    assert caught.value.place is not None
    assert caught.value.place.function == "run"
    assert len(task.begun_s) == 2


async def test_a_neuron_that_has_ended_answers_nobody() -> None:
    world, network = await make_world({MINER: None}), MemoryNetwork()
    miner = make_miner(world, network, MINER, ReverseTask())
    ports: list[int] = []
    request = RawRequest(method="POST", target="/", headers=(), body=b"", source="127.0.0.1")
    async with flowing(world):
        running = asyncio.create_task(miner.run(ports.append))
        await until(lambda: ports, "it serves")
        with contextlib.suppress(ConnectionResetError):  # whatever it makes of such a request
            await network.carry("127.0.0.1", ports[0], request)
        miner.stop.set()
        await running
    with pytest.raises(ConnectionRefusedError):
        await network.carry("127.0.0.1", ports[0], request)


@pytest.mark.parametrize("earlier", [None, b"what another start served"])
async def test_a_miner_serves_nothing_while_the_chain_shows_what_it_served_before(
    earlier: bytes | None,
) -> None:
    """Answers given meanwhile would be judged by the older record, and convict."""
    world, network = await make_world({MINER: None}), MemoryNetwork()
    if earlier is not None:
        await world.chain.set_commitment(world.netuid, MINER, earlier)
    miner = make_miner(world, network, MINER, ReverseTask())
    miner._server._presence.record = b"what is served now"
    shown: list[bytes | None] = []

    def ready(port: int) -> None:
        found = miner._view.now().commitments.get(MINER.address)
        shown.append(None if found is None else found.data)

    async with flowing(world):
        running = asyncio.create_task(miner.run(ready))
        await until(lambda: shown, "it serves")
        miner.stop.set()
        await running
    assert shown == [None if earlier is None else b"what is served now"]


async def test_a_miner_that_waits_for_the_chain_can_be_stopped() -> None:
    world, network = await make_world({MINER: None}), MemoryNetwork()
    await world.chain.set_commitment(world.netuid, MINER, b"what another start served")
    miner = make_miner(world, network, MINER, ReverseTask())
    miner._server._presence.record = b"what is served now"
    running = asyncio.create_task(miner.run(lambda port: None))
    for _ in range(100):
        await asyncio.sleep(0)  # no block comes
    miner.stop.set()
    async with flowing(world):
        await running


async def test_what_is_published_between_two_blocks_is_in_the_next_one() -> None:
    """A task whose record is due by a block would else lose one to waiting."""
    world, network = await make_world({MINER: None}), MemoryNetwork()
    miner = make_miner(world, network, MINER, ReverseTask())
    presence = miner._server._presence
    ports: list[int] = []
    async with flowing(world):
        running = asyncio.create_task(miner.run(ports.append))
        await until(lambda: ports, "it serves")
        for number in range(3):
            await until(lambda: presence.shows_record(miner._view.now()), "all is published")
            before = miner._view.now().at.number
            await until(lambda at=before: miner._view.now().at.number > at, "a block comes")
            for _ in range(200):  # whoever follows the chain has taken it in
                await asyncio.sleep(0)
            began = world.ledger.head.number
            presence.record = bytes([number + 1])
            await until(lambda: presence.shows_record(miner._view.now()), "the record is there")
            committed = miner._view.now().commitments[MINER.address]
            assert committed.block == began + 1
        miner.stop.set()
        await running
