"""Whom a turn asks, and what an answer says of who did not answer."""

from __future__ import annotations

import pytest

from assay.chain.interface import Endpoint
from assay.chain.view import Moment
from assay.clock import ManualClock
from assay.neuron.peers import Peers, Question, targets_of
from assay.neuron.record import NeuronRecord, Role
from assay.wire.interface import Method
from assay.wire.memory import MemoryDendrite, MemoryNetwork
from examples.reverse import Reverse, Reversed
from tests.unit.subnet.neuron.worlds import World, key, make_world

OWN, SERVING, SILENT = key(1), key(2), key(3)
REVERSE = Method("", Reverse, Reversed)


async def moment_of(world: World) -> Moment:
    at = await world.chain.finalized()
    metagraph = await world.chain.metagraph(world.netuid, at)
    return Moment(at, metagraph, await world.chain.commitments(world.netuid, at))


def peers_in(moment: Moment) -> Peers:
    clock = ManualClock()
    dendrite = MemoryDendrite(OWN, clock=clock, network=MemoryNetwork())
    return Peers(dendrite, task="reverse", own=OWN.address, now=lambda: moment)


async def test_every_miner_with_an_address_is_a_target_and_we_are_not() -> None:
    """A validator may serve as well; its own answers would be worth nothing to anybody."""
    here = Endpoint("127.0.0.1", 20_001)
    world = await make_world({OWN: here, SERVING: Endpoint("127.0.0.1", 20_002), SILENT: None})
    data = b"what it serves"
    await world.chain.set_commitment(world.netuid, SERVING, data)
    moment = await moment_of(world)
    (target,) = targets_of(moment, OWN.address)
    assert (target.hotkey, target.commitment) == (SERVING.address, data)
    everyone = targets_of(moment, key(9).address)
    assert [t.hotkey for t in everyone] == [OWN.address, SERVING.address]
    assert everyone[0].commitment is None


@pytest.mark.parametrize(("permit", "role"), [(True, Role.VALIDATOR), (False, Role.MINER)])
async def test_who_calls_itself_a_validator_is_one_only_with_a_permit(
    permit: bool, role: Role
) -> None:
    """Otherwise a miner could leave the validators' sight by a word."""
    import dataclasses

    world = await make_world({OWN: None, SERVING: Endpoint("127.0.0.1", 20_002)})
    record = NeuronRecord(Role.VALIDATOR, b"own", bytes(32)).pack()
    assert record is not None
    await world.chain.set_commitment(world.netuid, SERVING, record)
    moment = await moment_of(world)
    neurons = tuple(
        dataclasses.replace(n, validator_permit=permit) for n in moment.metagraph.neurons
    )
    moment = dataclasses.replace(
        moment, metagraph=dataclasses.replace(moment.metagraph, neurons=neurons)
    )
    (target,) = targets_of(moment, OWN.address, role)
    assert target.commitment == b"own", "the task sees its own bytes alone"
    other = Role.MINER if role is Role.VALIDATOR else Role.VALIDATOR
    assert targets_of(moment, OWN.address, other) == []


async def test_why_nobody_answered_is_told_without_an_address() -> None:
    """The table of reasons stands beside the uid; what went wrong must come first."""
    world = await make_world({OWN: None, SERVING: Endpoint("127.0.0.1", 20_002)})
    moment = await moment_of(world)
    (target,) = targets_of(moment, OWN.address)
    answer = await peers_in(moment).call(target, REVERSE, Reverse(text="a"), deadline_s=1.0)
    assert answer.failure is not None
    assert answer.failure.startswith("cannot be reached")
    assert SERVING.address not in answer.failure
    assert not answer.failure.endswith(".")
    assert answer.code == "peer_unreachable"


async def test_who_publishes_no_address_fails_without_a_call() -> None:
    world = await make_world({OWN: None, SILENT: Endpoint("127.0.0.1", 20_002)})
    (target,) = targets_of(await moment_of(world), OWN.address)
    bare = await make_world({OWN: None, SILENT: None})
    peers = peers_in(await moment_of(bare))
    answer = await peers.call(target, REVERSE, Reverse(text="a"), deadline_s=1.0)
    assert (answer.code, answer.reply) == ("no_address", None)
    assert peers.find(SILENT.address) is None


async def test_a_message_that_is_too_large_is_the_askers_mistake() -> None:
    """No miner may be scored for a request that its axon has to refuse."""
    world = await make_world({OWN: None, SERVING: Endpoint("127.0.0.1", 20_002)})
    moment = await moment_of(world)
    (target,) = targets_of(moment, OWN.address)
    small = Method("", Reverse, Reversed, request_bytes_max=100)
    with pytest.raises(ValueError, match="larger than the 100 that reverse takes"):
        await peers_in(moment).fan_out(
            [Question(target, small, Reverse(text="a" * 200))], deadline_s=1.0
        )
