"""Places to run in: order, bounds, budgets, and that none is ever lost."""

from __future__ import annotations

import asyncio
import random

import pytest

from assay.clock import Clock, ManualClock, SystemClock
from assay.wire.concurrency import ConcurrencyLimit, HandlerPlace
from assay.wire.errors import Code, RequestRefused
from assay.wire.limits import Limits

A, B = b"a", b"b"
PLACE_A = HandlerPlace(A, False)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_places_go_in_order_of_arrival() -> None:
    places = ConcurrencyLimit(Limits(running_max=1), SystemClock())
    order: list[int] = []

    async def visit(n: int) -> None:
        await places.enter(A, 5.0)
        order.append(n)
        await asyncio.sleep(0)
        places.leave(PLACE_A)

    await asyncio.gather(*(visit(n) for n in range(10)))
    assert order == list(range(10))
    assert (places.running, places.waiting) == (0, 0)


async def test_the_queue_is_bounded() -> None:
    places = ConcurrencyLimit(Limits(running_max=1, waiting_max=1), SystemClock())
    await places.enter(A, 5.0)
    waiter = asyncio.ensure_future(places.enter(A, 5.0))
    await settle()
    with pytest.raises(RequestRefused) as caught:
        await places.enter(A, 5.0)
    assert caught.value.code == Code.OVERLOADED
    places.leave(PLACE_A)
    await waiter
    places.leave(PLACE_A)
    assert (places.running, places.waiting) == (0, 0)


async def test_the_queue_is_bounded_for_permit_holders_too() -> None:
    limits = Limits(running_max=1, waiting_max=1, per_caller_max=9)
    places = ConcurrencyLimit(limits, SystemClock(), ranked=True)
    place = await places.enter(A, 5.0, first=True)
    waiter = asyncio.ensure_future(places.enter(A, 5.0, first=True))
    await settle()
    with pytest.raises(RequestRefused) as caught:
        await places.enter(A, 5.0, first=True)
    assert (caught.value.code, caught.value.retry_after_s) == (Code.OVERLOADED, 1.0)
    places.leave(place)
    places.leave(await waiter)


async def test_who_runs_and_who_waits_are_counted_together() -> None:
    places = ConcurrencyLimit(Limits(running_max=1, per_caller_max=3), SystemClock())
    for _ in range(3):  # what was counted is given back: it goes on like this for ever
        place = await places.enter(A, 5.0)
        waiters = [asyncio.ensure_future(places.enter(A, 5.0)) for _ in range(2)]
        await settle()
        assert places.waiting == 2
        with pytest.raises(RequestRefused) as caught:
            await places.enter(A, 5.0)
        assert (caught.value.code, caught.value.retry_after_s) == (Code.CALLER_LIMITED, 1.0)
        places.leave(place)
        for waiter in waiters:
            places.leave(await waiter)


async def test_a_hotkey_that_waited_owes_nothing_afterwards() -> None:
    places = ConcurrencyLimit(Limits(running_max=1, per_caller_max=1), SystemClock())
    for _ in range(3):
        other = await places.enter(B, 5.0)
        waiter = asyncio.ensure_future(places.enter(A, 5.0))
        await settle()
        places.leave(other)
        places.leave(await waiter)
    places.leave(await places.enter(A, 5.0))
    places.leave(await places.enter(A, 5.0))


async def test_one_hotkey_cannot_take_it_all() -> None:
    places = ConcurrencyLimit(Limits(running_max=4, per_caller_max=2), SystemClock())
    await places.enter(A, 5.0)
    await places.enter(A, 5.0)
    with pytest.raises(RequestRefused) as caught:
        await places.enter(A, 5.0)
    assert caught.value.code == Code.CALLER_LIMITED
    await places.enter(B, 5.0)
    for place in (PLACE_A, PLACE_A, HandlerPlace(B, False)):
        places.leave(place)
    await places.enter(A, 5.0)


@pytest.mark.parametrize("manual", [False, True], ids=["system clock", "manual clock"])
async def test_waiting_ends_with_the_budget(manual: bool) -> None:
    clock: Clock = ManualClock() if manual else SystemClock()
    places = ConcurrencyLimit(Limits(running_max=1), clock)
    await places.enter(A, 5.0)
    waiter = asyncio.ensure_future(places.enter(B, 0.01))
    await settle()
    if isinstance(clock, ManualClock):
        clock.advance(0.02)
    with pytest.raises(RequestRefused) as caught:
        await waiter
    assert (caught.value.code, caught.value.retry_after_s) == (Code.OVERLOADED, 1.0)
    assert places.waiting == 0
    places.leave(PLACE_A)
    assert places.running == 0


