"""Settings of the whole chain: what goes one way before root sets one goes the other way after.

Each test makes one ordinary call under both values. Where the value is kept, and who may set it, is
in ``test_settings``.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

from tests.conformance.runtime.started import NOW, TAO, done, stake_of
from tests.conformance.runtime.world import NETUID, World, account, address

NEXT: Final = NETUID + 1
SUBNET_PRICE: Final = 1_000 * TAO
"""What the first subnet cost: the floor."""


def by_root(world: World, call: str, **arguments: Any) -> None:
    assert world.as_root(call, arguments) is None


def take(world: World, way: str, part: int) -> str | None:
    arguments = {"hotkey": address("validator hot"), "take": part}
    return world.submit("validator", f"{way}_take", arguments)


def register(world: World, signer: str = "stranger") -> str | None:
    """A subnet more."""
    return world.submit(signer, "register_network", {"hotkey": address(f"{signer} hot")})


def price(world: World) -> int:
    told: int = world.ask("SubnetRegistrationRuntimeApi_get_network_registration_cost")
    return told


def test_a_take_is_between_what_root_allows(world: World) -> None:
    """The pool refuses already: 26 is too low, 27 too high."""
    assert world.get("Delegates", address("validator hot")) == 11_796
    by_root(world, "sudo_set_tx_delegate_take_rate_limit", tx_rate_limit=0)
    assert take(world, "increase", 12_000) == "refused:27"
    by_root(world, "sudo_set_default_take", default_take=12_000)
    assert take(world, "increase", 12_000) is None
    assert world.get("Delegates", address("validator hot")) == 12_000
    by_root(world, "sudo_set_min_delegate_take", take=6_000)
    assert take(world, "decrease", 5_999) == "refused:26"
    assert take(world, "decrease", 6_000) is None


def test_a_take_is_raised_so_often(world: World) -> None:
    by_root(world, "sudo_set_tx_delegate_take_rate_limit", tx_rate_limit=5)
    assert take(world, "decrease", 1_000) is None
    assert take(world, "increase", 1_001) == "DelegateTxRateLimitExceeded"
    by_root(world, "sudo_set_tx_delegate_take_rate_limit", tx_rate_limit=0)
    world.begin_block(NOW + 1)
    assert take(world, "increase", 1_001) is None


def test_a_coldkey_changes_its_hotkeys_so_often(world: World) -> None:
    def swap(old: str, new: str) -> str | None:
        keys = {"hotkey": address(old), "new_hotkey": address(new), "netuid": None}
        return world.submit("miner", "swap_hotkey", keys)

    assert swap("miner hot", "second") is None
    world.begin_block(NOW + 5)
    by_root(world, "sudo_set_tx_rate_limit", tx_rate_limit=6)
    assert swap("second", "third") == "HotKeySetTxRateLimitExceeded"
    by_root(world, "sudo_set_tx_rate_limit", tx_rate_limit=4)
    assert swap("second", "third") is None


def test_an_owner_gets_its_part_of_each_block(world: World) -> None:
    """Of a block's alpha, 65535 of 65535 and then nothing."""
    by_root(world, "sudo_set_subnet_owner_cut", subnet_owner_cut=65_535)
    before = world.get("PendingOwnerCut", NETUID)
    world.begin_block(NOW + 1)
    after = world.get("PendingOwnerCut", NETUID)
    assert after - before == world.get("SubnetAlphaOutEmission", NETUID) > 0
    by_root(world, "sudo_set_subnet_owner_cut", subnet_owner_cut=0)
    world.begin_block(NOW + 2)
    assert world.get("PendingOwnerCut", NETUID) == after


def test_a_subnet_costs_at_least_the_floor(world: World) -> None:
    """When it has fallen below, it costs that; more than anybody has is refused."""
    by_root(world, "sudo_set_lock_reduction_interval", interval=40)
    assert price(world) == SUBNET_PRICE
    by_root(world, "sudo_set_network_min_lock_cost", lock_cost=7 * TAO)
    assert price(world) == 7 * TAO
    assert register(world) is None
    assert world.get("SubnetLocked", NEXT) == 7 * TAO
    by_root(world, "sudo_set_network_min_lock_cost", lock_cost=2 * 10**18)
    assert register(world, "miner") == "CannotAffordLockCost"


def test_the_price_of_a_subnet_falls_as_fast_as_root_says(world: World) -> None:
    """From twice the last one's by the last one's in an interval: 90 blocks are past."""
    by_root(world, "sudo_set_network_min_lock_cost", lock_cost=0)
    for interval, costs in ((200, 1_550), (125, 1_280), (100, 1_100), (40, 0)):
        by_root(world, "sudo_set_lock_reduction_interval", interval=interval)
        assert price(world) == costs * TAO


def test_there_are_as_many_subnets_as_root_says_and_a_young_one_stays(world: World) -> None:
    by_root(world, "sudo_set_subnet_limit", max_subnets=1)
    by_root(world, "sudo_set_network_immunity_period", immunity_period=NOW)
    assert world.ask("SubnetInfoRuntimeApi_get_subnet_to_prune") is None
    assert register(world) == "SubnetLimitReached"
    by_root(world, "sudo_set_network_immunity_period", immunity_period=50)
    assert world.ask("SubnetInfoRuntimeApi_get_subnet_to_prune") == NETUID
    assert register(world) is None
    assert world.get("SubnetOwner", NETUID) == address("stranger")
    by_root(world, "sudo_set_subnet_limit", max_subnets=2)
    assert register(world, "miner") is None
    assert world.get("SubnetOwner", NEXT) == address("miner")


