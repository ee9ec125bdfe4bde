"""Whom a round asks, and what it says of who did not answer."""

from __future__ import annotations

import random

from assay.chain.interface import Endpoint
from assay.clock import ManualClock
from assay.neuron.rounds import play, targets_of
from assay.wire.memory import MemoryDendrite, MemoryNetwork
from examples.reverse import ReverseTask
from tests.unit.subnet.neuron.worlds import key, make_world

OWN, SERVING, SILENT = key(1), key(2), key(3)


async def test_everyone_with_an_address_is_asked_and_we_are_not() -> None:
    """A validator may serve as well; its own answers would be worth nothing to anybody."""
    here = Endpoint("127.0.0.1", 20_001)
    world = await make_world({OWN: here, SERVING: Endpoint("127.0.0.1", 20_002), SILENT: None})
    data = b"what it serves"
    await world.chain.set_commitment(world.netuid, SERVING, data)
    metagraph = await world.chain.metagraph(world.netuid)
    commitments = await world.chain.commitments(world.netuid)
    ((target, peer),) = targets_of(metagraph, commitments, OWN.address)
    assert (target.hotkey, peer.address) == (SERVING.address, SERVING.address)
    assert (peer.host, peer.port) == ("127.0.0.1", 20_002)
    assert target.commitment == data
    everyone = targets_of(metagraph, {}, key(9).address)
    assert [t.hotkey for t, _ in everyone] == [OWN.address, SERVING.address]
    assert all(t.commitment is None for t, _ in everyone)


async def test_why_nobody_answered_is_told_without_an_address() -> None:
    """The table of reasons stands beside the uid; what went wrong must come first."""
    here = Endpoint("127.0.0.1", 20_002)
    world = await make_world({OWN: None, SERVING: here})
    metagraph = await world.chain.metagraph(world.netuid)
    clock = ManualClock()
    (judged,) = await play(
        ReverseTask(),
        MemoryDendrite(OWN, clock=clock, network=MemoryNetwork()),
        targets_of(metagraph, {}, OWN.address),
        rng=random.Random(1),
        clock=clock,
        deadline_s=1.0,
        concurrency=1,
        score_deadline_s=1.0,
    )
    failure = judged.answer.failure
    assert failure is not None
    assert failure.startswith("cannot be reached")
    assert SERVING.address not in failure
    assert not failure.endswith(".")
