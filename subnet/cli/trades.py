"""What a person buys and sells on a chain: a uid, stake, and stake that is turned back into TAO.

Adds to the chain's own calls the order of things: what is there already is not bought again, the
price and its limit are settled before the first signature, and a pool must be deep enough for a
stake before the uid is paid for. Whoever pays is asked through a ``Consent``. A chain, keys and
orders come in; what was bought or sold goes out. No command line is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from loguru import logger

from assay.chain.errors import NotStarted, TooDear, TooLittleStake
from assay.chain.interface import STAKE_MIN, Chain, Registration, StakeAdded, StakeRemoved
from assay.cli.amounts import in_tao, parse_amount
from assay.cli.consent import Consent
from assay.errors import UserError
from assay.types import RAO_PER_TAO, U64_MAX, AlphaRao, NetUid, Rao, Signer, Ss58

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
class Purchase:
    """What was bought, each part None where it was not asked for."""

    uid: Registration | None = None
    """Without a receipt where the hotkey held it already."""
    stake: StakeAdded | None = None
    """None also where something was staked already."""
    paid: int = 0
    """Rao of TAO that the payer has less than before, the fees included."""
    uid_told: int = 0
    """What the uid was told to cost before it was paid for; others may have bought one since."""
    uid_cost: int = 0
    """What the uid cost in the end, in rao without the fee."""
    alpha_told: int = 0
    """What the stake would have bought at the spot price, as told before it was paid for."""


async def join(
    chain: Chain,
    netuid: NetUid,
    hotkey: Ss58,
    coldkey: Callable[[], Signer],
    consent: Consent,
    *,
    register: bool,
    stake: Stake | None,
    more: bool = False,
) -> Purchase:
    """Buy a uid and stake, as far as that was asked for and is not done. ``coldkey`` is opened only
    if it has to pay. ``more``: stake also where something is staked already."""
    neuron = (await chain.metagraph(netuid)).by_hotkey(hotkey)
    if neuron is not None and register:
        logger.info("Registered on subnet {} already, as uid {}", netuid, neuron.uid)
    uid = Registration(netuid, neuron.uid, None) if neuron is not None and register else None
    buys = neuron is None and register
    if not buys and not stake:
        return Purchase(uid)
    payer = coldkey()
    held = await chain.stake(hotkey, payer.address, netuid) if stake and not more else 0
    if held:
        logger.info("Staked on subnet {} already: {} alpha", netuid, in_tao(held))
        stake = None
    if not buys and not stake:
        return Purchase(uid)
    subnet, money = await chain.subnet(netuid), await chain.is_money()
    if stake and not subnet.started:
        raise NotStarted.of(netuid)
    price = subnet.registration_price if buys else Rao(0)
    plays = consent.plays(money=money)
    alpha_limit = await _alpha_limit(chain, netuid, stake, price, plays=plays) if stake else None
    about = _at_spot(stake.amount, await chain.price_after(netuid, price)) if stake else None
    before = left = await chain.balance(payer.address)
    limit = consent.to(
        f"a uid of subnet {netuid}",
        price,
        payer.address,
        before,
        money=money,
        besides=stake.amount if stake else 0,
        alpha_limit=alpha_limit,
        about=about,
    )
    added, cost = None, 0
    if buys:
        uid = await chain.register(netuid, payer, hotkey, limit=limit)
        left = await _paid(chain, payer, left, f"uid {uid.uid} of subnet {netuid}")
        fee = uid.receipt.fee if uid.receipt is not None else 0
        cost = max(before - left - fee, 0)
        if said := beside(cost, price, "TAO"):
            logger.info("Without the fee it cost {} TAO{}", in_tao(cost), said)
    if stake:
        added = await chain.add_stake(netuid, payer, hotkey, stake.amount, limit=alpha_limit)
        said = beside(added.alpha, about or 0, "alpha")
        left = await _paid(chain, payer, left, f"a stake of {in_tao(added.alpha)} alpha{said}")
    return Purchase(uid, added, max(before - left, 0), price, cost, about or 0)


def _at_spot(spent: Rao, price: Rao) -> AlphaRao:
    """The alpha that ``spent`` would buy if buying moved no price."""
    return AlphaRao(spent * RAO_PER_TAO // max(price, 1))


def beside(came: int, told: int, unit: str) -> str:
    """Words for what a person was told before a trade, where the trade came to something else; no
    words where it came to that."""
    return "" if came == told else f"; told before: {in_tao(told)} {unit}"


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
class Sale:
    """Alpha to turn into TAO, and how far the price may fall meanwhile."""

    amount: AlphaRao | None = None
    """None: all that is held."""
    tolerance: float | None = None
    """A share of the price. None: the usual one where TAO is money, and any price elsewhere."""

    def limit(self, price: Rao, *, plays: bool) -> Rao | None:
        """The least that an alpha may cost, if it costs ``price`` now; None: whatever it costs."""
        if self.tolerance is None and plays:
            return None
        tolerance = RATE_TOLERANCE if self.tolerance is None else self.tolerance
        return Rao(max(price - int(price * tolerance), 0))


@dataclass(frozen=True, slots=True)
class Sold:
    """What was sold: ``alpha`` went, and ``removed`` tells what came for it."""

    alpha: AlphaRao
    removed: StakeRemoved
    told: Rao
    """What it was worth at the spot price, as told before."""


async def sell(
    chain: Chain, netuid: NetUid, hotkey: Ss58, coldkey: Signer, consent: Consent, sale: Sale
) -> Sold:
    """Turn what ``coldkey`` has staked on ``hotkey`` into TAO, as far as ``sale`` says."""
    subnet, money = await chain.subnet(netuid), await chain.is_money()
    if not subnet.started:
        raise NotStarted.of(netuid)
    held = await chain.stake(hotkey, coldkey.address, netuid)
    amount = held if sale.amount is None else sale.amount
    if held < amount or not held:
        raise TooLittleStake.of(hotkey, netuid, held, amount)
    limit = sale.limit(subnet.alpha_price, plays=consent.plays(money=money))
    alpha = f"{in_tao(amount)} alpha of subnet {netuid}"
    worth = Rao(amount * subnet.alpha_price // RAO_PER_TAO)
    least = f", and at least {in_tao(limit)} are taken" if limit is not None else ""
    offer = (
        f"{alpha} are worth about {in_tao(worth)} TAO at the spot price: one costs"
        f" {in_tao(subnet.alpha_price)} TAO now{least}. A large sale lowers the price."
    )
    consent.to_sell(alpha, offer, money=money)
    removed = await chain.remove_stake(netuid, coldkey, hotkey, amount, limit=limit)
    said = beside(removed.tao, worth, "TAO")
    logger.info("Got {} TAO for {} alpha{}", in_tao(removed.tao), in_tao(amount), said)
    return Sold(amount, removed, worth)
