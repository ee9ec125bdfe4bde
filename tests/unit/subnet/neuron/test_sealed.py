"""Sealed rows: kept before they are committed, opened in their epoch, and told when they are not
opened."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from loguru import logger

from assay.chain.errors import OutcomeUnknown
from assay.chain.fake_state import FakeState
from assay.chain.interface import Endpoint
from assay.chain.sealing import RowSeal, SealedRow, WeightsSealed, seal
from assay.neuron.checkpoint import CheckpointFile, KeptRow, ValidatorMemory
from assay.neuron.sealed import ROWS_MAX, UNSURE_EPOCHS, SealedRows
from assay.types import Uid
from tests.unit.subnet.neuron.worlds import GENESIS, World, key, make_world

VALIDATOR, MINER = key(1), key(2)
TEMPO = 20


class Setting:
    """A validator with a permit on a subnet under commit-reveal, and its memory on disk."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.chain = world.chain
        self.file = CheckpointFile(folder / "checkpoint.json")
        self.counted: list[str] = []
        self.start()

    def start(self) -> None:
        """Begin as a new process does: what is known is what the file holds."""
        loaded = self.file.load(GENESIS, self.world.netuid, VALIDATOR.address)
        self.memory = ValidatorMemory(self.file, loaded)
        self.rows = SealedRows(
            self.chain,
            self.world.netuid,
            VALIDATOR,
            self.memory,
            rng=random.Random(1),
            count=self.counted.append,
        )

    async def commit(self, weight: float = 1.0, *, told: bool = True) -> None:
        """Seal a row for the miner; with ``told`` False the process ends before it is answered."""
        epoch = (await self.chain.moment(self.world.netuid)).epoch.index
        outcome = await self.chain.set_weights(
            self.world.netuid,
            VALIDATOR,
            {Uid(1): 1.0, Uid(2): weight},
            sealing=self.rows.sealing(epoch),
        )
        assert isinstance(outcome, WeightsSealed), outcome
        assert outcome.reveal_epoch == epoch + 1
        if told:
            self.rows.committed(outcome)

    async def open(self) -> bool:
        return await self.rows.open(await self.chain.moment(self.world.netuid))

    async def row(self) -> list[int]:
        rows = await self.chain.weights(self.world.netuid)
        return [value for _, value in rows.get(Uid(1), ())]


@pytest.fixture
async def setting(tmp_path: Path) -> Setting:
    world = await make_world({VALIDATOR: None, MINER: Endpoint("127.0.0.1", 20_001)})

    def under_commit_reveal(state: FakeState) -> FakeState:
        subnet = state.subnet(world.netuid)
        return state.with_subnet(
            replace(subnet, settings=replace(subnet.settings, commit_reveal=True))
        )

    world.ledger.edit(under_commit_reveal)
    world.ledger.advance(TEMPO)  # permits
    return Setting(world, tmp_path)


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(
        lambda message: lines.append(str(message)), level="WARNING", format="{message}"
    )
    yield lines
    logger.remove(sink)


async def test_a_row_is_opened_in_the_epoch_after_its_commit(setting: Setting) -> None:
    await setting.commit()
    assert not await setting.open()
    assert await setting.row() == []
    setting.world.ledger.advance(TEMPO)
    await setting.open()
    assert await setting.row() == [65_535, 65_535]
    assert setting.memory.now.sealed == ()
    assert setting.counted == ["opened"]


async def test_row_and_salt_are_on_disk_before_the_hash_is_sent(setting: Setting) -> None:
    seen: list[KeptRow] = []
    whole = setting.rows.sealing(1)

    def watched(sealed: SealedRow) -> None:
        whole.keep(sealed)
        stored = setting.file.read()
        assert stored is not None
        seen.extend(stored.sealed)
        raise KeyboardInterrupt  # the process ends here

    with pytest.raises(KeyboardInterrupt):
        await setting.chain.set_weights(
            setting.world.netuid, VALIDATOR, {Uid(2): 1.0}, sealing=RowSeal(whole.salt, watched)
        )
    (kept,) = seen
    assert kept.row.salt == whole.salt
    state = setting.world.ledger.state_at(setting.world.ledger.head)
    assert not state.stored, "nothing was committed"


