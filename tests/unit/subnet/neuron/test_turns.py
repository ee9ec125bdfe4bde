"""A validator's turn when something changes or hangs in the middle of it."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from assay.chain.fake import FakeChain
from assay.chain.fake_state import FakeState
from assay.chain.interface import Endpoint, WeightsOutcome
from assay.errors import UserError
from assay.metrics import NoMetrics
from assay.neuron import Answer, Caller, Score, Turn, Verdict
from assay.neuron.opinions import Window
from assay.neuron.task import Looked, Pace
from assay.neuron.validator import REUNION_S, STALE_EPOCHS
from assay.types import Ss58, Uid
from assay.wire.memory import MemoryNetwork
from examples.reverse import Reverse, Reversed, ReverseTask
from tests.unit.subnet.neuron.worlds import (
    World,
    flowing,
    key,
    make_miner,
    make_validator,
    make_world,
    until,
)

VALIDATOR, FIRST, SECOND, NEWCOMER = key(1), key(2), key(3), key(9)


def hand_over(world: World, old: str, new: str) -> None:
    """In the next block the uid of ``old`` belongs to ``new``."""

    def apply(state: FakeState, block: int) -> tuple[FakeState, None]:
        subnet = state.subnet(world.netuid)
        uid = subnet.need_uid(old)
        slot = dataclasses.replace(subnet.slots[uid], hotkey=Ss58(new), registered=block, axon=None)
        state = dataclasses.replace(state, owners={**state.owners, Ss58(new): Ss58(new)})
        return state.with_subnet(subnet.with_slot(uid, slot)), None

    world.ledger.submit(apply)


def named(world: World) -> set[str]:
    slots = world.ledger.state_at(world.ledger.finalized).subnet(world.netuid).slots
    return {slot.hotkey for slot in slots}


class Between(FakeChain):
    """Does something once, just before the first weights are sent that the chain will take."""

    def __init__(self, world: World, act: Callable[[], None]) -> None:
        super().__init__(world.ledger)
        self.sent: list[Mapping[Uid, float]] = []
        self._act = act

    async def set_weights(self, *args: Any, **options: Any) -> WeightsOutcome:
        sender = (await self.metagraph(args[0])).by_hotkey(args[1].address)
        if sender is not None and sender.validator_permit:
            self.sent.append(args[2])
            if len(self.sent) == 1:
                self._act()
        return await super().set_weights(*args, **options)


async def test_a_uid_that_changes_hands_under_the_weights_has_them_set_anew(
    tmp_path: Path,
) -> None:
    world = await make_world({VALIDATOR: None, FIRST: None, SECOND: None})
    network = MemoryNetwork()
    kept = make_miner(world, network, FIRST, ReverseTask())
    lost = make_miner(world, network, SECOND, ReverseTask())
    chain = Between(world, lambda: hand_over(world, SECOND.address, NEWCOMER.address))
    validator = make_validator(world, network, VALIDATOR, tmp_path, chain=chain)
    async with flowing(world):
        running = [asyncio.create_task(neuron.run()) for neuron in (kept, lost, validator)]
        await until(lambda: validator.memory.weights_epoch is not None, "weights stand")
        validator.stop.set()
        kept.stop.set()
        await asyncio.gather(*running, return_exceptions=True)
    uids = {n.hotkey: n.uid for n in (await world.chain.metagraph(world.netuid)).neurons}
    assert len(chain.sent) >= 2
    assert uids[NEWCOMER.address] in chain.sent[0], "the race was not run"
    rows = await world.chain.weights(world.netuid)
    assert [uid for uid, _ in rows[uids[VALIDATOR.address]]] == [uids[FIRST.address]]


async def test_weights_are_set_once_an_epoch(tmp_path: Path) -> None:
    world = await make_world({VALIDATOR: None, FIRST: None})
    network = MemoryNetwork()
    miner = make_miner(world, network, FIRST, ReverseTask())
    chain = Between(world, lambda: None)
    validator = make_validator(world, network, VALIDATOR, tmp_path, chain=chain)
    epochs: list[int] = []
    async with flowing(world), asyncio.TaskGroup() as group:
        group.create_task(miner.run())
        group.create_task(validator.run())
        while len(epochs) < 3:
            known, rounds = len(epochs), validator.memory.round
            await until(lambda: validator.memory.weights_epoch not in (None, *epochs), "weights")
            assert validator.memory.weights_epoch is not None
            epochs.append(validator.memory.weights_epoch)
            assert len(chain.sent) == known + 1
            await until(lambda: validator.memory.round > rounds + 1, "rounds in between")  # noqa: B023
        validator.stop.set()
        miner.stop.set()
    assert epochs == sorted(epochs)


async def test_a_uid_that_changed_hands_during_the_round_is_not_paid_for_its_former_owner(
    tmp_path: Path,
) -> None:
    world = await make_world({VALIDATOR: None, FIRST: None, SECOND: None})

    class Handing(ReverseTask):
        handed = False

        async def score(
            self, rng: random.Random, answers: Sequence[Answer[Reverse, Reversed]]
        ) -> list[Score]:
            if len(answers) == 2 and not self.handed:
                self.handed = True
                hand_over(world, SECOND.address, NEWCOMER.address)
            return await super().score(rng, answers)

    network = MemoryNetwork()
    miners = [make_miner(world, network, k, ReverseTask()) for k in (FIRST, SECOND)]
    chain = Between(world, lambda: None)
    validator = make_validator(world, network, VALIDATOR, tmp_path, Handing(), chain)
    async with flowing(world):
        running = [asyncio.create_task(neuron.run()) for neuron in (*miners, validator)]
        await until(lambda: NEWCOMER.address in named(world), "the uid changed hands")
        await until(lambda: validator.memory.weights_epoch is not None, "weights stand")
        for neuron in (*miners, validator):
            neuron.stop.set()
        await asyncio.gather(*running, return_exceptions=True)
    uids = {n.hotkey: n.uid for n in (await world.chain.metagraph(world.netuid)).neurons}
    assert all(uids[NEWCOMER.address] not in weights for weights in chain.sent)


async def test_weights_are_withdrawn_when_nobody_works_for_a_whole_epoch(tmp_path: Path) -> None:
    world = await make_world({VALIDATOR: None, FIRST: None})
    network = MemoryNetwork()

    class Idle(ReverseTask):
        idle = False

        async def serve(self, request: Reverse, caller: Caller) -> Reversed:
            return Reversed(text="" if self.idle else request.text[::-1])

    task = Idle()
    miner = make_miner(world, network, FIRST, task)
    chain = Between(world, lambda: None)
    validator = make_validator(world, network, VALIDATOR, tmp_path, chain=chain)
    uids = {n.hotkey: n.uid for n in (await world.chain.metagraph(world.netuid)).neurons}
    own, other = uids[VALIDATOR.address], uids[FIRST.address]
    async with flowing(world), asyncio.TaskGroup() as group:
        group.create_task(miner.run())
        group.create_task(validator.run())
        await until(lambda: validator.memory.weights_epoch is not None, "weights stand")
        task.idle = True
        await until(lambda: {own: 1.0} in chain.sent, "the row is withdrawn")
        task.idle = False
        seen = len(chain.sent)
        await until(lambda: {other: 1.0} in chain.sent[seen:], "work is paid again")
        validator.stop.set()
        miner.stop.set()


class Hanging(ReverseTask):
    async def score(
        self, rng: random.Random, answers: Sequence[Answer[Reverse, Reversed]]
    ) -> list[Score]:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_task_that_hangs_ends_its_validator_with_a_sentence(tmp_path: Path) -> None:
    world = await make_world({VALIDATOR: None})
    validator = make_validator(world, MemoryNetwork(), VALIDATOR, tmp_path, Hanging())
    async with flowing(world):
        with pytest.raises(UserError, match="took more than 600 s for one turn"):
            await validator.run()
    assert validator.memory.round == 0


async def test_a_stop_does_not_wait_for_a_task_that_hangs(tmp_path: Path) -> None:
    world = await make_world({VALIDATOR: None})
    validator = make_validator(world, MemoryNetwork(), VALIDATOR, tmp_path, Hanging())
    async with flowing(world):
        running = asyncio.create_task(validator.run())
        await until(lambda: world.clock.monotonic() > 1, "the round is under way")
        validator.stop.set()
        await running
    assert world.clock.monotonic() < 10
    assert validator.memory.round == 0


async def run_and_stop(world: World, network: MemoryNetwork, folder: Path) -> float:
    """Let a miner earn its average, then stop miner and validator; the average."""
    miner = make_miner(world, network, FIRST, ReverseTask())
    validator = make_validator(world, network, VALIDATOR, folder)
    async with flowing(world):
        running = [asyncio.create_task(neuron.run()) for neuron in (miner, validator)]
        await until(lambda: validator.memory.weights_epoch is not None, "weights stand")
        for neuron in (miner, validator):
            neuron.stop.set()
        await asyncio.gather(*running)
    average: float = validator.memory.opinions[FIRST.address].average
    assert average > 0.0
    return average


async def test_averages_that_a_long_absence_made_stale_pay_nobody(tmp_path: Path) -> None:
    """The miner is gone meanwhile: only what is remembered could pay it."""
    world = await make_world({VALIDATOR: None, FIRST: None})
    network = MemoryNetwork()
    await run_and_stop(world, network, tmp_path)
    tempo = (await world.chain.metagraph(world.netuid)).epoch.tempo
    world.ledger.advance((STALE_EPOCHS + 1) * tempo)
    chain = Between(world, lambda: None)
    validator = make_validator(world, network, VALIDATOR, tmp_path, chain=chain)
    async with flowing(world):
        running = asyncio.create_task(validator.run())
        seen = validator.memory.round
        await until(lambda: validator.memory.round > seen + 20, "turns go on")
        validator.stop.set()
        await running
    assert validator.memory.opinions[FIRST.address].average == 0.0
    metagraph = await world.chain.metagraph(world.netuid)
    first = metagraph.by_hotkey(FIRST.address)
    assert first is not None
    assert all(first.uid not in row for row in chain.sent)


async def test_a_validator_that_starts_before_its_miners_does_not_punish_them(
    tmp_path: Path,
) -> None:
    world = await make_world({VALIDATOR: None, FIRST: None})
    network = MemoryNetwork()
    average = await run_and_stop(world, network, tmp_path)
    validator = make_validator(world, network, VALIDATOR, tmp_path)
    began_s = world.clock.monotonic()
    async with flowing(world):
        running = asyncio.create_task(validator.run())
        await until(
            lambda: world.clock.monotonic() > began_s + REUNION_S - 5, "nearly all of the grace"
        )
        assert validator.memory.opinions[FIRST.address].average == average
        await until(lambda: world.clock.monotonic() > began_s + REUNION_S + 10, "the grace ends")
        assert validator.memory.opinions[FIRST.address].average < average
        validator.stop.set()
        await running


class Counted(NoMetrics):
    """What was counted, in order."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, dict[str, str]]] = []

    def count(self, name: str, amount: float = 1.0, /, **labels: str) -> None:
        self.counted.append((name, labels))


