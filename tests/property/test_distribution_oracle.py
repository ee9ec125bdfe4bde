"""What an epoch pays, in the committed Wasm against the oracle: every pool, share and rate.

Random validators with nominators, takes, root stake and child keys; pending emission down to some
rao. Stored vectors, each pool's alpha, each member's shares, the recorded dividends and root's
rates must be the oracle's, bit for bit.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoring.reference.distribution import Hotkey, Pending, distribute, stakes
from scoring.reference.epoch import Epoch, Neuron, Rules, run
from tests.conformance.runtime.subnet import Stored, coldkey, hotkey, lay_epoch, read_epoch
from tests.conformance.runtime.subnet import lay_stake as lay_root_stake
from tests.conformance.runtime.world import NETUID, World, address

_SETTINGS: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}
_BLOCK = 10_000
_ROOT = 0
_AMOUNTS = st.one_of(st.sampled_from([1, 7, 10**9, 10**12]), st.integers(1, 10**13))
_TAKES = st.sampled_from([0, 1, 5000, 11796])
_PROPORTIONS = st.one_of(st.sampled_from([1, 2**63, 2**64 - 1]), st.integers(1, 2**64 - 1))


@st.composite
def _hotkeys(draw: st.DrawFn) -> list[Hotkey]:
    size = draw(st.integers(1, 5))
    found = []
    for uid in range(size):
        each = Hotkey(
            owner=coldkey(uid),
            root=draw(st.just(0) | _AMOUNTS),
            take=draw(_TAKES),
            child_take=draw(_TAKES),
        )
        for member in (coldkey(uid), "nominator 0", "nominator 1"):
            if draw(st.booleans()):
                each.pool.deposit(member, draw(_AMOUNTS))
        others = [other for other in range(size) if other != uid]
        if others and draw(st.booleans()):
            each.children = {draw(st.sampled_from(others)): draw(_PROPORTIONS)}
        found.append(each)
    return found


@st.composite
def _cases(draw: st.DrawFn) -> tuple[list[Hotkey], list[bool], Pending, Rules, list[list[int]]]:
    hotkeys = draw(_hotkeys())
    size = len(hotkeys)
    amounts = st.sampled_from([0, 1, 7, 10**9, 10**12 + 1])
    pending = Pending(server=draw(amounts), validator=draw(amounts), root=draw(amounts))
    rows = st.lists(st.integers(0, 65535), min_size=size, max_size=size)
    return (
        hotkeys,
        draw(st.lists(st.booleans(), min_size=size, max_size=size)),
        pending,
        Rules(yuma3=draw(st.booleans())),
        [draw(rows) for _ in range(size)],
    )


def _lay(world: World, hotkeys: list[Hotkey], pending: Pending) -> None:
    """The members, takes, children and root stake of an epoch that is laid already."""
    parents: dict[int, list[tuple[int, str]]] = {uid: [] for uid in range(len(hotkeys))}
    behind: dict[str, list[str]] = {}
    for uid, each in enumerate(hotkeys):
        hot = address(hotkey(uid))
        world.set("TotalHotkeyAlpha", hot, NETUID, to=each.pool.value)
        world.set("TotalHotkeyShares", hot, NETUID, to={"bits": each.pool.shares})
        world.clear("Alpha", hot, address(coldkey(uid)), NETUID)
        for member, shares in each.pool.members.items():
            world.set("Alpha", hot, address(member), NETUID, to={"bits": shares})
            behind.setdefault(member, []).append(hot)
        lay_root_stake(world, uid, each.root, _ROOT)
        world.set("Delegates", hot, to=each.take)
        world.set("ChildkeyTake", hot, NETUID, to=each.child_take)
        lent = [(part, address(hotkey(child))) for child, part in each.children.items()]
        world.set("ChildKeys", hot, NETUID, to=lent)
        for child, part in each.children.items():
            parents[child].append((part, hot))
    for uid, lenders in parents.items():
        world.set("ParentKeys", address(hotkey(uid)), NETUID, to=lenders)
    for member, hots in behind.items():
        world.set("StakingHotkeys", address(member), to=hots)
    root, staked = sum(each.root for each in hotkeys), sum(each.pool.value for each in hotkeys)
    world.set("SubnetTAO", _ROOT, to=root)
    world.set("TotalAlphaStaked", _ROOT, to=root)
    world.set("TotalAlphaStaked", NETUID, to=staked)
    world.set("SubnetAlphaOut", NETUID, to=staked + pending.total)
    world.set("PendingServerEmission", NETUID, to=pending.server)
    world.set("PendingValidatorEmission", NETUID, to=pending.validator)
    world.set("PendingRootAlphaDivs", NETUID, to=pending.root)


def _rate(world: World, hot: str) -> int:
    rates = dict(world.get("RootClaimable", hot))
    return sum(int(rate["bits"]) for rate in rates.values())


def check(case: tuple[list[Hotkey], list[bool], Pending, Rules, list[list[int]]]) -> None:
    hotkeys, permits, pending, rules, rows = case
    world = World()
    tao_weight = world.get("TaoWeight")
    neurons = [
        Neuron(stake, _BLOCK - 10, 0, permit)
        for stake, permit in zip(stakes(hotkeys, tao_weight), permits, strict=True)
    ]
    epoch = Epoch(
        block=_BLOCK,
        neurons=neurons,
        weights={uid: list(enumerate(row)) for uid, row in enumerate(rows)},
        bonds={},
        emission=pending.total,
        tempo=20,
    )
    lay_epoch(world, epoch, rules)
    _lay(world, hotkeys, pending)
    world.begin_block(_BLOCK)
    outcome = run(epoch, rules)
    assert read_epoch(world, len(hotkeys)) == Stored.of(outcome)
    before = sum(each.pool.value for each in hotkeys)
    alpha, root = distribute(
        hotkeys, pending, outcome.server_emission, outcome.validator_emission, tao_weight
    )
    assert sum(each.pool.value for each in hotkeys) <= before + pending.total
    for uid, each in enumerate(hotkeys):
        hot = address(hotkey(uid))
        assert world.get("TotalHotkeyAlpha", hot, NETUID) == each.pool.value
        assert world.get("TotalHotkeyShares", hot, NETUID)["bits"] == each.pool.shares
        for member, shares in each.pool.members.items():
            assert world.get("Alpha", hot, address(member), NETUID)["bits"] == shares
        assert world.get("AlphaDividendsPerSubnet", NETUID, hot) == alpha[uid]
        assert world.get("RootAlphaDividendsPerSubnet", NETUID, hot) == root[uid]
        assert _rate(world, hot) == each.rate


@settings(max_examples=30, derandomize=True, **_SETTINGS)
@given(_cases())
def test_payments_are_the_oracles(
    case: tuple[list[Hotkey], list[bool], Pending, Rules, list[list[int]]],
) -> None:
    check(case)


@pytest.mark.slow
@settings(max_examples=300, **_SETTINGS)
@given(_cases())
def test_many_payments_are_the_oracles(
    case: tuple[list[Hotkey], list[bool], Pending, Rules, list[list[int]]],
) -> None:
    check(case)
