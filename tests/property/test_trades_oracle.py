"""Trades and share pools in the committed Wasm against the oracle, by signed extrinsics.

Members buy and sell alpha of one subnet in any order, beside payments to all of them, at equal and
at other weights. After each call the reserves, the hotkey's pool, every member's shares and the
traders' balances must be the oracle's, to the rao.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.scoring.reference.pool import WEIGHT_ONE, Pool, fee
from assay.scoring.reference.share_pool import SharePool
from tests.conformance.runtime.subnet import hotkey, lay_subnet
from tests.conformance.runtime.world import NETUID, World, address

_SETTINGS: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}
_FEE_RATE = 33
_MEMBERS = ("member 0", "member 1", "member 2")
_RESERVES = st.one_of(st.sampled_from([10**10, 10**12, 10**15]), st.integers(10**10, 10**16))
_WEIGHTS = st.one_of(
    st.just(WEIGHT_ONE // 2), st.integers(WEIGHT_ONE // 100, WEIGHT_ONE - WEIGHT_ONE // 100)
)
_BLOCK = 100


@dataclass(frozen=True, slots=True)
class Trade:
    member: str
    buys: bool
    amount: int
    """Rao of TAO to buy for; when selling, its last three digits say which part: 999 is all."""
    paid_before: int
    """Alpha that all members are paid before it."""


_TRADES = st.lists(
    st.builds(
        Trade,
        member=st.sampled_from(_MEMBERS),
        buys=st.booleans(),
        amount=st.one_of(st.sampled_from([10**6, 10**9 + 999]), st.integers(2 * 10**6, 10**13)),
        paid_before=st.sampled_from([0, 0, 1, 10**9]),
    ),
    min_size=2,
    max_size=6,
)


def _near(amount: int, allowed: tuple[int, int]) -> bool:
    return allowed[0] <= amount <= allowed[1]


def _fees_paid(world: World, of: str) -> int:
    """What the transaction cost beside the trade, from the chain's own event."""
    found = [
        record["event"]["attributes"]
        for record in world.get("Events", pallet="System")
        if record["event"]["event_id"] == "TransactionFeePaid"
    ]
    return sum(int(each["actual_fee"]) for each in found[-1:] if each["who"] == address(of))


class _Market:
    """The oracle beside the chain: one hotkey, three members."""

    def __init__(self, tao: int, alpha: int, weight: int) -> None:
        world = self.world = World()
        lay_subnet(world, 1)
        world.set("SubtokenEnabled", NETUID, to=True)
        world.set("FirstEmissionBlockNumber", NETUID, to=1)
        world.set("SubnetEmissionEnabled", NETUID, to=False)
        world.set("Tempo", NETUID, to=50_000)
        world.set("LastEpochBlock", NETUID, to=_BLOCK)
        world.set("SubnetTAO", NETUID, to=tao)
        world.set("TotalStake", to=tao)
        world.set("TotalIssuance", to=10**16)
        world.set("SubnetAlphaIn", NETUID, to=alpha)
        world.set("PoolTaoWeight", NETUID, to=weight)
        world.fund(*_MEMBERS)
        world.begin_block(_BLOCK)
        self.hot = address(hotkey(0))
        self.weight = world.get("PoolTaoWeight", NETUID)
        self.tao, self.alpha = self.reserves()
        self.shares = SharePool()

    def reserves(self) -> tuple[int, int]:
        return self.world.get("SubnetTAO", NETUID), self.world.get("SubnetAlphaIn", NETUID)

    def pay(self, amount: int) -> None:
        """As an epoch does: all members' alpha grows."""
        paid = self.shares.pay_all(amount)
        value = self.world.get("TotalHotkeyAlpha", self.hot, NETUID)
        self.world.set("TotalHotkeyAlpha", self.hot, NETUID, to=value + paid)
        for item in ("TotalAlphaStaked", "SubnetAlphaOut"):
            self.world.set(item, NETUID, to=self.world.get(item, NETUID) + paid)

    def trade(self, trade: Trade) -> None:
        member, world = trade.member, self.world
        self.pay(trade.paid_before)
        before = world.free(member)
        pool = Pool(self.tao, self.alpha, self.weight)
        if trade.buys:
            amount = trade.amount
            arguments = {"hotkey": self.hot, "netuid": NETUID, "amount_staked": amount}
            refused = world.submit(member, "add_stake", arguments)
        else:
            amount = self.shares.worth(member) * (trade.amount % 1000 + 1) // 1000
            arguments = {"hotkey": self.hot, "netuid": NETUID, "amount_unstaked": amount}
            refused = world.submit(member, "remove_stake", arguments)
        if refused is not None:
            self.agree()
            return
        gained = world.free(member) + _fees_paid(world, member) - before
        net = amount - fee(amount, _FEE_RATE)
        if trade.buys:
            assert gained == -amount
            got = self.alpha - self.reserves()[1]
            assert _near(got, pool.bought(net))
            self.tao, self.alpha = self.tao + net, self.alpha - got
            self.shares.deposit(member, got)
        else:
            assert _near(gained, pool.sold(net))
            self.tao, self.alpha = self.tao - gained, self.alpha + amount
            assert self.shares.withdraw(member, amount)
        self.agree()

    def agree(self) -> None:
        world = self.world
        assert self.reserves() == (self.tao, self.alpha)
        assert world.get("TotalHotkeyAlpha", self.hot, NETUID) == self.shares.value
        assert world.get("TotalHotkeyShares", self.hot, NETUID)["bits"] == self.shares.shares
        for member in _MEMBERS:
            held = world.get("Alpha", self.hot, address(member), NETUID)["bits"]
            assert held == self.shares.members.get(member, 0)


def check(tao: int, alpha: int, weight: int, trades: list[Trade]) -> None:
    market = _Market(tao, alpha, weight)
    for member in _MEMBERS:
        market.trade(Trade(member, True, max(tao // 100, 2 * 10**7), 0))
    for trade in trades:
        market.trade(trade)


def test_a_purchase_and_a_sale_are_taken() -> None:
    market = _Market(10**12, 3 * 10**12, WEIGHT_ONE // 2)
    market.trade(Trade("member 0", True, 10**9, 0))
    assert market.shares.value == 2995495372
    market.trade(Trade("member 0", False, 999, 10**9))
    assert market.shares.value == 0


@settings(max_examples=25, derandomize=True, **_SETTINGS)
@given(_RESERVES, _RESERVES, _WEIGHTS, _TRADES)
def test_trades_are_the_oracles(tao: int, alpha: int, weight: int, trades: list[Trade]) -> None:
    check(tao, alpha, weight, trades)


@pytest.mark.slow
@settings(max_examples=300, **_SETTINGS)
@given(_RESERVES, _RESERVES, _WEIGHTS, _TRADES)
def test_many_trades_are_the_oracles(
    tao: int, alpha: int, weight: int, trades: list[Trade]
) -> None:
    check(tao, alpha, weight, trades)
