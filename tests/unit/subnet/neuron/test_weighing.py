"""Setting weights: once an epoch, read back, and tried again when waiting can have helped."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from assay.chain.interface import (
    BlockRef,
    Endpoint,
    Metagraph,
    Moment,
    Receipt,
    RefusalReason,
    RevealOutcome,
    Stage,
    WeightsCommitted,
    WeightsOutcome,
    WeightsRefused,
    WeightsSet,
)
from assay.chain.sealing import RowSeal, SealedRow, WeightsOpened, WeightsSealed, seal
from assay.clock import ManualClock
from assay.errors import Unavailable
from assay.neuron.checkpoint import Checkpoint, CheckpointFile, KeptRow, ValidatorMemory
from assay.neuron.opinions import Opinion, Window
from assay.neuron.retry import Retry
from assay.neuron.weighing import WeightSetter
from assay.types import BlockNumber, Rao, Ss58, Uid
from tests.unit.subnet.neuron.worlds import GENESIS, key, make_world

VALIDATOR, MINER = key(1), key(2)
READ_AT = BlockRef(BlockNumber(1_005), "0x" + "05" * 32)
RECEIPT = Receipt(BlockRef(BlockNumber(1_003), "0x" + "03" * 32), "0x" + "ee" * 32, Rao(1))
STANDS = WeightsSet(RECEIPT, READ_AT, ())
SEALED = WeightsCommitted(RECEIPT, 77)


def refused(reason: RefusalReason, after_blocks: int | None = None) -> WeightsRefused:
    return WeightsRefused(reason, Stage.PREFLIGHT, "No.", "Wait.", after_blocks)


class ScriptedChain:
    """Answers each row with the next of ``outcomes``, and shows ``now`` when it is read back."""

    def __init__(self, now: Metagraph) -> None:
        self.outcomes: list[WeightsOutcome | Unavailable] = []
        self.reveals: list[RevealOutcome] = []
        self.now = now
        self.rows: list[tuple[Mapping[Uid, float], int]] = []
        self.read_at: list[BlockRef] = []
        self.sealing: RowSeal | None = None
        self.opened: list[SealedRow] = []

    async def reveal_weights(self, netuid: int, hotkey: Any, sealed: SealedRow) -> RevealOutcome:
        self.opened.append(sealed)
        return self.reveals.pop(0)

    async def set_weights(
        self,
        netuid: int,
        hotkey: Any,
        row: Mapping[Uid, float],
        *,
        version_key: int,
        sealing: RowSeal | None,
    ) -> WeightsOutcome:
        assert (netuid, hotkey) == (self.now.netuid, VALIDATOR)
        self.sealing = sealing
        self.rows.append((row, version_key))
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Unavailable):
            raise outcome
        return outcome

    async def metagraph(self, netuid: int, at: BlockRef) -> Metagraph:
        assert netuid == self.now.netuid
        self.read_at.append(at)
        return self.now


class Counted:
    """Metrics that are kept as a list."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def count(self, name: str, amount: float = 1.0, /, **labels: str) -> None:
        assert amount == 1.0
        self.seen.append((name, labels["outcome"]))

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        raise AssertionError(name)

    show = observe


