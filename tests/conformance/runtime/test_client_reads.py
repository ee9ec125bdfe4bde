"""Storage and constants that clients read, and the calls beside them: what is there after what.

An item that clients of the public chain read before they act, and that holds nothing here, is held
to that too: what publicly takes many blocks, or holds something back, is over within one.
"""

from __future__ import annotations

from typing import Any, Final

from tests.conformance.runtime.started import NOW, TAO, WEALTH, done, stake_of
from tests.conformance.runtime.world import NETUID, World, address

NEXT: Final = NETUID + 1
PARENT: Final = f"0x{'11' * 32}"
"""The parent's hash in the header with which ``World`` begins a block."""
FUNDS_UNAVAILABLE: Final = "dispatch:0x0700"
NO_FEE: Final = "refused:0x010001"
"""InvalidTransaction::Payment."""
BELOW_MINIMUM: Final = "dispatch:0x0702"
BAD_ORIGIN: Final = "dispatch:0x02"
IDENTITY: Final = {
    "subnet_name": "assay",
    "github_repo": "https://example.org/assay",
    "subnet_contact": "someone@example.org",
    "subnet_url": "https://example.org",
    "discord": "",
    "description": "weighs what miners do",
    "logo_url": "https://example.org/logo.png",
    "additional": "",
}


def pay(world: World, function: str, **arguments: Any) -> str | None:
    return world.submit("stranger", function, arguments, pallet="Balances")


def test_a_blocks_hash_is_that_of_the_next_ones_parent(world: World) -> None:
    assert world.get("BlockHash", NOW - 1, pallet="System") == PARENT
    assert world.get("BlockHash", NOW, pallet="System") == f"0x{'00' * 32}"


def test_all_of_a_balance_goes_or_all_but_what_keeps_the_account(world: World) -> None:
    least = world.constant("Balances.ExistentialDeposit")
    assert least == 500
    world.overlay.start()
    assert pay(world, "transfer_all", dest=address("new"), keep_alive=True) is None
    ((*_, moved),) = [said.values() for said in world.events("Transfer")]
    assert world.free("stranger") == least
    assert world.free("new") == moved > 0
    world.overlay.rollback()
    assert pay(world, "transfer_all", dest=address("new"), keep_alive=False) is None
    assert world.free("stranger") == 0
    assert len(world.events("KilledAccount")) == 1
    again = pay(world, "transfer_all", dest=address("new"), keep_alive=False)
    assert again == NO_FEE, "it cannot pay for a second one"


def test_no_account_is_made_with_less_than_the_least(world: World) -> None:
    least = world.constant("Balances.ExistentialDeposit")
    few = {"dest": address("new"), "value": least - 1}
    assert pay(world, "transfer_keep_alive", **few) == BELOW_MINIMUM
    assert pay(world, "transfer_keep_alive", **{**few, "value": least}) is None
    assert world.free("new") == least
    much = {"dest": address("new"), "value": 2 * WEALTH}
    assert pay(world, "transfer_allow_death", **much) == FUNDS_UNAVAILABLE


def test_what_is_issued_falls_by_what_is_burned(world: World) -> None:
    before = world.get("TotalIssuance", pallet="Balances")
    assert pay(world, "burn", value=TAO, keep_alive=True) is None
    assert before - world.get("TotalIssuance", pallet="Balances") == TAO


def test_root_alone_replaces_the_code_by_what_is_one(world: World) -> None:
    """The next version as a whole is replaced in ``test_upgrade``, on a running node."""
    code = world.get("Account", address("miner"), pallet="System")
    assert world.submit("owner", "set_code", {"code": "0x00"}, pallet="System") == BAD_ORIGIN
    refused = world.as_root("set_code", {"code": "0x00"}, pallet="System")
    assert refused == "FailedToExtractRuntimeVersion"
    same = f"0x{world.code.hex()}"
    assert (
        world.as_root("set_code", {"code": same}, pallet="System") == "SpecVersionNeedsToIncrease"
    )
    assert world.get("Account", address("miner"), pallet="System") == code


