"""btcli beside a run: wallets, a subnet, what it shows, stake; each against raw storage.

Where a command says of which block it speaks, its values must be those of that block. Where it does
not, they must be those of some block between its start and its end, and all of the same one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance.foreign.raw import (
    RAO_PER_TAO,
    Axon,
    Storage,
    account,
    account_key,
    number,
    text,
    u16,
    vector,
)
from tests.conformance.foreign.world import NETUID, Done, World

pytestmark = [pytest.mark.foreign, pytest.mark.e2e, pytest.mark.timeout(300)]

WALLET: Final = ("--wallet", "lady", "--wallet-hotkey", "worker")
FUNDS_TAO: Final = 5_000
STAKED_TAO: Final = 10
SENT_TAO: Final = 3
UNKNOWN_NETUID: Final = 4_242


@dataclass(frozen=True)
class Lady:
    """A wallet that btcli made."""

    coldkey: str
    hotkey: str


def rao(tao: float) -> int:
    return round(tao * RAO_PER_TAO)


@pytest.fixture(scope="module")
def lady(world: World) -> Lady:
    made = world.btcli("wallet", "create", *WALLET, "--no-password").json
    hotkey = json.loads((world.wallets / "lady" / "hotkeys" / "workerpub.txt").read_text())
    world.fund(made["coldkey_ss58"], FUNDS_TAO)
    return Lady(made["coldkey_ss58"], hotkey["ss58Address"])


@pytest.fixture(scope="module")
def subnet(world: World, lady: Lady) -> dict[str, Any]:
    created = world.btcli("subnets", "create", *WALLET, "--yes").json
    assert created["success"] is True
    return dict(created)


@pytest.fixture(scope="module")
def stake(world: World, lady: Lady) -> dict[str, Any]:
    added = world.btcli(
        *("stake", "add", *WALLET, "--yes", "--hotkey", world.validator()),
        *("--netuid", str(NETUID), "--amount-tao", str(STAKED_TAO)),
    ).json
    assert added["success"] is True
    return dict(added)


def spoken(world: World, *command: str, holds: Callable[[Any, Storage], bool]) -> Any:
    """A command's JSON, which must hold in one of the blocks that it may have been read at."""
    first = world.chain.height()
    told = world.btcli(*command).json
    last = world.chain.height()
    assert any(holds(told, storage) for storage in world.chain.between(first, last)), (
        f"in no block from {first} to {last}: {told}"
    )
    return told


def test_its_wallets_are_wallets_here(world: World, lady: Lady, tmp_path: Path) -> None:
    listed = world.btcli("wallet", "list").json
    (wallet,) = [row for row in listed["coldkeys"] if row["coldkey"] == "lady"]
    assert wallet["ss58"] == lady.coldkey
    assert [key["ss58"] for key in wallet["hotkeys"]] == [lady.hotkey]
    ours = world.run.assay("wallet", "show", "lady", "--hotkey", "worker", "--wallet-path",
                           str(world.wallets))  # fmt: skip
    assert (ours["coldkey"], ours["hotkey"]) == (lady.coldkey, lady.hotkey)
    assert account(lady.coldkey) != account(lady.hotkey)


def test_wallets_made_here_are_its(world: World) -> None:
    folder = world.run.state_dir / "wallets"
    listed = world.btcli("wallet", "list", "--wallet-path", str(folder)).json
    names = {row["coldkey"] for row in listed["coldkeys"]}
    assert {"owner", "validator-1", "validator-2", "miner-1"} <= names
    hotkeys = {key["ss58"] for row in listed["coldkeys"] for key in row["hotkeys"]}
    registered = set(world.chain.at(world.chain.height()).hotkeys(NETUID))
    assert registered <= {account(hotkey) for hotkey in hotkeys}


def test_it_creates_a_subnet(world: World, lady: Lady, subnet: dict[str, Any]) -> None:
    before, after = world.chain.around(subnet["block_hash"])
    data = subnet["data"]
    netuid = u16(data["netuid"])
    assert before.subtensor("NetworksAdded", netuid) is None
    assert after.subtensor("NetworksAdded", netuid) == b"\x01"
    assert after.subtensor("SubnetOwner", netuid) == account(lady.coldkey)
    assert after.subtensor("SubnetOwnerHotkey", netuid) == account(lady.hotkey)
    assert after.hotkeys(data["netuid"]) == [account(lady.hotkey)]
    at = number(after.subtensor("NetworkRegisteredAt", netuid))
    assert data["registered_at_block"] == at == world.chain.number_of(subnet["block_hash"])
    paid = before.account(lady.coldkey).free - after.account(lady.coldkey).free
    assert paid == data["registration_price_rao"] + rao(subnet["fee_tao"])


def test_it_lists_subnets(world: World, subnet: dict[str, Any]) -> None:
    def holds(rows: Any, at: Storage) -> bool:
        added = at.map("SubtensorModule", "NetworksAdded")
        if {row["netuid"] for row in rows} != {number(key) for key in added}:
            return False
        return all(
            row["tempo"] == number(at.subtensor("Tempo", u16(row["netuid"])))
            and row["neurons"] == number(at.subtensor("SubnetworkN", u16(row["netuid"])))
            and row["max_neurons"] == number(at.subtensor("MaxAllowedUids", u16(row["netuid"])))
            and rao(row["burn_tao"]) == number(at.subtensor("Burn", u16(row["netuid"])))
            and rao(row["price_tao_per_alpha"]) == at.price_rao(row["netuid"])
            for row in rows
            if row["netuid"] != 0
        )

    rows = spoken(world, "subnets", "list", holds=holds)
    assert [row["netuid"] for row in rows] == [0, NETUID, subnet["data"]["netuid"]]


