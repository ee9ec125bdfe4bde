"""Nothing is paid unseen: a price, a ceiling, the whole sum, a question where TAO is money."""

from __future__ import annotations

import io
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from assay.chain.errors import NotStarted, TooDear, TooLittleBalance
from assay.chain.fake import FakeChain, FakeLedger
from assay.chain.fake_state import FakeState
from assay.cli import output
from assay.cli.amounts import parse_amount
from assay.cli.consent import Consent
from assay.cli.trades import Stake, join, parse_stake
from assay.clock import ManualClock
from assay.errors import Refused, UserError
from assay.types import U64_MAX, NetUid, Rao, Signer
from tests.unit.subnet.neuron.worlds import key

TAO = 10**9
PAYER = key(7)
REAL = "wss://chain.example:443"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _fresh_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(vars(output), "err", raising=False)


def ask(consent: Consent, price: int = TAO, balance: int = 5 * TAO, besides: int = 0) -> None:
    payer, has = PAYER.address, Rao(balance)
    consent.to("a uid", Rao(price), payer, has, money=False, besides=besides)


def test_the_price_is_shown_before_it_is_paid(capsys: pytest.CaptureFixture[str]) -> None:
    ask(Consent("local"))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"A uid costs 1 TAO; {PAYER.address} has 5 TAO.\n"
    ask(Consent("local"), price=0)
    assert capsys.readouterr().err == f"A uid costs 0 TAO; {PAYER.address} has 5 TAO.\n"