def test_subnets_come_so_often(world: World) -> None:
    by_root(world, "sudo_set_network_rate_limit", rate_limit=NOW)
    assert register(world) == "NetworkTxRateLimitExceeded"
    by_root(world, "sudo_set_network_rate_limit", rate_limit=90)
    assert register(world) is None


def test_weights_take_so_much_stake(world: World) -> None:
    row = {"netuid": NETUID, "dests": [2], "weights": [65_535], "version_key": 0}
    staked = world.get("TotalHotkeyAlpha", address("validator hot"), NETUID)
    by_root(world, "sudo_set_stake_threshold", min_stake=staked + 1)
    assert world.submit("validator hot", "set_weights", row) == "refused:1"
    by_root(world, "sudo_set_stake_threshold", min_stake=staked)
    assert world.submit("validator hot", "set_weights", row) is None
    assert [tuple(pair) for pair in world.get("Weights", NETUID, 1)] == [(2, 65_535)]


def test_a_small_nomination_is_paid_out_when_it_becomes_too_small(world: World) -> None:
    """What an owner has behind its own hotkey stays, however little it is."""
    small = {**stake_of("validator", 2 * TAO)}
    done(world, "stranger", "add_stake", small)
    done(world, "miner", "add_stake", stake_of("miner", TAO))
    key = (address("validator hot"), address("stranger"), NETUID)
    by_root(world, "sudo_set_nominator_min_required_stake", min_stake=100 * 10**6)
    assert world.get("Alpha", *key)["bits"] > 0  # a hundred times the least stake: 0.2 TAO
    before = world.free("stranger")
    by_root(world, "sudo_set_nominator_min_required_stake", min_stake=2_000 * 10**6)
    assert world.get("Alpha", *key)["bits"] == 0
    assert 1.9 * TAO < world.free("stranger") - before < 2 * TAO
    own = (address("miner hot"), address("miner"), NETUID)
    assert world.get("Alpha", *own)["bits"] > 0


def test_owners_wait_for_the_window_and_between_two_changes(world: World) -> None:
    def change(value: int) -> str | None:
        arguments = {"netuid": NETUID, "serving_rate_limit": value}
        return world.submit("owner", "sudo_set_serving_rate_limit", arguments, pallet="AdminUtils")

    left = world.ask("SubnetInfoRuntimeApi_get_next_epoch_start_block", NETUID) - NOW
    by_root(world, "sudo_set_admin_freeze_window", window=left + 1)
    assert change(1) == "AdminActionProhibitedDuringWeightsWindow"
    by_root(world, "sudo_set_admin_freeze_window", window=left)
    assert change(1) is None
    assert change(2) == "TxRateLimitExceeded"
    by_root(world, "sudo_set_owner_hparam_rate_limit", epochs=0)
    assert change(2) is None
    assert world.get("ServingRateLimit", NETUID) == 2


def test_a_subnet_starts_after_the_delay(world: World) -> None:
    assert register(world) is None
    by_root(world, "sudo_set_start_call_delay", delay=3)
    start = {"netuid": NEXT}
    world.begin_block(NOW + 2)
    assert world.submit("stranger", "start_call", start) == "NeedWaitingMoreBlocksToStarCall"
    world.begin_block(NOW + 3)
    assert world.submit("stranger", "start_call", start) is None
    assert world.get("FirstEmissionBlockNumber", NEXT) == NOW + 4


def test_a_coldkey_swap_waits_as_long_as_root_says(world: World) -> None:
    """The hash is of the new key's 32 bytes, by BLAKE2 with 256 bits."""
    by_root(world, "sudo_set_coldkey_swap_announcement_delay", duration=3)
    by_root(world, "sudo_set_coldkey_swap_reannouncement_delay", duration=2)
    hashed = {"new_coldkey_hash": new_key_hash()}
    swap = {"new_coldkey": address("new")}
    done(world, "miner", "announce_coldkey_swap", hashed)
    assert world.get("ColdkeySwapAnnouncements", address("miner"))[0] == NOW + 3
    world.begin_block(NOW + 2)
    assert world.submit("miner", "swap_coldkey_announced", swap) == "ColdkeySwapTooEarly"
    world.begin_block(NOW + 4)
    again = world.submit("miner", "announce_coldkey_swap", hashed)
    assert again == "ColdkeySwapReannouncedTooEarly"
    cleared = world.submit("miner", "clear_coldkey_swap_announcement", {})
    assert cleared == "ColdkeySwapClearTooEarly"
    by_root(world, "sudo_set_coldkey_swap_reannouncement_delay", duration=1)
    done(world, "miner", "announce_coldkey_swap", hashed)
    world.begin_block(NOW + 7)
    done(world, "miner", "swap_coldkey_announced", swap)
    assert world.get("Owner", address("miner hot")) == address("new")


def new_key_hash() -> str:
    return f"0x{blake2b(account('new'), digest_size=32).hexdigest()}"


def test_a_subnet_has_as_many_mechanisms_as_root_allows(world: World) -> None:
    by_root(world, "sudo_set_max_allowed_uids", netuid=NETUID, max_allowed_uids=64)
    three = {"netuid": NETUID, "mechanism_count": 3}
    refused = world.submit("owner", "sudo_set_mechanism_count", three, pallet="AdminUtils")
    assert refused == "InvalidValue"
    by_root(world, "sudo_set_max_mechanism_count", max_mechanism_count=3)
    allowed = world.submit("owner", "sudo_set_mechanism_count", three, pallet="AdminUtils")
    assert allowed is None
    assert world.get("MechanismCountCurrent", NETUID) == 3
