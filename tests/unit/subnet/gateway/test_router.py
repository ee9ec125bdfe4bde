"""Answers come from the best miner, from another one if it is late or gone, and without a seam."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from assay.chain.view import Moment
from assay.clock import ManualClock
from assay.gateway.openai.errors import ApiError
from assay.gateway.openai.meaning import AnswerOptions
from assay.gateway.router import (
    HEDGE_S_MAX,
    PLACE_S_MAX,
    Growth,
    Router,
    TextWish,
    Trail,
)
from assay.gateway.run import accepted_paths
from assay.protocol.client_receipts import read_call
from assay.protocol.inference import Complete, NumericPath, Piece
from assay.types import Ss58
from assay.wire.errors import Code, RequestRefused
from assay.wire.evidence import unpack, verify
from assay.wire.memory import MemoryNetwork, RawReply, RawRequest
from assay.wire.synapse import decode, encode
from tests.unit.subnet.gateway.miners import (
    END,
    GATEWAY,
    ROOT,
    ByteSpelling,
    FakeMiner,
    Subnet,
    key,
    whole,
)

TOKENS = 100


def wish(max_tokens: int = TOKENS, **options: Any) -> TextWish:
    return TextWish("say", max_tokens, 42, AnswerOptions(**options))


def expected(miner: FakeMiner, count: int = TOKENS) -> str:
    ask = Complete(
        model=ROOT, prompt="say", max_tokens=count, seed=42, temperature=1.0, miner=miner.hotkey
    )
    return ByteSpelling().decode(whole(ask, miner.hotkey, count))


async def read(router: Router, wanted: TextWish, trail: Trail | None = None) -> list[Growth]:
    return [growth async for growth in router.answer(wanted, trail or Trail())]


async def passing(clock: ManualClock, seconds: float) -> None:
    """Let time pass in steps, so that what begins to wait meanwhile waits from then on."""
    for _ in range(50):
        clock.advance(seconds / 50)
        for _ in range(10):
            await asyncio.sleep(0)


def text(grown: list[Growth]) -> str:
    return "".join(growth.text for growth in grown)


def check(trail: Trail) -> None:
    """Whatever is on the trail is evidence of just the frames beside it, and of the tokens."""
    tokens = []
    for record in trail.records:
        verify(unpack(record.evidence), request=record.request, frames=record.frames)
        call = read_call(record)
        assert call.request.begun == tokens
        tokens += call.tokens
    assert tokens == trail.tokens


async def test_an_answer_of_one_miner() -> None:
    miner = FakeMiner(key(1))
    async with Subnet(miner) as subnet:
        trail = Trail()
        grown = await read(subnet.router(), wish(), trail)
    assert text(grown) == expected(miner)
    assert [growth.finish for growth in grown if growth.finish] == ["length"]
    assert {growth.candidate.hotkey for growth in grown} == {miner.hotkey}
    [record] = trail.records
    assert (record.miner, record.uid, record.verified) == (miner.hotkey, 1, True)
    assert unpack(record.evidence).word == "whole"
    assert unpack(record.evidence).caller == GATEWAY.address
    check(trail)


@pytest.mark.parametrize("dies_at", range(TOKENS))
async def test_a_stream_whose_miner_dies_goes_on_without_a_seam(dies_at: int) -> None:
    """At each of 100 points: token by token what the first miner alone would have said."""
    first = FakeMiner(key(1), incentive=2000, dies_at=dies_at)
    second = FakeMiner(key(2), incentive=1000)
    async with Subnet(first, second) as subnet:
        trail = Trail()
        grown = await read(subnet.router(), wish(logprobs=1), trail)
    begun = first if dies_at else second
    assert text(grown) == expected(begun)
    assert sum(len(growth.tokens) for growth in grown) == TOKENS
    assert sum(len(growth.logprobs) for growth in grown) == TOKENS
    [ask] = second.asked
    assert (len(ask.begun), ask.miner, ask.max_tokens) == (dies_at, begun.hotkey, TOKENS - dies_at)
    check(trail)


async def test_a_stream_goes_on_only_with_a_miner_that_computes_alike() -> None:
    """Another precision draws another token where two nearly tie, and a client would see it."""
    first = FakeMiner(key(1), incentive=2000, path=NumericPath.SEEDED_BF16, dies_at=10)
    other = FakeMiner(key(2), incentive=1500, path=NumericPath.SEEDED_FP32)
    alike = FakeMiner(key(3), incentive=1000, path=NumericPath.SEEDED_BF16)
    async with Subnet(first, other, alike) as subnet:
        grown = await read(subnet.router(paths=accepted_paths()), wish())
        assert text(grown) == expected(first)
        assert (len(other.asked), len(alike.asked)) == (0, 1)
        alone = subnet.router(paths=accepted_paths(("fp32",)))
        assert text(await read(alone, wish())) == expected(other)
    with_engines = accepted_paths(("fp16",), engines=True)
    assert with_engines == {NumericPath.SEEDED_FP16, NumericPath.ENGINE}


class Cutting(MemoryNetwork):
    """Cuts the first stream after so many reads."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    async def carry(self, host: str, port: int, request: RawRequest) -> RawReply:
        reply = await super().carry(host, port, request)
        if reply.chunks is None or self.left < 0:
            return reply
        return msgspec.structs.replace(reply, chunks=_Cut(reply.chunks, self))


