"""`assay register`, `stake`, `unstake`, `subnet start`, `wallet list`: no neuron runs for them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import sys
from collections.abc import AsyncIterator, Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from assay.chain.errors import TooCheap
from assay.chain.fake import FakeChain, FakeLedger
from assay.chain.fake_state import FakeState
from assay.chain.wallet_addresses import WalletInfo
from assay.chain.wallets import create_wallet
from assay.cli import main, neurons, output
from assay.cli.consent import Consent
from assay.cli.trades import Sale, sell
from assay.clock import ManualClock
from assay.errors import Refused
from assay.types import AlphaRao, NetUid, Rao
from tests.unit.subnet.neuron.worlds import key

TAO = 10**9
OTHER = key(9)


@pytest.fixture
def owner(tmp_path: Path) -> WalletInfo:
    return create_wallet(tmp_path / "wallets", "w")


@pytest.fixture
def ledger(owner: WalletInfo, monkeypatch: pytest.MonkeyPatch) -> FakeLedger:
    """A chain with a subnet of somebody else's, behind every command."""
    for name in ("out", "err"):
        monkeypatch.delitem(vars(output), name, raising=False)
    funds: dict[str, int] = {owner.coldkey: 2_000 * TAO, OTHER.address: 2_000 * TAO}
    made = FakeLedger(ManualClock(), balances=funds)

    @contextlib.asynccontextmanager
    async def opened(*_: object, **__: object) -> AsyncIterator[FakeChain]:
        yield FakeChain(made)

    monkeypatch.setattr(neurons, "open_chain", opened)
    asyncio.run(_create(made))
    return made


