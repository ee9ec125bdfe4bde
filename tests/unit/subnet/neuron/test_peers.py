"""Whom a turn asks, and what an answer says of who did not answer."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from assay.chain.interface import Endpoint
from assay.chain.view import Moment
from assay.clock import ManualClock
from assay.neuron import peers as module
from assay.neuron.opinions import Reason
from assay.neuron.peers import Answer, Peers, Question, Target, failed, targets_of
from assay.neuron.record import NeuronRecord, Role
from assay.types import Uid
from assay.wire.errors import PeerRefused, PeerUnreachable, RequestRefused
from assay.wire.evidence import unpack, verify
from assay.wire.interface import Caller, Method
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork, RawReply, RawRequest
from assay.wire.synapse import Synapse, encode
from examples.reverse import Reverse, Reversed
from tests.unit.subnet.neuron.worlds import World, key, make_world, until

OWN, SERVING, SILENT = key(1), key(2), key(3)
REVERSE = Method("", Reverse, Reversed)


async def moment_of(world: World) -> Moment:
    at = await world.chain.finalized()
    metagraph = await world.chain.metagraph(world.netuid, at)
    return Moment(at, metagraph, await world.chain.commitments(world.netuid, at))


def peers_in(moment: Moment) -> Peers:
    clock = ManualClock()
    dendrite = MemoryDendrite(OWN, clock=clock, network=MemoryNetwork())
    return Peers(dendrite, task="reverse", own=OWN.address, now=lambda: moment)


async def test_every_miner_with_an_address_is_a_target_and_we_are_not() -> None:
    """A validator may serve as well; its own answers would be worth nothing to anybody."""
    here = Endpoint("127.0.0.1", 20_001)
    world = await make_world({OWN: here, SERVING: Endpoint("127.0.0.1", 20_002), SILENT: None})
    data = b"what it serves"
    await world.chain.set_commitment(world.netuid, SERVING, data)
    moment = await moment_of(world)
    (target,) = targets_of(moment, OWN.address)
    assert (target.hotkey, target.commitment) == (SERVING.address, data)
    everyone = targets_of(moment, key(9).address)
    assert [t.hotkey for t in everyone] == [OWN.address, SERVING.address]
    assert everyone[0].commitment is None


@pytest.mark.parametrize(
    ("permit", "incentive", "role"),
    [
        (True, 0, Role.VALIDATOR),
        (True, 1, Role.VALIDATOR),
        (False, 1, Role.MINER),
        (False, 0, Role.CLIENT),
    ],
)
async def test_who_calls_itself_a_validator_is_one_only_with_a_permit(
    permit: bool, incentive: int, role: Role
) -> None:
    """A miner that is paid cannot leave the validators' sight by a word; a validator that waits for
    its first permit is not judged as a miner."""
    world = await make_world({OWN: None, SERVING: Endpoint("127.0.0.1", 20_002)})
    record = NeuronRecord(Role.VALIDATOR, b"own", bytes(32)).pack()
    assert record is not None
    await world.chain.set_commitment(world.netuid, SERVING, record)
    moment = await moment_of(world)
    neurons = tuple(
        dataclasses.replace(n, validator_permit=permit, incentive=incentive)
        for n in moment.metagraph.neurons
    )
    moment = dataclasses.replace(
        moment, metagraph=dataclasses.replace(moment.metagraph, neurons=neurons)
    )
    (target,) = targets_of(moment, OWN.address, role)
    assert target.commitment == b"own", "the task sees its own bytes alone"
    for other in set(Role) - {role}:
        assert targets_of(moment, OWN.address, other) == []


async def test_why_nobody_answered_is_told_without_an_address() -> None:
    """The table of reasons stands beside the uid; what went wrong must come first."""
    world = await make_world({OWN: None, SERVING: Endpoint("127.0.0.1", 20_002)})
    moment = await moment_of(world)
    (target,) = targets_of(moment, OWN.address)
    answer = await peers_in(moment).call(target, REVERSE, Reverse(text="a"), deadline_s=1.0)
    assert answer.failure is not None
    assert answer.failure.startswith("cannot be reached")
    assert SERVING.address not in answer.failure
    assert not answer.failure.endswith(".")
    assert answer.code == "peer_unreachable"


async def test_who_publishes_no_address_fails_without_a_call() -> None:
    world = await make_world({OWN: None, SILENT: Endpoint("127.0.0.1", 20_002)})
    (target,) = targets_of(await moment_of(world), OWN.address)
    bare = await make_world({OWN: None, SILENT: None})
    peers = peers_in(await moment_of(bare))
    answer = await peers.call(target, REVERSE, Reverse(text="a"), deadline_s=1.0)
    assert (answer.code, answer.reply) == ("no_address", None)
    assert peers.find(SILENT.address) is None


async def test_a_message_that_is_too_large_is_the_askers_mistake() -> None:
    """No miner may be scored for a request that its axon has to refuse."""
    world = await make_world({OWN: None, SERVING: Endpoint("127.0.0.1", 20_002)})
    moment = await moment_of(world)
    (target,) = targets_of(moment, OWN.address)
    small = Method("", Reverse, Reversed, request_bytes_max=100)
    with pytest.raises(ValueError, match="larger than the 100 that reverse takes"):
        await peers_in(moment).fan_out(
            [Question(target, small, Reverse(text="a" * 200))], deadline_s=1.0
        )


class Word(Synapse, frozen=True):
    text: bytes = b""


WORDS = Method("", Word, Word, stream=True)


@contextlib.asynccontextmanager
async def streaming(
    handler: Callable[[Word, Caller], AsyncIterator[Word]],
) -> AsyncIterator[Callable[..., Awaitable[Answer[Word, Word]]]]:
    """A function that asks one neuron, which answers by ``handler``, and collects its stream."""
    network, clock = MemoryNetwork(), ManualClock()
    axon = MemoryAxon(SERVING, network, clock=clock)
    axon.attach(dataclasses.replace(WORDS, name="words", handler=handler))
    await axon.start()
    world = await make_world({OWN: None, SERVING: Endpoint("127.0.0.1", axon.port)})
    moment = await moment_of(world)
    dendrite = MemoryDendrite(OWN, clock=clock, network=network)
    peers = Peers(dendrite, task="words", own=OWN.address, now=lambda: moment)
    (target,) = targets_of(moment, OWN.address)

    async def ask(most: int | None = None) -> Answer[Word, Word]:
        question = Question(target, WORDS, Word(), reply_bytes_max=most)
        (answer,) = await peers.fan_out([question], deadline_s=5.0)
        return answer

    try:
        yield ask
    finally:
        await axon.stop()


async def test_a_stream_has_no_more_bytes_than_a_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    """A miner that streams without end would fill its validator's memory until the deadline."""
    monkeypatch.setattr(module, "STREAM_BYTES_MAX", 100_000)
    sent = 0

    async def endless(request: Word, caller: Caller) -> AsyncIterator[Word]:
        nonlocal sent
        while True:
            sent += 1
            yield Word(text=bytes(1_000))

    async with streaming(endless) as ask:
        answer = await ask()
    assert answer.reply is None
    assert answer.code == "reply_malformed"
    assert sum(len(frame.text) for frame in answer.frames) <= 100_000
    assert sent < 2_000, "the miner is told to stop"


