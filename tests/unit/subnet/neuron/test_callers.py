"""Who a caller is, by the last metagraph."""

from __future__ import annotations

import dataclasses

from assay.neuron.callers import Callers
from assay.wire.interface import Membership
from tests.unit.subnet.neuron.worlds import key, make_world

WITH, WITHOUT, GONE = key(1), key(2), key(3)


async def test_standing_is_the_metagraphs_and_nobody_else_has_one() -> None:
    world = await make_world({WITH: None, WITHOUT: None, GONE: None})
    metagraph = await world.chain.metagraph(world.netuid)
    neurons = tuple(
        dataclasses.replace(neuron, validator_permit=neuron.hotkey == WITH.address)
        for neuron in metagraph.neurons
    )
    members = Callers()
    assert members(WITH.address) is Membership.UNKNOWN
    members.update(dataclasses.replace(metagraph, neurons=neurons))
    assert members(WITH.address) is Membership.PERMIT
    assert members(WITHOUT.address) is Membership.REGISTERED
    assert members(key(9).address) is Membership.UNKNOWN
    members.update(dataclasses.replace(metagraph, neurons=neurons[:-1]))
    assert members(GONE.address) is Membership.UNKNOWN, "who left is forgotten"