def test_a_subnet_comes_with_its_identity(world: World) -> None:
    arguments = {"hotkey": address("stranger hot"), "identity": IDENTITY}
    cost = world.ask("SubnetRegistrationRuntimeApi_get_network_registration_cost")
    done(world, "stranger", "register_network_with_identity", arguments)
    assert world.get("SubnetIdentitiesV3", NEXT) == IDENTITY
    assert world.events("SubnetIdentitySet") == [NEXT]
    assert world.get("SubnetOwner", NEXT) == address("stranger")
    assert world.get("SubnetLocked", NEXT) == world.get("NetworkLastLockCost") == cost
    long = {**IDENTITY, "subnet_name": "x" * 257}
    refused = world.submit(
        "miner",
        "register_network_with_identity",
        {"hotkey": address("miner hot"), "identity": long},
    )
    assert refused == "InvalidIdentity"
    assert world.get("SubnetOwner", NEXT + 1) == World().get("SubnetOwner", NEXT + 1)


def test_child_keys_wait_as_long_as_root_says(world: World) -> None:
    wait = {"cooldown": 7}
    assert world.submit("owner", "set_pending_childkey_cooldown", wait) == BAD_ORIGIN
    refused = world.as_root("set_pending_childkey_cooldown", wait, pallet="SubtensorModule")
    assert refused is None
    assert world.get("PendingChildKeyCooldown") == 7
    hot = address("validator hot")
    lend = {"hotkey": hot, "netuid": NETUID, "children": [(1 << 63, address("miner hot"))]}
    done(world, "validator", "set_children", lend)
    pending, at = world.get("PendingChildKeys", NETUID, hot)
    assert at == NOW + 7
    assert [tuple(each) for each in pending] == [(1 << 63, address("miner hot"))]


def test_what_is_limited_has_the_block_in_which_it_was_done(world: World) -> None:
    """Under the key of what is limited, as clients build it."""
    assert world.get("LastRateLimitedBlock", "NetworkLastRegistered") == 10
    of_take = {"LastTxBlockDelegateTake": address("validator hot")}
    of_owner = {"OwnerHyperparamUpdate": (NETUID, "ServingRateLimit")}
    assert world.get("LastRateLimitedBlock", of_take) == 0
    lower = {"hotkey": address("validator hot"), "take": 1_000}
    done(world, "validator", "decrease_take", lower)
    assert world.get("LastRateLimitedBlock", of_take) == NOW
    serving = {"netuid": NETUID, "serving_rate_limit": 7}
    refused = world.submit("owner", "sudo_set_serving_rate_limit", serving, pallet="AdminUtils")
    assert refused is None
    assert world.get("LastRateLimitedBlock", of_owner) == NOW


def test_a_subnet_is_cleared_away_at_once(world: World) -> None:
    """Publicly the queues hold what is cleared, and who waits to register, for many blocks."""
    done(world, "stranger", "register_network", {"hotkey": address("stranger hot")})
    refused = world.as_root("root_dissolve_network", {"netuid": NETUID}, pallet="SubtensorModule")
    assert refused is None
    assert world.get("NetworksAdded", NETUID) is False
    assert world.get("DissolveCleanupQueue") == []
    assert world.get("CurrentDissolveCleanupStatus") is None
    for item in ("SubnetTAO", "SubnetAlphaOut", "SubnetLocked", "SubnetworkN"):
        assert world.get(item, NETUID) == 0, item
    done(world, "miner", "register_network", {"hotkey": address("miner hot")})
    assert world.get("SubnetOwner", NETUID) == address("miner")
    assert world.get("NetworkRegistrationQueue") == []


def test_stake_on_root_is_held_for_no_time(world: World) -> None:
    assert world.get("RootStakeUnlockInterval") == 0
    done(world, "validator", "root_register", {"hotkey": address("validator hot")})
    done(world, "validator", "add_stake", stake_of("validator", 10 * TAO, 0))
    back = {"hotkey": address("validator hot"), "netuid": 0, "amount_unstaked": 10 * TAO}
    done(world, "validator", "remove_stake", back)
    assert world.get("TotalHotkeyAlpha", address("validator hot"), 0) == 0


