"""Who pays, and whether he agreed: the price is named first, and a key of play money buys nothing.

Adds to the chain's purchases (a uid, a stake, a subnet) the consent of whoever pays: the price is
read and shown before anything is signed, a ceiling holds, the whole sum must be there (and a pool
deep enough for the stake) before its first part is spent, and where TAO is worth something a person
is asked, or said ``--yes``. What was paid is told afterwards.

Adds to the SDK's wallets what their folder says: `assay up`, and `assay wallet create` where it is
not asked for a password, leave coldkeys in clear under the state folder, which is right for a
chain on this machine. Used elsewhere by mistake, they would hold money that whoever reads the file
can take; so they buy nothing there. A key in clear that lies elsewhere is its owner's choice, and
is only told. Nothing here signs.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loguru import logger

from assay.chain.address import is_loopback, resolve, shown
from assay.chain.errors import FUND_CURE, NotStarted, TooDear, TooLittleBalance
from assay.chain.interface import STAKE_MIN, Chain
from assay.cli import output
from assay.cli.amounts import in_tao, parse_amount
from assay.cli.arguments import read_password, wallets_of
from assay.cli.streams import is_person
from assay.errors import Refused, UserError
from assay.types import RAO_PER_TAO, U64_MAX, NetUid, Rao, Signer, Ss58

FEES_MAX: Final = Rao(RAO_PER_TAO // 100)
"""More than two extrinsics' fees: a uid must not be bought with what its stake's fee needs."""
RATE_TOLERANCE: Final = 0.05
"""How far above what it is before that an alpha's price may be once a stake has been bought, where
TAO is money: the SDK's own. A pool is open to all, and who sees an order without such a limit
buys first and sells to it."""


@dataclass(frozen=True, slots=True)
class Stake:
    """TAO to turn into alpha, and how far that may raise the price, or others may before it."""

    amount: Rao
    tolerance: float | None = None
    """A share of the price. None: the usual one where TAO is money, and any price elsewhere."""

    def limit(self, price: Rao, *, plays: bool) -> Rao | None:
        """The most that an alpha may cost, if it costs ``price`` now; None: whatever it costs."""
        if self.tolerance is None and plays:
            return None
        tolerance = RATE_TOLERANCE if self.tolerance is None else self.tolerance
        return Rao(min(price + int(price * tolerance), U64_MAX))  # an order holds no more


def parse_stake(text: str, tolerance: float | None) -> Stake | None:
    """The stake that was asked for; None for no TAO, UserError for what no chain takes."""
    amount = parse_amount(text, zero=True)
    if 0 < amount < STAKE_MIN:
        raise UserError(
            f"A stake of {text} TAO is less than the {in_tao(STAKE_MIN)} TAO that a chain takes.",
            f"Stake at least {in_tao(STAKE_MIN)} TAO, or leave out --stake.",
        )
    return Stake(amount, tolerance) if amount else None


@dataclass(frozen=True, slots=True)
class Consent:
    """What the person who pays has agreed to. TAO of a chain on this machine is play money, unless
    what stands here is a node of the public chain."""

    network: str
    max_price: Rao | None = None
    yes: bool = False

    def plays(self, *, money: bool) -> bool:
        """Whether the TAO is play money; ``money`` is what the chain's own ``is_money`` says."""
        return is_loopback(resolve(self.network)) and not money

    def to(
        self,
        what: str,
        price: Rao,
        payer: Ss58,
        balance: Rao,
        *,
        money: bool,
        besides: int = 0,
        alpha_limit: Rao | None = None,
    ) -> Rao | None:
        """Refused unless ``price``, and what is staked ``besides`` it, may be paid.

        ``money`` is what the chain's own ``is_money`` says. Returns the most that the thing may
        cost by the time it is bought; None: whatever it costs.
        """
        needs = [f"{what} costs {in_tao(price)} TAO"] if price or not besides else []
        needs += [f"a stake of {in_tao(besides)} TAO is asked for"] if besides else []
        if alpha_limit is not None:
            needs[-1] += f" at no more than {in_tao(alpha_limit)} TAO an alpha"
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
        if self.yes or self.plays(money=money):
            return self.max_price
        # An address may hold an access token.
        where = shown(self.network) if "://" in self.network else self.network
        if not (is_person(sys.stdin) and is_person(sys.stderr)):
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
    stake: Stake | None,
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
    held = await chain.stake(hotkey, payer.address, netuid) if stake else 0
    if held:
        logger.info("Staked on subnet {} already: {} alpha", netuid, in_tao(held))
        stake = None
    if not buys and not stake:
        return
    subnet, money = await chain.subnet(netuid), await chain.is_money()
    if stake and not subnet.started:
        raise NotStarted.of(netuid)
    price = subnet.registration_price if buys else Rao(0)
    plays = consent.plays(money=money)
    alpha_limit = await _alpha_limit(chain, netuid, stake, price, plays=plays) if stake else None
    before = await chain.balance(payer.address)
    limit = consent.to(
        f"a uid of subnet {netuid}",
        price,
        payer.address,
        before,
        money=money,
        besides=stake.amount if stake else 0,
        alpha_limit=alpha_limit,
    )
    if buys:
        registration = await chain.register(netuid, payer, hotkey, limit=limit)
        before = await _paid(chain, payer, before, f"uid {registration.uid} of subnet {netuid}")
    if stake:
        added = await chain.add_stake(netuid, payer, hotkey, stake.amount, limit=alpha_limit)
        await _paid(chain, payer, before, f"a stake of {in_tao(added.alpha)} alpha")


