"""Neurons that are put together from Python: what they serve, and who serves nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

from assay.chain.interface import Endpoint
from assay.neuron.run import run_validator, use_subnet
from assay.wire.interface import Reach
from examples.reverse import ReverseTask
from tests.unit.subnet.neuron.worlds import flowing, key, make_world


async def test_a_one_file_tasks_validator_serves_nothing(tmp_path: Path) -> None:
    """It would publish an address, be challenged by the other validators, and be paid."""
    hotkey = key(1)
    world = await make_world({hotkey: None, key(2): Endpoint("127.0.0.1", 1)})
    stop, ports = asyncio.Event(), []

    def ready(port: int | None) -> None:
        ports.append(port)
        stop.set()

    async with (
        flowing(world),
        use_subnet(
            world.chain, world.netuid, state_dir=tmp_path, clock=world.clock, reach=Reach.PUBLIC
        ) as subnet,
    ):
        await run_validator(subnet, hotkey, ReverseTask(), ready=ready, stop=stop)
        await subnet.chain.wait_for_block(subnet.view.now().at.number + 2, timeout_s=60)
    assert ports == [None]
    neuron = (await world.chain.metagraph(world.netuid)).by_hotkey(hotkey.address)
    assert neuron is not None
    assert neuron.axon is None