class _Cut:
    def __init__(self, source: Any, network: Cutting) -> None:
        self._source, self._network = source, network

    async def read(self) -> bytes:
        self._network.left -= 1
        return b"" if self._network.left < 0 else await self._source.read()

    async def aclose(self) -> None:
        await self._source.aclose()


@pytest.mark.parametrize("after", [0, 1, 2, 5, 20, 60])
async def test_a_stream_that_is_cut_goes_on_without_a_seam(after: int) -> None:
    first, second = FakeMiner(key(1), incentive=2000), FakeMiner(key(2))
    async with Subnet(first, second, network=Cutting(after)) as subnet:
        trail = Trail()
        grown = await read(subnet.router(), wish(), trail)
    assert text(grown) in (expected(first), expected(second))
    assert len(second.asked) == 1
    check(trail)


async def test_what_came_while_the_client_was_busy_is_one_growth() -> None:
    """A gateway that lags behind its miners catches up at the price of one piece."""
    miner = FakeMiner(key(1))
    async with Subnet(miner) as subnet:
        trail, grown = Trail(), []
        async with contextlib.aclosing(subnet.router().answer(wish(30, logprobs=0), trail)) as it:
            async for growth in it:
                grown.append(growth)
                for _ in range(500):
                    await asyncio.sleep(0)
    assert text(grown) == expected(miner, 30)
    assert len(grown) <= 3 and len(grown[1].tokens) > 10
    assert sum(len(growth.logprobs) for growth in grown) == 30
    check(trail)


async def test_many_miners_may_die_in_one_answer() -> None:
    dying = [FakeMiner(key(n), incentive=9000 - n, dies_at=10 * n) for n in range(1, 5)]
    last = FakeMiner(key(9), incentive=1)
    async with Subnet(*dying, last) as subnet:
        trail = Trail()
        grown = await read(subnet.router(), wish(), trail)
    assert text(grown) == expected(dying[0])
    assert [len(m.asked[0].begun) for m in (*dying, last)] == [0, 10, 20, 30, 40]
    check(trail)


async def test_without_a_permit_an_answer_that_breaks_off_ends_with_one_error() -> None:
    first, second = FakeMiner(key(1), incentive=2000, dies_at=5), FakeMiner(key(2))
    async with Subnet(first, second, permit=False) as subnet:
        with pytest.raises(ApiError) as caught:
            await read(subnet.router(), wish())
        assert (caught.value.status, caught.value.code) == (502, "miner_failed")
        assert second.asked == []
        first.dies_at = 0  # nothing was said yet: anybody may begin
        assert text(await read(subnet.router(), wish())) == expected(second)


