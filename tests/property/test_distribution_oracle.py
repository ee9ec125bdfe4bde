"""What an epoch pays, in the committed Wasm against the oracle: every pool, share and rate.

Random validators with nominators, takes, root stake and child keys, coldkeys with several hotkeys
and with a hotkey of their choice for incentives, an owner with or without a neuron; amounts pending
down to some rao. Stored vectors, each pool's alpha, each member's shares, the recorded dividends,
root's rates, and what was burned and recycled must be the oracle's, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.scoring.reference.distribution import Hotkey, Landlord, Pending, distribute, stakes
from assay.scoring.reference.epoch import Epoch, EpochNeuron, EpochRules, run
from tests.conformance.runtime.stakes import lay_hotkeys, rate_of
from tests.conformance.runtime.subnet import Stored, coldkey, hotkey, lay_epoch, read_epoch
from tests.conformance.runtime.world import NETUID, World, address

_SETTINGS: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}
_BLOCK = 10_000
_ROOT = 0
_AMOUNTS = st.one_of(st.sampled_from([1, 7, 10**9, 10**12]), st.integers(1, 10**13))
_TAKES = st.sampled_from([0, 1, 5000, 11796])
_PROPORTIONS = st.one_of(st.sampled_from([1, 2**63, 2**64 - 1]), st.integers(1, 2**64 - 1))


@dataclass(frozen=True)
class Case:
    hotkeys: list[Hotkey]
    permits: list[bool]
    pending: Pending
    landlord: Landlord
    rules: EpochRules
    rows: list[list[int]]


@st.composite
def _hotkeys(draw: st.DrawFn) -> list[Hotkey]:
    size = draw(st.integers(1, 5))
    found = []
    owners = [coldkey(draw(st.sampled_from([uid, uid, 0]))) for uid in range(size)]
    # Where incentives go is a coldkey's choice, for all of its hotkeys.
    choices = {owner: draw(st.none() | st.integers(0, size - 1)) for owner in owners}
    for uid, owner in enumerate(owners):
        each = Hotkey(
            owner=owner,
            root=draw(st.just(0) | _AMOUNTS),
            take=draw(_TAKES),
            child_take=draw(_TAKES),
            pays_into=choices[owner],
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
def _cases(draw: st.DrawFn) -> Case:
    hotkeys = draw(_hotkeys())
    size = len(hotkeys)
    amounts = st.sampled_from([0, 1, 7, 10**9, 10**12 + 1])
    owner = draw(st.none() | st.integers(0, size - 1))
    rows = st.lists(st.integers(0, 65535), min_size=size, max_size=size)
    return Case(
        hotkeys=hotkeys,
        permits=draw(st.lists(st.booleans(), min_size=size, max_size=size)),
        pending=Pending(
            owner=draw(amounts),
            server=draw(amounts),
            validator=draw(amounts),
            root=draw(amounts),
        ),
        landlord=Landlord(
            coldkey="subnet owner" if owner is None else hotkeys[owner].owner,
            uid=owner,
            recycles=draw(st.booleans()),
        ),
        rules=EpochRules(yuma3=draw(st.booleans())),
        rows=[draw(rows) for _ in range(size)],
    )


def _lay(world: World, case: Case) -> None:
    lay_hotkeys(world, case.hotkeys)
    pending, landlord = case.pending, case.landlord
    root = sum(each.root for each in case.hotkeys)
    staked = sum(each.pool.value for each in case.hotkeys)
    world.set("SubnetTAO", _ROOT, to=root)
    world.set("TotalAlphaStaked", _ROOT, to=root)
    world.set("TotalAlphaStaked", NETUID, to=staked)
    world.set("SubnetAlphaOut", NETUID, to=staked + pending.divided + pending.owner)
    world.set("SubnetOwner", NETUID, to=address(landlord.coldkey))
    world.set("RecycleOrBurn", NETUID, to="Recycle" if landlord.recycles else "Burn")
    world.set("PendingOwnerCut", NETUID, to=pending.owner)
    world.set("PendingServerEmission", NETUID, to=pending.server)
    world.set("PendingValidatorEmission", NETUID, to=pending.validator)
    world.set("PendingRootAlphaDivs", NETUID, to=pending.root)


def check(case: Case) -> None:
    hotkeys, pending, size = case.hotkeys, case.pending, len(case.hotkeys)
    world = World()
    tao_weight = world.get("TaoWeight")
    epoch = Epoch(
        block=_BLOCK,
        neurons=[
            EpochNeuron(stake, _BLOCK - 10, 0, permit)
            for stake, permit in zip(stakes(hotkeys, tao_weight), case.permits, strict=True)
        ],
        weights={uid: list(enumerate(row)) for uid, row in enumerate(case.rows)},
        bonds={},
        emission=pending.divided,
        tempo=20,
        owner=case.landlord.uid,
    )
    lay_epoch(world, epoch, case.rules)
    _lay(world, case)
    before = world.get("SubnetAlphaOut", NETUID)
    world.begin_block(_BLOCK)
    outcome = run(epoch, case.rules)
    assert read_epoch(world, size) == Stored.of(outcome)
    paid = distribute(
        hotkeys,
        pending,
        outcome.server_emission,
        outcome.validator_emission,
        tao_weight,
        case.landlord,
    )
    for uid, each in enumerate(hotkeys):
        hot = address(hotkey(uid))
        assert world.get("TotalHotkeyAlpha", hot, NETUID) == each.pool.value
        assert world.get("TotalHotkeyShares", hot, NETUID)["bits"] == each.pool.shares
        for member, shares in each.pool.members.items():
            assert world.get("Alpha", hot, address(member), NETUID)["bits"] == shares
        assert world.get("AlphaDividendsPerSubnet", NETUID, hot) == paid.alpha[uid]
        assert world.get("RootAlphaDividendsPerSubnet", NETUID, hot) == paid.root[uid]
        assert rate_of(world, hot) == each.rate
    assert world.get("SubnetAlphaBurned", NETUID) == paid.burned
    # Nothing is paid twice, and nothing is lost: all that was pending is somewhere.
    outside = world.get("SubnetAlphaOut", NETUID)
    assert outside == before - paid.recycled
    staked = sum(each.pool.value for each in hotkeys)
    assert world.get("TotalAlphaStaked", NETUID) == staked
    assert outside == staked + paid.burned + sum(paid.root)


@settings(max_examples=40, derandomize=True, **_SETTINGS)
@given(_cases())
def test_payments_are_the_oracles(case: Case) -> None:
    check(case)


@pytest.mark.slow
@settings(max_examples=400, **_SETTINGS)
@given(_cases())
def test_many_payments_are_the_oracles(case: Case) -> None:
    check(case)
