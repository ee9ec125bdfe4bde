"""The SDK beside a run: what it read, sent and staked is what storage says, to the last rao."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.foreign.raw import (
    Axon,
    Storage,
    account,
    account_key,
    number,
    u16,
    vector,
)
from tests.conformance.foreign.world import NETUID, World

pytestmark = [pytest.mark.foreign, pytest.mark.e2e, pytest.mark.timeout(300)]

U16_MAX = 65_535
SENT_RAO = 1_250_000_000
STAKED_RAO = 5_000_000_000
FUNDS_RAO = 50_000_000_000


@pytest.fixture(scope="module")
def seen(world: World) -> dict[str, Any]:
    return dict(world.script("sdk.py", world.validator()))


def test_a_transfer_moved_what_it_says(world: World, seen: dict[str, Any]) -> None:
    before, after = world.chain.around(seen["sent"]["block"])
    mine, other = seen["coldkey"], seen["other"]
    assert before.account(mine).free == FUNDS_RAO
    assert seen["sent"]["fee_rao"] > 0
    assert after.account(mine).free == FUNDS_RAO - SENT_RAO - seen["sent"]["fee_rao"]
    assert after.account(other).free - before.account(other).free == SENT_RAO
    assert after.account(mine).nonce == 1


def test_stake_was_bought_and_paid_for(world: World, seen: dict[str, Any]) -> None:
    before, after = world.chain.around(seen["staked"]["block"])
    mine, hotkey = seen["coldkey"], world.validator()
    paid = before.account(mine).free - after.account(mine).free
    assert paid == STAKED_RAO + seen["staked"]["fee_rao"]
    assert before.alpha_of(hotkey, mine, NETUID) == 0
    bought = after.alpha_of(hotkey, mine, NETUID)
    # The pool's fee is far below a hundredth and the purchase moves the price by less than that.
    assert bought == pytest.approx(STAKED_RAO * 10**9 / before.price_rao(NETUID), rel=0.02)
    at = world.chain.at(seen["at"])
    assert seen["position"] == [NETUID, hotkey, at.alpha_of(hotkey, mine, NETUID)]
    assert seen["balance_rao"] == at.account(mine).free


def test_the_metagraph_is_what_storage_holds(world: World, seen: dict[str, Any]) -> None:
    at = world.chain.at(seen["at"])
    assert seen["tempo"] == number(at.subtensor("Tempo", u16(NETUID)))
    cold, hot = seen["owner"]
    assert account(cold) == at.subtensor("SubnetOwner", u16(NETUID))
    assert account(hot) == at.subtensor("SubnetOwnerHotkey", u16(NETUID))
    neurons = seen["neurons"]
    assert [account(neuron["hotkey"]) for neuron in neurons] == at.hotkeys(NETUID)
    assert len(neurons) >= 7  # the run's own; other clients' tests register one more
    assert any(neuron["incentive"] for neuron in neurons)
    for item, width, field in [
        ("Incentive", 2, "incentive"),
        ("Dividends", 2, "dividends"),
        ("Consensus", 2, "consensus"),
        ("Emission", 8, "emission_rao"),
        ("LastUpdate", 8, "last_update"),
        ("ValidatorPermit", 1, "validator_permit"),
    ]:
        told = [neuron[field] for neuron in neurons]
        if width == 2:
            told = [round(share * U16_MAX) for share in told]
        assert told == vector(at.subtensor(item, u16(NETUID)), width), field
    for uid, neuron in enumerate(neurons):
        check_neuron(at, uid, neuron)


def check_neuron(at: Storage, uid: int, neuron: dict[str, Any]) -> None:
    hot = account_key(neuron["hotkey"])
    assert at.subtensor("Owner", hot) == account(neuron["coldkey"])
    assert number(at.subtensor("Uids", u16(NETUID), hot)) == uid
    assert neuron["alpha_stake_rao"] == number(at.subtensor("TotalHotkeyAlpha", hot, u16(NETUID)))
    registered = at.subtensor("BlockAtRegistration", u16(NETUID), u16(uid))
    assert neuron["registered"] == number(registered)
    axon = Axon.decode(at.subtensor("Axons", u16(NETUID), hot))
    assert neuron["axon"] == (str(axon) if axon else None)
