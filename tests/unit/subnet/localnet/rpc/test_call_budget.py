"""Long calls: the first has all its budget, a row of them little; others wait little."""

from __future__ import annotations

import asyncio
import json

import pytest

from assay.clock import ManualClock
from assay.localnet.errors import BudgetSpent
from assay.localnet.rpc.call_budget import Account, LongCalls, Sources, source_name
from assay.localnet.rpc.limits import RpcLimits
from assay.localnet.sealing import SealingMode
from tests.unit.subnet.localnet.rpc.rig import Rig, rig
from tests.unit.subnet.localnet.toy_chain import SLOT_MS

LIMITS = RpcLimits(query_free_s=0.05, query_least_share=0.05, query_debt_s_max=2.0)


def test_short_calls_cost_nothing() -> None:
    calls = LongCalls(LIMITS)
    for _ in range(1_000):
        assert calls.share(7.0) == 1.0
        calls.charge(7.0, 0.05)


def test_a_debt_is_paid_back_by_the_time_between_calls() -> None:
    calls = LongCalls(LIMITS)
    assert calls.share(100.0) == 1.0
    calls.charge(101.0, 1.0)
    assert calls.share(101.0) == pytest.approx(0.5)
    assert calls.share(101.5) == pytest.approx(0.75)
    assert calls.share(102.0) == 1.0


@pytest.mark.parametrize("taken_s", [1.0, 10.0])
def test_whoever_comes_next_has_something_and_no_debt_grows_for_ever(taken_s: float) -> None:
    calls = LongCalls(LIMITS)
    now_s = 100.0
    for _ in range(100):
        calls.share(now_s)
        now_s += taken_s
        calls.charge(now_s, taken_s)
    assert calls.share(now_s) == 0.05
    assert calls.share(now_s + 2.0) == 1.0


def test_over_a_long_time_long_calls_have_half_of_it() -> None:
    """Someone who waits each time until a call may be long gains nothing by it."""
    calls = LongCalls(LIMITS)
    now_s = taken_s = 0.0
    for _ in range(200):
        while (share := calls.share(now_s)) < 0.5:
            now_s += 0.01
        now_s, taken_s = now_s + share, taken_s + share
        calls.charge(now_s, share)
    assert taken_s / now_s < 0.52


def test_what_one_connection_takes_its_source_and_everybody_owe() -> None:
    sources = Sources(LIMITS)
    first, other = sources.of("10.0.0.1"), sources.of("10.0.0.2")
    one, two = (Account(LIMITS.connection_terms, first.account) for _ in range(2))
    three = Account(LIMITS.connection_terms, other.account)
    first.charge(one, 100.0, 0.08)
    assert [each.debts_s(100.0) for each in (one, two, three)] == pytest.approx([0.16, 0.08, 0])
    assert [each.is_free(100.0) for each in (one, two, three)] == [False, False, True]
    first.charge(two, 100.0, 0.08)
    assert not three.is_free(100.0), "everybody together owes too much"
    assert three.is_free(100.2)
    assert first.long_calls.share(100.0) < 1.0
    assert other.long_calls.share(100.0) == 1.0, "who did not make the long calls has all"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::1", "::1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unknown"),
    ],
)
def test_who_has_many_addresses_is_one_source(address: str | None, name: str) -> None:
    assert source_name(address) == name


def test_sources_are_forgotten_once_they_are_many() -> None:
    sources = Sources(LIMITS)
    kept = sources.of("10.0.0.1")
    kept.connections = 1
    for number in range(3_000):
        sources.of(f"10.1.{number // 250}.{number % 250}")
    assert sources.of("10.0.0.1") is kept
    assert len(sources._sources) <= 1_025


class Endless:
    """Stands in for a call that never ends: it takes all that it is given, ``whole_s`` at most."""

    def __init__(self, node: Rig, clock: ManualClock, whole_s: float) -> None:
        self._clock = clock
        self._whole_s = whole_s
        self.shares: list[float] = []
        node.chain.call = self.call  # type: ignore[method-assign]

    def call(
        self, method: str, args: bytes, at: bytes | None = None, *, share: float = 1.0
    ) -> bytes:
        self.shares.append(share)
        self._clock.advance(share * self._whole_s)
        raise BudgetSpent(method, "the call used up its fuel")


async def test_a_call_that_gets_less_than_its_budget_may_come_again() -> None:
    clock = ManualClock()
    async with rig(clock=clock) as node, node.socket() as first, node.socket() as second:
        endless = Endless(node, clock, 1.0)
        reply = await first.ask("state_call", "x", "0x")
        assert reply["error"]["code"] == 4003
        assert "used up its fuel" in reply["error"]["message"], "it had all of it"
        reply = await second.ask("state_call", "x", "0x")
        assert reply["error"]["code"] == -32009
        assert "50%" in reply["error"]["data"]
        assert endless.shares == [1.0, pytest.approx(0.5)]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("state_call", ["x", "0x"]),
        ("state_getMetadata", []),
        ("payment_queryInfo", ["0x0400"]),
        ("payment_queryFeeDetails", ["0x0400"]),
        ("system_dryRun", ["0x0400"]),
        ("system_accountNextIndex", ["0x" + "00" * 32]),
    ],
)
async def test_every_runtime_call_of_a_client_is_rationed(method: str, params: list[str]) -> None:
    clock = ManualClock()
    async with rig(clock=clock) as node, node.socket() as client:
        endless = Endless(node, clock, 10.0)
        for _ in range(3):
            await client.ask(method, *params)
        least = RpcLimits().query_least_share
        assert endless.shares == [1.0, least, least]


async def test_endless_calls_hold_up_neither_blocks_nor_others_for_long() -> None:
    whole_s, ends_s = RpcLimits().call_s_max, 6.0
    clock = ManualClock()
    async with rig(mode=SealingMode.INTERVAL, clock=clock) as node:
        Endless(node, clock, whole_s)
        beat = asyncio.ensure_future(node.service.run())
        call = json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": "state_call", "params": ["x", "0x"]}
        )

        async def flood() -> None:
            async with node.socket() as client:
                while clock.monotonic() < ends_s:
                    await client.ws.send_str(call)
                    await client.next()

        async def honest() -> list[float]:
            waited = []
            async with node.socket() as client:
                while clock.monotonic() < ends_s:
                    began_s = clock.monotonic()
                    await client.call("system_name")
                    waited.append(clock.monotonic() - began_s)
            return waited

        *_, waited = await asyncio.gather(flood(), flood(), honest())
        node.service.stop()
        await beat
        assert node.chain.head.number >= 0.9 * ends_s / (SLOT_MS / 1e3)
        assert len(waited) > 20
        least_s = RpcLimits().query_least_share * whole_s
        assert sorted(waited)[len(waited) // 2] < 2.5 * least_s, "one such call of each"
