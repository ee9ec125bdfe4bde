"""Whom every transport serves, and how much of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from assay.errors import Refused
from assay.wire.admission import Admission, Serve
from assay.wire.errors import Code, PeerBusy, PeerRefused
from assay.wire.interface import AnyDendrite, Caller, Membership, Peer
from assay.wire.keys import SeedSigner
from assay.wire.limits import Limits
from tests.conformance.wire.expect import peer_of, refused
from tests.unit.subnet.wire.world import (
    ALICE,
    Answered,
    Count,
    Counted,
    Question,
    World,
    counting,
    refusal_in,
    serving,
    signed,
    with_header,
)


def knowing(known: dict[str, Membership]) -> Admission:
    return Admission(
        serve=Serve.PERMIT, resolver=lambda address: known.get(address, Membership.UNKNOWN)
    )


async def test_unknown_caller_gets_a_signed_403(world: World) -> None:
    await refused(world, signed(), Code.UNKNOWN_CALLER, status=403, admission=knowing({}))


async def test_registered_without_permit_is_told_so(world: World) -> None:
    admission = knowing({ALICE.address: Membership.REGISTERED})
    await refused(world, signed(), Code.NO_PERMIT, status=403, admission=admission)


async def test_permit_holder_is_served(world: World) -> None:
    admission = knowing({ALICE.address: Membership.PERMIT})
    async with serving(world, admission=admission) as axon:
        assert (await world.send(axon, signed())).status == 200


async def test_the_dendrite_raises_refused_with_a_cure(world: World) -> None:
    dendrite = world.dendrite()
    async with serving(world, admission=knowing({})) as axon:
        with pytest.raises(PeerRefused, match="Register this hotkey") as caught:
            await dendrite.call(peer_of(axon.port), "echo", Question(), Answered, deadline_s=5)
    await dendrite.close()
    assert isinstance(caught.value, Refused)
    assert (caught.value.code, caught.value.status) == (Code.UNKNOWN_CALLER, 403)


# -- budgets


async def test_victims_bucket_cannot_be_emptied_by_others(world: World) -> None:
    """Unsigned, forged and replayed requests in Alice's name cost Alice nothing."""
    limits = Limits(caller_rate=0.001, caller_burst=2)
    async with serving(world, limits=limits, admission=Admission(limits=limits)) as axon:
        captured = signed()
        assert (await world.send(axon, captured)).status == 200
        forged = with_header(signed(), "X-Bittensor-Signature", "0x" + "ab" * 64)
        for _ in range(20):
            assert (await world.send(axon, captured)).status == 401
            assert (await world.send(axon, forged)).status == 401
        assert (await world.send(axon, signed())).status == 200
        mine = signed()
        reply = await world.send(axon, mine)
    assert refusal_in(reply, mine).code == Code.CALLER_LIMITED
    assert reply.status == 429


async def test_a_flooding_source_is_refused_before_cryptography(world: World) -> None:
    limits = Limits(source_rate=0.001, source_burst=3)
    async with serving(world, limits=limits, admission=Admission(limits=limits)) as axon:
        forged = with_header(signed(), "X-Bittensor-Signature", "0x" + "ab" * 64)
        statuses = [(await world.send(axon, forged)).status for _ in range(4)]
        reply = await world.send(axon, forged)
    assert statuses == [401, 401, 401, 429]
    assert refusal_in(reply, forged).code == Code.SOURCE_LIMITED


async def test_a_flood_cannot_buy_signatures(world: World) -> None:
    """Beyond the budget for refusals the connection is cut without a word."""
    limits = Limits(refusals_rate=0.001, refusals_burst=2)
    async with serving(world, limits=limits, admission=Admission(limits=limits)) as axon:
        for _ in range(2):
            assert (await world.send(axon, signed(target="/v1/nothing"))).status == 404
        with pytest.raises(ConnectionError):
            await world.send(axon, signed(target="/v1/nothing"))
        assert (await world.send(axon, signed())).status == 200


