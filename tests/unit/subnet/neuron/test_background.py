"""Questions that no turn waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from assay.chain.interface import Endpoint, Moment
from assay.clock import ManualClock
from assay.neuron.background import CONCURRENCY, Asked, Background, Late
from assay.neuron.peers import CONCURRENCY as OF_A_TURN
from assay.neuron.peers import Peers, Question, UnsendableMessage
from assay.neuron.task import MinerTask, Pace, Turn, ValidatorTask, Verdict
from assay.neuron.weighing import LAST_PART
from assay.types import Ss58
from assay.wire.interface import Caller, Method
from assay.wire.limits import DEFAULT
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork
from assay.wire.synapse import Synapse
from tests.unit.subnet.neuron.worlds import (
    flowing,
    key,
    make_miner,
    make_validator,
    make_world,
    until,
)

OWN, QUICK, TARPIT = key(1), key(2), key(3)


class Word(Synapse):
    text: str = ""


WORDS = Method("", Word, Word)


class Held:
    """A peer that answers when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()

    async def echo(self, request: Word, caller: Caller) -> Word:
        await self.let.wait()
        return request


class Here:
    def __init__(self, peers: Peers, moment: Moment, held: Held) -> None:
        self.peers, self.moment, self.held = peers, moment, held
        self.background = Background(peers)

    def asked(self, count: int) -> Asked:
        return Asked(turn=count, count=count, period=1, at=self.moment.at)

    def question(self, text: str = "x") -> Question[Any, Any]:
        target = self.peers.find(QUICK.address)
        assert target is not None
        return Question(target, WORDS, Word(text=text))


@pytest.fixture
async def here() -> Here:
    clock, network, held = ManualClock(), MemoryNetwork(), Held()
    axon = MemoryAxon(QUICK, network, clock=clock)
    axon.attach(Method("words", Word, Word, held.echo))
    await axon.start()
    world = await make_world({OWN: None, QUICK: Endpoint("127.0.0.1", axon.port)})
    at = await world.chain.finalized()
    moment = Moment(at, await world.chain.metagraph(world.netuid, at), {})
    dendrite = MemoryDendrite(OWN, network, clock=clock)
    return Here(Peers(dendrite, task="words", own=OWN.address, now=lambda: moment), moment, held)


async def collected(background: Background, count: int) -> list[Late]:
    """What is handed to a turn once something is there."""
    for _ in range(1_000):
        if late := background.collect(count):
            return late
        await asyncio.sleep(0)
    raise AssertionError("nothing came")


async def test_an_answer_comes_to_the_turn_in_which_it_is_there(here: Here) -> None:
    here.background.post([here.question("a")], here.asked(3), deadline_s=9.0)
    assert here.background.waiting == {QUICK.address}
    await asyncio.sleep(0)
    assert here.background.collect(4) == []
    here.held.let.set()
    (one,) = await collected(here.background, 8)
    assert one.asked.turn == 3, "it is recorded under the turn that asked"
    assert one.answer.reply == Word(text="a")
    assert one.answer.turns_open == 5
    assert here.background.waiting == frozenset()
    assert here.background.collect(9) == [], "once"


async def test_a_target_has_one_question_open(here: Here) -> None:
    here.background.post([here.question()], here.asked(1), deadline_s=9.0)
    with pytest.raises(ValueError, match="question open"):
        here.background.post([here.question()], here.asked(2), deadline_s=9.0)
    await here.background.close()
    assert here.background.waiting == frozenset()


async def test_a_turn_settles_as_soon_as_its_own_questions_are_answered(here: Here) -> None:
    clock = ManualClock()
    here.background.post([here.question("a")], here.asked(3), deadline_s=9.0)
    await here.background.settle(
        4, clock, 2.0, [QUICK.address]
    )  # of a turn that has posted nothing
    settling = asyncio.ensure_future(here.background.settle(3, clock, 2.0, [QUICK.address]))
    here.held.let.set()
    await settling
    (late,) = here.background.collect(3)
    assert (late.answer.reply, late.answer.turns_open) == (Word(text="a"), 1)


async def test_a_turn_settles_at_once_for_whom_it_does_not_wait(here: Here) -> None:
    here.background.post([here.question("a")], here.asked(3), deadline_s=9.0)
    await here.background.settle(3, ManualClock(), 2.0, [OWN.address])
    assert here.background.waiting
    await here.background.close()


async def test_a_turn_settles_without_whoever_does_not_answer(here: Here) -> None:
    clock = ManualClock()
    here.background.post([here.question("a")], here.asked(3), deadline_s=9.0)
    settling = asyncio.ensure_future(here.background.settle(3, clock, 2.0, [QUICK.address]))
    while not settling.done():
        await asyncio.sleep(0)
        clock.advance(1.0)
    assert not here.background.collect(3)
    assert here.background.waiting
    await here.background.close()


