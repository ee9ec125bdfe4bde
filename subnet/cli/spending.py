"""What is paid for is named first: the price, who pays, and on a real chain a question.

Adds to the chain's purchases (a uid, a stake, a subnet) the consent of whoever pays: the price is
read and shown before anything is signed, a ceiling holds, the whole sum must be there before its
first part is spent, and where TAO is worth something a person is asked, or said ``--yes``. What was
paid is told afterwards. It signs nothing itself and knows no wallet files.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from loguru import logger

from subnet.chain.connect import is_loopback, resolve, shown
from subnet.chain.errors import FUND_CURE, TooLittleBalance
from subnet.chain.interface import Chain, Signer
from subnet.cli import output
from subnet.cli.amounts import in_tao
from subnet.errors import Refused
from subnet.types import RAO_PER_TAO, NetUid, Rao, Ss58

FEES_MAX: Final = Rao(RAO_PER_TAO // 100)
"""More than two extrinsics' fees: a uid must not be bought with what its stake's fee needs."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What the person who pays has agreed to. TAO of a chain on this machine is play money, unless
    what stands here is a node of the public chain."""

    network: str
    max_price: Rao | None = None
    yes: bool = False

    def to(
        self,
        what: str,
        price: Rao,
        payer: Ss58,
        balance: Rao,
        *,
        money: bool,
        besides: int = 0,
    ) -> Rao | None:
        """Refused unless ``price``, and what is spent ``besides`` it, may be paid.

        ``money`` is what the chain's own ``is_money`` says. Returns the most that the thing may
        cost by the time it is bought; None: whatever it costs.
        """
        needs = [f"{what} costs {in_tao(price)} TAO"] if price or not besides else []
        needs += [f"a stake of {in_tao(besides)} TAO is asked for"] if besides else []
        if self.max_price is not None and price > self.max_price:
            raise Refused(
                f"{_capital(needs[0])}, more than the {in_tao(self.max_price)} allowed.",
                "Wait for the price to fall, or raise --max-price.",
            )
        cost, total = _capital(" and ".join(needs)), Rao(price + besides)
        if balance < total + (FEES_MAX if price and besides else 0):
            raise TooLittleBalance(
                f"{cost}; {payer} has {in_tao(balance)} TAO.", FUND_CURE, "NotEnoughBalanceToStake"
            )
        output.note(f"{cost}; {payer} has {in_tao(balance)} TAO.")
        if self.yes or (is_loopback(resolve(self.network)) and not money):
            return self.max_price
        # An address may hold an access token.
        where = shown(self.network) if "://" in self.network else self.network
        if not sys.stdin.isatty():
            raise Refused(
                f"Nobody is here to agree to spend {in_tao(total)} TAO on {where}.",
                "Give --yes to agree beforehand, with --max-price as its bound.",
            )
        if not _agreed(f"Spend {in_tao(total)} TAO on {where}?"):
            raise Refused("It was not agreed to, and nothing was spent.", "Answer y to go on.")
        return price if self.max_price is None else self.max_price


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _agreed(question: str) -> bool:
    # An event loop would take Ctrl-C as a request to stop once the answer is there.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return output.agreed(question)
    finally:
        signal.signal(signal.SIGINT, before)


async def join(
    chain: Chain,
    netuid: NetUid,
    hotkey: Ss58,
    coldkey: Callable[[], Signer],
    consent: Consent,
    *,
    register: bool,
    stake: Rao | None,
) -> None:
    """Buy a uid and stake, as far as that was asked for and is not done. ``coldkey`` is opened only
    if it has to pay."""
    neuron = (await chain.metagraph(netuid)).by_hotkey(hotkey)
    if neuron is not None and register:
        logger.info("Registered on subnet {} already, as uid {}", netuid, neuron.uid)
    buys = neuron is None and register
    if not buys and not stake:
        return
    payer = coldkey()
    staked = bool(stake) and await chain.stake(hotkey, payer.address, netuid) > 0
    adds = Rao(0) if staked or stake is None else stake
    if not buys and not adds:
        return
    price = (await chain.subnet(netuid)).registration_price if buys else Rao(0)
    before = await chain.balance(payer.address)
    limit = consent.to(
        f"a uid of subnet {netuid}",
        price,
        payer.address,
        before,
        money=await chain.is_money(),
        besides=adds,
    )
    if buys:
        registration = await chain.register(netuid, payer, hotkey, limit=limit)
        before = await _paid(chain, payer, before, f"uid {registration.uid} of subnet {netuid}")
    if adds:
        added = await chain.add_stake(netuid, payer, hotkey, adds)
        await _paid(chain, payer, before, f"a stake of {in_tao(added.alpha)} alpha")


async def _paid(chain: Chain, payer: Signer, before: Rao, what: str) -> Rao:
    """Tell what a purchase cost, its fee included; the balance that is left."""
    after = await chain.balance(payer.address)
    logger.info("Paid {} TAO for {}", in_tao(max(before - after, 0)), what)
    return after