async def test_turns_are_numbered_one_after_another_and_each_answer_is_counted(
    tmp_path: Path,
) -> None:
    """A third party rechecks a count: a validator that may skip numbers can choose its turns."""
    numbers: list[int] = []

    class Numbering(ReverseTask):
        async def turn(self, turn: Turn) -> Sequence[Verdict]:
            numbers.append(turn.number)
            return await super().turn(turn)

    world = await make_world({VALIDATOR: None, FIRST: None, SECOND: Endpoint("127.0.0.1", 1)})
    network, metrics = MemoryNetwork(), Counted()
    miner = make_miner(world, network, FIRST, ReverseTask())
    validator = make_validator(world, network, VALIDATOR, tmp_path, Numbering(), metrics=metrics)
    async with flowing(world), asyncio.TaskGroup() as group:
        group.create_task(miner.run())
        group.create_task(validator.run())
        await until(lambda: len(numbers) >= 6, "turns go on")
        validator.stop.set()
        miner.stop.set()
    assert numbers == list(range(1, len(numbers) + 1))
    answers = [labels for name, labels in metrics.counted if name == "assay_answers_total"]
    assert {tuple(sorted(labels.items())) for labels in answers} == {
        (("origin", "synthetic"), ("outcome", outcome)) for outcome in ("reply", "peer_unreachable")
    }
    turns = [labels for name, labels in metrics.counted if name == "assay_turns_total"]
    assert turns.count({"outcome": "finished"}) == len(turns) == validator.memory.round


