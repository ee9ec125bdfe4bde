"""What an epoch's payments come to for hotkeys and those who stake behind them.

The rules are those of ``distribute_dividends_and_incentives`` and the functions around it in
``coinbase/run_coinbase.rs``, and of ``staking/stake_utils.rs``:

- A parent lends a child the same part of its alpha and of its TAO on root.
- The child's take is of the parts of parents that other coldkeys own.
- All proportions are those of the stake the epoch saw. Then are paid: the owner's cut, miners, each
  validator's take and then the rest to all its alpha stakers, the same for root.
- Dividends are recorded after the take.

Ours, where the amounts would not add up or the source leaves it open:

- Every part is rounded down: what is lent, a parent's part, the child's take of it, a validator's
  part of a pot, its take. A validator keeps the rounding of its parents' parts. (The public chain
  has 32 fractional bits for the quotients, so its parts may be less by 2^-32 of the amount.)
- Pots are cut to what the miners' pay left, root's first. What no pot could pay, and what the rate
  of root's claims cannot express (it counts 2^-32 rao for each rao), is recycled. A part that
  finds no staker goes to the hotkey's owner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from assay.scoring.reference.numbers import U16_MAX
from assay.scoring.reference.share_pool import SharePool

PROPORTION_ONE = 2**64 - 1
"""All of a parent's stake."""
TAO_WEIGHT_ONE = 2**64
RATE_BITS = 32
"""Fractional bits of what one rao of root stake has earned."""


@dataclass(slots=True)
class Hotkey:
    """A validator or miner as the distribution sees it."""

    owner: str
    pool: SharePool = field(default_factory=SharePool)
    """Alpha staked behind this hotkey on the subnet."""
    root: int = 0
    """TAO staked behind this hotkey on root."""
    take: int = 0
    child_take: int = 0
    children: dict[int, int] = field(default_factory=dict)
    """The part of this hotkey's stake that is lent to each child, by the child's uid."""
    rate: int = 0
    """What one rao of root stake behind this hotkey has earned, with RATE_BITS fractional bits;
    the chain's RootClaimable."""
    pays_into: int | None = None
    """The uid behind which this hotkey's incentives are staked; None for its own."""


@dataclass(frozen=True, slots=True)
class StakeAmounts:
    """An amount of alpha and an amount of TAO on root, which a hotkey has or lends."""

    alpha: int = 0
    root: int = 0

    def __add__(self, other: StakeAmounts) -> StakeAmounts:
        return StakeAmounts(self.alpha + other.alpha, self.root + other.root)

    def __sub__(self, other: StakeAmounts) -> StakeAmounts:
        return StakeAmounts(self.alpha - other.alpha, self.root - other.root)

    def of_root(self, tao_weight: int) -> int:
        """Return what the TAO counts for in alpha."""
        return self.root * tao_weight // TAO_WEIGHT_ONE

    def weight(self, tao_weight: int) -> int:
        """Return what alpha and TAO count for together, in alpha."""
        return self.alpha + self.of_root(tao_weight)


def staked(hotkey: Hotkey) -> StakeAmounts:
    """Return all stake behind ``hotkey``."""
    return StakeAmounts(hotkey.pool.value, hotkey.root)


