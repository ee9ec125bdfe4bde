"""Voting power through the shipped Wasm, epoch by epoch, against the readable rule."""

from __future__ import annotations

import random

from assay.scoring.reference.epoch import Epoch, EpochNeuron, EpochRules
from assay.scoring.reference.voting import ALPHA_ONE, powers_after
from tests.conformance.runtime.subnet import hotkey, lay_epoch, read_epoch
from tests.conformance.runtime.world import NETUID, World, address

NEURONS, EPOCHS, TEMPO = 6, 4, 20
THRESHOLD = 10**9


def test_it_is_the_reference_s() -> None:
    dice = random.Random(461)
    rules = EpochRules(stake_threshold=THRESHOLD, permits_max=3)
    powers = [dice.choice([0, THRESHOLD // 2, THRESHOLD, 3 * THRESHOLD]) for _ in range(NEURONS)]
    for epoch in range(EPOCHS):
        alpha = dice.choice([0, 3_570_000_000_000_000, ALPHA_ONE // 3, ALPHA_ONE])
        stakes = [dice.choice([0, THRESHOLD, dice.randrange(10**12)]) for _ in range(NEURONS)]
        block = 1_000 + epoch * TEMPO
        world = World()
        neurons = [EpochNeuron(stake, last_update=block, registered=1) for stake in stakes]
        lay_epoch(
            world,
            Epoch(block=block, neurons=neurons, weights={}, bonds={}, emission=0, tempo=TEMPO,
                  last_step=block - TEMPO),
            rules,
        )  # fmt: skip
        world.set("VotingPowerTrackingEnabled", NETUID, to=True)
        world.set("VotingPowerEmaAlpha", NETUID, to=alpha)
        for uid, power in enumerate(powers):
            if power:
                world.set("VotingPower", NETUID, address(hotkey(uid)), to=power)
        world.set("TotalVotingPower", NETUID, to=sum(powers))
        world.begin_block(block)
        permits = read_epoch(world, NEURONS).permits
        powers = powers_after(powers, stakes, permits, alpha, THRESHOLD)
        found = [world.get("VotingPower", NETUID, address(hotkey(uid))) for uid in range(NEURONS)]
        assert found == powers
        assert world.get("TotalVotingPower", NETUID) == sum(powers)
        assert any(permits)
        assert not all(permits)


def test_an_owner_has_it_tracked_and_ends_it() -> None:
    world = World()
    world.fund("founder hot", "founder")
    world.begin_block(10)
    assert world.submit("founder", "register_network", {"hotkey": address("founder hot")}) is None
    which = {"netuid": NETUID}
    assert (
        world.submit_in_batch("founder", "disable_voting_power_tracking", which)
        == "VotingPowerTrackingNotEnabled"
    )
    assert world.submit("founder", "enable_voting_power_tracking", which) is None
    assert world.get("VotingPowerTrackingEnabled", NETUID)
    assert world.get("VotingPowerEmaAlpha", NETUID) == 3_570_000_000_000_000
    assert world.submit("founder", "disable_voting_power_tracking", which) is None
    assert world.get("VotingPowerDisableAtBlock", NETUID) == 10 + 100_800


def test_root_s_settings_are_root_s_alone_and_an_owner_s_threshold_has_a_bound() -> None:
    world = World()
    world.fund("founder hot", "founder")
    world.begin_block(10)
    assert world.submit("founder", "register_network", {"hotkey": address("founder hot")}) is None
    bad_origin = "dispatch:0x02"
    for name, arguments in {
        "sudo_set_voting_power_ema_alpha": {"netuid": NETUID, "alpha": 1},
        "sudo_set_tx_childkey_take_rate_limit": {"tx_rate_limit": 1},
        "sudo_set_min_childkey_take": {"take": 1},
        "sudo_set_max_childkey_take": {"take": 1},
    }.items():
        assert world.submit("founder", name, arguments) == bad_origin
    name = "sudo_set_root_claim_threshold"
    refused = world.submit("founder", name, {"netuid": NETUID, "new_value": 10_000_001})
    assert refused == "InvalidRootClaimThreshold"
    assert world.submit("founder", name, {"netuid": NETUID, "new_value": 10_000_000}) is None
    assert world.get("RootClaimableThreshold", NETUID) == {"bits": 10_000_000 << 32}
