"""When a run counts as rewarded: both validators' weights in consensus, every honest miner paid."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from assay.chain.errors import ChainRefused
from assay.chain.fake import FakeChain, FakeLedger
from assay.chain.interface import BlockRef, Endpoint, Metagraph, WeightRow
from assay.cli.up.bootstrap import MemberKeys
from assay.cli.up.earned import Earned
from assay.cli.up.plan import HONEST, SLOW, Member, MemberRole, Plan
from assay.cli.up.watch import GUEST, View, Watch
from assay.clock import ManualClock
from assay.neuron.checkpoint import Checkpoint, CheckpointFile
from assay.neuron.folder import NeuronFolder
from assay.neuron.opinions import Opinion, Reason
from assay.types import U16_MAX, AlphaRao, BlockNumber, NetUid, Rao, Ss58, U16Weight, Uid
from tests.unit.subnet.neuron.worlds import GENESIS, key

TAO = 10**9
BOUGHT = AlphaRao(500)
MEMBERS = (
    Member("owner", MemberRole.OWNER, "", None),
    Member("validator-1", MemberRole.VALIDATOR, "", None),
    Member("validator-2", MemberRole.VALIDATOR, "", None),
    Member("miner-1", MemberRole.MINER, HONEST, 1),
    Member("miner-2", MemberRole.MINER, SLOW, 2),
    Member("miner-3", MemberRole.MINER, "garbage", 3),
)
UIDS = {member.name: Uid(uid) for uid, member in enumerate(MEMBERS)}
VALIDATORS, MINERS = ("validator-1", "validator-2"), ("miner-1", "miner-2", "miner-3")


class Script(FakeChain):
    """A subnet whose epochs, weights and stakes are what a test says they are."""

    def __init__(self, ledger: FakeLedger) -> None:
        super().__init__(ledger)
        self.epochs: list[tuple[int, dict[str, int]]] = [(100, {})]
        """The block of each epoch, the first one's index being 1, and whom it paid what."""
        self.rows: dict[Uid, WeightRow] = {}
        self.last_update = dict.fromkeys(UIDS, 10)
        self.trust = dict.fromkeys(UIDS, 0)
        self.bought = BOUGHT
        self.joined: dict[Ss58, int] = {}
        """The block in which a guest got its uid."""

    @property
    def last_epoch_block(self) -> int:
        return self.epochs[-1][0]

    def ran(self, at: BlockRef | None) -> list[tuple[int, dict[str, int]]]:
        return [epoch for epoch in self.epochs if at is None or epoch[0] <= at.number]

    async def metagraph(self, netuid: int, at: BlockRef | None = None) -> Metagraph:
        found = await super().metagraph(netuid)
        block, pay = self.ran(at)[-1]
        paid = [
            dataclasses.replace(
                neuron,
                emission=AlphaRao(pay.get(NAMES.get(neuron.hotkey, neuron.hotkey), 0)),
                block_at_registration=BlockNumber(self.joined.get(neuron.hotkey, 10)),
            )
            for neuron in found.neurons
        ]
        neurons = tuple(
            dataclasses.replace(
                neuron,
                last_update=BlockNumber(self.last_update[name]),
                validator_trust=U16Weight(self.trust[name]),
            )
            for neuron, name in zip(paid, self.trust, strict=False)
        )
        epoch = dataclasses.replace(
            found.epoch, index=len(self.ran(at)), last_block=BlockNumber(block)
        )
        neurons += tuple(paid[len(neurons) :])
        return dataclasses.replace(found, neurons=neurons, epoch=epoch, alpha_price=Rao(TAO // 4))

    async def weights(self, netuid: int, at: BlockRef | None = None) -> Mapping[Uid, WeightRow]:
        return self.rows

    async def stake(
        self, hotkey: str, coldkey: str, netuid: int, at: BlockRef | None = None
    ) -> AlphaRao:
        assert hotkey == KEYS["owner"].hotkey.address
        return AlphaRao(self.bought + sum(pay.get("owner", 0) for _, pay in self.ran(at)))

    async def block_hash(self, number: int) -> bytes:
        return bytes(32)

    def set_weights_of(self, *names: str) -> None:
        for name in names:
            self.rows[UIDS[name]] = ((UIDS["miner-1"], U16Weight(U16_MAX)),)
            self.last_update[name] = self.last_epoch_block + 5

    def run_epoch(self, *, trusted: tuple[str, ...] = (), paid: tuple[str, ...] = ()) -> None:
        self.epochs.append((self.last_epoch_block + 20, dict.fromkeys(paid, 8)))
        self.trust = {name: U16_MAX if name in trusted else 0 for name in UIDS}


KEYS = {name: MemberKeys(coldkey=key(100 + uid), hotkey=key(1 + uid)) for name, uid in UIDS.items()}
NAMES = {keys.hotkey.address: name for name, keys in KEYS.items()}


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
    owner = (KEYS["owner"].hotkey.address, KEYS["owner"].coldkey.address)
    made = Watch(script, plan, KEYS, NetUid(1), Earned(script, NetUid(1), owner))
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
    script.epochs[-1] = (script.last_epoch_block, dict.fromkeys(UIDS, 8))
    assert not (await watch.look()).rewarded


async def test_a_reward_is_what_epochs_paid_and_what_that_is_worth(
    watch: Watch, script: Script
) -> None:
    """What the owner buys between two epochs is none of it."""
    script.bought = AlphaRao(BOUGHT + 70)
    got = ("owner", "validator-1", "miner-1")
    view = await after_epoch(watch, script, paid=got)
    gained = {row.name: (row.reward_alpha, row.reward_tao) for row in view.rows}
    assert gained == {name: (8, 2) if name in got else (0, 0) for name in UIDS}
    assert [row.uid for row in view.rows] == sorted(UIDS.values())


async def test_an_epoch_that_nobody_looked_at_is_counted_once(watch: Watch, script: Script) -> None:
    script.run_epoch(paid=("miner-1", "owner"))
    script.run_epoch(paid=("miner-1", "miner-2"))
    script.run_epoch(paid=("miner-1",))
    for _ in range(2):
        rows = (await watch.look()).rows
        gained = {row.name: row.reward_alpha for row in rows if row.reward_alpha}
        assert gained == {"owner": 8, "miner-1": 24, "miner-2": 8}
    assert watch.earned.epoch == 4


async def test_where_history_is_gone_what_is_known_is_counted(watch: Watch, script: Script) -> None:
    async def forgotten(number: int) -> bytes:
        raise ChainRefused(
            "The chain no longer keeps the state of that block.", "", "StateDiscarded"
        )

    script.block_hash = forgotten  # type: ignore[method-assign]
    script.run_epoch(paid=("miner-1",))
    script.run_epoch(paid=("miner-1",))
    gained = {row.name: row.reward_alpha for row in (await watch.look()).rows}
    assert gained["miner-1"] == 8


def judge(state_dir: Path, validator: str, average: float, *reasons: Reason) -> None:
    """Let a validator have written down what it thinks of miner-1."""
    hotkey, miner = KEYS[validator].hotkey.address, KEYS["miner-1"].hotkey.address
    opinion = Opinion(
        uid=UIDS["miner-1"], average=average, rounds=3, score=average, latency_s=0.1,
        reasons=reasons,
    )  # fmt: skip
    folder = NeuronFolder.of(state_dir, GENESIS, 1, hotkey)
    CheckpointFile(folder.checkpoint).save(
        Checkpoint(
            genesis=GENESIS, netuid=NetUid(1), hotkey=hotkey, round=3, opinions={miner: opinion}
        )
    )


async def test_scores_and_reasons_are_the_validators(watch: Watch, tmp_path: Path) -> None:
    both = Reason("told", "said by both")
    judge(tmp_path, "validator-1", 0.5, Reason("told", "slow"), both)
    judge(tmp_path, "validator-2", 0.75, Reason("told", "late"), both)
    rows = {row.name: row for row in (await watch.look()).rows}
    assert rows["miner-1"].score == 0.625
    assert rows["miner-1"].reasons == ("slow", "said by both", "late")
    assert rows["miner-1"].why.startswith(
        "validator-1: slow; said by both · validator-2: late; said by both · "
    )
    assert rows["miner-2"].score is None


async def test_validators_that_agree_are_quoted_once(watch: Watch, tmp_path: Path) -> None:
    judge(tmp_path, "validator-1", 0.0, Reason("speed", "11 tokens/s"))
    judge(tmp_path, "validator-2", 0.0, Reason("speed", "10 tokens/s"))
    rows = {row.name: row for row in (await watch.look()).rows}
    assert rows["miner-1"].why == "11 tokens/s"


async def test_who_earns_nothing_yet_is_told_what_is_awaited(
    watch: Watch, script: Script, tmp_path: Path
) -> None:
    judge(tmp_path, "validator-1", 1.0, Reason("told", "right"))
    await FakeChain(script._ledger).serve_axon(1, KEYS["miner-2"].hotkey, Endpoint("127.0.0.1", 9))
    view = await watch.look()
    why = {row.name: row.why for row in view.rows}
    assert why["owner"] == ""
    assert (
        why["miner-1"] == f"right · score counts at the next epoch, block {view.next_epoch_block}"
    )
    assert why["miner-2"] == "not asked yet"
    assert why["miner-3"] == "no address published yet"
    # The owner has no process, and a guest's is not known here: neither may be asked for.
    watch.is_ready = (dict.fromkeys(MINERS, True) | {"miner-3": False}).__getitem__
    why = {row.name: row.why for row in (await watch.look()).rows}
    assert (why["miner-2"], why["miner-3"]) == ("not asked yet", "still loading the task")


async def test_who_joined_later_is_shown_by_the_wallets_name_or_the_hotkey(
    watch: Watch, script: Script, tmp_path: Path
) -> None:
    plain = FakeChain(script._ledger)
    mine, other = key(50), key(51)
    folder = tmp_path / "wallets" / "mine" / "hotkeys"
    folder.mkdir(parents=True)
    (folder / "defaultpub.txt").write_text(f'{{"ss58Address": "{mine.address}"}}')
    (folder / "brokenpub.txt").write_text("{")
    for hotkey in (mine, other):
        await plain.register(NetUid(1), KEYS["owner"].coldkey, hotkey.address)
    rows = (await watch.look()).rows
    assert [(row.uid, row.name, row.behaviour) for row in rows[len(UIDS) :]] == [
        (6, "mine", GUEST),
        (7, f"{other.address[:8]}…", GUEST),
    ]
    assert [row.reward_alpha for row in rows[len(UIDS) :]] == [0, 0]
    script.run_epoch(paid=(mine.address, other.address))
    script.joined[other.address] = script.last_epoch_block  # that pay was for the uid's last holder
    assert [row.reward_alpha for row in (await watch.look()).rows[len(UIDS) :]] == [8, 0]


async def test_a_member_that_lost_its_uid_is_no_longer_shown_in_its_place(
    watch: Watch, script: Script
) -> None:
    """A uid changes hands on a full subnet; a hotkey does not."""
    other = key(60)
    before = script.metagraph

    async def replaced(netuid: int, at: BlockRef | None = None) -> Metagraph:
        found = await before(netuid, at)
        last = dataclasses.replace(found.neurons[-1], hotkey=other.address)
        return dataclasses.replace(found, neurons=(*found.neurons[:-1], last))

    script.metagraph = replaced  # type: ignore[method-assign]
    assert [row.name for row in (await watch.look()).rows][-1] == f"{other.address[:8]}…"
