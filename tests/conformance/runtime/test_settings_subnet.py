"""Settings of a subnet: what goes one way before one is set goes the other way after.

Each test makes one ordinary call, or lets one block pass, under both values. Where the value is
kept, and who may set it, is in ``test_settings``; what the settings of consensus do to an epoch,
bit for bit, in ``test_golden_vectors``.
"""

from __future__ import annotations

from typing import Any, Final

from tests.conformance.runtime.started import NOW, TAO, done, stake_of
from tests.conformance.runtime.world import NETUID, World, address

VALIDATOR, MINER = 1, 2
"""Their uids; the owner's is 0."""
UNNUMBERED: Final = "refused:255"
"""What the pool says of an error that has no number of its own; in a batch the call says it."""
MINERS_ROW: Final = {
    "netuid": NETUID,
    "dests": [MINER],
    "weights": [65_535],
    "version_key": 0,
}


def by_root(world: World, call: str, **arguments: Any) -> None:
    assert world.as_root(call, {"netuid": NETUID, **arguments}) is None


def weigh(world: World, **other: Any) -> str | None:
    return world.submit("validator hot", "set_weights", {**MINERS_ROW, **other})


def register(world: World, hotkey: str) -> str | None:
    arguments = {"netuid": NETUID, "hotkey": address(hotkey)}
    return world.submit("stranger", "burned_register", arguments)


def test_an_endpoint_changes_so_often(world: World) -> None:
    """The pool refuses already: 12. Axon and metrics each wait for themselves."""
    served = {"netuid": NETUID, "version": 1, "ip": 2_130_706_433, "port": 8_091, "ip_type": 4}
    axon = {**served, "protocol": 4, "placeholder1": 0, "placeholder2": 0}
    done(world, "miner hot", "serve_axon", axon)
    done(world, "miner hot", "serve_prometheus", served)
    kept = world.get("Prometheus", NETUID, address("miner hot"))
    assert kept == {
        "block": NOW,
        **{name: served[name] for name in ("version", "ip", "port", "ip_type")},
    }
    by_root(world, "sudo_set_serving_rate_limit", serving_rate_limit=5)
    world.begin_block(NOW + 4)
    assert world.submit("miner hot", "serve_axon", axon) == "refused:12"
    assert world.submit("miner hot", "serve_prometheus", served) == "refused:12"
    world.begin_block(NOW + 5)
    done(world, "miner hot", "serve_axon", axon)
    done(world, "miner hot", "serve_prometheus", served)
    assert world.events("PrometheusServed") == [(NETUID, address("miner hot"))]


def test_weights_of_an_older_version_are_refused(world: World) -> None:
    by_root(world, "sudo_set_weights_version_key", weights_version_key=7)
    older = {**MINERS_ROW, "version_key": 6}
    assert weigh(world, version_key=6) == UNNUMBERED
    refused = world.submit_in_batch("validator hot", "set_weights", older)
    assert refused == "IncorrectWeightVersionKey"
    assert weigh(world, version_key=7) is None


def test_weights_are_set_so_often(world: World) -> None:
    assert weigh(world) is None
    by_root(world, "sudo_set_weights_set_rate_limit", weights_set_rate_limit=5)
    world.begin_block(NOW + 4)
    assert weigh(world) == "refused:6"
    world.begin_block(NOW + 5)
    assert weigh(world) is None
    assert world.get("LastUpdate", NETUID)[VALIDATOR] == NOW + 5


def test_a_row_has_so_many_weights(world: World) -> None:
    by_root(world, "sudo_set_min_allowed_weights", min_allowed_weights=2)
    assert weigh(world) == "WeightVecLengthIsLow"
    assert weigh(world, dests=[0, MINER], weights=[1, 1]) is None


def test_a_block_has_so_many_registrations(world: World) -> None:
    by_root(world, "sudo_set_max_registrations_per_block", max_registrations_per_block=2)
    assert register(world, "one") is None
    assert register(world, "two") is None
    assert world.get("RegistrationsThisBlock", NETUID) == 2
    assert register(world, "three") == "TooManyRegistrationsThisBlock"
    world.begin_block(NOW + 1)
    assert world.get("RegistrationsThisBlock", NETUID) == 0
    assert register(world, "three") is None


