"""What only the fake promises: time by hand, epochs by a callable, pruning, equal seeds."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from assay.chain.errors import ChainRefused, OutcomeUnknown
from assay.chain.fake import FakeChain, FakeLedger
from assay.chain.fake_epoch import EpochInput, FakeShares, stake_weighted_mean
from assay.chain.fake_items import FakeCall, FakeItem
from assay.chain.fake_state import LOCAL_SETTINGS, FakeState, Rules
from assay.chain.interface import Call, RefusalReason, WeightsRefused
from assay.clock import ManualClock
from assay.types import RAO_PER_TAO, Rao, Uid
from tests.conformance.chain.worlds import NamedKey

RICH = NamedKey("rich")
FUNDS: dict[str, int] = {RICH.address: 1_000_000 * RAO_PER_TAO}


def ledger_of(rules: Rules | None = None, **options: object) -> FakeLedger:
    return FakeLedger(ManualClock(), rules=rules, balances=FUNDS, **options)  # type: ignore[arg-type]


async def test_the_clock_makes_blocks() -> None:
    ledger = ledger_of(seal_on_write=False, block_time_s=0.25)
    chain = FakeChain(ledger)
    running = asyncio.create_task(ledger.run())
    sending = asyncio.create_task(chain.transfer(RICH, NamedKey("a").address, Rao(1)))
    await asyncio.sleep(0)
    assert not sending.done()
    assert isinstance(ledger.clock, ManualClock)
    for _ in range(3):
        ledger.clock.advance(0.25)
        await asyncio.sleep(0.001)
    assert (await sending).block.number == 1
    assert ledger.head.number >= 3
    running.cancel()


async def test_a_write_into_a_chain_that_stands_still_ends_with_its_deadline() -> None:
    ledger = ledger_of(seal_on_write=False)
    chain = FakeChain(ledger)
    sending = asyncio.create_task(chain.transfer(RICH, NamedKey("a").address, Rao(1)))
    await asyncio.sleep(0.001)
    assert isinstance(ledger.clock, ManualClock)
    ledger.clock.advance(1_000)
    with pytest.raises(OutcomeUnknown):
        await sending
    ledger.advance()
    assert await chain.balance(NamedKey("a").address) == 0  # whoever gave up does not pay later


async def test_equal_seeds_give_equal_hashes() -> None:
    first, second = ledger_of(seed=b"7"), ledger_of(seed=b"7")
    assert first.advance(5) == second.advance(5)
    assert ledger_of(seed=b"8").advance(5) != second.head


async def test_a_full_subnet_replaces_the_least_paid_that_is_not_immune() -> None:
    rules = Rules(new_subnet=replace(LOCAL_SETTINGS, max_uids=3, immunity_blocks=5))
    ledger = ledger_of(rules)
    chain = FakeChain(ledger)
    netuid = (await chain.create_subnet(RICH, NamedKey("owner").address)).netuid
    old = [NamedKey("a"), NamedKey("b")]
    for hotkey in old:
        await chain.register(netuid, RICH, hotkey.address)
    await chain.set_commitment(netuid, old[0], b"mine")
    with pytest.raises(ChainRefused) as caught:
        await chain.register(netuid, RICH, NamedKey("early").address)
    assert caught.value.reason == "NoNeuronIdAvailable"
    ledger.advance(10)
    taken = await chain.register(netuid, RICH, NamedKey("late").address)
    assert taken.uid == 1  # never the owner's, and the older of the two
    graph = await chain.metagraph(netuid)
    assert [n.hotkey for n in graph.neurons][1] == NamedKey("late").address
    assert graph.neurons[1].block_at_registration == ledger.head.number
    assert await chain.commitment(netuid, old[0].address) is None


async def test_the_consensus_that_was_passed_in_decides() -> None:
    seen: list[EpochInput] = []

    def everything_to_the_last(given: EpochInput) -> FakeShares:
        seen.append(given)
        n = len(given.stakes)
        return FakeShares((*[0.0] * (n - 1), 1.0), (0.0,) * n)

    ledger = ledger_of(consensus=everything_to_the_last)
    chain = FakeChain(ledger)
    netuid = (await chain.create_subnet(RICH, NamedKey("owner").address)).netuid
    await chain.start_subnet(netuid, RICH)
    miner = NamedKey("miner")
    await chain.register(netuid, RICH, miner.address)
    ledger.advance(25)
    assert seen
    graph = await chain.metagraph(netuid)
    assert graph.neurons[1].incentive == 65_535
    assert graph.neurons[1].emission > 0
    assert await chain.stake(miner.address, RICH.address, netuid) == graph.neurons[1].alpha_stake


def test_the_stand_in_ignores_self_weights_and_weights_older_than_their_target() -> None:
    given = EpochInput(
        stakes=(30, 10, 0, 0),
        rows={
            Uid(0): ((Uid(0), 65_535), (Uid(2), 65_535)),  # type: ignore[dict-item]
            Uid(1): ((Uid(3), 65_535),),  # type: ignore[dict-item]
        },
        last_update=(100, 50, 0, 0),
        registered=(1, 2, 3, 60),
    )
    shares = stake_weighted_mean(given)
    assert shares.incentive == (0.0, 0.0, 1.0, 0.0)
    assert shares.dividends == (1.0, 0.0, 0.0, 0.0)


async def test_sealed_weights_are_named_for_what_they_are() -> None:
    ledger = ledger_of()
    chain = FakeChain(ledger)
    netuid = (await chain.create_subnet(RICH, NamedKey("owner").address)).netuid
    ledger.edit(
        lambda state: state.with_subnet(
            replace(
                state.subnet(netuid),
                settings=replace(LOCAL_SETTINGS, commit_reveal=True, weights_version=0),
            )
        )
    )
    outcome = await chain.set_weights(netuid, NamedKey("owner"), {Uid(0): 1.0})
    assert isinstance(outcome, WeightsRefused)
    assert outcome.reason is RefusalReason.COMMIT_REVEAL_WITHOUT_BEACON


async def test_old_states_end_somewhere() -> None:
    ledger = ledger_of()
    chain = FakeChain(ledger)
    netuid = (await chain.create_subnet(RICH, NamedKey("owner").address)).netuid
    first = ledger.head
    ledger.advance(5_000)
    with pytest.raises(ChainRefused) as caught:
        await chain.metagraph(netuid, first)
    assert caught.value.reason == "StateDiscarded"


async def test_a_pallet_of_a_tests_own_can_be_read_and_written_block_by_block() -> None:
    def prove(state: FakeState, block: int, signer: str, deal: int) -> FakeState:
        if state.stored.get(("Storage.Deals", (deal,))) is None:
            raise ChainRefused("There is no such deal.", "Make one first.", "NoSuchDeal")
        return state.with_stored("Storage.Proved", (deal, signer), block)

    ledger = ledger_of(
        items={
            "Storage.Deals": FakeItem((int,)),
            "Storage.Proved": FakeItem((int, str), default=0),
        },
        calls={"Storage.prove": FakeCall({"deal": int}, prove)},
    )
    chain = FakeChain(ledger)
    ledger.edit(lambda state: state.with_stored("Storage.Deals", (1,), {"size": 7}))
    before = await chain.finalized()
    receipt = await chain.submit(Call("Storage", "prove", {"deal": 1}), RICH)
    assert await chain.read("Storage.Deals", 1) == {"size": 7}
    assert await chain.read("Storage.Proved", 1, RICH.address) == receipt.block.number
    assert await chain.read("Storage.Proved", 1, RICH.address, at=before) == 0
    with pytest.raises(ChainRefused, match="no such deal"):
        await chain.submit(Call("Storage", "prove", {"deal": 2}), RICH)