def test_a_registration_locks_nothing_as_collateral(world: World) -> None:
    """All of its price is spent: the share that is locked publicly is none here."""
    before, price = world.free("stranger"), world.get("Burn", NETUID)
    arguments = {"netuid": NETUID, "hotkey": address("new")}
    done(world, "stranger", "burned_register", arguments)
    (fee,) = world.events("TransactionFeePaid")[-1:]
    assert before - world.free("stranger") == price + fee["actual_fee"]
    assert world.get("CollateralLockShare", NETUID) == 0
    assert world.get("MinerCollateral", NETUID, address("new"), address("stranger")) is None
    assert world.get("Alpha", address("new"), address("stranger"), NETUID)["bits"] == 0


def test_crowdloans_are_numbered_on(world: World) -> None:
    first = world.get("NextCrowdloanId", pallet="Crowdloan")
    terms = {
        "deposit": world.constant("Crowdloan.MinimumDeposit"),
        "min_contribution": world.constant("Crowdloan.AbsoluteMinimumContribution"),
        "cap": 1_000 * TAO,
        "end": NOW + world.constant("Crowdloan.MinimumBlockDuration"),
        "call": None,
        "target_address": address("miner"),
    }
    for wrong, error in (
        ({"deposit": terms["deposit"] - 1}, "DepositTooLow"),
        ({"min_contribution": terms["min_contribution"] - 1}, "MinimumContributionTooLow"),
        ({"end": terms["end"] - 1}, "BlockDurationTooShort"),
        (
            {"end": NOW + world.constant("Crowdloan.MaximumBlockDuration") + 1},
            "BlockDurationTooLong",
        ),
    ):
        assert world.submit("stranger", "create", {**terms, **wrong}, pallet="Crowdloan") == error
    assert world.submit("stranger", "create", terms, pallet="Crowdloan") is None
    assert world.get("NextCrowdloanId", pallet="Crowdloan") == first + 1
    assert world.get("Crowdloans", first, pallet="Crowdloan")["creator"] == address("stranger")


def test_clients_are_told_the_chains_times(world: World) -> None:
    """As genesis decided them: the presets differ, the runtime is one."""
    assert world.constant("Aura.SlotDuration") == 250
    assert world.constant("SubtensorModule.InitialStartCallDelay") == 0
    assert world.constant("System.Version")["spec_version"] == world.runtime_version().spec_version


def test_an_owner_keeps_a_tempo_and_a_cutoff_within_what_clients_are_told(world: World) -> None:
    def by_owner(function: str, **arguments: int) -> str | None:
        world.overlay.start()
        refused = world.submit("owner", function, {"netuid": NETUID, **arguments})
        world.overlay.rollback()
        return refused

    least, most = (
        world.constant("SubtensorModule.MinTempo"),
        world.constant("SubtensorModule.MaxTempo"),
    )
    assert (least, most) == (360, 50_400)
    for tempo, error in ((least - 1, True), (least, False), (most, False), (most + 1, True)):
        said = by_owner("set_tempo", tempo=tempo)
        assert said == ("TempoOutOfBounds" if error else None), tempo
    least, most = (
        world.constant("SubtensorModule.MinActivityCutoffFactorMilli"),
        world.constant("SubtensorModule.MaxActivityCutoffFactorMilli"),
    )
    assert (least, most) == (1_000, 50_000)
    for factor, error in ((least - 1, True), (least, False), (most, False), (most + 1, True)):
        said = by_owner("set_activity_cutoff_factor", factor_milli=factor)
        assert said == ("ActivityCutoffFactorMilliOutOfBounds" if error else None), factor


def test_a_swap_of_hotkeys_costs_what_clients_are_told(world: World) -> None:
    """On all subnets; it is burned."""
    cost = world.constant("SubtensorModule.KeySwapCost")
    assert cost == TAO // 10
    swap = {"hotkey": address("miner hot"), "new_hotkey": address("new"), "netuid": None}
    before = world.free("miner")
    done(world, "miner", "swap_hotkey", swap)
    (fee,) = world.events("TransactionFeePaid")[-1:]
    assert before - world.free("miner") == cost + fee["actual_fee"]
