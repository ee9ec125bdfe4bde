"""A receipts' root is found on chain for as long as the chain keeps the state that shows it."""

from __future__ import annotations

from assay.chain.errors import ChainRefused
from assay.chain.fake import FakeChain
from assay.neuron.record import NeuronRecord, Role
from assay.neuron.shown import shown_root
from assay.types import BlockNumber
from tests.unit.subnet.neuron.worlds import World, flowing, key, make_world

VALIDATOR = key(1)


async def show(world: World, root: bytes) -> None:
    record = NeuronRecord(Role.VALIDATOR, None, bytes(32), root).pack()
    assert record is not None
    await world.chain.set_commitment(world.netuid, VALIDATOR, record)


async def test_the_root_of_now_and_those_before_it_are_found_and_no_other() -> None:
    world = await make_world({VALIDATOR: None})
    roots = [bytes([number]) * 32 for number in range(1, 4)]
    async with flowing(world):
        for root in roots:
            await show(world, root)
            at = await world.chain.finalized()
            tempo = (await world.chain.metagraph(world.netuid)).settings.tempo
            await world.chain.wait_for_block(at.number + tempo, timeout_s=10_000)
        for root in roots:
            assert await shown_root(world.chain, world.netuid, VALIDATOR.address, root)
        assert not await shown_root(world.chain, world.netuid, VALIDATOR.address, b"\x09" * 32)
        assert not await shown_root(world.chain, world.netuid, key(5).address, roots[0])


class Pruned(FakeChain):
    """Keeps the state of its newest blocks alone."""

    kept = 1

    async def block_hash(self, number: BlockNumber) -> bytes:
        newest = (await self.finalized()).number
        if number <= newest - self.kept:
            raise ChainRefused("The state of that block is gone.", "Ask an archive node.", "gone")
        return await super().block_hash(number)


async def test_a_root_of_before_what_the_chain_keeps_is_not_found() -> None:
    world = await make_world({VALIDATOR: None})
    chain = Pruned(world.ledger)
    async with flowing(world):
        await show(world, b"\x01" * 32)
        at = await world.chain.finalized()
        tempo = (await world.chain.metagraph(world.netuid)).settings.tempo
        await world.chain.wait_for_block(at.number + tempo, timeout_s=10_000)
        await show(world, b"\x02" * 32)
        for root, shown in ((1, False), (2, True)):
            found = await shown_root(chain, world.netuid, VALIDATOR.address, bytes([root]) * 32)
            assert found == shown
