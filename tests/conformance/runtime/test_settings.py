"""Every setting of AdminUtils: who may set it, to what, and where a client finds it afterwards.

One row a call, with the argument names, the storage item and the event that the public chain has.
The row's value differs from what the subnet begins with, so that a setter which does nothing fails.
What the chain then does differently is in ``test_settings_chain`` and ``test_settings_subnet``;
what is refused whatever the value, in ``test_settings_refused``.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import pytest

from tests.conformance.runtime.world import NETUID, World
from tests.tidy.test_settings import REFUSED

BAD_ORIGIN: Final = "dispatch:0x02"
NO_SUBNET: Final = 9
ONE: Final = 1 << 64
"""One as a fixed-point number with 64 fractional bits."""


class Setting(NamedTuple):
    """One setter. ``arguments`` are those besides the subnet's number."""

    call: str
    arguments: dict[str, Any]
    item: str
    event: str | None = None
    owner: bool = False
    """Whether the subnet's owner may set it too."""
    kept: Any = None
    """What the item holds; without it, the one argument."""
    outside: tuple[tuple[Any, str], ...] = ()
    """Values that not even root may set, each with the error."""

    @property
    def value(self) -> Any:
        (value,) = self.arguments.values()
        return value if self.kept is None else self.kept


CHAIN: Final = (
    Setting("sudo_set_default_take", {"default_take": 9_000}, "MaxDelegateTake",
            "MaxDelegateTakeSet"),
    Setting("sudo_set_min_delegate_take", {"take": 700}, "MinDelegateTake", "MinDelegateTakeSet"),
    Setting("sudo_set_tx_delegate_take_rate_limit", {"tx_rate_limit": 77},
            "TxDelegateTakeRateLimit", "TxDelegateTakeRateLimitSet"),
    Setting("sudo_set_tx_rate_limit", {"tx_rate_limit": 77}, "TxRateLimit", "TxRateLimitSet"),
    Setting("sudo_set_subnet_owner_cut", {"subnet_owner_cut": 77}, "SubnetOwnerCut",
            "SubnetOwnerCutSet"),
    Setting("sudo_set_network_rate_limit", {"rate_limit": 77}, "NetworkRateLimit",
            "NetworkRateLimitSet"),
    Setting("sudo_set_network_immunity_period", {"immunity_period": 77}, "NetworkImmunityPeriod",
            "NetworkImmunityPeriodSet"),
    Setting("sudo_set_network_min_lock_cost", {"lock_cost": 77}, "NetworkMinLockCost",
            "NetworkMinLockCostSet"),
    Setting("sudo_set_subnet_limit", {"max_subnets": 7}, "SubnetLimit", "SubnetLimitSet"),
    Setting("sudo_set_lock_reduction_interval", {"interval": 77}, "NetworkLockReductionInterval",
            "NetworkLockCostReductionIntervalSet"),
    Setting("sudo_set_stake_threshold", {"min_stake": 77}, "StakeThreshold", "StakeThresholdSet"),
    Setting("sudo_set_nominator_min_required_stake", {"min_stake": 77},
            "NominatorMinRequiredStake"),
    Setting("sudo_set_subnet_moving_alpha", {"alpha": {"bits": 77}}, "SubnetMovingAlpha",
            outside=(({"bits": (1 << 32) + 1}, "InvalidValue"), ({"bits": -1}, "InvalidValue"))),
    Setting("sudo_set_admin_freeze_window", {"window": 7}, "AdminFreezeWindow",
            "AdminFreezeWindowSet"),
    Setting("sudo_set_owner_hparam_rate_limit", {"epochs": 7}, "OwnerHyperparamRateLimit",
            "OwnerHyperparamRateLimitSet"),
    Setting("sudo_set_start_call_delay", {"delay": 77}, "StartCallDelay", "StartCallDelaySet"),
    Setting("sudo_set_coldkey_swap_announcement_delay", {"duration": 77},
            "ColdkeySwapAnnouncementDelay", "ColdkeySwapAnnouncementDelaySet"),
    Setting("sudo_set_coldkey_swap_reannouncement_delay", {"duration": 77},
            "ColdkeySwapReannouncementDelay", "ColdkeySwapReannouncementDelaySet"),
    Setting("sudo_set_max_mechanism_count", {"max_mechanism_count": 7}, "MaxMechanismCount",
            outside=((0, "InvalidValue"),)),
    Setting("sudo_set_max_epochs_per_block", {"max_epochs_per_block": 7}, "MaxEpochsPerBlock",
            "MaxEpochsPerBlockSet", outside=((0, "ValueNotInBounds"),)),
)  # fmt: skip
"""Settings of the whole chain: root's."""