async def test_a_message_that_cannot_be_sent_is_told_where_it_is_posted(here: Here) -> None:
    """There it is the builder's line; the next turn begins outside of the task."""
    wrong = Method("", Word, Word, request_bytes_max=2)
    question = Question(here.question().target, wrong, Word(text="too long"))
    with pytest.raises(UnsendableMessage):
        here.background.post([question], here.asked(1), deadline_s=9.0)
    assert here.background.waiting == frozenset()


def test_a_full_subnet_is_asked_at_one_moment_whoever_of_it_never_answers() -> None:
    full = 256
    assert full <= CONCURRENCY
    assert DEFAULT.pool_max >= CONCURRENCY + OF_A_TURN


class Serves(MinerTask):
    """Answers, or never does."""

    name = "words"

    def __init__(self, *, tarpit: bool = False) -> None:
        self._tarpit = tarpit

    def methods(self) -> Sequence[Method[Any, Any]]:
        return (Method("", Word, Word, self.echo),)

    async def echo(self, request: Word, caller: Caller) -> Word:
        if self._tarpit:
            await asyncio.Event().wait()
        return request


class Posts(ValidatorTask):
    """Waits for the first target, and posts what it asks of the others."""

    name = "words"
    pace = Pace.seconds(1.0)

    def __init__(self, *, posts: bool) -> None:
        self._posts = posts
        self.open: list[tuple[Ss58, int]] = []

    async def turn(self, turn: Turn) -> list[Verdict]:
        slow = {TARPIT.address} if self._posts else set()
        assert turn.post is not None
        asked = [Question(t, WORDS, Word()) for t in turn.targets if t.hotkey not in slow]
        free = [t for t in turn.targets if t.hotkey in slow - set(turn.waiting)]
        turn.post([Question(t, WORDS, Word()) for t in free], 40.0)
        answers = [*await turn.ask(asked), *turn.late]
        self.open += [(a.target.hotkey, a.turns_open) for a in turn.late]
        return [
            Verdict(a.target.hotkey, float(a.reply is not None), float(a.turns_open))
            for a in answers
        ]


async def turns_in(seconds: float, folder: Path, *, posts: bool) -> tuple[int, Posts]:
    """How many turns a validator takes beside a peer that never answers."""
    world = await make_world({OWN: None, QUICK: None, TARPIT: None})
    network = MemoryNetwork()
    miners = [
        make_miner(world, network, who, Serves(tarpit=who is TARPIT)) for who in (QUICK, TARPIT)
    ]
    task = Posts(posts=posts)
    validator = make_validator(world, network, OWN, folder, task)
    async with flowing(world):
        running = [asyncio.create_task(neuron.run()) for neuron in (*miners, validator)]
        await until(lambda: len(validator.memory.opinions) > 0, "there is somebody to judge")
        begun_s, before = world.clock.monotonic(), validator.memory.round
        await until(lambda: world.clock.monotonic() > begun_s + seconds, "time passes")
        counted = validator.memory.round - before
        for neuron in (*miners, validator):
            neuron.stop.set()
        await asyncio.gather(*running)
    return counted, task


async def test_a_peer_that_never_answers_takes_no_turn_from_the_others(tmp_path: Path) -> None:
    held, _ = await turns_in(60.0, tmp_path / "asks", posts=False)
    free, task = await turns_in(60.0, tmp_path / "posts", posts=True)
    assert held <= 30, "each turn waits for two seconds, and then for half a second"
    assert free >= 90, "each waits for half a second alone"
    (hotkey, turns), *_ = task.open
    assert hotkey == TARPIT.address
    assert turns >= 30, "its silence counts for all the turns that it lasted"


async def test_the_first_weights_wait_for_the_question_until_the_last_quarter(
    tmp_path: Path,
) -> None:
    world = await make_world({OWN: None, QUICK: None, TARPIT: None})
    network = MemoryNetwork()
    miners = [
        make_miner(world, network, who, Serves(tarpit=who is TARPIT)) for who in (QUICK, TARPIT)
    ]
    validator = make_validator(world, network, OWN, tmp_path, Posts(posts=True))
    async with flowing(world):
        running = [asyncio.create_task(neuron.run()) for neuron in (*miners, validator)]
        await until(lambda: validator.memory.weights_epoch is not None, "weights stand")
        now = await world.chain.metagraph(world.netuid)
        for neuron in (*miners, validator):
            neuron.stop.set()
        await asyncio.gather(*running)
    assert validator.memory.opinions[QUICK.address].rounds > 3, "there was time to set them sooner"
    own = now.by_hotkey(OWN.address)
    assert own is not None
    assert own.last_update >= now.epoch.next_block - LAST_PART * now.epoch.tempo
