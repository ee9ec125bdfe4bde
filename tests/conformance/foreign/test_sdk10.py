"""The SDK's 10.x lines beside a run, each in an environment of its own: a neuron of theirs
registers, stakes and sets weights, and what it reads is what storage says.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.foreign.raw import account, account_key, number, u16, vector
from tests.conformance.foreign.world import NETUID, SDK10_BINS, World

pytestmark = [pytest.mark.foreign, pytest.mark.e2e, pytest.mark.timeout(300)]

U16_MAX = 65_535
RAO = 10**9


@pytest.fixture(scope="module", params=sorted(SDK10_BINS))
def seen(world: World, request: pytest.FixtureRequest) -> dict[str, Any]:
    if not SDK10_BINS[request.param].exists():
        pytest.skip("the environments of the SDK's 10.x lines are not made: make clients")
    told = dict(world.sdk10(request.param, world.validator()))
    assert told["version"].startswith(request.param + ".")
    return told


def test_its_neuron_is_registered_and_its_stake_bought(world: World, seen: dict[str, Any]) -> None:
    at = world.chain.at(seen["at"])
    uid = number(at.subtensor("Uids", u16(NETUID), account_key(seen["hotkey"])))
    assert seen["uid"] == uid
    assert seen["balance_rao"] == at.account(seen["coldkey"]).free
    bought = at.alpha_of(world.validator(), seen["coldkey"], NETUID)
    assert seen["stake_rao"] == bought > 0
    # The weights it set are kept: its only one, on itself.
    assert seen["metagraph"]["weights"][uid][uid] == 1.0
    assert seen["metagraph"]["last_update"][uid] > 0


def test_its_metagraph_is_what_storage_holds(world: World, seen: dict[str, Any]) -> None:
    at = world.chain.at(seen["at"])
    graph = seen["metagraph"]
    hotkeys = at.hotkeys(NETUID)
    assert graph["uids"] == list(range(len(hotkeys)))
    assert [account(hotkey) for hotkey in graph["hotkeys"]] == hotkeys
    for hotkey, coldkey in zip(graph["hotkeys"], graph["coldkeys"], strict=True):
        assert at.subtensor("Owner", account_key(hotkey)) == account(coldkey)
    for item, field in [
        ("Incentive", "incentive"),
        ("Dividends", "dividends"),
        ("Consensus", "consensus"),
    ]:
        told = [round(share * U16_MAX) for share in graph[field]]
        assert told == vector(at.subtensor(item, u16(NETUID)), 2), field
    assert any(graph["incentive"])
    assert graph["last_update"] == vector(at.subtensor("LastUpdate", u16(NETUID)), 8)
    permits = vector(at.subtensor("ValidatorPermit", u16(NETUID)), 1)
    assert graph["validator_permit"] == [bool(permit) for permit in permits]
    for hotkey, alpha in zip(graph["hotkeys"], graph["alpha_stake"], strict=True):
        key = account_key(hotkey)
        held = number(at.subtensor("TotalHotkeyAlpha", key, u16(NETUID))) / RAO
        assert alpha == pytest.approx(held, rel=1e-6)  # it keeps these in 32 bits
    assert graph["tempo"] == number(at.subtensor("Tempo", u16(NETUID)))
    cold, hot = graph["owner"]
    assert account(cold) == at.subtensor("SubnetOwner", u16(NETUID))
    assert account(hot) == at.subtensor("SubnetOwnerHotkey", u16(NETUID))


def test_every_view_of_a_subnet_answers(seen: dict[str, Any]) -> None:
    silent = [name for name, told in seen["reads"].items() if told in ("None", "[]")]
    assert silent == []
