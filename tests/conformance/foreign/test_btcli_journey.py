"""An owner's whole way with btcli alone, from wallets to a swap of coldkeys; each step against raw
storage, to the rao.

A fresh chain of the preset `local`, and nothing of ours beside it. Each test is a step that needs
those before it. It looks at the command's exit code, at what it prints, and at what the chain had
before the block that the command names and has after it. A command that only looks and names no
block must tell the values of some block between its start and its end, all of the same one.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.conformance.foreign.journey import ATTEMPT_RAO_MAX, Journey, is_sealed, rao
from tests.conformance.foreign.raw import (
    RAO_PER_TAO,
    RawChain,
    Storage,
    account,
    account_key,
    number,
    text,
    u16,
    vector,
)
from tests.conformance.foreign.world import CLIENTS_BIN, Btcli
from tests.e2e.runs import ASSAY, ROOT, assay

pytestmark = [pytest.mark.foreign, pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

ALICE_SEED: Final = "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"
"""The well-known development key that the preset funds."""
PEOPLE: Final = ("owner", "miner", "juror")
FUNDS: Final = 20_000 * RAO_PER_TAO
ONE_ALPHA: Final = RAO_PER_TAO
UNKNOWN_NETUID: Final = 4_242
CHILD_PART: Final = 2**63
"""Half of a parent's stake, as the chain counts it."""
STOP_S_MAX: Final = 20.0


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    if not CLIENTS_BIN.exists():
        pytest.skip("the foreign clients' environment is not made: make clients")
    home = tmp_path_factory.mktemp("journey")
    command = [str(ASSAY), "chain", "start", "--in-memory", "--port", "0", "--json"]
    with (
        (home / "chain.log").open("w") as log,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True) as node,
    ):
        try:
            assert node.stdout is not None
            url = json.loads(node.stdout.readline())["url"]
            with Btcli.on(url, home) as btcli:
                yield Journey(btcli, RawChain(url), home)
        finally:
            node.terminate()
            node.wait(STOP_S_MAX)


def test_01_wallets_are_made(journey: Journey) -> None:
    for person in PEOPLE:
        made = journey.read("wallet", "create", "--no-password", who=person)
        journey.coldkeys[person] = made["coldkey_ss58"]
    alice = journey.read(
        "wallet", "regen-coldkey", "--seed", ALICE_SEED, "--no-password", who="alice"
    )
    journey.coldkeys["alice"] = alice["ss58"]
    listed = journey.read("wallet", "list")["coldkeys"]
    assert {row["coldkey"]: row["ss58"] for row in listed} == journey.coldkeys
    for row in listed:
        names = [] if row["coldkey"] == "alice" else ["default"]
        assert [key["name"] for key in row["hotkeys"]] == names
        for key in row["hotkeys"]:
            journey.hotkeys[row["coldkey"]] = key["ss58"]
    wallets = str(journey.home / "wallets")
    ours = assay("wallet", "show", "owner", "--hotkey", "default", "--wallet-path", wallets,
                 "--chain", journey.chain.url, "--json")  # fmt: skip
    shown = json.loads(ours.stdout)
    assert shown["coldkey"] == journey.coldkeys["owner"]
    assert shown["hotkey"] == journey.hotkeys["owner"]