async def test_a_crash_after_the_commit_loses_nothing(setting: Setting) -> None:
    await setting.commit(told=False)
    setting.start()
    assert await setting.open(), "no other commit is needed"
    (kept,) = setting.memory.now.sealed
    assert kept.reveal_epoch == kept.epoch + 1
    setting.world.ledger.advance(TEMPO)
    setting.start()
    await setting.open()
    assert await setting.row() == [65_535, 65_535]


async def test_a_crash_after_the_opening_is_noticed(setting: Setting, said: list[str]) -> None:
    await setting.commit()
    setting.world.ledger.advance(TEMPO)
    (kept,) = setting.memory.now.sealed
    await setting.chain.reveal_weights(setting.world.netuid, VALIDATOR, kept.row)
    setting.start()
    await setting.open()
    assert setting.memory.now.sealed == ()
    assert said == []


async def test_a_row_that_was_not_opened_in_time_is_told(setting: Setting, said: list[str]) -> None:
    await setting.commit()
    setting.world.ledger.advance(2 * TEMPO)
    await setting.open()
    assert await setting.row() == []
    assert setting.memory.now.sealed == ()
    assert "were not opened in their epoch 2" in "".join(said)
    assert setting.counted == ["not_opened"]


async def test_of_two_commits_the_newer_is_opened_and_the_older_dropped(setting: Setting) -> None:
    await setting.commit(told=False)
    await setting.commit(0.5)
    setting.world.ledger.advance(TEMPO)
    await setting.open()
    assert await setting.row() == [65_535, 32_768]
    assert setting.memory.now.sealed == ()


async def test_a_commit_that_never_reached_the_chain_is_forgotten(
    setting: Setting, said: list[str]
) -> None:
    def lost(sealed: SealedRow) -> None:
        sealing.keep(sealed)
        raise OutcomeUnknown("The answer was lost.", "Look.")

    sealing = setting.rows.sealing(1)
    with pytest.raises(OutcomeUnknown):
        await setting.chain.set_weights(
            setting.world.netuid, VALIDATOR, {Uid(2): 1.0}, sealing=RowSeal(sealing.salt, lost)
        )
    assert not await setting.open()
    assert len(setting.memory.now.sealed) == 1, "it may still be on its way"
    for _ in range(UNSURE_EPOCHS):
        setting.world.ledger.advance(TEMPO)
        await setting.open()
    assert setting.memory.now.sealed == ()
    assert said == []


async def test_while_the_chain_is_away_it_is_tried_again(setting: Setting, said: list[str]) -> None:
    await setting.commit()
    setting.world.ledger.advance(TEMPO)
    moment = await setting.chain.moment(setting.world.netuid)
    setting.world.ledger.down = True
    await setting.rows.open(moment)
    setting.world.ledger.down = False
    await setting.rows.open(moment)
    assert await setting.row() == [], "not in the same block"
    setting.world.ledger.advance()
    await setting.open()
    assert await setting.row() == [65_535, 65_535]
    assert "Trying again" in "".join(said)


def test_no_more_rows_are_kept_than_the_chain_lets_wait(setting: Setting) -> None:
    sealing = setting.rows.sealing(1)
    for version in range(ROWS_MAX + 3):
        sealing.keep(seal(VALIDATOR.address, 1, [], version, sealing.salt))
    kept = [each.row.version_key for each in setting.memory.now.sealed]
    assert kept == list(range(3, ROWS_MAX + 3))


def test_no_two_rows_have_one_salt(setting: Setting) -> None:
    salts = {setting.rows.sealing(1).salt for _ in range(100)}
    assert len(salts) == 100
    assert all(len(salt) == 8 for salt in salts)