async def test_a_miner_that_was_there_and_goes_is_judged_at_once(tmp_path: Path) -> None:
    """The grace of the start is for who was not reached yet."""
    world = await make_world({VALIDATOR: None, FIRST: None, SECOND: None})
    network = MemoryNetwork()
    miners = [make_miner(world, network, who, ReverseTask()) for who in (FIRST, SECOND)]
    validator = make_validator(world, network, VALIDATOR, tmp_path)
    async with flowing(world):
        running = [asyncio.create_task(neuron.run()) for neuron in (*miners, validator)]
        began_s = world.clock.monotonic()

        def scores() -> list[float]:
            opinions = validator.memory.opinions
            return [
                opinions[who.address].average if who.address in opinions else 0.0
                for who in (FIRST, SECOND)
            ]

        await until(lambda: min(scores()) > 0.0, "both work")
        before = scores()[0]
        seen = validator.memory.round
        miners[0].stop.set()
        await running[0]
        await until(lambda: validator.memory.round > seen + 6, "turns go on")
        assert world.clock.monotonic() < began_s + REUNION_S, "within the grace"
        assert scores()[0] < before
        for neuron in (miners[1], validator):
            neuron.stop.set()
        await asyncio.gather(*running)


async def test_the_window_of_the_averages_ends_when_weights_were_set(tmp_path: Path) -> None:
    """The first row goes out at once; the second, and each after it, near the end of an epoch."""
    world = await make_world({VALIDATOR: None, FIRST: None})
    network = MemoryNetwork()
    miner = make_miner(world, network, FIRST, ReverseTask())
    validator = make_validator(world, network, VALIDATOR, tmp_path, pace=Pace.seconds(0.25))
    tempo = (await world.chain.metagraph(world.netuid)).epoch.tempo
    async with flowing(world):
        running = [asyncio.create_task(neuron.run()) for neuron in (miner, validator)]
        seen: list[Window] = []
        for _ in range(4):
            await until(
                lambda: validator.memory.window.since not in (None, *(w.since for w in seen)),
                "a window begins",
            )
            seen.append(validator.memory.window)
        opinion = validator.memory.opinions[FIRST.address]
        for neuron in (miner, validator):
            neuron.stop.set()
        await asyncio.gather(*running)
    assert seen[0].epoch_turns == 0
    assert all(window.epoch_turns > 0 for window in seen[1:])
    begins = [window.since for window in seen if window.since is not None]
    assert begins[3] - begins[2] == pytest.approx(tempo, abs=tempo / 4), "once an epoch"
    assert opinion.seen <= validator.memory.window.turns < validator.memory.round
    assert opinion.average == pytest.approx(1.0)