async def test_the_queue_is_bounded_and_says_when_to_come_back(world: World) -> None:
    release = asyncio.Event()

    async def waits(question: Question, _: Caller) -> Answered:
        await release.wait()
        return Answered(text=question.text)

    limits = Limits(running_max=1, waiting_max=1)
    dendrite = world.dendrite()
    async with serving(world, waits, limits=limits) as axon:
        peer = peer_of(axon.port)
        calls = [
            asyncio.ensure_future(dendrite.call(peer, "echo", Question(), Answered, deadline_s=5))
            for _ in range(3)
        ]
        done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED, timeout=5)
        (first,) = done
        with pytest.raises(PeerBusy) as caught:
            first.result()
        release.set()
        await asyncio.gather(*(call for call in calls if call is not first))
    await dendrite.close()
    assert (caught.value.code, caught.value.status) == (Code.OVERLOADED, 503)
    assert caught.value.retry_after_s == 1.0


async def test_two_rivals_with_long_requests_do_not_keep_validators_out(world: World) -> None:
    """Each sends as many as it can, of a hundred seconds; six validators are answered at once."""
    rivals = [SeedSigner(bytes([40 + n]) * 32) for n in range(2)]
    validators = [SeedSigner(bytes([50 + n]) * 32) for n in range(6)]
    known = {rival.address: Membership.REGISTERED for rival in rivals}
    known |= {validator.address: Membership.PERMIT for validator in validators}
    admission = Admission(
        serve=Serve.REGISTERED, resolver=lambda address: known.get(address, Membership.UNKNOWN)
    )

    async def handler(question: Question, _: Caller) -> Answered:
        if question.number:
            await asyncio.Event().wait()
        return Answered(text=question.text)

    limits = Limits(running_max=16, per_other_max=32, drain_s_max=0.01)
    async with serving(world, handler, admission=admission, limits=limits) as axon:
        peer = peer_of(axon.port)
        hostile = [world.dendrite(rival) for rival in rivals]
        held = [
            asyncio.ensure_future(
                dendrite.call(peer, "echo", Question(number=1), Answered, deadline_s=100)
            )
            for dendrite in hostile
            for _ in range(32)
        ]
        await asyncio.sleep(0.1)
        answered = 0
        for validator in validators:
            dendrite = world.dendrite(validator)
            reply = await dendrite.call(peer, "echo", Question(text="v"), Answered, deadline_s=5)
            answered += reply.message.text == "v"
            await dendrite.close()
        for call in held:
            call.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        for dendrite in hostile:
            await dendrite.close()
    assert answered == 6


async def test_two_permit_holders_with_slow_streams_do_not_keep_a_third_out(
    world: World,
) -> None:
    """Each opens as many as it can, and as many unary calls; a third one's calls run at once."""
    greedy = [SeedSigner(bytes([40 + n]) * 32) for n in range(2)]
    admission = Admission(serve=Serve.REGISTERED, resolver=lambda _: Membership.PERMIT)

    async def handler(question: Question, _: Caller) -> Answered:
        if question.number:
            await asyncio.Event().wait()
        return Answered(text=question.text)

    async def endless(_: Count, __: Caller) -> AsyncIterator[Counted]:
        yield Counted(number=0)
        await asyncio.Event().wait()

    async def hold(dendrite: AnyDendrite, peer: Peer) -> None:
        async with dendrite.stream(peer, "count", Count(), Counted, deadline_s=100) as replies:
            async for _ in replies:
                pass

    limits = Limits(running_max=16, per_caller_max=8, drain_s_max=0.01)
    async with serving(world, handler, admission=admission, limits=limits) as axon:
        axon.attach(counting(endless))
        peer = peer_of(axon.port)
        hostile = [world.dendrite(signer) for signer in greedy]
        held = [asyncio.ensure_future(hold(dendrite, peer)) for dendrite in hostile * 4]
        held += [
            asyncio.ensure_future(
                dendrite.call(peer, "echo", Question(number=1), Answered, deadline_s=100)
            )
            for dendrite in hostile * 8
        ]
        await asyncio.sleep(0.2)
        third = world.dendrite(SeedSigner(b"\x50" * 32))
        reply = await third.call(peer, "echo", Question(text="v"), Answered, deadline_s=5)
        for call in held:
            call.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        for dendrite in (*hostile, third):
            await dendrite.close()
    assert reply.message.text == "v"