def test_02_everybody_is_funded(journey: Journey) -> None:
    for person in PEOPLE:
        address = journey.coldkeys[person]
        told, before, after = journey.does(
            *("wallet", "transfer", "--dest", address, "--amount-tao", str(FUNDS // RAO_PER_TAO)),
            who="alice",
        )
        assert (before.account(address).free, after.account(address).free) == (0, FUNDS)
        # What is paid as a fee may come back to who makes the blocks, but that is not alice.
        assert journey.paid("alice", before, after) == FUNDS + rao(told["fee_tao"])
        balance = journey.read("wallet", "balance", who=person)
        assert (rao(balance["free_tao"]), balance["stake_positions"]) == (FUNDS, 0)
    journey.refused(
        *("wallet", "transfer", "--dest", journey.coldkeys["miner"], "--amount-tao", "1000000"),
        who="juror", name="FundsUnavailable", code="insufficient_balance",
    )  # fmt: skip


def test_03_a_subnet_is_created_and_started(journey: Journey) -> None:
    cost = journey.read("subnets", "create-cost")
    created, before, after = journey.does("subnets", "create", who="owner")
    data = created["data"]
    journey.netuid = data["netuid"]
    netuid = u16(journey.netuid)
    assert before.subtensor("NetworksAdded", netuid) is None
    assert after.subtensor("NetworksAdded", netuid) == b"\x01"
    assert after.subtensor("SubnetOwner", netuid) == account(journey.coldkeys["owner"])
    assert after.subtensor("SubnetOwnerHotkey", netuid) == account(journey.hotkeys["owner"])
    assert after.hotkeys(journey.netuid) == [account(journey.hotkeys["owner"])]
    at = number(after.subtensor("NetworkRegisteredAt", netuid))
    assert data["registered_at_block"] == at == journey.chain.number_of(created["block_hash"])
    price = data["registration_price_rao"]
    assert price == rao(cost["tao"])
    assert journey.paid("owner", before, after) == price + rao(created["fee_tao"])

    _, before, after = journey.does("sudo", "start", *journey.at_netuid(), who="owner")
    assert not number(before.subtensor("SubtokenEnabled", netuid))
    assert after.subtensor("SubtokenEnabled", netuid) == b"\x01"


def test_04_two_neurons_join_through_the_shield(journey: Journey) -> None:
    netuid = u16(journey.netuid)
    for uid, person in enumerate(("miner", "juror"), start=1):
        told, before, after = journey.does("subnets", "register", *journey.at_netuid(), who=person)
        spent = [
            number(at.subtensor("RAORecycledForRegistration", netuid)) for at in (before, after)
        ]
        price = spent[1] - spent[0]
        assert 0 < price <= number(before.subtensor("Burn", netuid))
        is_sealed(told, journey.paid(person, before, after) - price)
        assert len(before.hotkeys(journey.netuid)) == uid
        assert after.hotkeys(journey.netuid)[uid] == account(journey.hotkeys[person])


def test_05_stake_is_added(journey: Journey) -> None:
    hotkey, coldkey = journey.hotkeys["miner"], journey.coldkeys["owner"]
    one = ("stake", "add", "--hotkey", hotkey, *journey.at_netuid(), "--amount-tao", "1")
    told, before, after = journey.does(*one, who="owner")
    is_sealed(told, journey.paid("owner", before, after) - RAO_PER_TAO)
    assert before.alpha_of(hotkey, coldkey, journey.netuid) == 0
    bought = after.alpha_of(hotkey, coldkey, journey.netuid)
    # The pool's fee and the price that the purchase moves are together far below a fiftieth.
    assert bought == pytest.approx(RAO_PER_TAO**2 / before.price_rao(journey.netuid), rel=0.02)

    told, before, after = journey.does(*one, "--no-mev-shield", who="owner")
    assert "shielded" not in told.get("data", {})
    assert journey.paid("owner", before, after) == RAO_PER_TAO + rao(told["fee_tao"])
    assert after.alpha_of(hotkey, coldkey, journey.netuid) > bought

    # A tenth of the pool moves the price by more than the twentieth that btcli asks for.
    many = str(number(after.subtensor("SubnetTAO", u16(journey.netuid))) // 10 // RAO_PER_TAO)
    journey.refused(
        *one[:-1], many, who="owner", name="SlippageTooHigh", code="insufficient_liquidity"
    )


def test_06_hyperparameters_are_read_and_set(journey: Journey) -> None:
    netuid = u16(journey.netuid)
    setting = ("sudo", "set", *journey.at_netuid(), "--name", "immunity_period", "--value")
    _, before, after = journey.does(*setting, "77", who="owner")
    assert number(before.subtensor("ImmunityPeriod", netuid)) != 77
    assert number(after.subtensor("ImmunityPeriod", netuid)) == 77
    journey.refused(*setting, "5", who="miner", name="BadOrigin", code="not_authorized")

    def holds(told: Any, at: Storage) -> bool:
        stored = {
            name: at.subtensor(item, netuid)
            for name, item in {
                "immunity_period": "ImmunityPeriod", "tempo": "Tempo", "kappa": "Kappa",
                "max_allowed_uids": "MaxAllowedUids", "min_burn": "MinBurn", "rho": "Rho",
                "weights_rate_limit": "WeightsSetRateLimit", "difficulty": "Difficulty",
                "max_regs_per_block": "MaxRegistrationsPerBlock",
            }.items()
        }  # fmt: skip
        # What was never written has the runtime's default.
        return all(told[name] == number(raw) for name, raw in stored.items() if raw is not None)

    told = journey.spoken("subnets", "hyperparameters", str(journey.netuid), holds=holds)
    assert told["immunity_period"] == 77


def test_07_weights_are_set(journey: Journey) -> None:
    _, _, after = journey.does(
        *("weights", "set", *journey.at_netuid(), "--uids", "1,2", "--weights", "0.25,0.75"),
        who="owner",
    )
    row = after.subtensor("Weights", u16(journey.netuid), u16(0))
    assert row is not None
    assert row[0] == 2 << 2, "two of them"
    assert [number(row[i : i + 2]) for i in range(1, len(row), 2)] == [1, 21_845, 2, 65_535]


def test_08_a_subnet_can_be_looked_at(journey: Journey) -> None:
    netuid, key = str(journey.netuid), u16(journey.netuid)

    def is_listed(rows: Any, at: Storage) -> bool:
        return [row["netuid"] for row in rows] == [0, journey.netuid] and all(
            row["tempo"] == number(at.subtensor("Tempo", u16(row["netuid"])))
            and row["neurons"] == number(at.subtensor("SubnetworkN", u16(row["netuid"])))
            and row["max_neurons"] == number(at.subtensor("MaxAllowedUids", u16(row["netuid"])))
            and rao(row["burn_tao"]) == number(at.subtensor("Burn", u16(row["netuid"])))
            and rao(row["price_tao_per_alpha"]) == at.price_rao(row["netuid"])
            for row in rows
            if row["netuid"] != 0
        )

    def is_shown(told: Any, at: Storage) -> bool:
        return (
            account(told["owner_coldkey"]) == at.subtensor("SubnetOwner", key)
            and account(told["owner_hotkey"]) == at.subtensor("SubnetOwnerHotkey", key)
            and told["registered_at"] == number(at.subtensor("NetworkRegisteredAt", key))
            and told["tempo"] == number(at.subtensor("Tempo", key))
            and told["neurons"] == len(at.hotkeys(journey.netuid))
            and rao(told["burn_tao"]) == number(at.subtensor("Burn", key))
        )

    def are_symbols(told: Any, at: Storage) -> bool:
        return bool(told[netuid] == text(at.subtensor("TokenSymbol", key)))

    def is_priced(told: Any, at: Storage) -> bool:
        return bool(told["price_rao"] == at.price_rao(journey.netuid))

    def are_prices(told: Any, at: Storage) -> bool:
        return {each: rao(price) for each, price in told.items()} == {
            "0": RAO_PER_TAO,
            netuid: at.price_rao(journey.netuid),
        }

    def is_burn(told: Any, at: Storage) -> bool:
        return rao(float(told.removeprefix("τ"))) == number(at.subtensor("Burn", key))

    def are_neurons(rows: Any, at: Storage) -> bool:
        return (
            [account(row["hotkey"]) for row in rows] == at.hotkeys(journey.netuid)
            and [row["uid"] for row in rows] == [0, 1, 2]
            and [row["last_update"] for row in rows] == vector(at.subtensor("LastUpdate", key), 8)
            and [row["validator_permit"] for row in rows]
            == vector(at.subtensor("ValidatorPermit", key), 1)
        )

    journey.spoken("subnets", "list", holds=is_listed)
    journey.spoken("subnets", "show", netuid, holds=is_shown)
    journey.spoken("query", "token-symbols", holds=are_symbols)
    journey.spoken("subnets", "price", *journey.at_netuid(), holds=is_priced)
    journey.spoken("query", "alpha-prices", holds=are_prices)
    journey.spoken("query", "burn", *journey.at_netuid(), holds=is_burn)
    journey.spoken("query", "neurons", *journey.at_netuid(), holds=are_neurons)
    for looked in (("subnets", "metagraph", netuid), ("query", "metagraph", "--netuid", netuid)):
        told = journey.read(*looked)
        at = journey.chain.at(told["block"])
        assert [account(hotkey) for hotkey in told["hotkeys"]] == at.hotkeys(journey.netuid)
        assert told["tao_in"] == number(at.subtensor("SubnetTAO", key))
        assert told["alpha_in"] == number(at.subtensor("SubnetAlphaIn", key))
        assert told["burn"] == number(at.subtensor("Burn", key))
    told = journey.read("query", "epoch-status", *journey.at_netuid())
    at = journey.chain.at(told["block"])
    assert told["tempo"] == number(at.subtensor("Tempo", key))
    assert told["last_epoch_block"] == number(at.subtensor("LastEpochBlock", key))
    done = journey.run("subnets", "show", str(UNKNOWN_NETUID))
    assert (done.code, json.loads(done.out or done.err)) == (
        1,
        {"error": f"subnet {UNKNOWN_NETUID} does not exist"},
    )


def test_09_what_one_has_can_be_looked_at(journey: Journey) -> None:
    coldkey, hotkeys = journey.coldkeys["owner"], [journey.hotkeys[w] for w in ("owner", "miner")]

    def are_positions(rows: Any, at: Storage) -> bool:
        told = {row["hotkey"]: rao(row["stake_amount"]) for row in rows}
        held = {hotkey: at.alpha_of(hotkey, coldkey, journey.netuid) for hotkey in hotkeys}
        return told == {hotkey: alpha for hotkey, alpha in held.items() if alpha}

    def is_overview(told: Any, at: Storage) -> bool:
        (row,) = told
        return rao(row["free_tao"]) == at.account(coldkey).free and are_positions(row["stakes"], at)

    journey.spoken("stake", "list", holds=are_positions, who="owner")
    journey.spoken("wallet", "overview", holds=is_overview, who="owner")
    told = journey.read("wallet", "balance", who="owner")
    at = journey.chain.at(told["block"])
    assert told["coldkey"] == coldkey
    assert rao(told["free_tao"]) == at.account(coldkey).free
    worth = sum(
        at.alpha_of(hotkey, coldkey, journey.netuid) * at.price_rao(journey.netuid)
        for hotkey in hotkeys
    )
    assert abs(rao(told["stake_value_tao"]) - worth // RAO_PER_TAO) <= 2, "roundings"
    assert journey.read("query", "hotkey-owner", "--hotkey", hotkeys[0]) == coldkey
    found = journey.read("query", "netuids-for-hotkey", "--hotkey", hotkeys[0])
    assert found == [journey.netuid]


def test_10_stake_moves_swaps_and_goes_to_another(journey: Journey) -> None:
    own, coldkey, netuid = journey.hotkeys["miner"], journey.coldkeys["owner"], journey.netuid
    target, juror = journey.hotkeys["juror"], journey.coldkeys["juror"]
    created, _, _ = journey.does("subnets", "create", who="miner")
    journey.other = created["data"]["netuid"]
    journey.does("sudo", "start", "--netuid", str(journey.other), who="miner")
    part = ("--amount-alpha", "0.25")
    quarter = ONE_ALPHA // 4

    _, before, after = journey.moves_stake(
        *("stake", "move", "--origin-hotkey", own, "--origin-netuid", str(netuid)),
        *("--dest-hotkey", target, "--dest-netuid", str(netuid), *part), who="owner",
    )  # fmt: skip
    moved = after.alpha_of(target, coldkey, netuid) - before.alpha_of(target, coldkey, netuid)
    assert abs(moved - quarter) <= 1, "a share's last rao"

    _, before, after = journey.moves_stake(
        *("stake", "swap", "--hotkey", own, "--origin-netuid", str(netuid)),
        *("--dest-netuid", str(journey.other), *part), who="owner",
    )  # fmt: skip
    other = [at.alpha_of(own, coldkey, journey.other) for at in (before, after)]
    expected = quarter * before.price_rao(netuid) / before.price_rao(journey.other)
    assert other[1] - other[0] == pytest.approx(expected, rel=0.02)

    _, before, after = journey.moves_stake(
        *("stake", "transfer", "--dest-coldkey", juror, "--hotkey", own),
        *("--origin-netuid", str(netuid), "--dest-netuid", str(netuid), *part), who="owner",
    )  # fmt: skip
    given = after.alpha_of(own, juror, netuid) - before.alpha_of(own, juror, netuid)
    assert abs(given - quarter) <= 1


def test_11_stake_comes_back(journey: Journey) -> None:
    own, coldkey, netuid = journey.hotkeys["miner"], journey.coldkeys["owner"], journey.netuid
    told, before, after = journey.moves_stake(
        *("stake", "remove", "--hotkey", own, *journey.at_netuid(), "--amount-alpha", "0.25"),
        who="owner",
    )
    sold = before.alpha_of(own, coldkey, netuid) - after.alpha_of(own, coldkey, netuid)
    assert abs(sold - ONE_ALPHA // 4) <= 1, "a share's last rao"
    got = -journey.paid("owner", before, after)
    assert 0 < rao(told["fee_tao"]) < ATTEMPT_RAO_MAX
    worth = before.price_rao(netuid) / 4
    assert worth * 0.98 - ATTEMPT_RAO_MAX < got < worth


def test_12_a_delegate_sets_its_take(journey: Journey) -> None:
    own = journey.hotkeys["owner"]
    _, before, after = journey.does("root", "register", "--hotkey", own, who="owner")
    assert account(own) not in before.hotkeys(0)
    assert account(own) in after.hotkeys(0)
    _, _, after = journey.does("sudo", "set-take", "--take", "0.1", "--hotkey", own, who="owner")
    take = number(after.subtensor("Delegates", account_key(own)))
    assert take == pytest.approx(6_553.5, abs=0.5)
    told = journey.read("query", "delegate-take", "--hotkey", own)
    assert (told["take_u16"], told["take"]) == (take, pytest.approx(take / 65_535))
    (row,) = [each for each in journey.read("query", "delegates") if each["hotkey"] == own]
    assert row["owner"] == journey.coldkeys["owner"]
    assert row["take"] == pytest.approx(take / 65_535)
    assert row["registrations"] == [0, journey.netuid]


def test_13_child_keys(journey: Journey) -> None:
    own, child = journey.hotkeys["owner"], journey.hotkeys["juror"]
    of = (*journey.at_netuid(), "--hotkey", own)
    keys = (account_key(own), u16(journey.netuid))
    both = [[CHILD_PART, child]]
    journey.does(
        *("stake", "child", "set", *of, "--children", json.dumps([[0.5, child]])), who="owner"
    )
    pending = journey.read("query", "pending-children", "--hotkey", own, *journey.at_netuid())
    assert pending["children"] == both
    journey.wait(
        lambda at: at.subtensor("ChildKeys", *keys) not in (None, b"\0"), "the children count"
    )
    stored = journey.now().subtensor("ChildKeys", *keys)
    assert stored == b"\x04" + CHILD_PART.to_bytes(8, "little") + account(child)
    assert journey.read("stake", "child", "get", *of, who="owner")["children"] == both

    _, _, after = journey.does("stake", "child", "take", *of, "--take", "0.05", who="owner")
    assert number(after.subtensor("ChildkeyTake", *keys)) == pytest.approx(3_276.75, abs=0.75)
    journey.does("stake", "child", "revoke", *of, who="owner")
    pending = journey.read("query", "pending-children", "--hotkey", own, *journey.at_netuid())
    assert pending["children"] == []


def test_14_a_proxy_acts_and_is_removed(journey: Journey) -> None:
    real, delegate = journey.coldkeys["owner"], journey.coldkeys["juror"]
    named = ("--delegate", delegate, "--proxy-type", "Transfer")
    _, before, after = journey.does("proxy", "add", *named, who="owner")
    held = after.account(real).reserved - before.account(real).reserved
    listed = journey.read("proxy", "list", who="owner")
    (row,) = listed["proxies"]
    assert (row["delegate"], row["proxy_type"], row["delay"]) == (delegate, "Transfer", 0)
    assert rao(float(listed["deposit"].removeprefix("τ"))) == held > 0

    sends = ("wallet", "transfer", "--dest", journey.coldkeys["miner"], "--amount-tao", "2")
    told, before, after = journey.does(*sends, "--proxy-for", real, who="juror")
    assert journey.paid("miner", before, after) == -2 * RAO_PER_TAO
    assert journey.paid("owner", before, after) == 2 * RAO_PER_TAO
    assert journey.paid("juror", before, after) == rao(told["fee_tao"])

    _, before, after = journey.does("proxy", "remove", *named, who="owner")
    assert before.account(real).reserved - after.account(real).reserved == held
    assert journey.read("proxy", "list", who="owner")["proxies"] == []
    journey.refused(
        *sends, "--proxy-for", real, who="juror", name="NotProxy", code="not_authorized"
    )


def test_15_a_multisig_pays_when_two_agree(journey: Journey) -> None:
    miner = journey.coldkeys["miner"]
    call = json.dumps({"op": "transfer", "dest_ss58": miner, "amount_tao": 0.1})

    def executes(who: str, *more: str) -> tuple[Any, Storage, Storage]:
        others = [journey.coldkeys[each] for each in ("owner", "juror") if each != who]
        return journey.does(
            *("tx", "multisig-execute", "--threshold", "2", "--call", call, *more),
            *("--other-signatories", json.dumps(others)), who=who,
        )  # fmt: skip

    told, before, after = executes("owner")
    assert not before.map("Multisig", "Multisigs")
    assert len(after.map("Multisig", "Multisigs")) == 1
    pending = told["data"]["multisig_followup"]
    assert (pending["status"], pending["approvals"]) == ("pending", 1)
    shared = pending["multisig_address"]
    journey.does("wallet", "transfer", "--dest", shared, "--amount-tao", "1", who="owner")

    _, before, after = executes("juror", "--timepoint", json.dumps(pending["timepoint"]))
    assert not after.map("Multisig", "Multisigs")
    assert journey.paid("miner", before, after) == -RAO_PER_TAO // 10
    assert before.account(shared).free - after.account(shared).free == RAO_PER_TAO // 10
    owner = journey.coldkeys["owner"]
    assert before.account(owner).reserved > after.account(owner).reserved == 0


def test_16_a_coldkey_is_swapped(journey: Journey) -> None:
    old, hotkey = journey.coldkeys["juror"], journey.hotkeys["juror"]
    new = journey.read("wallet", "create", "--no-password", who="heir")["coldkey_ss58"]
    journey.does("tx", "announce-coldkey-swap", "--new-coldkey", new, who="juror")
    told = journey.read("query", "coldkey-swap-announcement", "--coldkey", old)
    assert told["disputed"] is False
    journey.refused(
        *("wallet", "transfer", "--dest", new, "--amount-tao", "1"),
        who="juror", name="ColdkeySwapAnnounced", code="disabled",
    )  # fmt: skip
    due = told["execute_block"]
    assert due > journey.chain.height()
    swap = ("tx", "swap-coldkey-announced", "--new-coldkey", new)
    journey.wait(lambda _: journey.chain.height() >= due, f"block {due}")

    done, before, after = journey.does(*swap, who="juror")
    assert after.account(old).free == 0
    # A call that weighs less than it is announced with gets the difference back, here its heir.
    assert before.account(old).free - after.account(new).free == rao(done["fee_tao"])
    assert before.subtensor("Owner", account_key(hotkey)) == account(old)
    assert after.subtensor("Owner", account_key(hotkey)) == account(new)
    held = before.alpha_of(journey.hotkeys["miner"], old, journey.netuid)
    assert held > 0
    assert after.alpha_of(journey.hotkeys["miner"], old, journey.netuid) == 0
    assert after.alpha_of(journey.hotkeys["miner"], new, journey.netuid) >= held
    assert journey.read("query", "coldkey-swap-announcement", "--coldkey", old) is None
    balance = journey.read("wallet", "balance", who="heir")
    at = journey.chain.at(balance["block"])
    assert rao(balance["free_tao"]) == at.account(new).free
