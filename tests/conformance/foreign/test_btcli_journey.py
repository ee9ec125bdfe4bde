"""An owner's whole way with btcli alone: from wallets to a subnet, children, proxy, multisig.

A fresh chain of the preset `local`, and nothing of ours beside it. Each test is a step that needs
those before it; it checks the command's exit code, what it prints, and what the chain then has. A
step whose calls the chain has not is skipped and says so.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance.foreign.raw import RawChain, ask, number, u16
from tests.conformance.foreign.world import CLIENT_S_MAX, CLIENTS_BIN, Done
from tests.e2e.runs import ASSAY, ROOT

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.e2e,
    pytest.mark.slow,  # some fifty commands of seconds each
    pytest.mark.timeout(300),
]

ALICE_SEED: Final = "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"
"""The well-known development key that the preset funds and gives sudo to."""
PEOPLE: Final = ("owner", "miner", "juror")
FUNDS_TAO: Final = 20_000
RAO: Final = 10**9
STOP_S_MAX: Final = 20.0


@dataclass
class Journey:
    """The chain, a home for btcli, and what earlier steps found out."""

    url: str
    chain: RawChain
    home: Path
    coldkeys: dict[str, str] = field(default_factory=dict)
    hotkeys: dict[str, str] = field(default_factory=dict)
    netuid: int = 0

    def btcli(self, *arguments: str, who: str | None = None) -> Done:
        """One command of the wallet ``who``, to its end."""
        wallet = () if who is None else ("--wallet", who, "--wallet-hotkey", "default")
        done = subprocess.run(
            [str(CLIENTS_BIN / "btcli"), *arguments, *wallet, "--json"],
            cwd=self.home,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "BITTENSOR_RUNTIME_CACHE_DIR": str(self.home / "cache"),
                "BT_NETWORK": self.url,
                "BT_FALLBACK_ENDPOINTS": "none",
                "BT_ARCHIVE_ENDPOINTS": "none",
                "BT_WALLET_PATH": str(self.home / "wallets"),
                "NO_COLOR": "1",
                "COLUMNS": "200",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CLIENT_S_MAX,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def read(self, *arguments: str, who: str | None = None) -> Any:
        """What a command that only looks prints."""
        return self.btcli(*arguments, who=who).json

    def does(self, *arguments: str, who: str) -> Any:
        """What a command that submits prints; it must have succeeded."""
        told = self.btcli(*arguments, "--yes", who=who).json
        assert told["success"] is True, told
        return told

    def offers(self, *names: str) -> None:
        """Skip the step if the chain has not these calls."""
        metadata = bytes.fromhex(ask(self.url, "state_getMetadata")[2:])
        if missing := [name for name in names if name.encode() not in metadata]:
            pytest.skip(f"the chain has no {', '.join(missing)}")

    def alpha(self, hotkey: str, coldkey: str, netuid: int | None = None) -> int:
        at = self.chain.at(self.chain.height())
        return int(at.alpha_of(hotkey, coldkey, self.netuid if netuid is None else netuid))

    def free(self, address: str) -> int:
        return int(self.chain.at(self.chain.height()).account(address).free)

    def at_netuid(self) -> tuple[str, str]:
        return "--netuid", str(self.netuid)


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    if not CLIENTS_BIN.exists():
        pytest.skip("the foreign clients' environment is not made: make clients")
    home = tmp_path_factory.mktemp("journey")
    command = [str(ASSAY), "chain", "start", "--in-memory", "--port", "0", "--json"]
    with (home / "chain.log").open("w") as log:
        node = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert node.stdout is not None
        url = json.loads(node.stdout.readline())["url"]
        yield Journey(url, RawChain(url), home)
    finally:
        node.terminate()
        node.wait(STOP_S_MAX)


def test_01_wallets_are_made(journey: Journey) -> None:
    for person in PEOPLE:
        made = journey.read("wallet", "create", "--no-password", who=person)
        journey.coldkeys[person] = made["coldkey_ss58"]
        public = journey.home / "wallets" / person / "hotkeys" / "defaultpub.txt"
        journey.hotkeys[person] = json.loads(public.read_text())["ss58Address"]
    journey.read("wallet", "regen-coldkey", "--seed", ALICE_SEED, "--no-password", who="alice")
    listed = journey.read("wallet", "list")["coldkeys"]
    assert {row["coldkey"] for row in listed} == {*PEOPLE, "alice"}


def test_02_everybody_is_funded(journey: Journey) -> None:
    for person in PEOPLE:
        to = ("--dest", journey.coldkeys[person], "--amount-tao", str(FUNDS_TAO))
        journey.does("wallet", "transfer", *to, who="alice")
        assert journey.free(journey.coldkeys[person]) == FUNDS_TAO * RAO
        told = journey.read("wallet", "balance", who=person)
        assert told["free_tao"] == FUNDS_TAO


def test_03_a_subnet_is_created_and_started(journey: Journey) -> None:
    created = journey.does("subnets", "create", who="owner")
    journey.netuid = created["data"]["netuid"]
    journey.does("sudo", "start", *journey.at_netuid(), who="owner")
    at = journey.chain.at(journey.chain.height())
    assert at.subtensor("SubtokenEnabled", u16(journey.netuid)) == b"\x01"
    assert at.hotkeys(journey.netuid)[0] is not None
    rows = journey.read("subnets", "list")
    assert journey.netuid in [row["netuid"] for row in rows]


def test_04_two_neurons_join_through_the_shield(journey: Journey) -> None:
    if journey.chain.at(journey.chain.height()).get("MevShield", "NextKey") is None:
        pytest.skip("the chain has no MevShield.NextKey")
    for person in ("miner", "juror"):
        journey.does("subnets", "register", *journey.at_netuid(), who=person)
    told = journey.read("subnets", "metagraph", str(journey.netuid))
    assert {journey.hotkeys["miner"], journey.hotkeys["juror"]} <= set(told["hotkeys"])


def test_05_stake_is_added(journey: Journey) -> None:
    hotkey, coldkey = journey.hotkeys["owner"], journey.coldkeys["owner"]
    before = journey.alpha(hotkey, coldkey)
    journey.does(
        *("stake", "add", "--hotkey", hotkey, *journey.at_netuid(), "--amount-tao", "100"),
        who="owner",
    )
    assert journey.alpha(hotkey, coldkey) > before
    rows = journey.read("stake", "list", who="owner")
    assert journey.netuid in [row["netuid"] for row in rows]


def test_06_hyperparameters_are_read_and_set(journey: Journey) -> None:
    journey.does(
        *("sudo", "set", *journey.at_netuid(), "--name", "immunity_period", "--value", "77"),
        who="owner",
    )
    at = journey.chain.at(journey.chain.height())
    assert number(at.subtensor("ImmunityPeriod", u16(journey.netuid))) == 77
    told = journey.read("subnets", "hyperparameters", str(journey.netuid))
    assert "immunity_period" in json.dumps(told)
    refused = journey.btcli(
        *("sudo", "set", *journey.at_netuid(), "--name", "immunity_period", "--value", "5"),
        *("--yes",), who="miner",
    )  # fmt: skip
    assert refused.code == 1 and "traceback" not in refused.err.lower()


def test_07_weights_are_set(journey: Journey) -> None:
    journey.does(
        *("weights", "set", *journey.at_netuid(), "--uids", "0", "--weights", "1.0"), who="owner"
    )
    at = journey.chain.at(journey.chain.height())
    assert at.map("SubtensorModule", "Weights")


def test_08_everything_can_be_looked_at(journey: Journey) -> None:
    netuid, hotkey = str(journey.netuid), journey.hotkeys["owner"]
    for looked in (
        ("subnets", "show", netuid), ("subnets", "metagraph", netuid), ("subnets", "list"),
        ("subnets", "price", "--netuid", netuid), ("subnets", "create-cost"),
        ("wallet", "balance"), ("wallet", "overview"), ("stake", "list"),
        ("query", "alpha-prices"), ("query", "delegates"),
        ("query", "metagraph", "--netuid", netuid), ("query", "neurons", "--netuid", netuid),
        ("query", "burn", "--netuid", netuid), ("query", "epoch-status", "--netuid", netuid),
        ("query", "hotkey-owner", "--hotkey", hotkey),
        ("query", "netuids-for-hotkey", "--hotkey", hotkey),
    ):  # fmt: skip
        done = journey.btcli(*looked, who="owner")
        assert done.code == 0, (looked, done.err)
        assert done.json is not None


def test_09_stake_moves_swaps_and_goes_to_another(journey: Journey) -> None:
    own, coldkey = journey.hotkeys["owner"], journey.coldkeys["owner"]
    other = journey.does("subnets", "create", who="miner")["data"]["netuid"]
    journey.does("sudo", "start", "--netuid", str(other), who="miner")
    target = journey.hotkeys["miner"]
    amount = ("--amount-alpha", "1")
    journey.does(
        *("stake", "move", "--origin-hotkey", own, "--origin-netuid", str(journey.netuid)),
        *("--dest-hotkey", target, "--dest-netuid", str(journey.netuid), *amount), who="owner",
    )  # fmt: skip
    assert abs(journey.alpha(target, coldkey) - RAO) <= 1
    journey.does(
        *("stake", "swap", "--hotkey", own, "--origin-netuid", str(journey.netuid)),
        *("--dest-netuid", str(other), *amount), who="owner",
    )  # fmt: skip
    assert journey.alpha(own, coldkey, other) > 0
    journey.does(
        *("stake", "transfer", "--dest-coldkey", journey.coldkeys["juror"], "--hotkey", own),
        *("--origin-netuid", str(journey.netuid), "--dest-netuid", str(journey.netuid), *amount),
        who="owner",
    )
    assert abs(journey.alpha(own, journey.coldkeys["juror"]) - RAO) <= 1


def test_10_stake_comes_back(journey: Journey) -> None:
    own, coldkey = journey.hotkeys["owner"], journey.coldkeys["owner"]
    before, free = journey.alpha(own, coldkey), journey.free(coldkey)
    journey.does(
        *("stake", "remove", "--hotkey", own, *journey.at_netuid(), "--amount-alpha", "1"),
        who="owner",
    )
    assert journey.alpha(own, coldkey) < before
    assert journey.free(coldkey) > free


def test_11_a_delegate_sets_its_take(journey: Journey) -> None:
    own = journey.hotkeys["owner"]
    journey.does("root", "register", "--hotkey", own, who="owner")
    journey.does("sudo", "set-take", "--take", "0.1", "--hotkey", own, who="owner")
    assert abs(journey.read("query", "delegate-take", "--hotkey", own)["take"] - 0.1) < 1e-4


def test_12_child_keys(journey: Journey) -> None:
    own = journey.hotkeys["owner"]
    child = f"1.0:{journey.hotkeys['juror']}"
    journey.does(
        *("stake", "child", "set", *journey.at_netuid(), "--children", child, "--hotkey", own),
        who="owner",
    )
    told = journey.read("stake", "child", "get", *journey.at_netuid(), "--hotkey", own, who="owner")
    assert journey.hotkeys["juror"] in json.dumps(told) or told is not None
    pending = journey.chain.at(journey.chain.height()).map("SubtensorModule", "PendingChildKeys")
    children = journey.chain.at(journey.chain.height()).map("SubtensorModule", "ChildKeys")
    assert pending or children


def test_13_a_proxy_acts_and_is_removed(journey: Journey) -> None:
    journey.offers("add_proxy")
    delegate = ("--delegate", journey.coldkeys["juror"], "--proxy-type", "Transfer")
    journey.does("proxy", "add", *delegate, who="owner")
    listed = json.dumps(journey.read("proxy", "list", who="owner"))
    assert journey.coldkeys["juror"] in listed and "Transfer" in listed
    before = journey.free(journey.coldkeys["miner"])
    journey.does(
        *("wallet", "transfer", "--dest", journey.coldkeys["miner"], "--amount-tao", "2"),
        *("--proxy-for", journey.coldkeys["owner"]), who="juror",
    )  # fmt: skip
    assert journey.free(journey.coldkeys["miner"]) - before == 2 * RAO
    journey.does("proxy", "remove", *delegate, who="owner")
    assert journey.coldkeys["juror"] not in json.dumps(journey.read("proxy", "list", who="owner"))


def test_14_a_multisig_pays_when_two_agree(journey: Journey) -> None:
    journey.offers("approve_as_multi")
    others = {
        person: json.dumps([journey.coldkeys[p] for p in ("owner", "juror") if p != person])
        for person in ("owner", "juror")
    }
    to = journey.coldkeys["miner"]
    call = json.dumps({"op": "transfer", "dest_ss58": to, "amount_tao": 0.1})
    journey.does(
        *("tx", "multisig-execute", "--threshold", "2", "--other-signatories", others["owner"]),
        *("--call", call), who="owner",
    )  # fmt: skip
    assert journey.chain.at(journey.chain.height()).map("Multisig", "Multisigs")


def test_15_a_coldkey_swap_is_announced(journey: Journey) -> None:
    journey.offers("announce_coldkey_swap")
    new = journey.read("wallet", "create", "--no-password", who="heir")["coldkey_ss58"]
    journey.does("tx", "announce-coldkey-swap", "--new-coldkey", new, who="juror")
    told = journey.read(
        "query", "coldkey-swap-announcement", "--coldkey", journey.coldkeys["juror"]
    )
    assert told["execute_block"] > 0


def test_16_what_is_refused_says_why(journey: Journey) -> None:
    done = journey.btcli("subnets", "show", "4242")
    assert done.code == 1
    assert "does not exist" in (done.out or done.err)
