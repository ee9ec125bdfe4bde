"""One turn of a validator: what the task is handed, what comes of it, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from assay.chain.interface import Endpoint
from assay.chain.view import Moment
from assay.clock import ManualClock
from assay.neuron.asking import CANCELLED_S, Played, TaskHangs, checked_weights, play
from assay.neuron.background import Asked, Background
from assay.neuron.faults import BrokenTask, where
from assay.neuron.peers import Answer, Origin, Peers, Question, Target
from assay.neuron.seeds import target_rng, turn_rng
from assay.neuron.task import Turn, ValidatorTask, Verdict
from assay.outcome import Kind, outcome_of
from assay.types import Uid
from assay.wire.interface import Caller, Method
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork
from assay.wire.synapse import Synapse
from tests.unit.subnet.neuron.worlds import key, make_world, until

OWN, SERVING, AWAY = key(1), key(2), key(3)
SEED = bytes(range(32))


class Word(Synapse, frozen=True):
    text: str = ""


ECHO = Method("", Word, Word)


def answer(hotkey: str, outcome: str, *, origin: Origin = Origin.SYNTHETIC) -> Answer[Any, Any]:
    replied = Word("yes") if outcome == "reply" else None
    failure = None if replied else "no"
    target = Target(Uid(1), hotkey, None)  # type: ignore[arg-type]
    return Answer(target, Word(), replied, failure, 0.1, outcome=outcome, origin=origin)


class Takes(ValidatorTask):
    """Takes its turns as it is told, and gives the weights that it is told."""

    name = "words"

    def __init__(self, act: Callable[[Turn], Awaitable[Any]]) -> None:
        self._act = act

    async def turn(self, turn: Turn) -> Any:
        return await self._act(turn)


class Here:
    """A subnet in which one miner answers and one is away, and its clock."""

    def __init__(self, clock: ManualClock, peers: Peers, moment: Moment) -> None:
        self.clock, self.peers, self.moment = clock, peers, moment
        self.budgets_s: list[float] = []
        self.background = Background(peers)
        self.let = asyncio.Event()
        self.let.set()

    async def echo(self, request: Word, caller: Caller) -> Word:
        self.budgets_s.append(caller.budget_s)
        await self.let.wait()
        return request

    async def play(
        self,
        task: ValidatorTask,
        organic: tuple[Answer[Any, Any], ...] = (),
        limit_s: float = 9.0,
        number: int = 7,
    ) -> Played:
        return await play(
            task,
            self.peers,
            self.moment,
            asked=Asked(turn=number, count=number, period=1, at=self.moment.at),
            background=self.background,
            seed=SEED,
            organic=organic,
            clock=self.clock,
            deadline_s=2.0,
            turn_deadline_s=limit_s,
        )


@pytest.fixture
async def here() -> Here:
    clock, network = ManualClock(), MemoryNetwork()
    axon = MemoryAxon(SERVING, network, clock=clock)
    await axon.start()
    world = await make_world(
        {
            OWN: Endpoint("127.0.0.1", 1),
            SERVING: Endpoint("127.0.0.1", axon.port),
            AWAY: Endpoint("127.0.0.1", 2),
        }
    )
    at = await world.chain.finalized()
    moment = Moment(at, await world.chain.metagraph(world.netuid, at), {})
    dendrite = MemoryDendrite(OWN, network, clock=clock)
    peers = Peers(dendrite, task="words", own=OWN.address, now=lambda: moment)
    here = Here(clock, peers, moment)
    axon.attach(Method("words", Word, Word, here.echo))
    return here


async def test_a_task_is_handed_its_turn_and_all_its_chance_comes_from_the_seed(
    here: Here,
) -> None:
    turns: list[Turn] = []
    client = answer(SERVING.address, "reply", origin=Origin.ORGANIC)
    other = answer(SERVING.address, "reply")

    async def act(turn: Turn) -> list[Verdict]:
        turns.append(turn)
        return [Verdict(SERVING.address, 0.5)]

    played = await here.play(Takes(act), (client, other))
    (turn,) = turns
    assert (turn.number, turn.moment, turn.organic) == (7, here.moment, (client, other))
    assert [target.hotkey for target in turn.targets] == [SERVING.address, AWAY.address]
    assert turn.rng.random() == turn_rng(SEED).random()
    for hotkey in (SERVING.address, AWAY.address):
        assert turn.rng_of(hotkey).random() == target_rng(SEED, hotkey).random()
    assert played.verdicts == [Verdict(SERVING.address, 0.5)]
    assert played.answers == [client], "a client's answers are written down, and no others"


async def test_an_answer_that_kept_a_later_turn_from_asking_took_both_turns(here: Here) -> None:
    """Else whoever ends its answers a moment after the next turn has asked would be asked alone in
    every other turn, and be paid for it as if it had been asked with the other uids of its
    machine."""
    came: list[list[int]] = []

    async def act(turn: Turn) -> list[Verdict]:
        assert turn.post is not None
        assert turn.settle is not None
        if not turn.waiting:
            turn.post([Question(turn.targets[0], ECHO, Word())], 9.0)
            await asyncio.sleep(0)
        else:
            here.let.set()
            for _ in range(100):  # of the event loop: what was let go is here long before
                await asyncio.sleep(0)
        settled = await turn.settle(1.0, ())
        came.append([answer.turns_open for answer in (*turn.late, *settled)])
        return []

    here.let.clear()
    await here.play(Takes(act), number=7)
    await here.play(Takes(act), number=8)
    assert came == [[], [2]]


async def test_all_that_was_asked_is_kept_in_its_order_with_who_replied(here: Here) -> None:
    got: list[Answer[Any, Any]] = []

    async def act(turn: Turn) -> tuple[Verdict, ...]:
        for text in ("one", "two"):
            got.extend(await turn.ask([Question(t, ECHO, Word(text)) for t in turn.targets]))
        return ()

    played = await here.play(Takes(act))
    assert played.answers == got
    assert [(a.target.hotkey, a.request.text, a.reply) for a in got] == [
        (SERVING.address, "one", Word("one")),
        (AWAY.address, "one", None),
        (SERVING.address, "two", Word("two")),
        (AWAY.address, "two", None),
    ]
    assert here.budgets_s == [pytest.approx(2.0)] * 2, "each question has its own time"
    assert (played.replied, played.unreached) == ({SERVING.address}, {AWAY.address})
    assert list(played.verdicts) == []


def test_unreached_is_who_was_there_for_no_question() -> None:
    """A refusal or a late answer is a miner's own; nobody there to ask says nothing of its work."""
    played = Played(
        answers=[
            answer("moved", "no_address"),
            answer("away", "peer_unreachable"),
            answer("late", "deadline_exceeded"),
            answer("once", "peer_unreachable"),
            answer("once", "reply"),
        ]
    )
    assert played.unreached == {"moved", "away"}
    assert played.replied == {"once"}
    assert (Played().replied, Played().unreached) == (set(), set())


