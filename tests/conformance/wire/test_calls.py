"""What every transport must do with an honest call: answer it, in time or not at all."""

from __future__ import annotations

import asyncio

import pytest

from assay.errors import Unavailable
from assay.wire.errors import (
    Code,
    DeadlineExceeded,
    PeerBusy,
    PeerFailed,
    PeerRefused,
    PeerUnreachable,
    ReplyMalformed,
    RequestRefused,
)
from assay.wire.interface import Caller, Method
from assay.wire.limits import Limits
from assay.wire.synapse import Synapse, decode, encode
from tests.conformance.wire.expect import peer_of
from tests.unit.subnet.wire.world import (
    ALICE,
    Answered,
    Question,
    World,
    refusal_in,
    serving,
    signed,
)


async def test_a_call_is_answered_and_the_caller_is_known(world: World) -> None:
    seen: list[Caller] = []

    async def handler(question: Question, caller: Caller) -> Answered:
        seen.append(caller)
        return Answered(text=question.text.upper())

    dendrite = world.dendrite()
    async with serving(world, handler) as axon:
        peer = peer_of(axon.port)
        reply = await dendrite.call(peer, "echo", Question(text="hi"), Answered, deadline_s=5)
    await dendrite.close()
    assert reply.message == Answered(text="HI")
    assert reply.peer == peer
    assert 0 < reply.latency_s < 5
    assert decode(Answered, reply.body) == reply.message
    (caller,) = seen
    assert (caller.address, caller.public_key) == (ALICE.address, ALICE.public_key)
    assert caller.source == "127.0.0.1"
    assert caller.request_hash == reply.request_hash
    assert 4 < caller.budget_s <= 5


async def test_many_calls_at_once_each_get_their_own_answer(world: World) -> None:
    dendrite = world.dendrite()
    async with serving(world) as axon:
        peer = peer_of(axon.port)
        replies = await asyncio.gather(
            *(
                dendrite.call(peer, "echo", Question(text=str(n)), Answered, deadline_s=10)
                for n in range(64)
            )
        )
    await dendrite.close()
    assert [reply.message.text for reply in replies] == [str(n) for n in range(64)]


async def test_a_body_of_one_and_a_half_megabytes_passes(world: World) -> None:
    text = "x" * 1_500_000
    dendrite = world.dendrite()
    async with serving(world) as axon:
        reply = await dendrite.call(
            peer_of(axon.port), "echo", Question(text=text), Answered, deadline_s=10
        )
    await dendrite.close()
    assert reply.message.text == text


async def test_the_same_dendrite_survives_a_restart_of_the_axon(world: World) -> None:
    dendrite = world.dendrite()
    async with serving(world) as axon:
        port = axon.port
        await dendrite.call(peer_of(port), "echo", Question(), Answered, deadline_s=5)
    with pytest.raises(PeerUnreachable):
        await dendrite.call(peer_of(port), "echo", Question(), Answered, deadline_s=5)
    async with serving(world, port=port):
        await dendrite.call(peer_of(port), "echo", Question(), Answered, deadline_s=5)
    await dendrite.close()


async def test_a_taken_port_is_unavailable_with_a_cure(world: World) -> None:
    async with serving(world) as axon:
        second = await world.axon(port=axon.port)
        with pytest.raises(Unavailable, match="Choose another port"):
            await second.start()


# -- time


async def test_a_callers_budget_ends_the_handler(world: World) -> None:
    cancelled = asyncio.Event()

    async def forever(question: Question, _: Caller) -> Answered:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Answered(text=question.text)

    async with serving(world, forever) as axon:
        request = signed(target="/v1/echo?budget_ms=50")
        reply = await world.send(axon, request)
        assert refusal_in(reply, request).code == Code.OUT_OF_TIME
        assert cancelled.is_set()


async def test_a_deadline_ends_the_call(world: World) -> None:
    async def forever(question: Question, _: Caller) -> Answered:
        await asyncio.sleep(30)
        return Answered(text=question.text)

    dendrite = world.dendrite()
    async with serving(world, forever, limits=Limits(drain_s_max=0.5)) as axon:
        with pytest.raises(DeadlineExceeded):
            await dendrite.call(peer_of(axon.port), "echo", Question(), Answered, deadline_s=0.1)
    await dendrite.close()