class Setting:
    """A setter over a scripted chain, and a subnet of a validator and a miner in epoch 7."""

    def __init__(self, metagraph: Metagraph, folder: Path) -> None:
        epoch = dataclasses.replace(
            metagraph.epoch,
            index=7,
            last_block=BlockNumber(990),
            next_block=BlockNumber(1_090),
            tempo=99,
        )
        settings = dataclasses.replace(metagraph.settings, weights_version=3)
        self.metagraph = dataclasses.replace(metagraph, epoch=epoch, settings=settings)
        self.chain = ScriptedChain(self.metagraph)
        self.metrics = Counted()
        self.wanted: dict[Ss58, float] = {MINER.address: 1.0}
        file = CheckpointFile(folder / "checkpoint.json")
        own = Checkpoint(genesis=GENESIS, netuid=metagraph.netuid, hotkey=VALIDATOR.address)
        self.memory = ValidatorMemory(file, own)
        self.memory.remember(earned=True)
        chain: Any = self.chain
        self._setter = WeightSetter(
            chain,
            metagraph.netuid,
            VALIDATOR,
            self.memory,
            weights=lambda _: self.wanted,
            retry=Retry(
                clock=ManualClock(), rng=random.Random(1), limit_s=0.0, stop=asyncio.Event()
            ),
            rng=random.Random(2),
            metrics=self.metrics,
        )
        uids = {neuron.hotkey: neuron.uid for neuron in metagraph.neurons}
        self.own, self.miner = uids[VALIDATOR.address], uids[MINER.address]

    async def at(
        self,
        block: int,
        *outcomes: WeightsOutcome | Unavailable,
        epoch: int = 7,
        awaiting: bool = False,
    ) -> int:
        """How many rows were sent at this block of this epoch; all ``outcomes`` must be used."""
        before = len(self.chain.rows)
        self.chain.outcomes = list(outcomes)
        timing = dataclasses.replace(self.metagraph.epoch, index=epoch)
        metagraph = dataclasses.replace(self.metagraph, epoch=timing)
        ref = BlockRef(BlockNumber(block), "0x" + "00" * 32)
        await self._setter.keep(Moment(ref, metagraph, {}), awaiting=awaiting)
        assert not self.chain.outcomes, "less was sent than was expected"
        return len(self.chain.rows) - before


@pytest.fixture
async def setting(tmp_path: Path) -> Setting:
    world = await make_world({VALIDATOR: None, MINER: Endpoint("127.0.0.1", 20_001)})
    return Setting(await world.chain.metagraph(world.netuid), tmp_path)


@pytest.fixture
def told() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logger.add(lambda message: lines.append(str(message)), level="WARNING")
    yield lines
    logger.remove(handler)


@pytest.mark.parametrize("outcome", [STANDS, SEALED], ids=["read back", "sealed"])
async def test_weights_are_set_once_an_epoch(setting: Setting, outcome: WeightsOutcome) -> None:
    assert await setting.at(1_000, outcome) == 1
    assert setting.chain.rows == [({setting.miner: 1.0}, 3)], "under the subnet's version"
    assert (setting.memory.now.weights_epoch, setting.memory.now.earned) == (7, None)
    assert await setting.at(1_001) == 0
    setting.memory.remember(earned=True)
    assert await setting.at(1_100, outcome, epoch=8) == 1
    assert setting.memory.now.weights_epoch == 8


def _under_commit_reveal(setting: Setting) -> None:
    settings = dataclasses.replace(setting.metagraph.settings, commit_reveal=True)
    setting.metagraph = dataclasses.replace(setting.metagraph, settings=settings)


async def test_rows_are_sealed_by_their_hash_where_the_subnet_asks_for_it(setting: Setting) -> None:
    assert await setting.at(1_000, STANDS) == 1
    assert setting.chain.sealing is None
    _under_commit_reveal(setting)
    setting.memory.remember(weights_epoch=None)
    row = seal(VALIDATOR.address, 1, [], 3, [1])
    assert await setting.at(1_001, WeightsSealed(row, 8)) == 1
    assert setting.chain.sealing is not None
    assert setting.memory.now.weights_epoch == 7
    assert setting.metrics.seen[-1] == ("assay_weights_total", "sealed")


async def test_a_sealed_row_is_opened_before_the_next_is_sealed(setting: Setting) -> None:
    _under_commit_reveal(setting)
    row = seal(VALIDATOR.address, 1, [], 3, [1])
    setting.memory.remember(weights_epoch=7, sealed=(KeptRow(row=row, epoch=7, reveal_epoch=8),))
    assert await setting.at(1_089) == 0
    assert setting.chain.opened == []
    setting.chain.reveals = [WeightsOpened(1_100)]
    assert await setting.at(1_091, WeightsSealed(row, 9), epoch=8) == 1
    assert setting.chain.opened == [row]
    assert setting.memory.now.sealed == ()
    assert [outcome for _, outcome in setting.metrics.seen] == ["opened", "sealed"]