async def test_all_streams_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STREAMS_BYTES_MAX", 5_000)

    gate = asyncio.Event()
    gate.set()

    async def some(request: Word, caller: Caller) -> AsyncIterator[Word]:
        for _ in range(3):
            yield Word(text=bytes(1_000))
        await gate.wait()
        yield Word(text=bytes(1_000))

    async with streaming(some) as ask:
        for _ in range(3):
            assert (await ask()).reply is not None, "what was collected counts no longer"
        gate.clear()
        asking = [asyncio.create_task(ask()) for _ in range(3)]
        await until(lambda: any(each.done() for each in asking), "one has no room")
        gate.set()
        answers = await asyncio.gather(*asking)
    assert {answer.code for answer in answers} <= {None, "reply_malformed"}
    assert any(answer.reply is None for answer in answers)


async def test_what_was_signed_of_a_stream_that_fails_is_kept() -> None:
    async def breaks(request: Word, caller: Caller) -> AsyncIterator[Word]:
        yield Word(text=b"one")
        raise RuntimeError("broken")

    async with streaming(breaks) as ask:
        answer = await ask()
    assert answer.reply is None
    assert [frame.text for frame in answer.frames] == [b"one"]
    assert answer.evidence is not None
    evidence = unpack(answer.evidence)
    assert evidence.frames == 2, "the frame, and the failure that the miner signed"
    verify(evidence)