async def test_what_the_last_token_tells_needs_no_second_miner() -> None:
    """A miner that dies between the last token and the end of its stream has said it all."""

    def silent(piece: Piece) -> Piece:
        return msgspec.structs.replace(piece, end=None)

    first, second = FakeMiner(key(1), incentive=2000, changes=silent), FakeMiner(key(2))
    async with Subnet(first, second) as subnet:
        grown = await read(subnet.router(), wish(7))
        assert (text(grown), grown[-1].finish) == (expected(first, 7), "length")
        first.ends_at = 3
        assert (await read(subnet.router(), wish(7)))[-1].finish == "stop"
    assert second.asked == []


async def test_a_stop_text_ends_the_answer_and_the_miners_work() -> None:
    miner = FakeMiner(key(1))
    stop = expected(miner)[10:13]
    async with Subnet(miner) as subnet:
        grown = await read(subnet.router(), wish(stop=(stop,)))
    assert text(grown) == expected(miner).partition(stop)[0]
    assert grown[-1].finish == "stop"
    assert miner.cancelled == 1


def more_tokens(piece: Piece) -> Piece:
    return msgspec.structs.replace(piece, tokens=piece.tokens * 60)


def no_logprobs(piece: Piece) -> Piece:
    return msgspec.structs.replace(piece, logprobs=[])


def long_text(piece: Piece) -> Piece:
    return msgspec.structs.replace(piece, text="x" * 100_000)


def nothing(piece: Piece) -> Piece:
    return msgspec.structs.replace(piece, tokens=[], logprobs=[], end=None)


def short(piece: Piece) -> Piece:
    ended = msgspec.convert(
        {"finish": "length", "queued_s": 0, "first_token_s": 0, "total_s": 0}, type=type_of_end()
    )
    return msgspec.structs.replace(piece, end=ended)


def type_of_end() -> Any:
    from assay.protocol.inference import Ending

    return Ending


@pytest.mark.parametrize("changes", [more_tokens, no_logprobs, long_text, nothing, short])
async def test_garbage_costs_the_miner_and_not_the_client(
    changes: Callable[[Piece], Piece],
) -> None:
    bad, good = FakeMiner(key(1), incentive=2000, changes=changes), FakeMiner(key(2))
    async with Subnet(bad, good) as subnet:
        router = subnet.router()
        for _ in range(4):
            grown = await read(router, wish(logprobs=0))
            assert sum(len(growth.tokens) for growth in grown) == TOKENS
            assert grown[-1].candidate.hotkey == good.hotkey
    assert 1 <= len(bad.asked) <= 3, "after three failures in a row it is left alone"


async def test_a_miner_that_was_left_alone_is_tried_again_by_one_call() -> None:
    clock = ManualClock()
    bad, good = FakeMiner(key(1), incentive=60_000, dies_at=0), FakeMiner(key(2), incentive=1)
    async with Subnet(bad, good, clock=clock) as subnet:
        router = subnet.router()
        for _ in range(5):
            await read(router, wish(3))
        assert len(bad.asked) == 3
        clock.advance(6.0)
        await asyncio.gather(*(read(router, wish(3)) for _ in range(5)))
        assert len(bad.asked) == 4
        clock.advance(6.0)
        await read(router, wish(3))
        assert len(bad.asked) == 4, "the second rest is twice as long"
        bad.dies_at = None
        clock.advance(6.0)
        await read(router, wish(3))
        await read(router, wish(3))
        assert len(bad.asked) >= 6, "one that works again is forgiven"