async def test_a_turn_without_end_is_ended_and_named(here: Here) -> None:
    ended = asyncio.Event()

    async def act(turn: Turn) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    playing = asyncio.create_task(here.play(Takes(act), limit_s=9.0))
    for _ in range(100):
        await asyncio.sleep(0)
    here.clock.advance(8.9)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not playing.done()
    here.clock.advance(0.2)
    await until(playing.done, "the turn ends")
    assert ended.is_set(), "the task no longer runs"
    with pytest.raises(TaskHangs, match="words took more than 9 s for one turn"):
        playing.result()


SWALLOWS = "            await release.wait()"
LINE = 1 + Path(__file__).read_text().splitlines().index(SWALLOWS)


async def swallows(release: asyncio.Event) -> None:
    """A builder's loop that takes its cancellation for any other trouble."""
    while not release.is_set():
        try:
            await release.wait()
        except BaseException:
            continue


async def test_a_turn_that_swallows_its_cancellation_is_left_behind_and_named(here: Here) -> None:
    release = asyncio.Event()
    playing = asyncio.create_task(here.play(Takes(lambda _: swallows(release)), limit_s=9.0))
    for _ in range(100):
        await asyncio.sleep(0)
    here.clock.advance(9.1)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not playing.done(), "it has a grace"
    here.clock.advance(CANCELLED_S + 0.1)
    await until(playing.done, "the turn ends")
    with pytest.raises(TaskHangs, match="9 s for one turn, and goes on") as caught:
        playing.result()
    assert str(caught.value.place) == f"{__file__}:{LINE} in swallows()"
    assert caught.value.cause.startswith(f"{__file__}:{LINE} in swallows()")
    assert "BaseException" in caught.value.cure
    told = outcome_of(caught.value)
    assert (told.kind, told.at) == (Kind.USER, caught.value.place)
    release.set()


