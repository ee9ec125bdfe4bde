"""What clients ask about locks and about what root's stakers are owed: the runtime's own answers.

The formulas are written down here once more: a lock's mass falls, and its conviction grows, by the
exponential function of the blocks since; a fund is the alpha that an epoch keeps for the root
stakers of a validator, and is worth what its sale would bring.
"""

from __future__ import annotations

import math
from typing import Final

import pytest

from tests.conformance.runtime.started import NOW, TAO, done, stake_of
from tests.conformance.runtime.world import NETUID, World, address

ROOT: Final = 0
RATE: Final = 934_866
"""Blocks in which a mass falls to an e-th part: the public chain's, of 90 days for a half."""
ONE: Final = 1 << 64
LATER: Final = 1_000


def lock(world: World, who: str, hotkey: str, rao: int) -> None:
    locked = {"hotkey": address(hotkey), "netuid": NETUID, "amount": rao}
    done(world, who, "lock_stake", locked)


def locked(world: World, who: str) -> tuple[int, float]:
    told = world.ask("StakeInfoRuntimeApi_get_coldkey_lock", address(who), NETUID)
    assert told["last_update"] == world.block
    return told["locked_mass"], told["conviction"]["bits"] / ONE


def test_a_lock_falls_and_its_conviction_grows(world: World) -> None:
    """Made perpetual it keeps its mass."""
    assert world.ask("StakeInfoRuntimeApi_get_coldkey_lock", address("miner"), NETUID) is None
    assert world.ask("StakeInfoRuntimeApi_get_most_convicted_hotkey_on_subnet", NETUID) is None
    done(world, "miner", "add_stake", stake_of("miner", 100 * TAO))
    lock(world, "validator", "validator hot", 9 * TAO)
    done(world, "miner", "set_perpetual_lock", {"netuid": NETUID, "enabled": True})
    lock(world, "miner", "miner hot", 5 * TAO)
    assert locked(world, "miner") == (5 * TAO, 0)

    world.begin_block(NOW + LATER)
    left = math.exp(-LATER / RATE)
    assert locked(world, "validator")[0] == pytest.approx(9 * TAO * left, rel=1e-8)
    mass, conviction = locked(world, "miner")
    assert mass == 5 * TAO
    assert conviction == pytest.approx(5 * TAO * (1 - left), rel=1e-6)
    told = (
        world.ask("StakeInfoRuntimeApi_get_hotkey_conviction", address("miner hot"), NETUID)["bits"]
        / ONE
    )
    assert told == pytest.approx(conviction, rel=1e-9)


def test_whom_the_stakers_are_most_convinced_of(world: World) -> None:
    done(world, "miner", "add_stake", stake_of("miner", 100 * TAO))
    lock(world, "miner", "miner hot", 5 * TAO)
    lock(world, "validator", "validator hot", 9 * TAO)
    world.begin_block(NOW + LATER)
    most = world.ask("StakeInfoRuntimeApi_get_most_convicted_hotkey_on_subnet", NETUID)
    assert most == address("validator hot")
    lock(world, "miner", "miner hot", 9 * TAO)
    world.begin_block(NOW + 3 * LATER)
    most = world.ask("StakeInfoRuntimeApi_get_most_convicted_hotkey_on_subnet", NETUID)
    assert most == address("miner hot")