async def test_stop_lets_the_running_finish_and_refuses_the_new(world: World) -> None:
    started = asyncio.Event()
    release = asyncio.Event()

    async def handler(question: Question, _: Caller) -> Answered:
        started.set()
        await release.wait()
        return Answered(text=question.text)

    dendrite = world.dendrite()
    axon = await world.axon()
    axon.attach(Method(name="echo", request=Question, reply=Answered, handler=handler))
    await axon.start()
    peer = peer_of(axon.port)
    call = asyncio.ensure_future(
        dendrite.call(peer, "echo", Question(text="late"), Answered, deadline_s=5)
    )
    await started.wait()
    stop = asyncio.ensure_future(axon.stop())
    await asyncio.sleep(0.02)
    other = world.dendrite()
    with pytest.raises((PeerUnreachable, PeerBusy)):
        await other.call(peer, "echo", Question(), Answered, deadline_s=5)
    release.set()
    assert (await call).message.text == "late"
    await stop
    await other.close()
    await dendrite.close()


# -- handlers


async def test_a_broken_handler_is_a_signed_500_without_its_words(world: World) -> None:
    async def broken(question: Question, _: Caller) -> Answered:
        raise RuntimeError(f"the prompt was {question.text}")

    dendrite = world.dendrite()
    async with serving(world, broken) as axon:
        with pytest.raises(PeerFailed) as caught:
            await dendrite.call(
                peer_of(axon.port), "echo", Question(text="secret"), Answered, deadline_s=5
            )
    await dendrite.close()
    assert caught.value.code == Code.HANDLER_FAILED
    assert "secret" not in str(caught.value)


async def test_a_handlers_own_timeout_is_not_the_callers(world: World) -> None:
    async def impatient(_: Question, __: Caller) -> Answered:
        raise TimeoutError

    async with serving(world, impatient) as axon:
        request = signed()
        reply = await world.send(axon, request)
    assert refusal_in(reply, request).code == Code.HANDLER_FAILED


async def test_a_handler_that_awaits_what_was_cancelled_is_a_signed_500(world: World) -> None:
    """No caller has left: with the connection cut the miner would look as if it were away."""

    async def handler(_: Question, __: Caller) -> Answered:
        helper = asyncio.ensure_future(asyncio.Event().wait())
        helper.cancel()
        await helper
        return Answered(text="never")

    async with serving(world, handler) as axon:
        request = signed()
        reply = await world.send(axon, request)
    assert refusal_in(reply, request).code == Code.HANDLER_FAILED


async def test_a_handler_may_refuse(world: World) -> None:
    async def picky(_: Question, __: Caller) -> Answered:
        raise RequestRefused(Code.REFUSED_BY_TASK, "the prompt is longer than the model")

    dendrite = world.dendrite()
    async with serving(world, picky) as axon:
        with pytest.raises(PeerRefused, match="longer than the model"):
            await dendrite.call(peer_of(axon.port), "echo", Question(), Answered, deadline_s=5)
    await dendrite.close()


async def test_a_handler_that_answers_another_type_is_our_fault(world: World) -> None:
    async def confused(question: Question, _: Caller) -> Synapse:
        return question

    async with serving(world, confused) as axon:
        request = signed()
        reply = await world.send(axon, request)
    assert refusal_in(reply, request).code == Code.HANDLER_FAILED


async def test_an_answer_of_another_type_is_malformed(world: World) -> None:
    class Wanted(Synapse):
        number: int

    dendrite = world.dendrite()
    async with serving(world) as axon:
        with pytest.raises(ReplyMalformed):
            await dendrite.call(peer_of(axon.port), "echo", Question(), Wanted, deadline_s=5)
    await dendrite.close()


async def test_an_answer_beyond_the_limit_is_not_read(world: World) -> None:
    dendrite = world.dendrite(limits=Limits(reply_bytes_max=1_000))
    async with serving(world) as axon:
        peer = peer_of(axon.port)
        fits = "x" * (1_000 - len(encode(Answered(text=""))) - 2)
        await dendrite.call(peer, "echo", Question(text=fits), Answered, deadline_s=5)
        with pytest.raises(ReplyMalformed, match="more than 1000 bytes"):
            await dendrite.call(peer, "echo", Question(text=fits + "x"), Answered, deadline_s=5)
    await dendrite.close()
