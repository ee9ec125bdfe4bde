"""What an epoch's payments come to for hotkeys and their stakers (survey 4.7 step 2 and 4.8).

Ours, where the survey is silent or would not add up:

- The epoch divides all that is pending but the owner's cut. Miners are paid first, root keeps what
  was set aside for it (or what is left), validators share the rest. (The survey's
  "pending_validator, plus pending_server if nobody earned incentive" is the same up to rounding,
  but could exceed what there is by the rounding of the shares.)
- Proportions are those of the stake once the miners are paid. Alpha is lent to children by parts of
  2^64 - 1, root stake is not lent; each part is split between local and root by all of a hotkey's
  alpha and its weighted root stake. Where no validator has alpha, local follows root's parts.
- Every part is rounded down: a parent's part, the child's take of it, a validator's part of a pot,
  its take. A validator keeps the rounding of its parents' parts. What no pot could pay, and what
  the rate of root's claims cannot express (it counts 2^-32 rao for each rao), is recycled.
- The stakers are paid before the owner's take is staked, so a take does not earn of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scoring.reference.numbers import U16_MAX
from scoring.reference.share_pool import SharePool

PROPORTION_ONE = 2**64 - 1
"""All of a parent's alpha."""
TAO_WEIGHT_ONE = 2**64
RATE_BITS = 32
"""Fractional bits of what one rao of root stake has earned."""


@dataclass(slots=True)
class Hotkey:
    """A validator or miner as the distribution sees it."""

    owner: str
    pool: SharePool = field(default_factory=SharePool)
    """Alpha staked behind it on the subnet."""
    root: int = 0
    """TAO staked behind it on root."""
    take: int = 0
    child_take: int = 0
    children: dict[int, int] = field(default_factory=dict)
    """Parts of its alpha lent, by the child's uid."""
    rate: int = 0
    """RootClaimable: what one rao of its root stake has earned, with RATE_BITS."""


def lent(hotkey: Hotkey, child: int) -> int:
    return hotkey.pool.value * hotkey.children.get(child, 0) // PROPORTION_ONE


def root_weight(hotkey: Hotkey, tao_weight: int) -> int:
    """Root stake as it counts on a subnet."""
    return hotkey.root * tao_weight // TAO_WEIGHT_ONE


def own_alpha(hotkey: Hotkey) -> int:
    """Its alpha less what it lends."""
    return hotkey.pool.value - sum(lent(hotkey, child) for child in hotkey.children)


def borrowed(hotkeys: Sequence[Hotkey], uid: int) -> dict[int, int]:
    """What each parent lends a neuron."""
    return {
        parent: lent(hotkey, uid) for parent, hotkey in enumerate(hotkeys) if uid in hotkey.children
    }


def stakes(hotkeys: Sequence[Hotkey], tao_weight: int) -> list[int]:
    """What the epoch takes as each neuron's stake: alpha with lending, and weighted root stake."""
    return [
        own_alpha(hotkey) + sum(borrowed(hotkeys, uid).values()) + root_weight(hotkey, tao_weight)
        for uid, hotkey in enumerate(hotkeys)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What waits for the epoch."""

    server: int = 0
    validator: int = 0
    root: int = 0

    @property
    def total(self) -> int:
        return self.server + self.validator + self.root


def distribute(
    hotkeys: Sequence[Hotkey],
    pending: Pending,
    server_emission: Sequence[int],
    validator_emission: Sequence[int],
    tao_weight: int,
) -> tuple[list[int], list[int]]:
    """Pay it into the hotkeys' pools. Answers each validator's dividends: alpha's and root's."""
    for hotkey, amount in zip(hotkeys, server_emission, strict=True):
        if amount:
            hotkey.pool.deposit(hotkey.owner, amount)
    alpha_claims, root_claims = _claims(hotkeys, validator_emission, tao_weight)
    left = pending.total - sum(server_emission)
    for_root = min(pending.root, left)
    alpha_parts = _parts(left - for_root, alpha_claims)
    root_parts = _parts(for_root, root_claims)
    for uid, hotkey in enumerate(hotkeys):
        alpha_parts[uid] = _pay_alpha(hotkey, alpha_parts[uid])
        root_parts[uid] = _pay_root(hotkey, root_parts[uid])
    return alpha_parts, root_parts


def _claims(
    hotkeys: Sequence[Hotkey], validator_emission: Sequence[int], tao_weight: int
) -> tuple[list[int], list[int]]:
    alpha, root = [0] * len(hotkeys), [0] * len(hotkeys)
    for uid, dividends in enumerate(validator_emission):
        for whose, part in _spread(hotkeys, uid, dividends, tao_weight).items():
            weight = root_weight(hotkeys[whose], tao_weight)
            of_root = part * weight // (hotkeys[whose].pool.value + weight) if weight else 0
            root[whose] += of_root
            alpha[whose] += part - of_root
    return (alpha if any(alpha) else root), root


def _spread(hotkeys: Sequence[Hotkey], uid: int, dividends: int, tao_weight: int) -> dict[int, int]:
    """A validator's dividends, to it and its parents by the stake each contributed."""
    child = hotkeys[uid]
    parents = borrowed(hotkeys, uid)
    whole = own_alpha(child) + root_weight(child, tao_weight) + sum(parents.values())
    parts: dict[int, int] = {}
    for parent, contributed in parents.items():
        part = dividends * contributed // whole if whole else 0
        parts[parent] = part - part * child.child_take // U16_MAX
    parts[uid] = dividends - sum(parts.values())
    return parts


def _parts(pot: int, claims: Sequence[int]) -> list[int]:
    total = sum(claims)
    return [pot * claim // total if total else 0 for claim in claims]


def _pay_alpha(hotkey: Hotkey, amount: int) -> int:
    """The rest after the take to all stakers, the take to the owner; the amount paid.

    Where there are no stakers, the owner is paid all of it.
    """
    take = amount * hotkey.take // U16_MAX
    paid = hotkey.pool.pay_all(amount - take)
    for_owner = amount - paid
    return paid + (hotkey.pool.deposit(hotkey.owner, for_owner) if for_owner else 0)


def _pay_root(hotkey: Hotkey, amount: int) -> int:
    """The take to the owner in alpha, the rest set aside by a rate; the amount paid."""
    take = amount * hotkey.take // U16_MAX
    rise = (amount - take << RATE_BITS) // hotkey.root if hotkey.root else 0
    hotkey.rate += rise
    set_aside = -(-rise * hotkey.root >> RATE_BITS)
    if take:
        take = hotkey.pool.deposit(hotkey.owner, take)
    return take + set_aside
