"""Somebody who takes no part: publishes nothing, and keeps apart from the neuron of its hotkey."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import Unavailable
from assay.files import held
from assay.neuron.folder import NeuronFolder
from assay.neuron.onlooker import ONLOOKER, look_on
from assay.neuron.record import Role
from assay.neuron.run import use_subnet
from assay.wire.interface import Reach
from examples.reverse import ReverseTask
from tests.unit.subnet.neuron.worlds import flowing, key, make_world


async def test_it_has_a_folder_of_its_own_and_publishes_nothing(tmp_path: Path) -> None:
    hotkey = key(1)
    world = await make_world({hotkey: None})

    def never(holder: str) -> Unavailable:
        raise AssertionError(f"{holder} holds the neuron's own folder")

    async with (
        flowing(world),
        use_subnet(
            world.chain, world.netuid, state_dir=tmp_path, clock=world.clock, reach=Reach.PUBLIC
        ) as subnet,
    ):
        own = NeuronFolder.of(tmp_path, subnet.genesis, subnet.netuid, hotkey.address)
        with held(own.lock, never):  # as by a neuron that runs
            async with look_on(subnet, hotkey, ReverseTask()) as context:
                assert context.role is Role.CLIENT
                assert context.hotkey == hotkey.address
                assert context.state_dir.is_relative_to(tmp_path / ONLOOKER)
                assert context.chain.now().metagraph.by_hotkey(hotkey.address) is not None
                with pytest.raises(Unavailable, match="looks on here"):
                    async with look_on(subnet, hotkey, ReverseTask()):
                        pass
                with pytest.raises(AssertionError, match="publishes nothing"):
                    await context.publish(b"no")
            async with look_on(subnet, hotkey, ReverseTask()):
                pass
        await subnet.chain.wait_for_block(subnet.view.now().at.number + 2, timeout_s=60)
    assert await world.chain.commitment(world.netuid, hotkey.address) is None