class Slow(MemoryNetwork):
    """Time passes while a request is under way."""

    def __init__(self, clock: ManualClock, carry_s: float) -> None:
        super().__init__()
        self._clock = clock
        self._carry_s = carry_s

    async def carry(self, host: str, port: int, request: RawRequest) -> RawReply:
        self._clock.advance(self._carry_s)
        return await super().carry(host, port, request)


@contextlib.asynccontextmanager
async def serving(
    network: MemoryNetwork, clock: ManualClock, *methods: Method[Any, Any]
) -> AsyncIterator[tuple[Peers, Target]]:
    """One neuron that serves ``methods``, and somebody who may ask two questions at a time."""
    axon = MemoryAxon(SERVING, network, clock=clock)
    for method in methods:
        axon.attach(method)
    await axon.start()
    world = await make_world({OWN: None, SERVING: Endpoint("127.0.0.1", axon.port), SILENT: None})
    moment = await moment_of(world)
    dendrite = MemoryDendrite(OWN, clock=clock, network=network)
    peers = Peers(dendrite, task="words", own=OWN.address, now=lambda: moment, concurrency=2)
    target = peers.find(SERVING.address)
    assert target is not None
    try:
        yield peers, target
    finally:
        await axon.stop()


ECHO = Method("echo", Word, Word)


async def echoes(request: Word, caller: Caller) -> Word:
    return Word(text=b"it says " + request.text)


async def test_an_answer_is_the_reply_with_what_shows_it_to_a_third_party() -> None:
    clock = ManualClock()
    method = dataclasses.replace(ECHO, name="words.echo", handler=echoes)
    async with serving(Slow(clock, 0.25), clock, method) as (peers, target):
        answer = await peers.call(target, ECHO, Word(text=b"this"), deadline_s=5.0)
    assert (answer.target, answer.request) == (target, Word(text=b"this"))
    assert answer.reply == Word(text=b"it says this")
    assert (answer.failure, answer.code, answer.failure_reasons) == (None, None, ())
    assert (answer.outcome, answer.method) == ("reply", "echo")
    assert answer.latency_s == pytest.approx(0.25)
    assert answer.body == encode(Word(text=b"it says this"))
    assert answer.evidence is not None
    evidence = unpack(answer.evidence)
    assert (evidence.caller, evidence.peer) == (OWN.address, SERVING.address)
    verify(evidence, request=encode(Word(text=b"this")), reply=answer.body)


async def test_a_signed_refusal_is_shown_to_a_third_party_too() -> None:
    async def refuses(request: Word, caller: Caller) -> Word:
        raise RequestRefused("too hard for me")

    clock = ManualClock()
    method = dataclasses.replace(ECHO, name="words.echo", handler=refuses)
    async with serving(Slow(clock, 0.25), clock, method) as (peers, target):
        answer = await peers.call(target, ECHO, Word(), deadline_s=5.0)
    assert (answer.reply, answer.code, answer.outcome) == (None, *["refused_by_task"] * 2)
    assert answer.method == "echo"
    assert answer.latency_s == pytest.approx(0.25)
    (reason,) = answer.failure_reasons
    assert (reason.code, reason.text) == ("refused_by_task", answer.failure)
    assert answer.evidence is not None
    assert unpack(answer.evidence).status == 422


async def test_who_publishes_no_address_is_told_apart_from_who_refused() -> None:
    clock = ManualClock()
    async with serving(MemoryNetwork(), clock) as (peers, target):
        gone = dataclasses.replace(target, hotkey=SILENT.address)
        answer = await peers.call(gone, ECHO, Word(), deadline_s=5.0)
        with pytest.raises(PeerUnreachable, match="publishes no address"):
            peers.stream(gone, WORDS, Word(), deadline_s=5.0)
        assert peers.find_peer(SILENT.address) is None
        assert peers.find_peer(key(9).address) is None, "not of this subnet"
        found = peers.find_peer(SERVING.address)
    assert found is not None
    assert (found.address, found.host) == (SERVING.address, "127.0.0.1")
    assert (answer.target, answer.request) == (gone, Word())
    assert (answer.code, answer.outcome, answer.latency_s) == ("no_address", "no_address", 0.0)
    assert (answer.method, answer.reply) == ("echo", None)
    assert [reason.code for reason in answer.failure_reasons] == ["no_address"]


