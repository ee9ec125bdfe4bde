"""The views by which the SDK 10.x and btcli 9 read a subnet: each field is the item it names.

Every field gets a value of its own first, so that two that changed places are seen. Wide views (the
metagraph of a subnet and of a mechanism, the one with chosen fields) are held to the narrow ones
and to each other.
"""

from __future__ import annotations

from typing import Any, Final

from tests.conformance.runtime.started import NOW, done
from tests.conformance.runtime.world import NETUID, World, address

NOWHERE: Final = 9
NEURONS: Final = 3
HYPERPARAMETERS: Final = {
    "kappa": "Kappa",
    "immunity_period": "ImmunityPeriod",
    "min_allowed_weights": "MinAllowedWeights",
    "tempo": "Tempo",
    "min_difficulty": "MinDifficulty",
    "max_difficulty": "MaxDifficulty",
    "weights_version": "WeightsVersionKey",
    "weights_rate_limit": "WeightsSetRateLimit",
    "adjustment_interval": "AdjustmentInterval",
    "registration_allowed": "NetworkRegistrationAllowed",
    "target_regs_per_interval": "TargetRegistrationsPerInterval",
    "min_burn": "MinBurn",
    "max_burn": "MaxBurn",
    "bonds_moving_avg": "BondsMovingAverage",
    "max_regs_per_block": "MaxRegistrationsPerBlock",
    "serving_rate_limit": "ServingRateLimit",
    "max_validators": "MaxAllowedValidators",
    "adjustment_alpha": "AdjustmentAlpha",
    "difficulty": "Difficulty",
    "commit_reveal_period": "RevealPeriodEpochs",
    "commit_reveal_weights_enabled": "CommitRevealWeightsEnabled",
    "liquid_alpha_enabled": "LiquidAlphaOn",
}
"""The first record's fields that have an item."""
SINCE: Final = {"transfers_enabled": "TransferToggle", "bonds_reset_enabled": "BondsResetOn"}
"""What the second record has beside."""
OF_SUBNET: Final = {
    "kappa": "Kappa",
    "difficulty": "Difficulty",
    "immunity_period": "ImmunityPeriod",
    "max_allowed_validators": "MaxAllowedValidators",
    "min_allowed_weights": "MinAllowedWeights",
    "max_allowed_uids": "MaxAllowedUids",
    "tempo": "Tempo",
    "burn": "Burn",
}
OF_MARKET: Final = {
    "owner_hotkey": "SubnetOwnerHotkey",
    "owner_coldkey": "SubnetOwner",
    "tempo": "Tempo",
    "alpha_in": "SubnetAlphaIn",
    "alpha_out": "SubnetAlphaOut",
    "tao_in": "SubnetTAO",
    "subnet_volume": "SubnetVolume",
    "network_registered_at": "NetworkRegisteredAt",
    "moving_price": "SubnetMovingPrice",
}


def marked(world: World, fields: dict[str, str]) -> dict[str, Any]:
    """Give each item a value of its own; what the view must say, by field."""
    expected: dict[str, Any] = {}
    for number, (field, item) in enumerate(fields.items()):
        before = world.get(item, NETUID)
        expected[field] = (not before) if isinstance(before, bool) else 1_000 + number
        world.set(item, NETUID, to=expected[field])
    return expected


def test_the_hyperparameters_of_both_records(world: World) -> None:
    world.overlay.start()
    expected = marked(world, HYPERPARAMETERS | SINCE)
    first = world.ask("SubnetInfoRuntimeApi_get_subnet_hyperparams", NETUID)
    second = world.ask("SubnetInfoRuntimeApi_get_subnet_hyperparams_v2", NETUID)
    world.overlay.rollback()
    assert {field: second[field] for field in expected} == expected
    assert {field: first[field] for field in HYPERPARAMETERS} == {
        field: expected[field] for field in HYPERPARAMETERS
    }
    assert first.items() <= second.items()
    assert (second["yuma_version"], second["subnet_is_active"]) == (3, True)
    assert world.ask("SubnetInfoRuntimeApi_get_subnet_hyperparams", NOWHERE) is None
    assert world.ask("SubnetInfoRuntimeApi_get_subnet_hyperparams_v2", NOWHERE) is None


def test_what_a_subnet_is(world: World) -> None:
    world.overlay.start()
    expected = marked(world, OF_SUBNET)
    told = world.ask("SubnetInfoRuntimeApi_get_subnet_info_v2", NETUID)
    everything = world.ask("SubnetInfoRuntimeApi_get_subnets_info_v2")
    world.overlay.rollback()
    assert {field: told[field] for field in expected} == expected
    assert (told["subnetwork_n"], told["owner"]) == (NEURONS, address("owner"))
    assert [each["netuid"] for each in everything] == [0, NETUID]
    assert everything[NETUID] == told
    assert world.ask("SubnetInfoRuntimeApi_get_subnet_info_v2", NOWHERE) is None