def test_a_ceiling_holds() -> None:
    ask(Consent("local", Rao(TAO)))
    with pytest.raises(Refused, match=r"costs 1 TAO, more than the 0\.5 allowed"):
        ask(Consent("local", Rao(TAO // 2)))


def test_without_a_terminal_real_money_needs_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(Refused, match=r"spend 1 TAO on wss://chain") as refused:
        ask(Consent(REAL))
    assert "--yes" in refused.value.cure
    ask(Consent(REAL, yes=True))


@pytest.mark.parametrize(
    ("answer", "agrees"), [("y\n", True), ("Yes\n", True), ("\n", False), ("", False)]
)
def test_at_a_terminal_a_person_is_asked(
    answer: str,
    agrees: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    if agrees:
        ask(Consent(REAL), besides=2 * TAO)
    else:
        with pytest.raises(Refused, match="nothing was spent"):
            ask(Consent(REAL), besides=2 * TAO)
    assert capsys.readouterr().out == ""
    assert "Spend 3 TAO on wss://chain.example:443? [y/N]" in shown.getvalue()


OWNER = key(200)


def ledger_with(balance: int, *, money: bool = False) -> FakeLedger:
    funds: dict[str, int] = {OWNER.address: 9_000 * TAO, PAYER.address: balance}
    return FakeLedger(ManualClock(), balances=funds, money=money)


async def subnet_with(balance: int) -> FakeChain:
    return await subnet_on(ledger_with(balance))


async def subnet_on(ledger: FakeLedger) -> FakeChain:
    chain = FakeChain(ledger)
    netuid = (await chain.create_subnet(OWNER, key(201).address)).netuid
    await chain.start_subnet(netuid, OWNER)
    return chain


async def joins(
    chain: FakeChain, consent: Consent, stake: int, tolerance: float | None = None
) -> None:
    asked = Stake(Rao(stake * TAO), tolerance) if stake else None
    await join(chain, NetUid(1), key(8).address, lambda: PAYER, consent, register=True, stake=asked)


async def test_a_node_of_the_public_chain_on_this_machine_spends_real_money(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    chain = await subnet_on(ledger_with(10 * TAO, money=True))
    with pytest.raises(Refused, match="Nobody is here to agree to spend 1 TAO on local"):
        await joins(chain, Consent("local"), 0)
    assert await chain.balance(PAYER.address) == 10 * TAO
    await joins(chain, Consent("local", yes=True), 0)


async def test_a_uid_is_not_bought_if_its_stake_cannot_be_paid() -> None:
    chain = await subnet_with(10 * TAO)
    with pytest.raises(TooLittleBalance, match=r"1000 TAO is asked for; .* has 10 TAO") as refused:
        await joins(chain, Consent("local"), 1_000)
    assert "assay fund" in refused.value.cure
    assert await chain.balance(PAYER.address) == 10 * TAO
    await joins(chain, Consent("local"), 8)
    assert (await chain.metagraph(1)).by_hotkey(key(8).address) is not None
    assert await chain.balance(PAYER.address) == 1 * TAO


@pytest.mark.parametrize(
    ("consent", "limit"),
    [
        (Consent(REAL), TAO),
        (Consent(REAL, Rao(2 * TAO)), 2 * TAO),
        (Consent(REAL, Rao(2 * TAO), yes=True), 2 * TAO),
        (Consent("local", Rao(2 * TAO)), 2 * TAO),
        (Consent(REAL, yes=True), None),
        (Consent("local"), None),
    ],
)
async def test_a_price_that_rises_after_the_question_is_paid_as_far_as_was_agreed(
    consent: Consent, limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("y\ny\n"))
    monkeypatch.setattr(sys, "stderr", Terminal())
    for price in (2 * TAO, 3 * TAO):
        ledger = ledger_with(10 * TAO)
        chain = await subnet_on(ledger)
        monkeypatch.setattr(chain, "balance", priced_anew(chain, ledger, price))
        if limit is None or price <= limit:
            await joins(chain, consent, 0)
        else:
            with pytest.raises(TooDear, match=f"costs {price // TAO} TAO now, more than the"):
                await joins(chain, consent, 0)
            assert (await chain.metagraph(1)).by_hotkey(key(8).address) is None


@pytest.mark.parametrize(
    ("consent", "tolerance", "rise", "staked"),
    [
        (Consent(REAL, yes=True), None, 0.05, True),
        (Consent(REAL, yes=True), None, 0.06, False),
        (Consent(REAL, yes=True), 0.1, 0.06, True),
        (Consent("local"), None, 9.0, True),
        (Consent("local"), 0.05, 0.06, False),
    ],
)
async def test_a_stake_is_bought_at_the_price_that_was_agreed_to(
    consent: Consent,
    tolerance: float | None,
    rise: float,
    staked: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who sees the order may buy before it, to sell to it."""
    ledger = ledger_with(10 * TAO)
    chain = await subnet_on(ledger)
    before = (await chain.subnet(1)).alpha_price

    def front_run(state: FakeState) -> FakeState:
        return replace(state, rules=replace(state.rules, alpha_price=int(before * (1 + rise))))

    monkeypatch.setattr(chain, "balance", edited_while_read(chain, ledger, front_run))
    if staked:
        await joins(chain, consent, 5, tolerance)
    else:
        with pytest.raises(TooDear, match=r"above the 0\.525 TAO allowed") as refused:
            await joins(chain, consent, 5, tolerance)
        assert "--rate-tolerance" in refused.value.cure
    assert (await chain.stake(key(8).address, PAYER.address, 1) > 0) is staked
    limited = tolerance is not None or consent.network == REAL
    assert ("at no more than 0.5" in capsys.readouterr().err) is limited


async def test_no_uid_is_bought_if_its_stake_does_not_trade_yet() -> None:
    ledger = ledger_with(10 * TAO)
    chain = FakeChain(ledger)
    await chain.create_subnet(OWNER, key(201).address)
    with pytest.raises(NotStarted):
        await joins(chain, Consent("local"), 2)
    assert await chain.balance(PAYER.address) == 10 * TAO
    await joins(chain, Consent("local"), 0)
    assert (await chain.metagraph(1)).by_hotkey(key(8).address) is not None


@pytest.mark.parametrize(
    ("stake", "tolerance", "bought"), [(4, None, True), (6, None, False), (6, 0.07, True)]
)
async def test_no_uid_is_bought_if_its_stake_is_too_large_for_the_pool(
    stake: int,
    tolerance: float | None,
    bought: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of a pool where a TAO raises the price by 1 %: the uid's by as much before the stake."""
    chain = await subnet_with(10 * TAO)

    async def price_after(netuid: int, spent: Rao) -> Rao:
        return Rao(TAO // 2 + spent // 200)

    monkeypatch.setattr(chain, "price_after", price_after)
    consent = Consent(REAL, yes=True)
    if bought:
        await joins(chain, consent, stake, tolerance)
        assert "at no more than 0.5" in capsys.readouterr().err
        assert await chain.stake(key(8).address, PAYER.address, 1) > 0
    else:
        with pytest.raises(TooDear, match=r"A stake of 6 TAO .* above the 0\.53025 TAO allowed"):
            await joins(chain, consent, stake, tolerance)
        assert await chain.balance(PAYER.address) == 10 * TAO
    assert ((await chain.metagraph(1)).by_hotkey(key(8).address) is not None) is bought


@pytest.mark.parametrize("emptied_by", [0, TAO, 2 * TAO])
async def test_no_uid_is_bought_if_nothing_can_be_bought_of_the_pool(
    emptied_by: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its price is the largest number there is, which no tolerance makes an amount to order at."""
    chain = await subnet_with(10 * TAO)

    async def price_after(netuid: int, spent: Rao) -> Rao:
        return Rao(U64_MAX if spent >= emptied_by else U64_MAX // 2)

    monkeypatch.setattr(chain, "price_after", price_after)
    for tolerance in (None, 0.0, 2.0):
        with pytest.raises(TooDear, match=r"A stake of 2 TAO would raise the price") as refused:
            await joins(chain, Consent(REAL, yes=True), 2, tolerance)
        allowed = refused.value.cause.rpartition(" above the ")[2].split()[0]
        assert parse_amount(allowed) <= U64_MAX
    assert await chain.balance(PAYER.address) == 10 * TAO
    assert (await chain.metagraph(1)).by_hotkey(key(8).address) is None


def test_a_stake_that_no_chain_takes_is_refused_before_a_uid_is_bought() -> None:
    for text in ("0.001", "0.001999999", "0.000000001"):
        with pytest.raises(UserError, match=r"less than the 0\.002 TAO that a chain takes") as told:
            parse_stake(text, None)
        assert "--stake" in told.value.cure
    assert parse_stake("0.002", None) == Stake(Rao(2_000_000))
    assert parse_stake("0", None) is None


def priced_anew(
    chain: FakeChain, ledger: FakeLedger, price: int
) -> Callable[[str], Awaitable[Rao]]:
    def dearer(state: FakeState) -> FakeState:
        subnet = state.subnet(1)
        settings = replace(subnet.settings, registration_price=Rao(price))
        return state.with_subnet(replace(subnet, settings=settings))

    return edited_while_read(chain, ledger, dearer)


def edited_while_read(
    chain: FakeChain, ledger: FakeLedger, edit: Callable[[FakeState], FakeState]
) -> Callable[[str], Awaitable[Rao]]:
    """``chain.balance``, which is asked for between a price and its payment, and a new price."""
    balance = chain.balance

    async def read(address: str) -> Rao:
        ledger.edit(edit)
        return await balance(address)

    return read


async def test_whoever_has_it_all_pays_nothing_and_opens_no_coldkey() -> None:
    chain = await subnet_with(10 * TAO)
    await joins(chain, Consent("local"), 0)

    def closed() -> Signer:
        raise AssertionError("the coldkey was opened")

    await join(chain, NetUid(1), key(8).address, closed, Consent(REAL), register=True, stake=None)
    await joins(chain, Consent("local"), 2)
    await joins(chain, Consent(REAL), 2)
    assert await chain.balance(PAYER.address) == 7 * TAO