@pytest.mark.parametrize(("own_s", "given_s", "told_s"), [(2.0, 5.0, 2.0), (9.0, 5.0, 5.0)])
async def test_the_smaller_of_two_deadlines_holds(
    own_s: float, given_s: float, told_s: float
) -> None:
    """The method's own, and the asker's."""
    budgets: list[float] = []

    async def notes(request: Word, caller: Caller) -> Word:
        budgets.append(caller.budget_s)
        return Word()

    async def streams(request: Word, caller: Caller) -> AsyncIterator[Word]:
        budgets.append(caller.budget_s)
        yield Word()

    clock = ManualClock()
    one = dataclasses.replace(ECHO, budget_s_max=own_s)
    many = Method("many", Word, Word, stream=True, budget_s_max=own_s)
    async with serving(
        MemoryNetwork(),
        clock,
        Method("words.echo", Word, Word, notes),
        Method("words.many", Word, Word, streams, stream=True),
    ) as (peers, target):
        questions = [Question(target, method, Word()) for method in (one, many)]
        answers = await peers.fan_out(questions, deadline_s=given_s)
    assert [answer.failure for answer in answers] == [None, None]
    assert budgets == [pytest.approx(told_s)] * 2


async def test_so_many_questions_are_under_way_at_once_and_answered_in_their_order() -> None:
    """More would make our own machine what a latency measures."""
    under_way, most, started = 0, 0, 0
    two = asyncio.Event()

    async def counts(request: Word, caller: Caller) -> Word:
        nonlocal under_way, most, started
        under_way, started = under_way + 1, started + 1
        most = max(most, under_way)
        if started == 2:
            two.set()
        await two.wait()
        under_way -= 1
        return request

    clock = ManualClock()
    method = Method("words.echo", Word, Word, counts)
    async with serving(MemoryNetwork(), clock, method) as (peers, target):
        said = [b"%d" % number for number in range(6)]
        questions = [Question(target, ECHO, Word(text=text)) for text in said]
        together = asyncio.create_task(peers.fan_out(questions, deadline_s=5.0))
        alone = asyncio.create_task(peers.call(target, ECHO, Word(text=b"x"), deadline_s=5.0))
        answers = await together
        assert (await alone).reply == Word(text=b"x")
    assert most == 2
    assert [answer.reply for answer in answers] == [Word(text=text) for text in said]


async def test_a_message_as_large_as_its_method_takes_is_asked() -> None:
    size = len(encode(Word(text=b"a" * 50)))
    clock = ManualClock()
    method = Method("words.echo", Word, Word, echoes)
    async with serving(MemoryNetwork(), clock, method) as (peers, target):
        exact = dataclasses.replace(ECHO, request_bytes_max=size)
        (answer,) = await peers.fan_out(
            [Question(target, exact, Word(text=b"a" * 50))], deadline_s=5.0
        )
        assert answer.failure is None
        with pytest.raises(ValueError, match=rf"a Word of {size + 1} bytes .* words\.echo takes"):
            await peers.fan_out([Question(target, exact, Word(text=b"a" * 51))], deadline_s=5.0)


