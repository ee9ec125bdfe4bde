"""What an epoch's payments come to for hotkeys and their stakers (survey 4.7 step 2 and 4.8).

Ours, where the survey is silent or would not add up:

- The epoch divides all that is pending but the owner's cut. Miners are paid first, root keeps what
  was set aside for it, validators share the rest. (The survey's "pending_validator, plus
  pending_server if nobody earned incentive" is the same up to rounding, but could exceed what
  there is by the rounding of the shares.)
- Every part is rounded down: a parent's part, the child's take of it, a validator's part of a pot,
  its take. A validator keeps the rounding of its parents' parts; what no pot could pay is recycled.
- Alpha is lent to children by parts of 2^64 - 1; root stake is not lent.
- A validator's owner is paid its take before the other stakers are.
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
    # Proportions are those of the stake that the epoch was run with.
    alpha_claims, root_claims = _claims(hotkeys, validator_emission, tao_weight)
    for hotkey, amount in zip(hotkeys, server_emission, strict=True):
        if amount:
            hotkey.pool.deposit(hotkey.owner, amount)
    pot = pending.total - sum(server_emission) - pending.root
    alpha_parts = _parts(max(pot, 0), alpha_claims)
    root_parts = _parts(pending.root, root_claims)
    for hotkey, alpha, root in zip(hotkeys, alpha_parts, root_parts, strict=True):
        _pay_alpha(hotkey, alpha)
        _pay_root(hotkey, root)
    return alpha_parts, root_parts


def _claims(
    hotkeys: Sequence[Hotkey], validator_emission: Sequence[int], tao_weight: int
) -> tuple[list[int], list[int]]:
    earned = [0] * len(hotkeys)
    for uid, dividends in enumerate(validator_emission):
        for whose, part in _spread(hotkeys, uid, dividends, tao_weight).items():
            earned[whose] += part
    alpha, root = [], []
    for hotkey, amount in zip(hotkeys, earned, strict=True):
        weight = root_weight(hotkey, tao_weight)
        of_root = amount * weight // (own_alpha(hotkey) + weight) if weight else 0
        root.append(of_root)
        alpha.append(amount - of_root)
    return alpha, root


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


def _pay_alpha(hotkey: Hotkey, amount: int) -> None:
    take = amount * hotkey.take // U16_MAX
    if not hotkey.pool.shares:
        take = amount  # nobody else is there
    if take:
        hotkey.pool.deposit(hotkey.owner, take)
    hotkey.pool.pay_all(amount - take)


def _pay_root(hotkey: Hotkey, amount: int) -> None:
    take = amount * hotkey.take // U16_MAX
    if take:
        hotkey.pool.deposit(hotkey.owner, take)
    if hotkey.root:
        hotkey.rate += (amount - take << RATE_BITS) // hotkey.root
