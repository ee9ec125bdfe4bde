"""Whom a round asks."""

from __future__ import annotations

from subnet.chain.interface import Endpoint
from subnet.neuron.rounds import targets_of
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