async def test_a_stop_does_not_wait_for_a_turn_that_swallows_its_cancellation(here: Here) -> None:
    release = asyncio.Event()
    playing = asyncio.create_task(here.play(Takes(lambda _: swallows(release)), limit_s=9.0))
    for _ in range(100):
        await asyncio.sleep(0)
    playing.cancel()
    for _ in range(100):
        await asyncio.sleep(0)
    here.clock.advance(CANCELLED_S + 0.1)
    await until(playing.done, "the turn ends")
    assert playing.cancelled()
    release.set()


async def test_a_stray_cancellation_is_the_turns_own_failure(here: Here) -> None:
    """It would end the whole neuron as if somebody had stopped it."""

    async def act(turn: Turn) -> None:
        doomed = asyncio.ensure_future(asyncio.Event().wait())
        asyncio.get_running_loop().call_soon(doomed.cancel)
        await doomed

    with pytest.raises(RuntimeError, match="catch the CancelledError") as caught:
        await here.play(Takes(act))
    place = where(caught.value, Takes(act))
    assert place is not None
    assert place.function == "act", "the line that waited"


async def test_what_a_turn_comes_to_while_it_is_cancelled_counts(here: Here) -> None:
    async def act(turn: Turn) -> list[Verdict]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return [Verdict(SERVING.address, 0.5)]
        raise AssertionError

    playing = asyncio.create_task(here.play(Takes(act), limit_s=9.0))
    for _ in range(100):
        await asyncio.sleep(0)
    here.clock.advance(9.1)
    await until(playing.done, "the turn ends")
    assert [verdict.value for verdict in playing.result().verdicts] == [0.5]


async def test_a_tasks_own_timeout_is_its_own_error(here: Here) -> None:
    async def act(turn: Turn) -> None:
        raise TimeoutError("an engine")

    with pytest.raises(TimeoutError, match="an engine"):
        await here.play(Takes(act))


@pytest.mark.parametrize(
    ("returned", "named"),
    [
        (None, "NoneType"),
        (Verdict("5Hotkey", 1.0), "Verdict"),  # type: ignore[arg-type]
        ({"5Hotkey": 1.0}, "dict"),
        ([Verdict("5Hotkey", 1.0), 0.5], "float"),  # type: ignore[arg-type]
        ([0.5, Verdict("5Hotkey", 1.0)], "float"),  # type: ignore[arg-type]
    ],
)
async def test_what_is_no_list_of_verdicts_is_the_tasks_mistake_at_its_line(
    here: Here, returned: object, named: str
) -> None:
    async def act(turn: Turn) -> object:
        return returned

    with pytest.raises(BrokenTask, match=rf"returned a {named}\.") as caught:
        await here.play(Takes(act))
    assert caught.value.place is not None
    assert caught.value.place.function == "turn"


def test_a_weight_of_zero_is_one() -> None:
    async def act(turn: Turn) -> None: ...

    weights = checked_weights(Takes(act), {"5A": 0, "5B": 3})  # type: ignore[dict-item]
    assert weights == {"5A": 0.0, "5B": 3.0}