async def test_a_commit_whose_answer_was_lost_is_not_made_twice(setting: Setting) -> None:
    _under_commit_reveal(setting)
    row = seal(VALIDATOR.address, 1, [], 3, [1])
    setting.memory.remember(weights_epoch=6, sealed=(KeptRow(row=row, epoch=7),))
    setting.chain.reveals = [WeightsSealed(row, 8)]
    assert await setting.at(1_080) == 0
    assert setting.memory.now.weights_epoch == 7
    assert setting.memory.now.sealed == (KeptRow(row=row, epoch=7, reveal_epoch=8),)


async def test_a_row_is_set_in_the_last_quarter_of_its_epoch(setting: Setting) -> None:
    """Set sooner, it would pay a miner that stops for one more epoch."""
    setting.memory.remember(weights_epoch=6)
    assert await setting.at(1_065) == 0
    assert await setting.at(1_066, STANDS) == 1
    setting.memory.remember(weights_epoch=5)
    assert await setting.at(1_000, STANDS) == 1, "who missed an epoch does not wait"


async def test_a_first_row_waits_for_answers_that_are_under_way(setting: Setting) -> None:
    """Sent with the first answer, it would leave out all who answer a moment later."""
    assert await setting.at(1_000, awaiting=True) == 0
    assert await setting.at(1_065, awaiting=True) == 0
    assert await setting.at(1_066, STANDS, awaiting=True) == 1, "but not beyond the epoch"
    setting.memory.remember(weights_epoch=5)
    assert await setting.at(1_000, STANDS, awaiting=False) == 1


@pytest.mark.parametrize(("since", "ends"), [(1_016, True), (1_018, False), (None, False)])
async def test_a_window_ends_with_the_row_unless_it_has_only_begun(
    setting: Setting, since: int | None, ends: bool
) -> None:
    opinion = Opinion(
        uid=setting.miner, average=0.5, rounds=9, score=0.5, latency_s=0.1,
        value_sum=2.0, weight_sum=4.0, seen=4,
    )  # fmt: skip
    window = Window(turns=4, epoch_turns=4, since=None if since is None else BlockNumber(since))
    setting.memory.remember(
        weights_epoch=6, opinions={MINER.address: opinion}, window=window, earned=True
    )
    await setting.at(1_066, STANDS)
    now = setting.memory.now
    if not ends:
        assert (now.window, now.opinions[MINER.address]) == (window, opinion)
        return
    assert now.window == Window(turns=0, epoch_turns=4, since=BlockNumber(1_066))
    begun = now.opinions[MINER.address]
    assert (begun.value_sum, begun.weight_sum, begun.seen) == (0.0, 0.0, 0)
    assert begun.before == begun.average == 0.5


async def test_a_window_ends_after_two_epochs_though_no_row_can_be_sent(setting: Setting) -> None:
    setting.memory.remember(window=Window(turns=9, since=BlockNumber(900)), earned=True)
    no = refused(RefusalReason.TOO_LITTLE_STAKE)
    await setting.at(1_098, no)
    assert setting.memory.now.window.turns == 9
    await setting.at(1_199, no)
    assert setting.memory.now.window == Window(turns=0, epoch_turns=9, since=BlockNumber(1_199))


async def test_what_is_counted_is_the_outcome(setting: Setting) -> None:
    no = refused(RefusalReason.RATE_LIMITED)
    for block, outcome in enumerate((Unavailable("Gone.", "Wait."), no, SEALED), 1_000):
        await setting.at(block, outcome)
    setting.memory.remember(earned=True)
    await setting.at(1_100, STANDS, epoch=8)
    assert setting.metrics.seen == [
        ("assay_weights_total", outcome)
        for outcome in ("unavailable", "rate_limited", "sealed", "set")
    ]


async def test_weights_are_read_back_at_the_block_that_shows_them(setting: Setting) -> None:
    await setting.at(1_000, STANDS)
    assert setting.chain.read_at == [READ_AT]


async def test_before_anybody_earned_anything_nothing_is_said(setting: Setting) -> None:
    setting.wanted = {}
    assert await setting.at(1_000) == 0
    setting.wanted = {MINER.address: 0.5}
    assert await setting.at(1_001, STANDS) == 1