async def test_a_late_miner_is_not_waited_for() -> None:
    clock = ManualClock()
    late = FakeMiner(key(1), incentive=60_000, waits=asyncio.Event())
    quick = FakeMiner(key(2), incentive=1)
    async with Subnet(late, quick, clock=clock) as subnet:
        router = subnet.router()
        reading = asyncio.ensure_future(read(router, wish(5)))
        await late.noticed.acquire()
        clock.advance(HEDGE_S_MAX)
        grown = await reading
        assert text(grown) == expected(quick, 5)
        assert late.cancelled == 1
        assert router.health.open(late.signer.address) == 0
        health = router.health
        assert health.expect_s(late.hotkey, 1, clock.monotonic(), health.best()) > 1.0


async def test_a_miner_with_a_slow_tail_gets_a_small_part_of_the_clients() -> None:
    """Its first token comes at once, and each further one after a second; validators pay it best.
    By first tokens alone all clients would be its."""
    clock = ManualClock()
    slow = FakeMiner(key(1), incentive=2000, clock=clock, token_s=1.0)
    honest = FakeMiner(key(2), incentive=1000, clock=clock, first_s=0.2, token_s=0.02)
    async with Subnet(slow, honest, clock=clock) as subnet:
        router = subnet.router()
        for _ in range(10):
            reading = asyncio.ensure_future(read(router, wish(20)))
            while not reading.done():
                clock.advance(0.02)
                for _ in range(20):
                    await asyncio.sleep(0)
            await reading
    assert len(slow.asked) <= 2 and len(honest.asked) >= 8


async def test_a_slow_tail_is_noticed_while_it_is_slow() -> None:
    """No answer of the slow miner is over when the next client comes."""
    clock = ManualClock()
    slow = FakeMiner(key(1), incentive=2000, clock=clock, token_s=1.5)
    honest = FakeMiner(key(2), incentive=1000, clock=clock, first_s=0.2, token_s=0.02)
    async with Subnet(slow, honest, clock=clock) as subnet:
        router = subnet.router()
        reading = []
        for _ in range(12):
            reading.append(asyncio.ensure_future(read(router, wish(100))))
            for _ in range(100):
                clock.advance(0.05)
                for _ in range(20):
                    await asyncio.sleep(0)
        assert not reading[0].done()
        for each in reading:
            each.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    assert len(slow.asked) <= 2 and len(honest.asked) >= 10


async def test_the_time_of_a_slow_client_is_not_the_miners() -> None:
    clock = ManualClock()
    miner = FakeMiner(key(1), clock=clock, token_s=0.01)
    async with Subnet(miner, clock=clock) as subnet:
        router = subnet.router()
        async with contextlib.aclosing(router.answer(wish(100), Trail())) as answer:
            async for _ in answer:
                clock.advance(0.5)
                for _ in range(20):
                    await asyncio.sleep(0)
    assert router.health.best().token_s < 0.1


async def test_hedges_are_a_small_part_of_all_calls() -> None:
    """When all miners are slow, asking each answer twice would make them slower still."""
    clock = ManualClock()
    gate = asyncio.Event()
    miners = [FakeMiner(key(n), waits=gate) for n in range(1, 3)]
    async with Subnet(*miners, clock=clock) as subnet:
        router = subnet.router()
        reading = [asyncio.ensure_future(read(router, wish(3))) for _ in range(30)]
        for place in range(30):
            await miners[place % 2].noticed.acquire()
        clock.advance(HEDGE_S_MAX)
        for _ in range(200):
            await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*reading)
    assert 30 < sum(len(m.asked) for m in miners) <= 41


async def test_a_busy_miner_is_left_alone_as_long_as_it_says() -> None:
    clock = ManualClock()
    busy = FakeMiner(key(1), refuses=RequestRefused(Code.OVERLOADED, "full", retry_after_s=30.0))
    async with Subnet(busy, clock=clock) as subnet:
        router = subnet.router()
        for _ in range(2):
            with pytest.raises(ApiError) as caught:
                await read(router, wish())
            assert (caught.value.status, caught.value.code) == (503, "overloaded")
            assert caught.value.retry_after_s == 30.0, "longer than a request waits"
        assert len(busy.asked) == 1
        busy.refuses = None
        clock.advance(30.0)
        await read(router, wish())