BY_ROOT: Final = (
    Setting("sudo_set_min_difficulty", {"min_difficulty": 77}, "MinDifficulty",
            "MinDifficultySet"),
    Setting("sudo_set_weights_set_rate_limit", {"weights_set_rate_limit": 77},
            "WeightsSetRateLimit", "WeightsSetRateLimitSet"),
    Setting("sudo_set_adjustment_interval", {"adjustment_interval": 77}, "AdjustmentInterval",
            "AdjustmentIntervalSet"),
    Setting("sudo_set_kappa", {"kappa": 77}, "Kappa", "KappaSet"),
    Setting("sudo_set_target_registrations_per_interval",
            {"target_registrations_per_interval": 77}, "TargetRegistrationsPerInterval",
            "RegistrationPerIntervalSet"),
    Setting("sudo_set_difficulty", {"difficulty": 77}, "Difficulty", "DifficultySet"),
    Setting("sudo_set_max_allowed_validators", {"max_allowed_validators": 7},
            "MaxAllowedValidators", "MaxAllowedValidatorsSet",
            outside=((257, "MaxValidatorsLargerThanMaxUIds"),)),
    Setting("sudo_set_max_registrations_per_block", {"max_registrations_per_block": 7},
            "MaxRegistrationsPerBlock", "MaxRegistrationsPerBlockSet"),
    Setting("sudo_set_rao_recycled", {"rao_recycled": 77}, "RAORecycledForRegistration",
            "RAORecycledForRegistrationSet"),
    Setting("sudo_set_ema_price_halving_period", {"ema_halving": 77}, "EMAPriceHalvingBlocks"),
    Setting("sudo_set_subtoken_enabled", {"subtoken_enabled": False}, "SubtokenEnabled"),
    Setting("sudo_set_min_allowed_uids", {"min_allowed_uids": 2}, "MinAllowedUids",
            "MinAllowedUidsSet",
            outside=((256, "MinAllowedUidsGreaterThanMaxAllowedUids"),
                     (3, "MinAllowedUidsGreaterThanCurrentUids"))),
    Setting("sudo_set_min_non_immune_uids", {"min": 7}, "MinNonImmuneUids", "MinNonImmuneUidsSet"),
    Setting("sudo_set_subnet_emission_enabled", {"enabled": False}, "SubnetEmissionEnabled",
            "SubnetEmissionEnabledSet"),
)  # fmt: skip
"""Settings of a subnet that are root's alone."""

