"""Several methods on one axon, each with limits of its own below the axon's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from assay.wire.admission import Admission, Serve
from assay.wire.errors import Code
from assay.wire.interface import Caller, Membership, Method
from assay.wire.limits import Limits
from assay.wire.synapse import encode
from tests.unit.subnet.wire.world import (
    Answered,
    Question,
    World,
    echo,
    refusal_in,
    serving,
    signed,
)

OVERHEAD = len(encode(Question(text="x" * 300))) - 300


def other(handler: Any = echo, **limits: Any) -> Method[Question, Answered]:
    return Method(name="other", request=Question, reply=Answered, handler=handler, **limits)


def to_other(text: str = "", budget_ms: int = 5_000) -> Any:
    target = f"/v1/other?budget_ms={budget_ms}"
    return signed(target=target, message=Question(text=text))


async def test_a_method_takes_smaller_requests_than_its_axon(world: World) -> None:
    async with serving(world) as axon:
        axon.attach(other(request_bytes_max=1_000))
        fits, above = (to_other("x" * (1_000 - OVERHEAD + more)) for more in (0, 1))
        assert (await world.send(axon, fits)).status == 200
        assert refusal_in(await world.send(axon, above), above).code == Code.TOO_LARGE
        assert (await world.send(axon, signed(body=above.body))).status == 200


async def test_no_method_takes_more_than_its_axon(world: World) -> None:
    async with serving(world, limits=Limits(request_bytes_max=1_000)) as axon:
        axon.attach(other(request_bytes_max=10**6))
        above = to_other("x" * 1_001)
        assert refusal_in(await world.send(axon, above), above).code == Code.TOO_LARGE


async def test_a_method_answers_less_than_its_axon(world: World) -> None:
    async with serving(world) as axon:
        axon.attach(other(reply_bytes_max=1_000))
        above = to_other("x" * 1_000)
        assert refusal_in(await world.send(axon, above), above).code == Code.HANDLER_FAILED
        assert (await world.send(axon, signed(body=above.body))).status == 200


async def test_a_method_works_for_less_time_than_its_axon(world: World) -> None:
    budgets: list[float] = []

    async def forever(question: Question, caller: Caller) -> Answered:
        budgets.append(caller.budget_s)
        await asyncio.Event().wait()
        return Answered(text=question.text)

    async with serving(world) as axon:
        axon.attach(other(forever, budget_s_max=0.05))
        request = to_other(budget_ms=60_000)
        reply = await world.send(axon, request)
    assert refusal_in(reply, request).code == Code.OUT_OF_TIME
    assert 0 < budgets[0] <= 0.05


@pytest.mark.parametrize(
    ("serve", "admits", "caller", "code"),
    [
        (Serve.PERMIT, None, Membership.REGISTERED, Code.NO_PERMIT),
        (Serve.PERMIT, Membership.REGISTERED, Membership.REGISTERED, None),
        (Serve.PERMIT, Membership.REGISTERED, Membership.UNKNOWN, Code.UNKNOWN_CALLER),
        (Serve.PERMIT, Membership.UNKNOWN, Membership.UNKNOWN, None),
        (Serve.ANYBODY, Membership.PERMIT, Membership.REGISTERED, Code.NO_PERMIT),
        (Serve.ANYBODY, None, Membership.UNKNOWN, None),
    ],
)
async def test_a_method_says_who_may_call_it(
    world: World, serve: Serve, admits: Membership | None, caller: Membership, code: Code | None
) -> None:
    admission = Admission(serve=serve, resolver=lambda _: caller)
    async with serving(world, admission=admission) as axon:
        axon.attach(other(admits=admits))
        request = to_other()
        reply = await world.send(axon, request)
    if code is None:
        assert reply.status == 200
    else:
        assert refusal_in(reply, request).code == code
