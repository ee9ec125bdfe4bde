"""Who a caller is, by the last metagraph."""

from __future__ import annotations

import dataclasses

from assay.neuron.members import Members
from assay.wire.interface import Standing
from tests.unit.subnet.neuron.worlds import key, make_world

WITH, WITHOUT, GONE = key(1), key(2), key(3)


async def test_standing_is_the_metagraphs_and_nobody_else_has_one() -> None:
    world = await make_world({WITH: None, WITHOUT: None, GONE: None})
    metagraph = await world.chain.metagraph(world.netuid)
    neurons = tuple(
        dataclasses.replace(neuron, validator_permit=neuron.hotkey == WITH.address)
        for neuron in metagraph.neurons
    )
    members = Members()
    assert members(WITH.address) is Standing.UNKNOWN
    members.update(dataclasses.replace(metagraph, neurons=neurons))
    assert members(WITH.address) is Standing.PERMIT
    assert members(WITHOUT.address) is Standing.REGISTERED
    assert members(key(9).address) is Standing.UNKNOWN
    members.update(dataclasses.replace(metagraph, neurons=neurons[:-1]))
    assert members(GONE.address) is Standing.UNKNOWN, "who left is forgotten"