async def test_a_stream_is_answered_by_its_last_frame_and_tells_when_the_first_came() -> None:
    clock = ManualClock()
    first_sent, go_on = asyncio.Event(), asyncio.Event()

    async def some(request: Word, caller: Caller) -> AsyncIterator[Word]:
        yield Word(text=b"one")
        first_sent.set()
        await go_on.wait()
        yield Word(text=b"two")

    method = Method("words.many", Word, Word, some, stream=True)
    asked = Method("many", Word, Word, stream=True)
    async with serving(Slow(clock, 0.25), clock, method) as (peers, target):
        asking = asyncio.create_task(peers.call(target, asked, Word(text=b"go"), deadline_s=5.0))
        await first_sent.wait()
        for _ in range(100):  # the first frame is read meanwhile
            await asyncio.sleep(0)
        clock.advance(1.0)
        go_on.set()
        answer = await asking
        async with peers.stream(target, asked, Word(), deadline_s=5.0) as replies:
            read = [frame.text async for frame in replies]
    assert read == [b"one", b"two"], "the task's own way to read it"
    assert [frame.text for frame in answer.frames] == [b"one", b"two"]
    assert answer.reply == Word(text=b"two")
    assert (answer.target, answer.request, answer.method) == (target, Word(text=b"go"), "many")
    assert (answer.failure, answer.code, answer.outcome) == (None, None, "reply")
    assert (answer.first_s, answer.latency_s) == (pytest.approx(0.25), pytest.approx(1.25))
    assert answer.frames_s == pytest.approx((0.25, 1.25))
    assert answer.evidence is not None
    assert unpack(answer.evidence).word == "whole"


async def test_a_stream_without_a_frame_is_a_failure_that_the_peer_signed() -> None:
    async def nothing(request: Word, caller: Caller) -> AsyncIterator[Word]:
        for _ in ():
            yield Word()

    async with streaming(nothing) as ask:
        answer = await ask()
    assert (answer.reply, answer.frames, answer.first_s) == (None, (), None)
    assert (answer.code, answer.outcome) == ("empty_stream", "empty_stream")
    assert [reason.code for reason in answer.failure_reasons] == ["empty_stream"]
    assert answer.evidence is not None


async def test_who_knows_how_much_it_asks_for_takes_no_more() -> None:
    """What streams hold is read into objects of several times their size: 256 miners with the 16
    MiB that any stream may have would fill a large machine."""

    async def some(request: Word, caller: Caller) -> AsyncIterator[Word]:
        yield Word(text=bytes(1_000))
        yield Word(text=bytes(1_000))

    size = 2 * len(encode(Word(text=bytes(1_000))))
    async with streaming(some) as ask:
        assert (await ask(size)).code is None
        answer = await ask(size - 1)
        assert (answer.code, len(answer.frames)) == ("reply_malformed", 1)
        assert (await ask(2 * module.STREAM_BYTES_MAX)).code is None


@pytest.mark.parametrize("bound", ["STREAM_BYTES_MAX", "STREAMS_BYTES_MAX"])
@pytest.mark.parametrize("spare", [0, -1])
async def test_a_stream_may_have_just_as_many_bytes_as_its_bound(
    monkeypatch: pytest.MonkeyPatch, bound: str, spare: int
) -> None:
    async def some(request: Word, caller: Caller) -> AsyncIterator[Word]:
        yield Word(text=bytes(1_000))
        yield Word(text=bytes(1_000))

    size = 2 * len(encode(Word(text=bytes(1_000))))
    monkeypatch.setattr(module, bound, size + spare)
    async with streaming(some) as ask:
        for _ in range(2):
            answer = await ask()
            assert answer.code == (None if spare == 0 else "reply_malformed")
            assert len(answer.frames) == 2 + spare, "what came before is kept"


async def test_a_peers_own_word_is_told_and_never_counted() -> None:
    """It can choose another each time; and an error of before the request took no time."""
    target = Target(Uid(3), SERVING.address, None)
    refused = PeerRefused(SERVING.address, "refused.", "Change it.", code="own_word", status=422)
    answer = failed(Question(target, ECHO, Word()), refused)
    assert (answer.code, answer.outcome) == ("own_word", "peer_refused")
    assert (answer.failure, answer.latency_s, answer.evidence) == ("refused", 0.0, None)
    unnamed = dataclasses.replace(answer, code=None)
    assert unnamed.failure_reasons == (Reason("failed", "refused"),)


async def test_a_role_is_asked_for_without_ourselves() -> None:
    here, there = Endpoint("127.0.0.1", 20_001), Endpoint("127.0.0.1", 20_002)
    world = await make_world({OWN: here, SERVING: there})
    peers = peers_in(await moment_of(world))
    assert [target.hotkey for target in peers.of_role(Role.MINER)] == [SERVING.address]
    assert peers.of_role(Role.VALIDATOR) == []
