"""When a run counts as rewarded: both validators' weights in consensus, every honest miner paid."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from assay.chain.fake import FakeChain, FakeLedger
from assay.chain.interface import BlockRef, Metagraph, WeightRow
from assay.cli.up.bootstrap import Keys, Standup
from assay.cli.up.plan import HONEST, SLOW, Member, Plan, Role
from assay.cli.up.watch import View, Watch
from assay.clock import ManualClock
from assay.neuron.checkpoint import Checkpoint, CheckpointFile
from assay.neuron.folder import NeuronFolder
from assay.neuron.opinions import Opinion, Reason
from assay.types import U16_MAX, AlphaRao, BlockNumber, NetUid, Rao, U16Weight, Uid
from tests.unit.subnet.neuron.worlds import GENESIS, key

TAO = 10**9
BOUGHT = AlphaRao(500)
MEMBERS = (
    Member("owner", Role.OWNER, "", None),
    Member("validator-1", Role.VALIDATOR, "", None),
    Member("validator-2", Role.VALIDATOR, "", None),
    Member("miner-1", Role.MINER, HONEST, 1),
    Member("miner-2", Role.MINER, SLOW, 2),
    Member("miner-3", Role.MINER, "garbage", 3),
)
UIDS = {member.name: Uid(uid) for uid, member in enumerate(MEMBERS)}
VALIDATORS, MINERS = ("validator-1", "validator-2"), ("miner-1", "miner-2", "miner-3")


class Script(FakeChain):
    """A subnet whose epochs, weights and stakes are what a test says they are."""

    def __init__(self, ledger: FakeLedger) -> None:
        super().__init__(ledger)
        self.epoch = 1
        self.last_epoch_block = 100
        self.rows: dict[Uid, WeightRow] = {}
        self.last_update = dict.fromkeys(UIDS, 10)
        self.trust = dict.fromkeys(UIDS, 0)
        self.stakes = {name: BOUGHT if name in VALIDATORS else AlphaRao(0) for name in UIDS}

    async def metagraph(self, netuid: int, at: BlockRef | None = None) -> Metagraph:
        found = await super().metagraph(netuid, at)
        neurons = tuple(
            dataclasses.replace(
                neuron,
                last_update=BlockNumber(self.last_update[name]),
                validator_trust=U16Weight(self.trust[name]),
            )
            for neuron, name in zip(found.neurons, UIDS, strict=True)
        )
        epoch = dataclasses.replace(
            found.epoch, index=self.epoch, last_block=BlockNumber(self.last_epoch_block)
        )
        return dataclasses.replace(found, neurons=neurons, epoch=epoch, alpha_price=Rao(TAO // 4))

    async def weights(self, netuid: int, at: BlockRef | None = None) -> Mapping[Uid, WeightRow]:
        return self.rows

    async def stake(
        self, hotkey: str, coldkey: str, netuid: int, at: BlockRef | None = None
    ) -> AlphaRao:
        (name,) = [name for name, keys in KEYS.items() if keys.hotkey.address == hotkey]
        return self.stakes[name]

    def set_weights_of(self, *names: str) -> None:
        for name in names:
            self.rows[UIDS[name]] = ((UIDS["miner-1"], U16Weight(U16_MAX)),)
            self.last_update[name] = self.last_epoch_block + 5

    def run_epoch(self, *, trusted: tuple[str, ...] = (), paid: tuple[str, ...] = ()) -> None:
        self.epoch += 1
        self.last_epoch_block += 20
        self.trust = {name: U16_MAX if name in trusted else 0 for name in UIDS}
        for name in paid:
            self.stakes[name] = AlphaRao(self.stakes[name] + 8)


KEYS = {name: Keys(coldkey=key(100 + uid), hotkey=key(1 + uid)) for name, uid in UIDS.items()}


@pytest.fixture
async def script() -> Script:
    owner = KEYS["owner"]
    money = {keys.coldkey.address: Rao(9_000 * TAO) for keys in KEYS.values()}
    chain = Script(FakeLedger(ManualClock(), balances=money))
    plain = FakeChain(chain._ledger)
    netuid = (await plain.create_subnet(owner.coldkey, owner.hotkey.address)).netuid
    await plain.start_subnet(netuid, owner.coldkey)
    for name in (*VALIDATORS, *MINERS):
        registered = await plain.register(netuid, KEYS[name].coldkey, KEYS[name].hotkey.address)
        assert registered.uid == UIDS[name]
    return chain


@pytest.fixture
async def watch(script: Script, tmp_path: Path) -> Watch:
    plan = Plan(0, "task", (), 1, tmp_path, MEMBERS)
    made = Watch(script, plan, KEYS, Standup(NetUid(1), UIDS))
    await made.start()
    assert not (await made.look()).rewarded
    return made


async def after_epoch(watch: Watch, script: Script, **epoch: tuple[str, ...]) -> View:
    await watch.look()
    script.run_epoch(**epoch)
    return await watch.look()


async def test_both_validators_in_consensus_and_every_honest_miner_paid(
    watch: Watch, script: Script
) -> None:
    script.set_weights_of(*VALIDATORS)
    view = await after_epoch(watch, script, trusted=VALIDATORS, paid=("miner-1", "miner-2"))
    assert view.rewarded
    script.run_epoch()
    assert (await watch.look()).rewarded, "once paid is paid"


@pytest.mark.parametrize("late", VALIDATORS)
async def test_weights_that_came_after_the_epoch_do_not_count(
    late: str, watch: Watch, script: Script
) -> None:
    script.set_weights_of(*VALIDATORS)
    await watch.look()
    script.run_epoch(trusted=VALIDATORS, paid=MINERS)
    script.last_update[late] = script.last_epoch_block + 1
    assert not (await watch.look()).rewarded


@pytest.mark.parametrize("absent", VALIDATORS)
async def test_a_row_that_took_no_part_has_no_trust(
    absent: str, watch: Watch, script: Script
) -> None:
    script.set_weights_of(*VALIDATORS)
    trusted = tuple(name for name in VALIDATORS if name != absent)
    assert not (await after_epoch(watch, script, trusted=trusted, paid=MINERS)).rewarded


@pytest.mark.parametrize("absent", VALIDATORS)
async def test_one_validators_weights_are_not_enough(
    absent: str, watch: Watch, script: Script
) -> None:
    script.set_weights_of(*(name for name in VALIDATORS if name != absent))
    assert not (await after_epoch(watch, script, trusted=VALIDATORS, paid=MINERS)).rewarded


@pytest.mark.parametrize("unpaid", ["miner-1", "miner-2"])
async def test_one_honest_miner_that_got_nothing_is_too_many(
    unpaid: str, watch: Watch, script: Script
) -> None:
    script.set_weights_of(*VALIDATORS)
    paid = tuple(name for name in MINERS if name != unpaid)
    assert not (await after_epoch(watch, script, trusted=VALIDATORS, paid=paid)).rewarded


async def test_pay_without_an_epoch_is_no_reward(watch: Watch, script: Script) -> None:
    script.set_weights_of(*VALIDATORS)
    script.trust = dict.fromkeys(UIDS, U16_MAX)
    script.stakes = {name: AlphaRao(stake + 8) for name, stake in script.stakes.items()}
    assert not (await watch.look()).rewarded


async def test_a_reward_is_what_was_gained_since_and_what_that_is_worth(
    watch: Watch, script: Script
) -> None:
    """What a validator bought is none of it."""
    view = await after_epoch(watch, script, paid=("validator-1", "miner-1"))
    gained = {row.name: (row.reward_alpha, row.reward_tao) for row in view.rows}
    assert gained == {
        name: (8, 2) if name in ("validator-1", "miner-1") else (0, 0) for name in UIDS
    }
    assert [row.uid for row in view.rows] == sorted(UIDS.values())


async def test_scores_and_reasons_are_the_validators(watch: Watch, tmp_path: Path) -> None:
    miner = KEYS["miner-1"].hotkey.address
    for name, average, reason in (("validator-1", 0.5, "slow"), ("validator-2", 0.75, "late")):
        hotkey = KEYS[name].hotkey.address
        opinion = Opinion(
            uid=UIDS["miner-1"], average=average, rounds=3, score=average, latency_s=0.1,
            reasons=(Reason("told", reason), Reason("told", "said by both")),
        )  # fmt: skip
        folder = NeuronFolder.of(tmp_path, GENESIS, 1, hotkey)
        CheckpointFile(folder.checkpoint).save(
            Checkpoint(
                genesis=GENESIS, netuid=NetUid(1), hotkey=hotkey, round=3, opinions={miner: opinion}
            )
        )
    rows = {row.name: row for row in (await watch.look()).rows}
    assert rows["miner-1"].score == 0.625
    assert rows["miner-1"].reasons == ("slow", "said by both", "late")
    assert rows["miner-2"].score is None