async def test_a_request_waits_for_a_miner_that_is_busy_for_a_while() -> None:
    clock = ManualClock()
    busy = FakeMiner(key(1), refuses=RequestRefused(Code.OVERLOADED, "full", retry_after_s=5.0))
    async with Subnet(busy, clock=clock) as subnet:
        router = subnet.router()
        reading = asyncio.ensure_future(read(router, wish(5)))
        await busy.noticed.acquire()
        busy.refuses = None
        await passing(clock, 4.0)
        assert len(busy.asked) == 1
        await passing(clock, 2.0)
        assert text(await reading) == expected(busy, 5)


async def test_many_requests_wait_for_the_places_of_one_miner() -> None:
    """It takes 4 at a time and refuses what goes beyond; all are answered, few are refused."""
    miner = FakeMiner(key(1), places=4)
    async with Subnet(miner) as subnet:
        router = subnet.router()
        said = await asyncio.gather(*(read(router, wish(20)) for _ in range(40)))
        again = await asyncio.gather(*(read(router, wish(20)) for _ in range(40)))
    assert {text(grown) for grown in (*said, *again)} == {expected(miner, 20)}
    refused = len(miner.asked) - 80
    assert 0 < refused <= 36 + 80 / 4, "all that came at once, and then one in a round"
    assert miner.open_most == 4


async def test_who_waits_too_long_is_told_to_come_again() -> None:
    clock = ManualClock()
    miner = FakeMiner(key(1), places=1, waits=asyncio.Event())
    async with Subnet(miner, clock=clock) as subnet:
        router = subnet.router()
        first = asyncio.ensure_future(read(router, wish(5)))
        await miner.noticed.acquire()
        second = asyncio.ensure_future(read(router, wish(5)))
        await miner.noticed.acquire()
        await passing(clock, PLACE_S_MAX + 1.0)  # less than a miner may be silent
        with pytest.raises(ApiError) as caught:
            await second
        assert (caught.value.status, caught.value.code) == (503, "overloaded")
        miner.waits.set()
        assert text(await first) == expected(miner, 5)


async def test_a_miner_that_is_always_busy_is_not_asked_without_end() -> None:
    clock = ManualClock()
    busy = FakeMiner(key(1), refuses=RequestRefused(Code.OVERLOADED, "full", retry_after_s=0.0))
    async with Subnet(busy, clock=clock) as subnet:
        reading = asyncio.ensure_future(read(subnet.router(), wish(5)))
        while not reading.done():
            clock.advance(0.01)
            await asyncio.sleep(0)
        with pytest.raises(ApiError):
            await reading
    assert len(busy.asked) == 8, "after 0.1 s, 0.2 s, 0.4 s and so on"


async def test_miners_that_are_always_busy_do_not_keep_clients_from_the_others() -> None:
    """They serve validators, who pay them, and send each client away as soon as it comes: hundreds
    of them would hold up each request by as many round trips."""
    clock, full = ManualClock(), RequestRefused(Code.OVERLOADED, "full", retry_after_s=0.0)
    hostile = [FakeMiner(key(n), incentive=9_000, refuses=full) for n in range(2, 5)]
    honest = FakeMiner(key(1), incentive=100)
    async with Subnet(honest, *hostile, clock=clock) as subnet:
        router = subnet.router()
        for _ in range(30):
            clock.advance(1.0)
            assert text(await read(router, wish(5))) == expected(honest, 5)
    assert max(len(each.asked) for each in hostile) <= 9, "a round trip of each request"