async def test_a_turn_that_judges_nobody_changes_no_average(tmp_path: Path) -> None:
    """Work may take longer than an epoch: its judgements pay until the next ones."""
    looked: list[int] = []

    class Seldom(ReverseTask):
        async def turn(self, turn: Turn) -> Sequence[Verdict] | Looked:
            looked.append(turn.number)
            verdicts = await super().turn(turn)
            return verdicts if len(looked) % 70 == 1 else Looked()

    world = await make_world({VALIDATOR: None, FIRST: None})
    network = MemoryNetwork()
    miner = make_miner(world, network, FIRST, ReverseTask())
    chain = Between(world, lambda: None)
    validator = make_validator(
        world, network, VALIDATOR, tmp_path, Seldom(), chain=chain, pace=Pace.blocks(1)
    )
    async with flowing(world), asyncio.TaskGroup() as group:
        group.create_task(miner.run())
        group.create_task(validator.run())
        await until(lambda: validator.memory.round == 2, "two judgements")
        validator.stop.set()
        miner.stop.set()
    assert len(looked) == len(set(looked)) == 71, "no block is looked at twice"
    assert validator.memory.opinions[FIRST.address].average == 1.0
    uid = validator.memory.opinions[FIRST.address].uid
    assert len(chain.sent) >= 3, "an epoch without a judgement sets weights too"
    assert all(row == {uid: 1.0} for row in chain.sent), "and withdraws none"