def lent(hotkey: Hotkey, child: int) -> StakeAmounts:
    """Return the stake that ``hotkey`` lends to its child with uid ``child``."""
    part, whole = hotkey.children[child], staked(hotkey)
    return StakeAmounts(whole.alpha * part // PROPORTION_ONE, whole.root * part // PROPORTION_ONE)


def kept(hotkey: Hotkey) -> StakeAmounts:
    """Return the stake behind ``hotkey`` that it does not lend."""
    return staked(hotkey) - sum((lent(hotkey, child) for child in hotkey.children), StakeAmounts())


def borrowed(hotkeys: Sequence[Hotkey], uid: int) -> dict[int, StakeAmounts]:
    """Return the stake that each parent lends to the neuron ``uid``, by the parent's uid."""
    return {
        parent: lent(hotkey, uid) for parent, hotkey in enumerate(hotkeys) if uid in hotkey.children
    }


def stakes(hotkeys: Sequence[Hotkey], tao_weight: int) -> list[int]:
    """Return what the epoch takes as each neuron's stake: what it keeps and what it borrows."""
    return [
        sum(borrowed(hotkeys, uid).values(), kept(hotkey)).weight(tao_weight)
        for uid, hotkey in enumerate(hotkeys)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Alpha that waits for the epoch. The epoch divides all of it but the owner's cut."""

    owner: int = 0
    server: int = 0
    validator: int = 0
    root: int = 0

    @property
    def divided(self) -> int:
        """What the epoch divides."""
        return self.server + self.validator + self.root


@dataclass(frozen=True, slots=True, kw_only=True)
class Landlord:
    """The subnet's owner."""

    coldkey: str
    uid: int | None = None
    """The uid of the owner's hotkey, if that is a neuron."""
    recycles: bool = False
    """Whether what the owner's own miners earn is recycled rather than burned."""


@dataclass(slots=True)
class Paid:
    """What was paid, beside what stands in the hotkeys' pools and rates afterwards."""

    alpha: list[int]
    """Dividends recorded for each hotkey's alpha stakers."""
    root: list[int]
    """The same for its root stakers."""
    burned: int = 0
    recycled: int = 0


def distribute(
    hotkeys: Sequence[Hotkey],
    pending: Pending,
    server_emission: Sequence[int],
    validator_emission: Sequence[int],
    tao_weight: int,
    landlord: Landlord,
) -> Paid:
    """Pay ``pending`` into the pools and rates of ``hotkeys``, and return what is recorded of it.

    The two emissions are what the epoch gave each neuron as miner and as validator.
    """
    alpha_claims, root_claims = _claims(hotkeys, validator_emission, tao_weight)
    paid = Paid([0] * len(hotkeys), [0] * len(hotkeys))
    if landlord.uid is None:
        paid.recycled += pending.owner
    elif pending.owner:
        staked_cut = hotkeys[landlord.uid].pool.deposit(landlord.coldkey, pending.owner)
        paid.recycled += pending.owner - staked_cut
    withheld = _pay_miners(hotkeys, server_emission, landlord)
    paid.recycled += withheld if landlord.recycles else 0
    paid.burned += 0 if landlord.recycles else withheld

    left = pending.divided - sum(server_emission)
    for_root = min(pending.root, left)
    pot = pending.validator + (0 if any(server_emission) else pending.server)
    for_alpha = min(pot, left - for_root)
    for uid, amount in enumerate(_parts(for_alpha, alpha_claims)):
        took, paid.alpha[uid] = _pay_alpha(hotkeys[uid], amount)
        left -= took + paid.alpha[uid]
    for uid, amount in enumerate(_parts(for_root, root_claims)):
        took, paid.root[uid] = _pay_root(hotkeys[uid], amount)
        left -= took + paid.root[uid]
    paid.recycled += left
    return paid


def _pay_miners(hotkeys: Sequence[Hotkey], amounts: Sequence[int], landlord: Landlord) -> int:
    """Stake each miner's pay; return what the owner's own hotkeys would have had."""
    withheld = 0
    for uid, (hotkey, amount) in enumerate(zip(hotkeys, amounts, strict=True)):
        if hotkey.owner == landlord.coldkey or uid == landlord.uid:
            withheld += amount
        elif amount:
            behind = uid if hotkey.pays_into is None else hotkey.pays_into
            hotkeys[behind].pool.deposit(hotkey.owner, amount)
    return withheld


def _claims(
    hotkeys: Sequence[Hotkey], validator_emission: Sequence[int], tao_weight: int
) -> tuple[list[int], list[int]]:
    """Return what the alpha of each hotkey earned, and what the TAO on root of each earned."""
    earned = [0] * len(hotkeys)
    for uid, dividends in enumerate(validator_emission):
        for whose, part in _spread(hotkeys, uid, dividends, tao_weight).items():
            earned[whose] += part
    root = []
    for hotkey, amount in zip(hotkeys, earned, strict=True):
        whole = staked(hotkey)
        weight = whole.weight(tao_weight)
        root.append(amount * whole.of_root(tao_weight) // weight if weight else 0)
    return [amount - of_root for amount, of_root in zip(earned, root, strict=True)], root


def _spread(hotkeys: Sequence[Hotkey], uid: int, dividends: int, tao_weight: int) -> dict[int, int]:
    """Divide the dividends of the validator ``uid`` between it and its parents, by the stake that
    each contributed; return the parts by uid."""
    child = hotkeys[uid]
    parents = {parent: stake.weight(tao_weight) for parent, stake in borrowed(hotkeys, uid).items()}
    whole = kept(child).weight(tao_weight) + sum(parents.values())
    parts: dict[int, int] = {}
    for parent, contributed in parents.items():
        part = dividends * contributed // whole if whole else 0
        foreign = hotkeys[parent].owner != child.owner
        parts[parent] = part - (part * child.child_take // U16_MAX if foreign else 0)
    parts[uid] = dividends - sum(parts.values())
    return parts


def _parts(pot: int, claims: Sequence[int]) -> list[int]:
    """Divide ``pot`` in proportion to ``claims``, each part rounded down."""
    total = sum(claims)
    return [pot * claim // total if total else 0 for claim in claims]


def _pay_alpha(hotkey: Hotkey, amount: int) -> tuple[int, int]:
    """Pay the take of ``amount`` to the owner and the rest to all alpha stakers; return how much of
    each could be paid."""
    take, rest = _taken(hotkey, amount)
    shared = hotkey.pool.pay_all(rest)
    if rest and not shared:
        shared = hotkey.pool.deposit(hotkey.owner, rest)
    return take, shared


def _pay_root(hotkey: Hotkey, amount: int) -> tuple[int, int]:
    """Pay the take of ``amount`` to the owner in alpha and set the rest aside by raising the rate;
    return how much of each could be paid."""
    take, rest = _taken(hotkey, amount)
    rise = (rest << RATE_BITS) // hotkey.root if hotkey.root else 0
    hotkey.rate += rise
    return take, -(-rise * hotkey.root >> RATE_BITS)


def _taken(hotkey: Hotkey, amount: int) -> tuple[int, int]:
    """Stake the owner's take of ``amount``; return what could be staked, and what is not the
    take."""
    take = amount * hotkey.take // U16_MAX
    return hotkey.pool.deposit(hotkey.owner, take) if take else 0, amount - take