BY_OWNER: Final = (
    Setting("sudo_set_serving_rate_limit", {"serving_rate_limit": 77}, "ServingRateLimit",
            "ServingRateLimitSet"),
    Setting("sudo_set_max_difficulty", {"max_difficulty": 77}, "MaxDifficulty",
            "MaxDifficultySet"),
    Setting("sudo_set_weights_version_key", {"weights_version_key": 77}, "WeightsVersionKey",
            "WeightsVersionKeySet"),
    Setting("sudo_set_adjustment_alpha", {"adjustment_alpha": 77}, "AdjustmentAlpha",
            "AdjustmentAlphaSet"),
    Setting("sudo_set_immunity_period", {"immunity_period": 77}, "ImmunityPeriod",
            "ImmunityPeriodSet"),
    Setting("sudo_set_min_allowed_weights", {"min_allowed_weights": 77}, "MinAllowedWeights",
            "MinAllowedWeightSet"),
    Setting("sudo_set_max_allowed_uids", {"max_allowed_uids": 77}, "MaxAllowedUids",
            "MaxAllowedUidsSet",
            outside=((63, "MaxAllowedUidsLessThanMinAllowedUids"),
                     (257, "MaxAllowedUidsGreaterThanDefaultMaxAllowedUids"))),
    Setting("sudo_set_network_pow_registration_allowed", {"registration_allowed": True},
            "NetworkPowRegistrationAllowed", "PowRegistrationAllowed"),
    Setting("sudo_set_min_burn", {"min_burn": 77}, "MinBurn", "MinBurnSet",
            outside=((10**9, "ValueNotInBounds"),)),
    Setting("sudo_set_max_burn", {"max_burn": 10**9}, "MaxBurn", "MaxBurnSet",
            outside=((10**8, "ValueNotInBounds"),)),
    Setting("sudo_set_bonds_moving_average", {"bonds_moving_average": 77}, "BondsMovingAverage",
            "BondsMovingAverageSet", outside=((1_000_001, "ValueNotInBounds"),)),
    Setting("sudo_set_commit_reveal_weights_enabled", {"enabled": True},
            "CommitRevealWeightsEnabled", "CommitRevealEnabled"),
    Setting("sudo_set_liquid_alpha_enabled", {"enabled": True}, "LiquidAlphaOn"),
    Setting("sudo_set_commit_reveal_weights_interval", {"interval": 7}, "RevealPeriodEpochs",
            "CommitRevealPeriodsSet",
            outside=((0, "RevealPeriodTooSmall"), (101, "RevealPeriodTooLarge"))),
    Setting("sudo_set_bonds_penalty", {"bonds_penalty": 77}, "BondsPenalty", "BondsPenaltySet"),
    Setting("sudo_set_toggle_transfer", {"toggle": False}, "TransferToggle", "TransferToggle"),
    Setting("sudo_set_alpha_sigmoid_steepness", {"steepness": 77}, "AlphaSigmoidSteepness",
            "AlphaSigmoidSteepnessSet"),
    Setting("sudo_set_yuma3_enabled", {"enabled": False}, "Yuma3On", "Yuma3EnableToggled"),
    Setting("sudo_set_bonds_reset_enabled", {"enabled": True}, "BondsResetOn",
            "BondsResetToggled"),
    Setting("sudo_set_owner_immune_neuron_limit", {"immune_neurons": 7}, "ImmuneOwnerUidsLimit",
            outside=((0, "InvalidValue"), (11, "InvalidValue"))),
    Setting("sudo_set_recycle_or_burn", {"recycle_or_burn": "Recycle"}, "RecycleOrBurn"),
    Setting("sudo_set_burn_half_life", {"burn_half_life": 77}, "BurnHalfLife", "BurnHalfLifeSet",
            outside=((0, "InvalidValue"), (36_101, "InvalidValue"))),
    Setting("sudo_set_burn_increase_mult", {"burn_increase_mult": {"bits": 2 * ONE}},
            "BurnIncreaseMult", "BurnIncreaseMultSet",
            outside=(({"bits": ONE - 1}, "InvalidValue"),
                     ({"bits": 3 * ONE + 1}, "InvalidValue"))),
    Setting("sudo_set_owner_cut_enabled", {"enabled": False}, "OwnerCutEnabled"),
    Setting("sudo_set_min_childkey_take_per_subnet", {"take": 77}, "MinChildkeyTakePerSubnet",
            "MinChildKeyTakePerSubnetSet", outside=((11_797, "ValueNotInBounds"),)),
    Setting("sudo_set_owner_cut_auto_lock_enabled", {"enabled": True}, "OwnerCutAutoLockEnabled"),
    Setting("sudo_set_activity_cutoff_factor", {"factor_milli": 1_077},
            "ActivityCutoffFactorMilli", "ActivityCutoffFactorMilliSet",
            outside=((999, "ActivityCutoffFactorMilliOutOfBounds"),
                     (50_001, "ActivityCutoffFactorMilliOutOfBounds"))),
)  # fmt: skip
"""Settings of a subnet that its owner has as well."""