async def _alpha_limit(
    chain: Chain, netuid: NetUid, stake: Stake, uid_price: Rao, *, plays: bool
) -> Rao | None:
    """The most that an alpha may cost by the time the stake has been bought: the one number that is
    shown, agreed to and ordered with.

    The chain itself buys alpha with what a uid costs, so the tolerance counts from the price that
    this will leave. ``TooDear``, before the uid is paid for, if the stake alone needs a higher one.
    """
    limit = stake.limit(await chain.price_after(netuid, uid_price), plays=plays)
    if limit is not None:
        raised = await chain.price_after(netuid, Rao(uid_price + stake.amount))
        # The largest price stands for a pool of which nothing can be bought, at whatever limit.
        if raised > limit or raised >= U64_MAX:
            raise TooDear.stake(netuid, stake.amount, limit)
    return limit


async def _paid(chain: Chain, payer: Signer, before: Rao, what: str) -> Rao:
    """Tell what a purchase cost, its fee included; the balance that is left."""
    after = await chain.balance(payer.address)
    logger.info("Paid {} TAO for {}", in_tao(max(before - after, 0)), what)
    return after


@dataclass(frozen=True, slots=True)
class Payer:
    """A wallet's coldkey, as the options name it."""

    wallet: str
    state_dir: Path
    wallet_path: Path | None = None
    password_file: Path | None = None

    @property
    def folder(self) -> Path:
        return wallets_of(self.state_dir, self.wallet_path)

    def open(self) -> Signer:
        """The key, ready to sign; ``WalletError`` says what is wrong with it."""
        from assay.chain.wallets import open_coldkey

        return open_coldkey(self.folder, self.wallet, read_password(self.password_file))

    def check(self, network: str, *, money: bool) -> None:
        """Refused if the key lies in clear among the state folder's and the chain's TAO is
        ``money``; a warning for any other in clear where the chain is not on this machine."""
        from assay.chain.wallets import is_locked

        here = is_loopback(resolve(network)) and not money
        if here or is_locked(self.folder, self.wallet):
            return
        path = (self.folder / self.wallet / "coldkey").absolute()
        if money and is_of_state(self.folder, self.state_dir):
            raise Refused(
                f"The coldkey {path} lies in clear, as made for a local chain's play money.",
                "Pay with a locked one: `assay wallet create NAME --wallet-path DIR` makes it.",
            )
        logger.warning("The coldkey {} lies in clear: who reads it has what it holds.", path)


def is_of_state(folder: Path, state_dir: Path) -> bool:
    """Whether wallets there belong to the state folder, where TAO is play money."""
    return folder.resolve().is_relative_to(state_dir.resolve())