async def test_who_gives_up_lets_nobody_in() -> None:
    """The place is another's, and so is the turn in front."""
    clock = ManualClock()
    places = ConcurrencyLimit(Limits(running_max=1), clock)
    place = await places.enter(A, 5.0)
    patient = asyncio.ensure_future(places.enter(A, 9.0))
    impatient = asyncio.ensure_future(places.enter(B, 1.0))
    await settle()
    clock.advance(2.0)
    with pytest.raises(RequestRefused):
        await impatient
    await settle()
    assert not patient.done()
    assert (places.running, places.waiting) == (1, 1)
    places.leave(place)
    places.leave(await patient)
    assert (places.running, places.waiting) == (0, 0)


@pytest.mark.parametrize(("running_max", "others"), [(1, 1), (2, 1), (3, 1), (4, 2)])
async def test_of_few_places_others_have_half_and_one_at_least(
    running_max: int, others: int
) -> None:
    places = ConcurrencyLimit(Limits(running_max=running_max), SystemClock(), ranked=True)
    rivals = [asyncio.ensure_future(places.enter(bytes([n]), 5.0)) for n in range(5)]
    await settle()
    assert (places.running, places.waiting) == (others, 5 - others)
    for rival in rivals:
        rival.cancel()
    await asyncio.gather(*rivals, return_exceptions=True)


async def test_no_place_is_lost_whatever_is_cancelled() -> None:
    places = ConcurrencyLimit(
        Limits(running_max=3, waiting_max=50, per_caller_max=100), SystemClock()
    )
    rng = random.Random(5)

    async def visit() -> None:
        await places.enter(A, rng.uniform(0.0, 0.01))
        try:
            await asyncio.sleep(rng.uniform(0.0, 0.004))
        finally:
            places.leave(PLACE_A)

    tasks = [asyncio.ensure_future(visit()) for _ in range(50)]
    for task in tasks:
        if rng.random() < 0.4:
            await asyncio.sleep(0.0005)
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (places.running, places.waiting) == (0, 0)
    await asyncio.gather(*(places.enter(A, 1.0) for _ in range(3)))


async def test_half_of_the_places_belong_to_permit_holders() -> None:
    """Two rivals with all they can send: whoever holds a permit is served at once all the same."""
    limits = Limits(running_max=8, waiting_max=8, per_caller_max=8, per_other_max=8)
    places = ConcurrencyLimit(limits, SystemClock(), ranked=True)
    rivals = [asyncio.ensure_future(places.enter(key, 5.0)) for key in (A, B) for _ in range(8)]
    await settle()
    assert (places.running, places.waiting) == (4, 4)
    refused = [rival for rival in rivals if rival.done() and rival.exception()]
    assert len(refused) == 8
    validators = [await asyncio.wait_for(places.enter(b"v", 5.0, first=True), 1) for _ in range(4)]
    assert (places.running, places.waiting) == (8, 4)
    late = asyncio.ensure_future(places.enter(b"w", 5.0, first=True))
    await settle()
    assert not late.done()
    rival = next(rival for rival in rivals if rival.done() and not rival.exception())
    places.leave(rival.result())
    await settle()
    assert late.done(), "a permit holder waits in front of all others"
    assert places.waiting == 4
    for place in (*validators, late.result()):
        places.leave(place)
    await settle()
    assert places.running == 4, "what is free for permit holders stays free"
    for rival in rivals:
        rival.cancel()
    await asyncio.gather(*rivals, return_exceptions=True)


async def test_a_hotkey_without_a_permit_holds_less() -> None:
    limits = Limits(running_max=64, per_caller_max=32, per_other_max=8)
    places = ConcurrencyLimit(limits, SystemClock(), ranked=True)
    for _ in range(8):
        await places.enter(A, 5.0)
    with pytest.raises(RequestRefused) as caught:
        await places.enter(A, 5.0)
    assert caught.value.code == Code.CALLER_LIMITED
    for _ in range(32):
        await places.enter(B, 5.0, first=True)
    with pytest.raises(RequestRefused):
        await places.enter(B, 5.0, first=True)