def test_what_registrations_cost_is_counted_on_from_what_root_says(world: World) -> None:
    by_root(world, "sudo_set_rao_recycled", rao_recycled=77)
    price = world.get("Burn", NETUID)
    assert register(world, "one") is None
    assert world.get("RAORecycledForRegistration", NETUID) == 77 + price


def test_a_registration_raises_the_price_up_to_the_ceiling(world: World) -> None:
    before = world.get("Burn", NETUID)
    by_root(world, "sudo_set_burn_increase_mult", burn_increase_mult={"bits": 3 << 63})
    assert world.get("BurnIncreaseMult", NETUID) == {"bits": 3 << 63}
    assert register(world, "one") is None
    raised = world.get("Burn", NETUID)
    assert raised == before * 3 // 2
    by_root(world, "sudo_set_max_burn", max_burn=raised + 1)
    assert world.get("MaxBurn", NETUID) == raised + 1
    assert register(world, "two") is None
    assert world.get("Burn", NETUID) == raised + 1


def test_stake_passes_to_another_coldkey_where_it_may(world: World) -> None:
    given = {
        "destination_coldkey": address("stranger"),
        "hotkey": address("validator hot"),
        "origin_netuid": NETUID,
        "destination_netuid": NETUID,
        "alpha_amount": TAO,
    }
    by_root(world, "sudo_set_toggle_transfer", toggle=False)
    assert world.submit("validator", "transfer_stake", given) == "TransferDisallowed"
    by_root(world, "sudo_set_toggle_transfer", toggle=True)
    done(world, "validator", "transfer_stake", given)
    key = (address("validator hot"), address("stranger"), NETUID)
    assert world.get("Alpha", *key)["bits"] > 0


def test_alpha_is_bought_and_sold_where_it_may(world: World) -> None:
    by_root(world, "sudo_set_subtoken_enabled", subtoken_enabled=False)
    bought = stake_of("validator", TAO)
    assert world.submit("validator", "add_stake", bought) == UNNUMBERED
    assert world.submit_in_batch("validator", "add_stake", bought) == "SubtokenDisabled"
    sold = {"hotkey": address("validator hot"), "netuid": NETUID, "amount_unstaked": TAO}
    assert world.submit_in_batch("validator", "remove_stake", sold) == "SubtokenDisabled"
    by_root(world, "sudo_set_subtoken_enabled", subtoken_enabled=True)
    done(world, "validator", "add_stake", bought)
    done(world, "validator", "remove_stake", sold)


def test_a_child_key_takes_at_least_so_much(world: World) -> None:
    def take(part: int) -> str | None:
        key = {"hotkey": address("miner hot"), "netuid": NETUID, "take": part}
        return world.submit("miner", "set_childkey_take", key)

    by_root(world, "sudo_set_min_childkey_take_per_subnet", take=500)
    assert take(499) == "InvalidChildkeyTake"
    assert take(500) is None
    assert world.get("ChildkeyTake", address("miner hot"), NETUID) == 500


def test_a_subnet_that_emits_nothing_still_pays_alpha(world: World) -> None:
    """Without TAO of the block's emission the pool gets none; with it, all of it."""
    by_root(world, "sudo_set_subnet_emission_enabled", enabled=False)
    pool = world.get("SubnetTAO", NETUID)
    world.begin_block(NOW + 1)
    assert world.get("SubnetTAO", NETUID) == pool
    assert world.get("SubnetTaoInEmission", NETUID) == 0
    assert world.get("SubnetAlphaOutEmission", NETUID) > 0
    by_root(world, "sudo_set_subnet_emission_enabled", enabled=True)
    world.begin_block(NOW + 2)
    gained = world.get("SubnetTAO", NETUID) - pool
    assert gained > 0
    assert world.get("SubnetTaoInEmission", NETUID) + world.get("SubnetExcessTao", NETUID) == gained
    root = world.as_root("sudo_set_subnet_emission_enabled", {"netuid": 0, "enabled": False})
    assert root == "NotPermittedOnRootSubnet"


