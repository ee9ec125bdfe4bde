"""Nothing is paid unseen: a price, a ceiling, the whole sum, a question where TAO is money."""

from __future__ import annotations

import io
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from subnet.chain.errors import TooDear, TooLittleBalance
from subnet.chain.fake import FakeChain, FakeLedger
from subnet.chain.fake_state import State
from subnet.chain.interface import Signer
from subnet.cli import output
from subnet.cli.spending import Consent, join
from subnet.clock import ManualClock
from subnet.errors import Refused
from subnet.types import NetUid, Rao
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
    if agrees:
        ask(Consent(REAL), besides=2 * TAO)
    else:
        with pytest.raises(Refused, match="nothing was spent"):
            ask(Consent(REAL), besides=2 * TAO)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Spend 3 TAO on wss://chain.example:443? [y/N]" in err


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


async def joins(chain: FakeChain, consent: Consent, stake: int) -> None:
    hotkey = key(8).address
    await join(
        chain, NetUid(1), hotkey, lambda: PAYER, consent, register=True, stake=Rao(stake * TAO)
    )


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


def priced_anew(
    chain: FakeChain, ledger: FakeLedger, price: int
) -> Callable[[str], Awaitable[Rao]]:
    """``chain.balance``, which is asked for between the price and its payment, and a new price."""
    balance = chain.balance

    def dearer(state: State) -> State:
        subnet = state.subnet(1)
        settings = replace(subnet.settings, registration_price=Rao(price))
        return state.with_subnet(replace(subnet, settings=settings))

    async def read(address: str) -> Rao:
        ledger.edit(dearer)
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