def test_what_a_subnets_market_is(world: World) -> None:
    told = world.ask("SubnetInfoRuntimeApi_get_dynamic_info", NETUID)
    assert {field: told[field] for field in OF_MARKET} == {
        field: world.get(item, NETUID) for field, item in OF_MARKET.items()
    }
    assert told["blocks_since_last_step"] == NOW - told["last_step"]
    everything = world.ask("SubnetInfoRuntimeApi_get_all_dynamic_info")
    assert [each["netuid"] for each in everything] == [0, NETUID]
    assert everything[NETUID] == told
    assert world.ask("SubnetInfoRuntimeApi_get_dynamic_info", NOWHERE) is None


def test_the_neurons_of_a_subnet(world: World) -> None:
    row = {"netuid": NETUID, "dests": [2], "weights": [1], "version_key": 0}
    done(world, "validator hot", "set_weights", row)
    for block in range(NOW + 1, NOW + 21):
        world.begin_block(block)
    state = world.ask("SubnetInfoRuntimeApi_get_subnet_state", NETUID)
    assert state["incentives"] == world.get("Incentive", NETUID) == [0, 0, 65_535]
    for field, item in (
        ("active", "Active"),
        ("validator_permit", "ValidatorPermit"),
        ("last_update", "LastUpdate"),
        ("emission", "Emission"),
        ("dividends", "Dividends"),
        ("consensus", "Consensus"),
    ):
        assert state[field] == world.get(item, NETUID), field
    people = ("owner", "validator", "miner")
    assert state["coldkeys"] == [address(name) for name in people]
    assert state["hotkeys"] == [address(f"{name} hot") for name in people]
    staked = [world.get("TotalHotkeyAlpha", hotkey, NETUID) for hotkey in state["hotkeys"]]
    assert state["alpha_stake"] == state["total_stake"] == staked
    assert world.ask("SubnetInfoRuntimeApi_get_subnet_state", NOWHERE) is None

    metagraph = world.ask("SubnetInfoRuntimeApi_get_metagraph", NETUID)
    shared = ("hotkeys", "coldkeys", "active", "validator_permit", "last_update", "dividends")
    assert {field: metagraph[field] for field in shared} == {
        field: state[field] for field in shared
    }


def test_wide_views_say_the_same(world: World) -> None:
    metagraph = world.ask("SubnetInfoRuntimeApi_get_metagraph", NETUID)
    for listed in (
        world.ask("SubnetInfoRuntimeApi_get_all_metagraphs"),
        world.ask("SubnetInfoRuntimeApi_get_all_mechagraphs"),
    ):
        assert [each["netuid"] for each in listed] == [0, NETUID]
        assert listed[NETUID] == metagraph
    assert world.ask("SubnetInfoRuntimeApi_get_mechagraph", NETUID, 0) == metagraph
    assert world.ask("SubnetInfoRuntimeApi_get_mechagraph", NETUID, 1) is None
    everything = list(range(len(metagraph) + len(("validators", "commitments"))))
    chosen = world.ask("SubnetInfoRuntimeApi_get_selective_metagraph", NETUID, everything)
    assert {field: chosen[field] for field in metagraph} == metagraph
    assert (
        world.ask("SubnetInfoRuntimeApi_get_selective_mechagraph", NETUID, 0, everything) == chosen
    )


def test_a_view_of_chosen_fields_has_no_others(world: World) -> None:
    """By their place in the record."""
    metagraph = list(world.ask("SubnetInfoRuntimeApi_get_metagraph", NETUID).items())
    for index in (5, 8, 71):
        told = world.ask("SubnetInfoRuntimeApi_get_selective_metagraph", NETUID, [index])
        there = {field: value for field, value in told.items() if value is not None}
        assert there == {"netuid": NETUID, **dict(metagraph[index : index + 1])}
    assert world.ask("SubnetInfoRuntimeApi_get_selective_metagraph", NOWHERE, [5]) is None


def test_the_types_of_proxies_as_clients_choose_them(world: World) -> None:
    """A proxy of each type that is not given up can be added."""
    told = world.ask("ProxyFilterRuntimeApi_get_proxy_types")
    assert [each["index"] for each in told] == list(range(19))
    for each in told:
        proxy = {"delegate": address("miner"), "proxy_type": each["name"], "delay": 0}
        refused = world.submit("owner", "add_proxy", proxy, pallet="Proxy")
        assert refused is None or each["deprecated"], each["name"]
        if refused is None:
            assert world.submit("owner", "remove_proxy", proxy, pallet="Proxy") is None
