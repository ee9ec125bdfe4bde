"""What the chain shows of a neuron: kept as wanted, told once, and backed off from a rival."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import pytest
from loguru import logger

from assay.chain.errors import RateLimited, TooLittleBalance
from assay.chain.fake import FakeChain, FakeLedger
from assay.chain.interface import Commitment, Endpoint, Receipt
from assay.chain.view import Moment
from assay.errors import UserError
from assay.metrics import NoMetrics
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
            # What an account has and what a fee costs may both change a little each time.
            raise TooLittleBalance.fee("5Coldkey", "publish", 12_000 + self.sent, self.sent, 500)
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
    assert "a fee of 0.000012001 TAO, which 5Coldkey pays" in told[0]
    assert "Fund 5Coldkey with at least 0.0000125 TAO" in told[0], "with how much"


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


class Refusing(FakeChain):
    """Refuses to publish with these errors, one after another, and then takes what it is given."""

    def __init__(self, ledger: FakeLedger, errors: list[UserError]) -> None:
        super().__init__(ledger)
        self.errors = errors
        self.asked_at: list[int] = []
        self.block = 0

    async def keep(self, presence: Presence, moment: Moment, number: int) -> None:
        self.block = number
        await presence.keep(at_block(moment, number, None))

    async def serve_axon(self, netuid: int, hotkey: Signer, endpoint: Endpoint) -> Receipt | None:
        self.asked_at.append(self.block)
        if self.errors:
            raise self.errors.pop(0)
        return None  # nothing to wait for, as from a chain that showed it already


class Counted(NoMetrics):
    """What was counted, in order."""

    def __init__(self) -> None:
        self.published: list[tuple[str, str]] = []

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        assert (name, set(labels)) == ("assay_published_total", {"what", "outcome"})
        self.published.append((labels["what"], labels["outcome"]))


def poor() -> UserError:
    return TooLittleBalance.of("5Coldkey", 0, "a fee", 1000)


async def test_a_refused_write_waits_for_twice_as_many_blocks_each_time(told: list[str]) -> None:
    world = await make_world({OWN: None})
    chain = Refusing(world.ledger, [poor() for _ in range(12)])
    counted = Counted()
    presence = Presence(chain, world.netuid, OWN, counted)
    presence.endpoint = HERE
    moment = await moment_of(world)
    for block in range(1000, 1000 + 4 * BACKOFF_BLOCKS_MAX):
        await chain.keep(presence, moment, block)
    waits = [after - before for before, after in itertools.pairwise(chain.asked_at)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]
    assert counted.published == [("address", "failed")] * 12
    assert len(told) == 1
    assert "in 1 blocks" in told[0]


async def test_another_cause_is_told_and_the_same_one_again_after_a_success(
    told: list[str],
) -> None:
    world = await make_world({OWN: None})
    other = RateLimited("Too soon for this.", "Wait.")
    chain = Refusing(world.ledger, [poor(), other, poor(), poor()])
    presence = Presence(chain, world.netuid, OWN)
    presence.endpoint = HERE
    moment = await moment_of(world)
    for block in range(1000, 1016):
        await chain.keep(presence, moment, block)
    assert [("5Coldkey" in line, "Too soon" in line) for line in told] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip
    assert chain.asked_at == [1000, 1001, 1003, 1007, 1015], "the last was taken"
    assert chain.errors == []
    chain.errors = [poor()]
    await chain.keep(presence, moment, 1016)
    assert len(told) == 4, "it had stood in between"


async def test_a_rate_limit_is_waited_for_as_long_as_the_chain_says() -> None:
    world = await make_world({OWN: None})
    limited = RateLimited("Too soon.", "Wait.", retry_after_blocks=25)
    unsaid = RateLimited("Too soon.", "Wait.")
    chain = Refusing(world.ledger, [limited, limited, unsaid])
    presence = Presence(chain, world.netuid, OWN)
    presence.endpoint = HERE
    moment = await moment_of(world)
    for block in range(1000, 1055):
        await chain.keep(presence, moment, block)
    assert chain.asked_at == [1000, 1025, 1050, 1054], "and then as our own count says"


async def test_what_the_chain_took_is_sent_again_behind_its_block_only() -> None:
    """The next moment may be older than the block that holds the write."""
    world = await make_world({OWN: None})
    chain, counted = Counting(world.ledger), Counted()
    presence = Presence(chain, world.netuid, OWN, counted)
    presence.record, presence.endpoint = b"what I serve", HERE
    moment = await moment_of(world)
    async with flowing(world):
        await presence.keep(moment)
        held = (await moment_of(world)).at.number
        assert counted.published == [("record", "stood"), ("address", "stood")]
        for number in range(moment.at.number, held + 1):
            await presence.keep(at_block(moment, number, None))
        assert chain.sent == 1
        await presence.keep(at_block(moment, held + 1, None))
        assert chain.sent == 2


async def test_nothing_is_sent_of_what_is_not_wanted_or_stands() -> None:
    world = await make_world({OWN: HERE})
    chain = Counting(world.ledger)
    presence = Presence(chain, world.netuid, OWN)
    moment = await moment_of(world)
    assert presence.shows_record(moment), "any will do"
    await presence.keep(moment)
    presence.endpoint = HERE
    await presence.keep(moment)
    stranger = Presence(chain, world.netuid, key(9))
    stranger.endpoint = THERE
    await stranger.keep(moment)
    assert chain.sent == 0
    presence.record = b"wanted"
    assert not presence.shows_record(moment)
    moment = dataclasses.replace(
        moment, commitments={OWN.address: Commitment(b"another", BlockNumber(1))}
    )
    assert not presence.shows_record(moment)


@pytest.mark.parametrize(("stood", "wait"), [(BACKOFF_BLOCKS_MAX, 2), (BACKOFF_BLOCKS_MAX + 1, 1)])
async def test_an_address_that_stood_for_long_forgets_its_rival(
    told: list[str], stood: int, wait: int
) -> None:
    world = await make_world({OWN: None})
    chain = Refusing(world.ledger, [])
    presence = Presence(chain, world.netuid, OWN)
    presence.endpoint = HERE
    moment = await moment_of(world)

    async def shown(number: int, axon: Endpoint | None) -> None:
        chain.block = number
        await presence.keep(at_block(moment, number, axon))

    await shown(1000, HERE)
    await shown(1001, THERE)
    assert chain.asked_at == [], "a rival is not answered at once"
    await shown(1002, THERE)
    assert chain.asked_at == [1002]
    await shown(1010, HERE)
    await shown(1010 + stood, HERE)
    await shown(1011 + stood, THERE)
    for number in range(1012 + stood, 1016 + stood):
        await shown(number, THERE)
    assert chain.asked_at[1] == 1011 + stood + wait
    assert len(told) == 1, "the same rival is named once"
    await shown(1020 + stood, HERE)
    await shown(1030 + stood, Endpoint("203.0.113.10", 8091))
    assert len(told) == 2


async def test_an_address_that_the_chain_lost_is_published_again_at_once() -> None:
    """Nobody else published: the hotkey was registered anew."""
    world = await make_world({OWN: None})
    chain = Refusing(world.ledger, [])
    presence = Presence(chain, world.netuid, OWN)
    presence.endpoint = HERE
    moment = await moment_of(world)
    await presence.keep(at_block(moment, 1000, HERE))
    await chain.keep(presence, moment, 1001)
    assert chain.asked_at == [1001]


async def test_where_the_axon_is_said_to_be_is_told_once_the_chain_took_it() -> None:
    world = await make_world({OWN: None})
    chain = Refusing(world.ledger, [poor()])
    presence = Presence(chain, world.netuid, OWN)
    presence.endpoint = HERE
    moment = await moment_of(world)
    lines: list[str] = []
    handler = logger.add(
        lambda message: lines.append(str(message)), filter=lambda r: r["level"].name == "INFO"
    )
    try:
        await chain.keep(presence, moment, 1000)
        assert lines == []
        await chain.keep(presence, moment, 1001)
    finally:
        logger.remove(handler)
    assert chain.asked_at == [1000, 1001]
    (line,) = lines
    assert str(HERE) in line