async def test_after_an_epoch_in_which_nobody_earned_the_last_row_is_withdrawn(
    setting: Setting, told: list[str]
) -> None:
    await setting.at(1_000, STANDS)
    setting.memory.remember(earned=False)
    assert await setting.at(1_100, STANDS, epoch=8) == 1
    assert setting.chain.rows[-1][0] == {setting.own: 1.0}
    assert "withdrawn" in told[0]


async def test_an_epoch_in_which_no_turn_ended_withdraws_nothing(
    setting: Setting, told: list[str]
) -> None:
    """A turn may take longer than an epoch: what is known of the miners is still true."""
    await setting.at(1_000, STANDS)
    assert await setting.at(1_100, STANDS, epoch=8) == 1
    assert setting.chain.rows[-1][0] == {setting.miner: 1.0}
    assert not told


async def test_who_lost_its_uid_withdraws_nothing(setting: Setting) -> None:
    await setting.at(1_000, STANDS)
    setting.memory.remember(earned=False)
    neurons = tuple(
        dataclasses.replace(neuron, hotkey=key(9).address) if neuron.uid == setting.own else neuron
        for neuron in setting.metagraph.neurons
    )
    setting.metagraph = dataclasses.replace(setting.metagraph, neurons=neurons)
    assert await setting.at(1_100, epoch=8) == 0


async def test_a_chain_that_does_not_answer_is_asked_again_from_the_next_block(
    setting: Setting,
) -> None:
    assert await setting.at(1_000, Unavailable("Gone.", "Wait.")) == 1
    assert await setting.at(1_000) == 0
    assert await setting.at(1_001, STANDS) == 1
    assert setting.memory.now.weights_epoch == 7


@pytest.mark.parametrize(
    ("reason", "after_blocks", "again"),
    [
        (RefusalReason.RATE_LIMITED, 40, 1_040),
        (RefusalReason.RATE_LIMITED, None, 1_001),
        (RefusalReason.OTHER, 0, 1_001),
        (RefusalReason.NO_PERMIT, None, 1_091),
        (RefusalReason.TOO_LITTLE_STAKE, 5, 1_091),
        (RefusalReason.NO_PERMIT, 200, 1_200),
    ],
)
async def test_a_refusal_is_tried_again_when_waiting_can_have_helped(
    setting: Setting, reason: RefusalReason, after_blocks: int | None, again: int
) -> None:
    """Permits and stakes are counted anew in the block behind an epoch's end, 1,090."""
    assert await setting.at(1_000, refused(reason, after_blocks)) == 1
    assert setting.memory.now.weights_epoch is None
    assert await setting.at(again - 1) == 0
    assert await setting.at(again, STANDS) == 1


async def test_a_refusal_is_told_when_it_begins_and_when_it_changes(
    setting: Setting, told: list[str]
) -> None:
    limited, stale = (
        refused(reason, 1) for reason in (RefusalReason.RATE_LIMITED, RefusalReason.STALE_VERSION)
    )
    for block, outcome in enumerate((limited, limited, stale, stale, STANDS), 1_000):
        await setting.at(block, outcome)
    assert [line.count("Weights were refused: No. Wait.") for line in told] == [1, 1]
    assert "Tried again from block 1001 on" in told[0]
    setting.memory.remember(earned=True)
    await setting.at(1_100, stale, epoch=8)
    assert len(told) == 3, "it had ended, and begins anew"


@pytest.mark.parametrize("gone", [False, True], ids=["another owner", "no such uid any more"])
async def test_a_row_whose_uid_changed_hands_meanwhile_is_set_again(
    setting: Setting, gone: bool, told: list[str]
) -> None:
    before = setting.chain.now
    neurons = list(before.neurons)
    assert neurons[-1].hotkey == MINER.address
    neurons[-1:] = [] if gone else [dataclasses.replace(neurons[-1], hotkey=key(9).address)]
    setting.chain.now = dataclasses.replace(before, neurons=tuple(neurons))
    assert await setting.at(1_000, STANDS) == 1
    assert setting.memory.now.weights_epoch is None
    assert "changed hands" in told[0]
    assert await setting.at(READ_AT.number - 1) == 0, "the view is older than what was read back"
    setting.chain.now = before
    assert await setting.at(READ_AT.number, STANDS) == 1
    assert setting.memory.now.weights_epoch == 7
