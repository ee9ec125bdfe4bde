"""A crowdloan that leases a subnet, through the shipped Wasm, against the readable rule."""

from __future__ import annotations

from typing import Final

from assay.scoring.reference.leases import lease_dividends, lease_share, refunds, shared_of_cut
from tests.conformance.runtime.world import FREE, PALLET, World, address

NETUID: Final = 1
LEASE: Final = 0
PERCENT: Final = 30
DEPOSIT, FIRST, SECOND = 700 * 10**9 + 1, 500 * 10**9 + 7, 300 * 10**9
CUT: Final = 10**9 + 7
INTERVAL: Final = 100


def lease(world: World, end: int | None) -> str | None:
    """Raise the money, and finalize with the call that leases; the error, if any."""
    call = world.compose(
        PALLET, "register_leased_network", {"emissions_share": PERCENT, "end_block": end}
    )
    last = world.block + int(world.get("MinimumDuration", pallet="Crowdloan")) + 1
    create = {
        "deposit": DEPOSIT,
        "min_contribution": 10**8,
        "cap": DEPOSIT + FIRST + SECOND,
        "end": last,
        "call": call,
        "target_address": None,
    }
    assert world.submit("creator", "create", create, pallet="Crowdloan") is None
    for giver, amount in (("first", FIRST), ("second", SECOND)):
        gift = {"crowdloan_id": 0, "amount": amount}
        assert world.submit(giver, "contribute", gift, pallet="Crowdloan") is None
    return world.submit("creator", "finalize", {"crowdloan_id": 0}, pallet="Crowdloan")


def leased(end: int | None = None) -> World:
    world = World()
    world.fund("creator", "first", "second")
    world.begin_block(10)
    assert lease(world, end) is None
    return world


def test_what_is_left_goes_back_and_the_creator_runs_the_subnet() -> None:
    world = leased()
    made = world.get("SubnetLeases", LEASE)
    assert made["beneficiary"] == address("creator")
    assert (made["netuid"], made["emissions_share"], made["end_block"]) == (NETUID, PERCENT, None)
    assert world.get("SubnetOwner", NETUID) == made["coldkey"]
    assert world.get("SubnetUidToLeaseId", NETUID) == LEASE
    assert world.get("NextSubnetLeaseId") == LEASE + 1
    raised = DEPOSIT + FIRST + SECOND
    shares = [lease_share(amount, raised) for amount in (FIRST, SECOND)]
    for giver, share in zip(("first", "second"), shares, strict=True):
        stored = world.get("SubnetLeaseShares", LEASE, address(giver))
        assert stored == {"bits": share * 2**64}
    back, _ = refunds(shares, raised - made["cost"])
    sent = [
        each["amount"]
        for each in world.events("Transfer")
        if each["from"] == made["coldkey"] and each["to"] in (address("first"), address("second"))
    ]
    assert sorted(sent) == sorted(back)
    proxies, _ = world.get("Proxies", made["coldkey"], pallet="Proxy")
    assert [each["delegate"] for each in proxies] == [address("creator")]
    started = world.compose(PALLET, "start_call", {"netuid": NETUID})
    proxy = {"real": made["coldkey"], "force_proxy_type": None, "call": started}
    assert world.submit("creator", "proxy", proxy, pallet="Proxy") is None
    assert world.get("SubtokenEnabled", NETUID)
    assert world.events("SubnetLeaseCreated")


def test_dividends_are_the_reference_s() -> None:
    world = leased()
    made = world.get("SubnetLeases", LEASE)
    block = 2 * INTERVAL + 1
    world.set("PendingOwnerCut", NETUID, to=CUT)
    world.set("SubnetAlphaOut", NETUID, to=CUT)
    world.set("LastMechansimStepBlock", NETUID, to=block - 20)
    world.set("AccumulatedLeaseDividends", LEASE, to=5)
    world.set("TotalHotkeyAlpha", made["hotkey"], NETUID, to=5)
    world.set("TotalHotkeyShares", made["hotkey"], NETUID, to={"bits": 5 << 64})
    world.set("Alpha", made["hotkey"], made["coldkey"], NETUID, to={"bits": 5 << 64})
    world.set("TotalAlphaStaked", NETUID, to=5)
    world.begin_block(block)
    raised = DEPOSIT + FIRST + SECOND
    shares = [lease_share(amount, raised) for amount in (FIRST, SECOND)]
    paid, rest = lease_dividends(shares, 5 + shared_of_cut(CUT, PERCENT))
    told = {
        each["contributor"]: each["alpha"]
        for each in world.events("SubnetLeaseDividendsDistributed")
    }
    assert told == {
        address("first"): paid[0],
        address("second"): paid[1],
        address("creator"): rest,
    }
    assert world.get("AccumulatedLeaseDividends", LEASE) == 0


def test_between_two_ends_of_the_interval_dividends_wait() -> None:
    world = leased()
    world.set("PendingOwnerCut", NETUID, to=CUT)
    world.set("SubnetAlphaOut", NETUID, to=CUT)
    world.set("LastMechansimStepBlock", NETUID, to=INTERVAL + 1)
    world.begin_block(2 * INTERVAL - 1)
    assert world.get("AccumulatedLeaseDividends", LEASE) == shared_of_cut(CUT, PERCENT)
    assert not world.events("SubnetLeaseDividendsDistributed")


def test_what_a_client_is_told_when_it_cannot_be() -> None:
    world = World()
    world.fund("creator", "first", "second")
    world.begin_block(10)
    lonely = {"emissions_share": PERCENT, "end_block": None}
    assert world.submit("creator", "register_leased_network", lonely) == "InvalidCrowdloanId"
    ending = {"lease_id": LEASE, "hotkey": address("first")}
    assert world.submit("creator", "terminate_lease", ending) == "LeaseDoesNotExist"
    assert lease(world, end=10) == "LeaseCannotEndInThePast"
    assert world.free("first") > FREE - FIRST - 10**9, "what failed is undone"

    world = leased(end=11)
    assert world.submit("creator", "terminate_lease", ending) == "LeaseHasNotEnded"
    world.begin_block(12)
    assert world.submit("first", "terminate_lease", ending) == "ExpectedBeneficiaryOrigin"
    assert world.submit("creator", "terminate_lease", ending) == "BeneficiaryDoesNotOwnHotkey"
    own = {"hotkey": address("second")}
    assert world.submit("creator", "try_associate_hotkey", own) is None
    ended = {"lease_id": LEASE, "hotkey": address("second")}
    assert world.submit("creator", "terminate_lease", ended) is None
    assert world.get("SubnetOwner", NETUID) == address("creator")
    assert world.get("SubnetLeases", LEASE) is None
    assert world.events("SubnetLeaseTerminated")