def test_it_shows_a_subnet(world: World) -> None:
    def holds(told: Any, at: Storage) -> bool:
        return (
            account(told["owner_coldkey"]) == at.subtensor("SubnetOwner", u16(NETUID))
            and account(told["owner_hotkey"]) == at.subtensor("SubnetOwnerHotkey", u16(NETUID))
            and told["registered_at"] == number(at.subtensor("NetworkRegisteredAt", u16(NETUID)))
            and told["symbol"] == text(at.subtensor("TokenSymbol", u16(NETUID)))
            and told["tempo"] == number(at.subtensor("Tempo", u16(NETUID)))
            and told["neurons"] == len(at.hotkeys(NETUID))
            and rao(told["burn_tao"]) == number(at.subtensor("Burn", u16(NETUID)))
        )

    spoken(world, "subnets", "show", str(NETUID), holds=holds)


def test_it_shows_the_metagraph(world: World) -> None:
    told = world.btcli("subnets", "metagraph", str(NETUID)).json
    at = world.chain.at(told["block"])
    hotkeys = at.hotkeys(NETUID)
    assert [account(hotkey) for hotkey in told["hotkeys"]] == hotkeys
    assert told["num_uids"] == len(hotkeys) == 7
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


def test_it_stakes(world: World, lady: Lady, stake: dict[str, Any]) -> None:
    before, after = world.chain.around(stake["block_hash"])
    paid = before.account(lady.coldkey).free - after.account(lady.coldkey).free
    # It tells the fee of what it sealed; the envelope, which is of like size, has one of its own.
    fee = rao(stake["fee_tao"])
    assert fee < paid - rao(STAKED_TAO) < 2 * fee
    hotkey = world.validator()
    assert before.alpha_of(hotkey, lady.coldkey, NETUID) == 0
    assert after.alpha_of(hotkey, lady.coldkey, NETUID) > 0

    def holds(rows: Any, at: Storage) -> bool:
        (row,) = [r for r in rows if r["hotkey"] == hotkey]
        return rao(row["stake_amount"]) == at.alpha_of(hotkey, lady.coldkey, NETUID)

    rows = spoken(world, "stake", "list", *WALLET, holds=holds)
    assert {row["netuid"] for row in rows} == {NETUID}


def test_it_shows_a_balance(world: World, lady: Lady, stake: dict[str, Any]) -> None:
    told = world.btcli("wallet", "balance", *WALLET).json
    at = world.chain.at(told["block"])
    assert told["coldkey"] == lady.coldkey
    assert rao(told["free_tao"]) == at.account(lady.coldkey).free
    assert told["stake_positions"] == 1
    alpha = at.alpha_of(world.validator(), lady.coldkey, NETUID)
    worth = alpha * at.price_rao(NETUID) // RAO_PER_TAO
    assert abs(rao(told["stake_value_tao"]) - worth) <= 1, "the last rao is a rounding"


def test_it_transfers(world: World, lady: Lady) -> None:
    sent = world.btcli(
        *("wallet", "transfer", *WALLET, "--yes", "--dest", lady.hotkey),
        *("--amount-tao", str(SENT_TAO)),
    ).json
    before, after = world.chain.around(sent["block_hash"])
    assert after.account(lady.hotkey).free - before.account(lady.hotkey).free == rao(SENT_TAO)
    paid = before.account(lady.coldkey).free - after.account(lady.coldkey).free
    assert paid == rao(SENT_TAO) + rao(sent["fee_tao"])


def test_it_seals_unless_it_is_asked_not_to(
    world: World, lady: Lady, stake: dict[str, Any]
) -> None:
    """It trades stake through the shield by itself, where a chain shows a key."""
    again = world.btcli(
        *("stake", "add", *WALLET, "--yes", "--no-mev-shield", "--hotkey", world.validator()),
        *("--netuid", str(NETUID), "--amount-tao", str(STAKED_TAO)),
    ).json
    assert again["success"] is True
    before, after = world.chain.around(again["block_hash"])
    paid = before.account(lady.coldkey).free - after.account(lady.coldkey).free
    assert paid == rao(STAKED_TAO) + rao(again["fee_tao"])
    assert stake["data"]["shielded"] is True
    assert "shielded" not in again.get("data", {})


def failure(done: Done) -> dict[str, Any]:
    assert done.code == 1
    return dict(json.loads(done.out or done.err))


def test_it_understands_refusals(world: World, lady: Lady) -> None:
    told = failure(world.btcli("subnets", "show", str(UNKNOWN_NETUID)))
    assert told["error"] == f"subnet {UNKNOWN_NETUID} does not exist"
    told = failure(
        world.btcli(
            *("wallet", "transfer", *WALLET, "--yes", "--dest", lady.hotkey),
            *("--amount-tao", "1000000"),
        )
    )
    assert told["error"]["code"] == "insufficient_balance"
    # It pays for the attempt and for nothing else.
    before, after = world.chain.around(told["block_hash"])
    paid = before.account(lady.coldkey).free - after.account(lady.coldkey).free
    assert 0 < paid < rao(0.01)


def test_it_registers_a_neuron_through_the_shield(world: World, lady: Lady) -> None:
    told = world.btcli("subnets", "register", *WALLET, "--yes", "--netuid", str(NETUID)).json
    assert told["success"] is True
    assert told["data"]["shielded"] is True
    registered = world.chain.at(world.chain.height()).hotkeys(NETUID)
    assert account(lady.hotkey) in registered