async def test_those_who_wait_for_the_end_of_a_rest_look_for_a_place_once() -> None:
    """Each would look at all miners for eight others, and hold up everybody's tokens. Nor does one
    of them sleep through the end of a rest that began while it waited."""
    clock = ManualClock()
    bad, waiting, looks = FakeMiner(key(1), dies_at=0), 60, 0
    async with Subnet(bad, clock=clock) as subnet:

        def now() -> Moment:
            nonlocal looks
            looks += 1
            return subnet.now()

        router = subnet.router(now=now)
        for _ in range(3):
            with pytest.raises(ApiError):
                await read(router, wish(3))
        wishes = [replace(wish(3), avoid=frozenset({Ss58(f"5{n}")})) for n in range(waiting)]
        reading = [asyncio.ensure_future(read(router, each)) for each in wishes]
        await passing(clock, 4.0)
        looks = 0
        await passing(clock, 2.0)
        assert len(bad.asked) == 4, "one of them has tried it"
        assert looks < 6 * waiting
        bad.dies_at = None
        await passing(clock, 12.0)
        assert len(bad.asked) > 4, "and it is tried again after its next rest"
        for each in reading:
            each.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


async def test_two_refusals_are_the_clients_mistake_and_one_is_not() -> None:
    refusal = RequestRefused("no")
    async with Subnet(
        FakeMiner(key(1), incentive=9000, refuses=refusal), FakeMiner(key(2), incentive=100)
    ) as subnet:
        await read(subnet.router(), wish(3))
    async with Subnet(*(FakeMiner(key(n), refuses=refusal) for n in range(1, 4))) as subnet:
        with pytest.raises(ApiError) as caught:
            await read(subnet.router(), wish(3))
        assert (caught.value.status, caught.value.code) == (400, "refused_by_miners")


async def test_verified_miners_are_asked_first() -> None:
    unpaid, paid = FakeMiner(key(1), incentive=0), FakeMiner(key(2), incentive=1)
    async with Subnet(unpaid, paid) as subnet:
        for _ in range(5):
            await read(subnet.router(), wish(3))
    assert (len(unpaid.asked), len(paid.asked)) == (0, 5)


async def test_load_is_shared_out() -> None:
    miners = [FakeMiner(key(n)) for n in range(1, 5)]
    async with Subnet(*miners) as subnet:
        router = subnet.router()
        await asyncio.gather(*(read(router, wish(20)) for _ in range(40)))
    assert min(len(m.asked) for m in miners) >= 5


async def test_others_models_and_paths_are_not_asked() -> None:
    other = FakeMiner(key(1), root=bytes(32))
    engine = FakeMiner(key(2), path=NumericPath.ENGINE)
    async with Subnet(other, engine) as subnet:
        with pytest.raises(ApiError) as caught:
            await read(subnet.router(), wish())
        assert (caught.value.status, caught.value.retry_after_s) == (503, 12.0)
        accepting = subnet.router(paths=frozenset(NumericPath))
        with pytest.raises(ApiError):
            await read(accepting, wish())  # a foreign engine's sampler nobody can check
        await read(accepting, wish(temperature=0.0))
    assert (len(other.asked), len(engine.asked)) == (0, 1)


async def test_a_client_that_leaves_ends_the_miners_work() -> None:
    miner = FakeMiner(key(1))
    async with Subnet(miner) as subnet:
        router, trail = subnet.router(), Trail()
        answer = router.answer(wish(), trail)
        await anext(answer)
        await answer.aclose()
        assert miner.cancelled == 1
        assert router.health.open(miner.signer.address) == 0
        [record] = trail.records
    verify(unpack(record.evidence), request=record.request, frames=record.frames)
    assert unpack(record.evidence).word == "part"


async def test_nobody_learns_that_an_answer_failed_from_a_prompt_in_a_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refuses = RequestRefused("SECRET")
    async with Subnet(FakeMiner(key(1), refuses=refuses)) as subnet:
        with pytest.raises(ApiError) as caught:
            await read(subnet.router(), wish())
    assert "SECRET" not in str(caught.value)


def test_the_fake_speaks_the_wire() -> None:
    piece = Piece(tokens=[END], text="")
    assert decode(Piece, encode(piece)) == piece