def test_what_is_locked_behind_the_owner_is_convinced_at_once(world: World) -> None:
    """And is kept with the subnet, by whether it decays."""
    done(world, "validator", "set_perpetual_lock", {"netuid": NETUID, "enabled": True})
    lock(world, "validator", "owner hot", TAO)
    kept = world.get("OwnerLock", NETUID)
    assert (kept["locked_mass"], kept["conviction"]["bits"] // ONE) == (TAO, TAO)
    assert world.get("DecayingOwnerLock", NETUID) is None
    told = world.ask("StakeInfoRuntimeApi_get_hotkey_conviction", address("owner hot"), NETUID)
    assert told["bits"] // ONE == TAO
    done(world, "validator", "set_perpetual_lock", {"netuid": NETUID, "enabled": False})
    assert world.get("OwnerLock", NETUID) is None
    assert world.get("DecayingOwnerLock", NETUID)["locked_mass"] == TAO


def test_nothing_is_owed_where_nobody_has_root_stake(world: World) -> None:
    hot, cold = address("validator hot"), address("validator")
    assert world.ask("BetaBasketRuntimeApi_get_root_basket_owed", cold) == 0
    assert world.ask("BetaBasketRuntimeApi_get_validator_basket_nav", hot) == 0
    assert world.ask("BetaBasketRuntimeApi_get_validator_basket", hot) == []
    assert world.ask("BetaBasketRuntimeApi_get_root_basket_positions", cold) == []
    assert world.ask("BetaBasketRuntimeApi_get_all_validator_baskets") == []
    assert world.ask("BetaBasketRuntimeApi_get_basket_position", hot, cold) is None


def test_a_validators_fund_is_what_its_root_stakers_are_owed(world: World) -> None:
    """Two stakers, three parts to one, share the alpha of the epochs; a claim takes it out."""
    hot, cold = address("validator hot"), address("validator")
    done(world, "validator", "root_register", {"hotkey": hot})
    done(world, "validator", "add_stake", stake_of("validator", 3_000 * TAO, ROOT))
    done(world, "stranger", "add_stake", stake_of("validator", 1_000 * TAO, ROOT))
    row = {"netuid": NETUID, "dests": [2], "weights": [1], "version_key": 0}
    done(world, "validator hot", "set_weights", row)
    # Root's part is kept for it while prices are above one TAO together.
    world.set("SubnetMovingPrice", NETUID, to={"bits": 2 << 32})
    for block in range(NOW + 1, NOW + 31):
        world.begin_block(block)

    ((netuid, alpha, worth),) = world.ask("BetaBasketRuntimeApi_get_validator_basket", hot)
    assert (netuid, alpha > 0, worth > 0) == (NETUID, True, True)
    assert worth == world.ask("SwapRuntimeApi_sim_swap_alpha_for_tao", NETUID, alpha)["tao_amount"]
    assert world.ask("BetaBasketRuntimeApi_get_validator_basket_nav", hot) == worth
    assert world.ask("BetaBasketRuntimeApi_get_root_basket_total_nav") == worth
    summary = world.ask("BetaBasketRuntimeApi_get_validator_basket_summary", hot)
    assert world.ask("BetaBasketRuntimeApi_get_all_validator_baskets") == [summary]
    assert (summary["hotkey"], summary["nav_tao"], summary["shares"]) == (hot, worth, worth)
    assert [(each["netuid"], each["alpha"]) for each in summary["holdings"]] == [(NETUID, alpha)]

    owed = {
        name: world.ask("BetaBasketRuntimeApi_get_root_basket_owed", address(name))
        for name in ("validator", "stranger")
    }
    # Each is told what a sale of the own part alone would bring: a little more than of all.
    assert owed["validator"] == pytest.approx(3 * owed["stranger"], rel=1e-2)
    assert worth < sum(owed.values()) < 1.01 * worth
    ((hotkey, _, value),) = world.ask("BetaBasketRuntimeApi_get_root_basket_positions", cold)
    assert (hotkey, value) == (hot, owed["validator"])
    assert world.ask("BetaBasketRuntimeApi_get_basket_payout", hot, cold) == owed["validator"]
    (position,) = world.ask("BetaBasketRuntimeApi_get_root_basket_portfolio", cold)
    assert position == world.ask("BetaBasketRuntimeApi_get_basket_position", hot, cold)
    assert (position["value_tao"], position["nav_tao"]) == (owed["validator"], worth)
    status = world.ask("BetaBasketRuntimeApi_get_basket_trading_status", hot)
    assert (status["enabled"], status["budget_tao"]) == (False, 0)

    done(world, "validator", "claim_root", {"subnets": [NETUID]})
    assert world.ask("BetaBasketRuntimeApi_get_root_basket_owed", cold) == 0
    assert world.get("RootClaimed", NETUID, hot, cold) > 0
    assert world.ask("BetaBasketRuntimeApi_get_root_basket_owed", address("stranger")) > 0