async def test_where_nobody_is_known_all_share_everything() -> None:
    limits = Limits(running_max=4, per_caller_max=8, per_other_max=1)
    places = ConcurrencyLimit(limits, SystemClock())
    for _ in range(4):
        await asyncio.wait_for(places.enter(A, 5.0), 1)
    assert places.running == 4


async def test_no_place_is_lost_among_two_ranks() -> None:
    limits = Limits(running_max=4, waiting_max=60, per_caller_max=100, per_other_max=100)
    places = ConcurrencyLimit(limits, SystemClock(), ranked=True)
    rng = random.Random(7)
    most_others = 0

    async def visit(first: bool) -> None:
        nonlocal most_others
        # Some are patient: on a busy machine all others may give up before they get anywhere.
        budget_s = rng.choice((30.0, rng.uniform(0.0, 0.02)))
        place = await places.enter(A if first else B, budget_s, first=first)
        try:
            most_others = max(most_others, places._others.taken)
            await asyncio.sleep(rng.uniform(0.0, 0.004))
        finally:
            places.leave(place)

    tasks = [asyncio.ensure_future(visit(rng.random() < 0.5)) for _ in range(60)]
    for task in tasks:
        if rng.random() < 0.3:
            await asyncio.sleep(0.0005)
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (places.running, places._others.taken, places.waiting) == (0, 0, 0)
    assert most_others == 2


async def filled(places: ConcurrencyLimit, key: bytes, **how: bool) -> list[HandlerPlace]:
    """Places taken by ``key`` one by one, until it gets no further one at once."""
    got = []
    while True:
        entering = asyncio.ensure_future(places.enter(key, 5.0, **how))
        await settle()
        if not entering.done() or entering.exception() is not None:
            entering.cancel()
            await asyncio.gather(entering, return_exceptions=True)
            return got
        got.append(entering.result())


@pytest.mark.parametrize("ranked", [True, False])
async def test_streams_hold_half_of_the_places_and_no_more(ranked: bool) -> None:
    """Eight hotkeys with four streams each; unary calls run beside them at once."""
    places = ConcurrencyLimit(Limits(), SystemClock(), ranked=ranked)
    for number in range(8):
        for _ in range(4):
            await places.enter(bytes([number]), 5.0, first=True, stream=True)
    assert places.running == 32
    assert await filled(places, b"w", first=True, stream=True) == []
    assert len(await filled(places, b"w", first=True)) == 16
    assert len(await filled(places, b"x", first=True)) == 4


async def test_the_last_quarter_is_for_hotkeys_that_run_few() -> None:
    places = ConcurrencyLimit(Limits(), SystemClock(), ranked=True)
    assert len(await filled(places, A, first=True)) == 32
    second = await filled(places, B, first=True)
    assert (len(second), places.running) == (16, 48)
    for number in range(4):
        assert len(await filled(places, b"v%d" % number, first=True)) == 4
    assert places.running == 64
    assert await filled(places, b"w", first=True) == []
    for place in second[:12]:
        places.leave(place)
    assert await filled(places, B, first=True) == []
    places.leave(second[12])
    assert len(await filled(places, B, first=True)) == 1


async def test_the_last_quarter_of_streams_is_for_hotkeys_that_run_few() -> None:
    places = ConcurrencyLimit(Limits(), SystemClock(), ranked=True)
    assert len(await filled(places, A, first=True, stream=True)) == 24
    assert len(await filled(places, B, first=True, stream=True)) == 4
    assert len(await filled(places, b"v", first=True, stream=True)) == 4
    assert places.running == 32


async def test_kept_places_are_for_permit_holders_where_permits_are_known() -> None:
    for ranked, more in ((True, 0), (False, 4)):
        places = ConcurrencyLimit(Limits(), SystemClock(), ranked=ranked)
        for key in (A, B):
            await filled(places, key, first=True)
        assert places.running == 48
        assert len(await filled(places, b"o")) == more


async def test_who_may_have_a_place_does_not_wait_behind_who_may_not() -> None:
    places = ConcurrencyLimit(Limits(running_max=4), SystemClock())
    first = await places.enter(A, 5.0, stream=True)
    await places.enter(A, 5.0, stream=True)
    await places.enter(A, 5.0)
    last = await places.enter(A, 5.0)
    stream = asyncio.ensure_future(places.enter(B, 5.0, stream=True))
    unary = asyncio.ensure_future(places.enter(B, 5.0))
    await settle()
    assert places.waiting == 2
    places.leave(last)
    await settle()
    assert unary.done() and not stream.done()
    places.leave(first)
    await settle()
    assert stream.done()