async def _create(ledger: FakeLedger) -> None:
    await FakeChain(ledger).create_subnet(OTHER, key(201).address)
    await FakeChain(ledger).start_subnet(1, OTHER)


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_hotkey_is_registered_once(
    ledger: FakeLedger, owner: WalletInfo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["register", "--netuid", "1", "--wallet", "w", "--state-dir", str(tmp_path)]
    assert main.main([*command, "--max-price", "0.5"]) == 3
    assert "more than the 0.5 allowed" in capsys.readouterr().err
    assert main.main([*command, "--json"]) == 0
    first = told(capsys)
    assert first == {
        "netuid": 1, "uid": 1, "hotkey": owner.hotkeys["default"], "coldkey": owner.coldkey,
        "new": True, "told_rao": TAO, "paid_rao": TAO, "block": ledger.finalized.number,
    }  # fmt: skip
    assert main.main([*command, "--json"]) == 0
    again = told(capsys)
    assert (again["uid"], again["new"], again["paid_rao"]) == (1, False, 0)
    assert main.main(command) == 0
    assert "holds uid 1 of subnet 1; paid nothing" in capsys.readouterr().out


def test_stake_goes_in_and_comes_out(
    ledger: FakeLedger, owner: WalletInfo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--netuid", "1", "--wallet", "w", "--state-dir", str(tmp_path)]
    assert main.main(["stake", "10", *at]) == 3  # a hotkey that the chain does not know
    assert main.main(["register", *at]) == 0
    capsys.readouterr()
    for _ in range(2):  # staked already, it is staked again
        assert main.main(["stake", "10", *at, "--json"]) == 0
        added = told(capsys)
    assert (added["staked_rao"], added["got_alpha_rao"]) == (10 * TAO, 20 * TAO)
    assert added["held_alpha_rao"] == 40 * TAO
    assert main.main(["unstake", "4.5", *at, "--json"]) == 0
    removed = told(capsys)
    assert (removed["sold_alpha_rao"], removed["got_rao"]) == (4_500_000_000, 2_250_000_000)
    assert removed["held_alpha_rao"] == 35_500_000_000
    assert main.main(["unstake", "all", *at]) == 0
    out, err = capsys.readouterr()
    assert "35.5 alpha of subnet 1 became 17.75 TAO; 0 stay on" in out
    assert "worth about 17.75 TAO at the spot price" in err
    assert "told before" not in out, "it came to what was told"
    assert main.main(["unstake", "all", *at]) == 3
    assert "assay wallet show" in capsys.readouterr().err


def test_stake_may_go_to_another_persons_hotkey(
    ledger: FakeLedger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--netuid", "1", "--wallet", "w", "--state-dir", str(tmp_path)]
    create_wallet(tmp_path / "wallets", "w")
    there = key(201).address
    assert main.main(["stake", "1", *at, "--hotkey", there, "--json"]) == 0
    assert told(capsys)["hotkey"] == there
    mistyped = there[:-1] + ("a" if there[-1] != "a" else "b")
    assert main.main(["stake", "1", *at, "--hotkey", mistyped]) == 2
    assert "mistyped" in capsys.readouterr().err


def test_what_came_of_a_trade_is_told_beside_what_was_told_before(
    ledger: FakeLedger,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others buy and sell between the question and the trade: the prices move."""
    at = ["--netuid", "1", "--wallet", "w", "--state-dir", str(tmp_path)]

    def priced(uid: int, alpha: int) -> Callable[[FakeState], FakeState]:
        def change(state: FakeState) -> FakeState:
            subnet = state.subnet(1)
            settings = dataclasses.replace(subnet.settings, registration_price=Rao(uid))
            rules = dataclasses.replace(state.rules, alpha_price=alpha)
            state = state.with_subnet(dataclasses.replace(subnet, settings=settings))
            return dataclasses.replace(state, rules=rules)

        return change

    def meanwhile(name: str, *, uid: int = TAO, alpha: int) -> None:
        trade = getattr(FakeChain, name)

        async def moved(self: FakeChain, *args: Any, **given: Any) -> Any:
            ledger.edit(priced(uid, alpha))
            return await trade(self, *args, **given)

        monkeypatch.setattr(FakeChain, name, moved)

    meanwhile("register", uid=3 * TAO // 2, alpha=TAO * 4 // 5)
    assert main.main(["register", *at]) == 0
    out, err = capsys.readouterr()
    assert "costs 1 TAO" in err
    assert "paid 1.5 TAO, of which the uid cost 1.5 TAO; told before: 1 TAO\n" in out
    meanwhile("add_stake", alpha=TAO // 2)
    assert main.main(["stake", "10", *at]) == 0
    out, err = capsys.readouterr()
    assert "The stake is about 12.5 alpha at the spot price." in err
    assert "10 TAO became 20 alpha" in out
    assert "; told before: 12.5 alpha, at the spot price\n" in out
    meanwhile("remove_stake", alpha=TAO * 4 // 5)
    assert main.main(["unstake", "10", *at]) == 0
    out, err = capsys.readouterr()
    assert "worth about 5 TAO at the spot price" in err
    assert "became 8 TAO" in out
    assert "; told before: 5 TAO, at the spot price\n" in out


@pytest.mark.parametrize("amount", ["0", "-1", "nan", "1e999", "many"])
def test_an_amount_that_is_none(
    amount: str, ledger: FakeLedger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--netuid", "1", "--wallet", "w", "--state-dir", str(tmp_path)]
    for command in ("stake", "unstake"):
        assert main.main([command, amount, *at]) == 2
        assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == [
            "error",
            "cure",
        ]


def test_a_subnet_is_started_by_its_owner_alone(
    ledger: FakeLedger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wallet = ["--wallet", "w", "--state-dir", str(tmp_path)]
    assert main.main(["subnet", "register", *wallet, "--no-start", "--json"]) == 0
    netuid = str(told(capsys)["netuid"])
    assert main.main(["stake", "1", "--netuid", netuid, *wallet]) == 3
    assert "assay subnet start" in capsys.readouterr().err
    assert main.main(["subnet", "start", "--netuid", netuid, *wallet, "--json"]) == 0
    assert told(capsys)["new"]
    assert main.main(["subnet", "start", "--netuid", netuid, *wallet]) == 0
    assert "was started before" in capsys.readouterr().out
    asyncio.run(FakeChain(ledger).create_subnet(OTHER, key(202).address))
    assert main.main(["subnet", "start", "--netuid", "3", *wallet]) == 3
    assert "owner" in capsys.readouterr().err
    assert main.main(["subnet", "start", "--netuid", "99", *wallet]) == 3


def test_a_chain_that_does_not_answer_is_told_apart(
    ledger: FakeLedger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.down = True
    for command in (["register"], ["stake", "1"], ["unstake", "all"], ["subnet", "start"]):
        at = ["--netuid", "1", "--wallet", "w", "--state-dir", str(tmp_path), "--json"]
        assert main.main([*command, *at]) == 4
        assert told(capsys)["error"]["kind"] == "unavailable"


SELLER = key(7)
REAL = "wss://chain.example:443"


async def held(amount: int, *, money: bool = False) -> FakeChain:
    funds: dict[str, int] = {OTHER.address: 2_000 * TAO, SELLER.address: 100 * TAO}
    chain = FakeChain(FakeLedger(ManualClock(), balances=funds, money=money))
    await chain.create_subnet(OTHER, key(201).address)
    await chain.start_subnet(1, OTHER)
    await chain.add_stake(1, SELLER, key(201).address, Rao(amount))
    return chain


async def sells(chain: FakeChain, consent: Consent, tolerance: float | None = None) -> None:
    sale = Sale(AlphaRao(TAO), tolerance)
    await sell(chain, NetUid(1), key(201).address, SELLER, consent, sale)


async def test_where_tao_is_money_nothing_is_sold_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))
    chain = await held(10 * TAO, money=True)
    before = await chain.stakes(SELLER.address)
    with pytest.raises(Refused, match="Nobody is here to agree to sell 1 alpha") as refused:
        await sells(chain, Consent(REAL))
    assert "--rate-tolerance" in refused.value.cure
    assert await chain.stakes(SELLER.address) == before
    await sells(chain, Consent(REAL, yes=True))


async def test_a_sale_has_a_lowest_price_where_tao_is_money(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = await held(10 * TAO, money=True)
    seen: list[Rao | None] = []
    remove = chain.remove_stake

    async def noted(*args: Any, limit: Rao | None = None) -> Any:
        seen.append(limit)
        return await remove(*args, limit=limit)

    monkeypatch.setattr(chain, "remove_stake", noted)
    await sells(chain, Consent(REAL, yes=True))
    await sells(chain, Consent(REAL, yes=True), 0.5)
    await sells(chain, Consent("local", yes=True), 0.0)
    assert seen == [TAO * 95 // 200, TAO // 4, TAO // 2]
    assert "at least 0.475 are taken" in capsys.readouterr().err
    with pytest.raises(TooCheap):
        await remove(1, SELLER, key(201).address, AlphaRao(TAO), limit=Rao(TAO))


def test_wallets_are_listed_whatever_lies_among_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("out", "err"):
        monkeypatch.delitem(vars(output), name, raising=False)
    command = ["wallet", "list", "--state-dir", str(tmp_path)]
    assert main.main([*command, "--json"]) == 0
    assert told(capsys) == []
    root = tmp_path / "wallets"
    made = create_wallet(root, "b")
    create_wallet(root, "b", "second")
    elsewhere = create_wallet(root, "hot-only")
    for name in ("coldkey", "coldkeypub.txt"):
        (root / "hot-only" / name).unlink()
    for content in ("[]", "{", '{"ss58Address": 5}', '{"ss58Address": "5abc"}', "[" * 60_000):
        folder = root / f"odd{len(content)}" / "hotkeys"
        folder.mkdir(parents=True)
        (folder.parent / "coldkeypub.txt").write_text(content)
        (folder / "default").write_text(content)
    (root / "a-file").write_text("no wallet")
    (root / ".draft.1234" / "hotkeys").mkdir(parents=True)
    (root / ".draft.1234" / "coldkeypub.txt").write_text((root / "b/coldkeypub.txt").read_text())
    assert main.main([*command, "--json"]) == 0
    found = {each["name"]: each for each in told(capsys)}
    assert found["b"]["coldkey"] == made.coldkey
    assert list(found["b"]["hotkeys"]) == ["default", "second"]
    assert found["hot-only"]["coldkey"] is None
    assert found["hot-only"]["hotkeys"] == elsewhere.hotkeys
    odd = [each for name, each in found.items() if name.startswith("odd")]
    assert len(odd) == 5
    assert all(each["hotkeys"] == {"default": None} for each in odd)
    assert not [name for name in found if "draft" in name]
    assert main.main(command) == 0
    assert "(not told by its files)" in capsys.readouterr().out
    assert main.main(["wallet", "show", "odd2", "--state-dir", str(tmp_path)]) == 2
