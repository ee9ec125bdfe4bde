"""btcli beside a run: the wallets that were made here, and what it shows of a subnet that has paid.

What it does itself, and what it says of a chain that has nothing of ours beside it, is in
test_btcli_journey.
"""

from __future__ import annotations

import pytest

from tests.conformance.foreign.raw import (
    Axon,
    account,
    account_key,
    number,
    u16,
    vector,
)
from tests.conformance.foreign.world import NETUID, World

pytestmark = [pytest.mark.foreign, pytest.mark.e2e, pytest.mark.timeout(300)]


def test_wallets_made_here_are_its(world: World) -> None:
    folder = world.run.state_dir / "wallets"
    listed = world.btcli("wallet", "list", "--wallet-path", str(folder)).json
    names = {row["coldkey"] for row in listed["coldkeys"]}
    assert {"owner", "validator-1", "validator-2", "miner-1"} <= names
    hotkeys = {key["ss58"] for row in listed["coldkeys"] for key in row["hotkeys"]}
    registered = set(world.chain.at(world.chain.height()).hotkeys(NETUID))
    assert registered <= {account(hotkey) for hotkey in hotkeys}


def test_it_shows_the_metagraph(world: World) -> None:
    told = world.btcli("subnets", "metagraph", str(NETUID)).json
    at = world.chain.at(told["block"])
    hotkeys = at.hotkeys(NETUID)
    assert [account(hotkey) for hotkey in told["hotkeys"]] == hotkeys
    assert (
        told["num_uids"] == len(hotkeys) >= 7
    )  # the run's own; other clients' tests register more
    owners = [at.subtensor("Owner", account_key(hotkey)) for hotkey in told["hotkeys"]]
    assert [account(coldkey) for coldkey in told["coldkeys"]] == owners
    for field, item in {
        "tempo": "Tempo",
        "tao_in": "SubnetTAO",
        "alpha_in": "SubnetAlphaIn",
        "alpha_out": "SubnetAlphaOut",
        "burn": "Burn",
        "max_uids": "MaxAllowedUids",
        "kappa": "Kappa",
        "immunity_period": "ImmunityPeriod",
        "network_registered_at": "NetworkRegisteredAt",
        "last_step": "LastMechansimStepBlock",
    }.items():
        stored = at.subtensor(item, u16(NETUID))
        if stored is not None:  # what was never written has the runtime's default
            assert told[field] == number(stored), field
    for field, item, width in [
        ("incentives", "Incentive", 2),
        ("dividends", "Dividends", 2),
        ("consensus", "Consensus", 2),
        ("emission", "Emission", 8),
        ("last_update", "LastUpdate", 8),
        ("validator_permit", "ValidatorPermit", 1),
    ]:
        assert told[field] == vector(at.subtensor(item, u16(NETUID)), width), field
    assert any(told["incentives"])
    for hotkey, axon, alpha in zip(
        told["hotkeys"], told["axons"], told["alpha_stake"], strict=True
    ):
        key = account_key(hotkey)
        stored_axon = Axon.decode(at.subtensor("Axons", u16(NETUID), key)) or Axon(0, 0)
        assert (axon["ip"], axon["port"]) == (stored_axon.ip, stored_axon.port)
        assert alpha == number(at.subtensor("TotalHotkeyAlpha", key, u16(NETUID)))
