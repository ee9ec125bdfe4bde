"""What the chain shows of a neuron: kept as wanted, told once, and backed off from a rival."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from loguru import logger

from assay.chain.errors import TooLittleBalance
from assay.chain.fake import FakeChain
from assay.chain.interface import Endpoint, Receipt
from assay.chain.view import Moment
from assay.neuron.presence import BACKOFF_BLOCKS_MAX, Presence
from assay.types import BlockNumber, Signer
from tests.unit.subnet.neuron.worlds import World, flowing, key, make_world

OWN = key(1)
HERE, THERE = Endpoint("127.0.0.1", 20_001), Endpoint("203.0.113.9", 8091)


@pytest.fixture
def told() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logger.add(lambda message: lines.append(str(message)), level="WARNING")
    yield lines
    logger.remove(handler)


async def moment_of(world: World) -> Moment:
    at = await world.chain.finalized()
    metagraph = await world.chain.metagraph(world.netuid, at)
    return Moment(at, metagraph, await world.chain.commitments(world.netuid, at))


def at_block(moment: Moment, number: int, axon: Endpoint | None) -> Moment:
    """The same subnet at another block, where the chain shows ``axon`` for us."""
    neurons = tuple(
        dataclasses.replace(n, axon=axon if n.hotkey == OWN.address else n.axon)
        for n in moment.metagraph.neurons
    )
    return dataclasses.replace(
        moment,
        at=dataclasses.replace(moment.at, number=BlockNumber(number)),
        metagraph=dataclasses.replace(moment.metagraph, neurons=neurons),
    )


class Counting(FakeChain):
    """Counts what is sent, and may be too poor for it."""

    poor = False
    sent = 0

    async def serve_axon(self, netuid: int, hotkey: Signer, endpoint: Endpoint) -> Receipt | None:
        self.sent += 1
        if self.poor:
            raise TooLittleBalance.of("5Coldkey", 0, "a fee", 1000)
        return await super().serve_axon(netuid, hotkey, endpoint)


async def test_the_record_goes_before_the_address() -> None:
    world = await make_world({OWN: None})
    presence = Presence(world.chain, world.netuid, OWN)
    presence.record, presence.endpoint = b"what I serve", HERE
    async with flowing(world):
        await presence.keep(await moment_of(world))
        moment = await moment_of(world)
    neuron = moment.metagraph.by_hotkey(OWN.address)
    assert neuron is not None
    assert neuron.axon == HERE
    assert presence.shows_record(moment)
    committed = moment.commitments[OWN.address]
    slots = world.ledger.state_at(world.ledger.finalized).subnet(world.netuid).slots
    assert committed.block <= slots[neuron.uid].axon_at


async def test_an_empty_purse_is_told_once_and_tried_ever_more_slowly(told: list[str]) -> None:
    """The axon serves on meanwhile; nothing raises."""
    world = await make_world({OWN: None})
    chain = Counting(world.ledger)
    chain.poor = True
    presence = Presence(chain, world.netuid, OWN)
    presence.endpoint = HERE
    moment = await moment_of(world)
    for block in range(1000, 1000 + 2 * BACKOFF_BLOCKS_MAX):
        await presence.keep(at_block(moment, block, None))
    assert chain.sent <= 12
    assert len(told) == 1
    assert "5Coldkey" in told[0]


async def test_a_rival_with_our_hotkey_is_named_and_backed_off_from(told: list[str]) -> None:
    """Two machines with one key: each change costs a fee, so the pace must fall."""
    world = await make_world({OWN: None})
    chain = Counting(world.ledger)
    presence = Presence(chain, world.netuid, OWN)
    presence.endpoint = HERE
    moment = await moment_of(world)
    shown: Endpoint | None = None
    async with flowing(world):
        for block in range(1000, 1400):
            sent = chain.sent
            await presence.keep(at_block(moment, block, shown))
            # The rival answers each of our changes in the next block but one.
            shown = HERE if chain.sent > sent else THERE
    assert chain.sent <= 12, f"{chain.sent} fees in 400 blocks"
    assert any(str(THERE) in line and "Another process" in line for line in told)
    assert len(told) == 1