SETTINGS: Final = (
    *((setting, False) for setting in CHAIN),
    *((setting, True) for setting in BY_ROOT),
    *((setting._replace(owner=True), True) for setting in BY_OWNER),
)
"""Each with whether it is a subnet's."""

ELSEWHERE: Final = {
    "sudo_set_alpha_values",
    "sudo_set_epoch_consensus",
    "sudo_set_mechanism_count",
    "sudo_set_mechanism_emission_split",
    "sudo_set_network_registration_allowed",
    "sudo_set_sn_owner_hotkey",
    "sudo_set_tempo",
    "sudo_trim_null_uids_batch",
    "sudo_trim_to_max_allowed_uids",
}
"""Calls that do more than to put a value: the pallet's own tests are theirs."""


@pytest.mark.parametrize(
    ("setting", "on_subnet"), [pytest.param(*each, id=each[0].call) for each in SETTINGS]
)
def test_a_setting(world: World, setting: Setting, on_subnet: bool) -> None:
    where = (NETUID,) if on_subnet else ()
    subnet = {"netuid": NETUID} if on_subnet else {}
    given = {**subnet, **setting.arguments}
    before = world.get(setting.item, *where)
    assert before != setting.value, "a setter that does nothing would pass"

    assert world.submit("stranger", setting.call, given, pallet="AdminUtils") == BAD_ORIGIN
    for value, error in setting.outside:
        outside = {**subnet, **dict.fromkeys(setting.arguments, value)}
        assert world.as_root(setting.call, outside) == error
    if on_subnet:
        missing = {"netuid": NO_SUBNET, **setting.arguments}
        assert world.as_root(setting.call, missing) == "SubnetDoesNotExist"
    assert world.get(setting.item, *where) == before

    world.overlay.start()
    by_owner = world.submit("owner", setting.call, given, pallet="AdminUtils")
    assert by_owner == (None if setting.owner else BAD_ORIGIN)
    assert world.get(setting.item, *where) == (setting.value if setting.owner else before)
    world.overlay.rollback()

    assert world.as_root(setting.call, given) is None
    assert world.get(setting.item, *where) == setting.value
    if setting.event is not None:
        (said,) = world.events(setting.event)
        told = list(said.values()) if isinstance(said, dict) else said
        expected = [*where, setting.value]
        assert (list(told) if on_subnet else [told]) == expected


def test_no_setter_is_forgotten(world: World) -> None:
    """Each call of the pallet is in the table, is refused, or is tested elsewhere by name."""
    arguments = world.arguments("AdminUtils")
    listed = {setting.call for setting, _ in SETTINGS}
    assert listed | REFUSED | ELSEWHERE == set(arguments)
    assert not listed & REFUSED and not listed & ELSEWHERE
    for setting, on_subnet in SETTINGS:
        assert arguments[setting.call] == ["netuid"] * on_subnet + list(setting.arguments)


def test_one_way_into_a_subnet_stays_open(world: World) -> None:
    """Registration by burning can be closed only where work opens another door."""
    close = {"netuid": NETUID, "registration_allowed": False}
    assert world.as_root("sudo_set_network_registration_allowed", close) == "InvalidValue"
    work = {"netuid": NETUID, "registration_allowed": True}
    assert world.as_root("sudo_set_network_pow_registration_allowed", work) is None
    assert world.as_root("sudo_set_network_registration_allowed", close) is None
    assert world.get("NetworkRegistrationAllowed", NETUID) is False
