"""Whom a turn asks, and what an answer says of who did not answer."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from assay.chain.interface import Endpoint
from assay.chain.view import Moment
from assay.clock import ManualClock
from assay.neuron import peers as module
from assay.neuron.peers import Answer, Peers, Question, targets_of
from assay.neuron.record import NeuronRecord, Role
from assay.wire.evidence import unpack, verify
from assay.wire.interface import Caller, Method
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork
from assay.wire.synapse import Synapse
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


@pytest.mark.parametrize(("permit", "role"), [(True, Role.VALIDATOR), (False, Role.MINER)])
async def test_who_calls_itself_a_validator_is_one_only_with_a_permit(
    permit: bool, role: Role
) -> None:
    """Otherwise a miner could leave the validators' sight by a word."""
    world = await make_world({OWN: None, SERVING: Endpoint("127.0.0.1", 20_002)})
    record = NeuronRecord(Role.VALIDATOR, b"own", bytes(32)).pack()
    assert record is not None
    await world.chain.set_commitment(world.netuid, SERVING, record)
    moment = await moment_of(world)
    neurons = tuple(
        dataclasses.replace(n, validator_permit=permit) for n in moment.metagraph.neurons
    )
    moment = dataclasses.replace(
        moment, metagraph=dataclasses.replace(moment.metagraph, neurons=neurons)
    )
    (target,) = targets_of(moment, OWN.address, role)
    assert target.commitment == b"own", "the task sees its own bytes alone"
    other = Role.MINER if role is Role.VALIDATOR else Role.VALIDATOR
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
) -> AsyncIterator[Callable[[], Awaitable[Answer[Word, Word]]]]:
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

    async def ask() -> Answer[Word, Word]:
        (answer,) = await peers.fan_out([Question(target, WORDS, Word())], deadline_s=5.0)
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