def test_a_moving_price_moves_the_slower_the_longer_its_half_life(world: World) -> None:
    moved = []
    for blocks in (1, 1_000_000):
        world.overlay.start()
        by_root(world, "sudo_set_ema_price_halving_period", ema_halving=blocks)
        before = world.get("SubnetMovingPrice", NETUID)["bits"]
        world.begin_block(NOW + 1)
        moved.append(world.get("SubnetMovingPrice", NETUID)["bits"] - before)
        world.overlay.rollback()
    assert moved[0] > 1_000 * moved[1] >= 0


def test_what_nobody_is_to_have_is_burned_or_recycled(world: World) -> None:
    """Incentive of the owner's own hotkey is nobody's: recycled, it is issued no longer."""
    row = {**MINERS_ROW, "dests": [0]}
    done(world, "validator hot", "set_weights", row)
    epoch = world.ask("SubnetInfoRuntimeApi_get_next_epoch_start_block", NETUID)
    outside = []
    for kind in ("Burn", "Recycle"):
        world.overlay.start()
        by_root(world, "sudo_set_recycle_or_burn", recycle_or_burn=kind)
        for block in range(NOW + 1, epoch + 1):
            world.begin_block(block)
        assert world.get("Incentive", NETUID) == [65_535, 0, 0]
        outside.append(world.get("SubnetAlphaOut", NETUID))
        world.overlay.rollback()
    assert outside[0] > outside[1]


def test_bonds_grow_by_the_consensus_that_is_chosen(world: World) -> None:
    """Yuma 3 keeps bonds of a fixed scale; the older rule divides them among the validators."""
    done(world, "validator hot", "set_weights", MINERS_ROW)
    epoch = world.ask("SubnetInfoRuntimeApi_get_next_epoch_start_block", NETUID)
    bonds = []
    for enabled in (True, False):
        world.overlay.start()
        by_root(world, "sudo_set_yuma3_enabled", enabled=enabled)
        for block in range(NOW + 1, epoch + 1):
            world.begin_block(block)
        bonds.append([tuple(pair) for pair in world.get("Bonds", NETUID, VALIDATOR)])
        world.overlay.rollback()
    assert bonds[0] != bonds[1] == [(MINER, 65_535)]


def test_a_neuron_has_the_bonds_towards_it_reset_where_it_may(world: World) -> None:
    """By a flag among what it commits to."""
    bonds = [(0, 5), (MINER, 7)]
    world.set("Bonds", NETUID, VALIDATOR, to=bonds)
    committed = {"netuid": NETUID, "info": {"fields": [["ResetBondsFlag"]]}}
    for enabled, left in ((False, bonds), (True, bonds[:1])):
        world.overlay.start()
        by_root(world, "sudo_set_bonds_reset_enabled", enabled=enabled)
        refused = world.submit("miner hot", "set_commitment", committed, pallet="Commitments")
        assert refused is None
        assert [tuple(pair) for pair in world.get("Bonds", NETUID, VALIDATOR)] == left
        world.overlay.rollback()


def test_a_full_subnet_keeps_so_many_neurons_without_immunity(world: World) -> None:
    """Of five, the owner's is never pruned and two are past immunity: one of these two goes, unless
    so many are to stay."""
    by_root(world, "sudo_set_immunity_period", immunity_period=50)
    for young in ("young", "younger"):
        assert register(world, young) is None
    world.set("MaxAllowedUids", NETUID, to=5)  # as no setter may: there is room for 64
    gone = []
    for least in (1, 2):
        world.overlay.start()
        by_root(world, "sudo_set_min_non_immune_uids", min=least)
        assert register(world, "new") is None
        gone.append(world.get("Uids", NETUID, address("new")))
        world.overlay.rollback()
    assert gone == [MINER, 3]
